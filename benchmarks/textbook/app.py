"""The application: `POST /vehicle-command`."""

import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import Annotated

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import APIRouter, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from benchmarks.textbook.checks import CurrentApplication, check_signature, evaluate_preconditions, permitted_vehicle
from benchmarks.textbook.database import Session
from benchmarks.textbook.models import Application, Command, Entry, Lane, OpenCommand, Vehicle

_SEND_WAIT = 60_000_000
_ZONE = timezone(timedelta(hours=-3))

router = APIRouter()


class CommandIn(BaseModel):
    vin: str = Field(min_length=1)
    command: str = Field(min_length=1)


class CommandOut(BaseModel):
    id: str
    vin: str
    command: str
    status: str
    created: str


@router.post("/vehicle-command")
async def post_command(
    request: Request,
    order: CommandIn,
    application: CurrentApplication,
    session: Session,
    x_signature: Annotated[str, Header()],
) -> CommandOut:
    state = request.app.state
    check_signature(application, state.sealer, order.vin, order.command, x_signature)
    vehicle = await permitted_vehicle(session, application, order.vin, order.command, state.offers)
    running = await running_command(session, vehicle, order.command)
    if running is not None:
        session.add(entry(running, "command.joined"))
        await session.commit()
        return shown(running)
    verdict = await evaluate_preconditions(session, vehicle)
    if verdict == "contradicted":
        raise HTTPException(409, "Precondition not met: The vehicle must not be moving.")
    command = await register(session, application, vehicle, order.command, verdict)
    await session.commit()
    return shown(command)


async def running_command(session: AsyncSession, vehicle: Vehicle, name: str) -> Command | None:
    """The same command in flight."""
    rows = await session.scalars(select(OpenCommand).where(OpenCommand.vehicle_id == vehicle.id))
    same = next((row for row in rows if row.name == name and row.segment is not None), None)
    return await session.get(Command, same.command_id) if same else None


async def register(
    session: AsyncSession, application: Application, vehicle: Vehicle, name: str, verdict: str
) -> Command:
    """The row, its place in the lane and among the open ones, and its entry."""
    now = time.time_ns() // 1000
    command = Command(
        id=str(uuid.uuid4()),
        company_id=application.company_id,
        actor=application.id,
        vehicle_id=vehicle.id,
        account_id=vehicle.account_id,
        vin=vehicle.vin,
        name=name,
        state="Queued",
        fence=1,
        epoch=1,
        status="Pending",
        detail="{}",
        created_at=now,
        updated_at=now,
        lane_number=await lane_number(session, vehicle),
        post_until=now,
        post_code=200,
        attempts=0,
        send_deadline=now + _SEND_WAIT,
        verdicts=json.dumps([{"number": 1, "verdict": verdict}]),
        may_have_executed=False,
    )
    session.add(command)
    await session.flush()
    session.add_all([opened(command), entry(command, "command.registered")])
    return command


async def lane_number(session: AsyncSession, vehicle: Vehicle) -> int:
    """The next place in the vehicle's lane."""
    lane = await session.get(Lane, vehicle.id)
    if lane is None:
        lane = Lane(vehicle_id=vehicle.id, next_number=1)
        session.add(lane)
    number = lane.next_number
    lane.next_number += 1
    return number


def opened(command: Command) -> OpenCommand:
    return OpenCommand(
        command_id=command.id,
        vehicle_id=command.vehicle_id,
        name=command.name,
        state=command.state,
        lane_number=command.lane_number,
        segment=0,
        wake_at=command.send_deadline,
    )


def entry(command: Command, kind: str) -> Entry:
    return Entry(
        company_id=command.company_id,
        at=command.created_at,
        actor=command.actor,
        kind=kind,
        vehicle_id=command.vehicle_id,
        command_id=command.id,
        body=json.dumps({"status": command.status}),
    )


def shown(command: Command) -> CommandOut:
    created = datetime.fromtimestamp(command.created_at / 1e6, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
    return CommandOut(id=command.id, vin=command.vin, command=command.name, status="Pending", created=created)


def build_app(engine: AsyncEngine, jwt_key: bytes, master_key: bytes, offers: frozenset[str]) -> FastAPI:
    app = FastAPI()
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.jwt_key = jwt_key
    app.state.sealer = AESGCM(master_key)
    app.state.offers = offers
    app.include_router(router)
    return app
