"""The tables: the columns of Keyturn's own, as far as this route reads or writes them."""

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Company(Base):
    __tablename__ = "company"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    active: Mapped[bool]


class SignSecret(Base):
    __tablename__ = "sign_secret"

    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Application(Base):
    __tablename__ = "application"

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("company.id"))
    client_id: Mapped[str] = mapped_column(unique=True)
    client_secret_hash: Mapped[str]
    secret_version: Mapped[int]
    grants: Mapped[str]
    active: Mapped[bool]

    company: Mapped[Company] = relationship(lazy="joined", innerjoin=True)
    sign_secrets: Mapped[list[SignSecret]] = relationship(lazy="selectin")


class Plan(Base):
    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(primary_key=True)
    commands: Mapped[str]


class OemAccount(Base):
    __tablename__ = "oem_account"

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("company.id"))
    connector: Mapped[str]
    active: Mapped[bool]


class Vehicle(Base):
    __tablename__ = "vehicle"
    __table_args__ = (UniqueConstraint("vin"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("company.id"))
    vin: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("oem_account.id"))
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    ownership: Mapped[str]
    capabilities: Mapped[str | None]
    active: Mapped[bool]

    account: Mapped[OemAccount] = relationship(lazy="joined", innerjoin=True)
    plan: Mapped[Plan] = relationship(lazy="joined", innerjoin=True)


class VehicleEvidence(Base):
    __tablename__ = "vehicle_evidence"

    vehicle_id: Mapped[str] = mapped_column(primary_key=True)
    report: Mapped[str]


class Lane(Base):
    __tablename__ = "lane"

    vehicle_id: Mapped[str] = mapped_column(primary_key=True)
    next_number: Mapped[int]


class Command(Base):
    __tablename__ = "command"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    company_id: Mapped[str]
    actor: Mapped[str]
    vehicle_id: Mapped[str]
    account_id: Mapped[str]
    vin: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    fence: Mapped[int]
    epoch: Mapped[int]
    status: Mapped[str]
    detail: Mapped[str]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    lane_number: Mapped[int | None]
    post_until: Mapped[int | None]
    post_code: Mapped[int | None]
    attempts: Mapped[int]
    send_deadline: Mapped[int | None]
    verdicts: Mapped[str | None]
    may_have_executed: Mapped[bool]


class OpenCommand(Base):
    __tablename__ = "open_command"
    __table_args__ = (
        Index("open_command_joined", "vehicle_id", "name", "segment", unique=True),
        Index("open_command_of_vehicle", "vehicle_id"),
        Index("open_command_wake", "wake_at"),
    )

    command_id: Mapped[str] = mapped_column(ForeignKey("command.id"), primary_key=True)
    vehicle_id: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    lane_number: Mapped[int | None]
    segment: Mapped[int | None]
    wake_at: Mapped[int]


class Entry(Base):
    """Audit entry and event in one, as Keyturn's."""

    __tablename__ = "entry"

    seq: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[str]
    at: Mapped[int]
    actor: Mapped[str]
    kind: Mapped[str]
    vehicle_id: Mapped[str]
    command_id: Mapped[str] = mapped_column(index=True)
    body: Mapped[str]
