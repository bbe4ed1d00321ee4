"""Confirmation codes of the two-step commands.

A code is six digits, is valid for five minutes, belongs to one company, actor, vehicle and command, and leads to one
dispatch. Only its HMAC is stored. The alert that a person reads before confirming is in Brazilian Portuguese, as in the
original API contract.
"""

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from keyturn.clock import SECOND, after
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.catalogue import DISABLE
from keyturn.commands.model.messages import CONFIRMATION_EXPIRED, CONFIRMATION_INVALID
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.config.settings import ConfirmationSettings
from keyturn.store.port import ReadTx, Tx

_DAY = 86_400.0
_HOUR = 3_600.0

_OPEN = """
SELECT command_id, digest, tries, expires_at FROM open_code
WHERE company_id = :company_id AND actor = :actor AND vehicle_id = :vehicle_id AND name = :name FOR UPDATE
"""
_UPSERT = """
INSERT INTO open_code (command_id, company_id, actor, vehicle_id, name, digest, tries, expires_at)
VALUES (:command_id, :company_id, :actor, :vehicle_id, :name, :digest, 0, :expires_at)
ON CONFLICT (command_id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at
"""
_COUNT_TRY = "UPDATE open_code SET tries = tries + 1 WHERE command_id = :command_id"
_DROP = "DELETE FROM open_code WHERE command_id = :command_id"
_REDEEM = """
INSERT INTO redeemed_code (actor, vehicle_id, name, digest, command_id, redeemed_at)
VALUES (:actor, :vehicle_id, :name, :digest, :command_id, :now)
"""
_REDEEMED = """
SELECT 1 FROM redeemed_code
WHERE actor = :actor AND vehicle_id = :vehicle_id AND name = :name AND digest = :digest AND redeemed_at > :since
"""
_DELETE_REDEEMED = """
DELETE FROM redeemed_code
WHERE actor = :actor AND vehicle_id = :vehicle_id AND name = :name AND digest = :digest AND redeemed_at <= :since
"""
_ISSUED = "INSERT INTO code_issue (actor, vehicle_id, issued_at) VALUES (:actor, :vehicle_id, :now)"
_OLDEST_COUNTING = """
SELECT issued_at FROM code_issue WHERE actor = :actor AND vehicle_id = :vehicle_id AND issued_at > :since
ORDER BY issued_at DESC LIMIT 1 OFFSET :limit
"""
_EXPIRED = "SELECT command_id FROM open_code WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit"


class Digest(Protocol):
    """HMAC under the server-side pepper."""

    def digest(self, text: str) -> str: ...


class Binding(msgspec.Struct, frozen=True):
    """What a code belongs to."""

    company_id: str
    actor: str
    vehicle_id: str
    name: str


def binding_of(command: Command) -> Binding:
    """What the code of this record belongs to."""
    return Binding(command.company_id, command.actor, command.vehicle_id, command.name)


class OpenCode(msgspec.Struct, frozen=True):
    command_id: str
    digest: str
    tries: int
    expires_at: int


class CodeAttempt(StrEnum):
    """The result of offering a code."""

    RIGHT = "right"
    USED = "used"
    WRONG = "wrong"
    EXHAUSTED = "killed"
    """Wrong, and the last try: the code can no longer be redeemed."""


class ConfirmationCodes:
    """Issues and compares codes. `draw` gives six digits from a CSPRNG."""

    def __init__(
        self, keyring: Digest, settings: ConfirmationSettings, codes_per_hour: int, draw: Callable[[], str]
    ) -> None:
        self._keyring = keyring
        self._settings = settings
        self._codes_per_hour = codes_per_hour
        self._draw = draw

    def open_for(self, tx: ReadTx, binding: Binding) -> OpenCode | None:
        """The code of this binding that can be redeemed now."""
        row = tx.one(_OPEN, **msgspec.structs.asdict(binding))
        return OpenCode(*row) if row and row[3] > tx.now else None

    def stored_for(self, tx: ReadTx, binding: Binding) -> OpenCode | None:
        """The binding's code, expired or not; the sweep drops expired ones later."""
        row = tx.one(_OPEN, **msgspec.structs.asdict(binding))
        return OpenCode(*row) if row else None

    def wait_for_issue(self, tx: ReadTx, binding: Binding) -> int | None:
        """Whole seconds until another code may be issued; None: now. Only `disable_ignition` is limited."""
        if binding.name != DISABLE:
            return None
        row = tx.one(
            _OLDEST_COUNTING,
            actor=binding.actor,
            vehicle_id=binding.vehicle_id,
            since=after(tx.now, -_HOUR),
            limit=self._codes_per_hour - 1,
        )
        return None if row is None else max(1, -(-(after(row[0], _HOUR) - tx.now) // SECOND))

    def issue(self, tx: Tx, binding: Binding, command_id: str) -> str:
        """A new code for the record `command_id`; tries of that record are kept. Returned once and never stored."""
        code = self._unused(tx, binding)
        tx.run(
            _UPSERT,
            command_id=command_id,
            digest=self._digest(binding, code),
            expires_at=after(tx.now, self._settings.lifetime),
            **msgspec.structs.asdict(binding),
        )
        if binding.name == DISABLE:
            tx.run(_ISSUED, actor=binding.actor, vehicle_id=binding.vehicle_id, now=tx.now)
        return code

    def attempt(self, tx: Tx, binding: Binding, offered: object) -> tuple[CodeAttempt, OpenCode | None]:
        """Compare `offered` with the open code first, then with those redeemed in the last day; count a wrong try."""
        open_code = self.open_for(tx, binding)
        if not _is_six_digits(offered):
            return CodeAttempt.WRONG, None
        digest = self._digest(binding, str(offered))
        if open_code is not None and hmac.compare_digest(open_code.digest, digest):
            return CodeAttempt.RIGHT, open_code
        if self._redeemed(tx, binding, digest):
            return CodeAttempt.USED, None
        if open_code is None:
            return CodeAttempt.WRONG, None
        tx.run(_COUNT_TRY, command_id=open_code.command_id)
        exhausted = open_code.tries + 1 >= self._settings.max_attempts
        return (CodeAttempt.EXHAUSTED if exhausted else CodeAttempt.WRONG), open_code

    def redeem(self, tx: Tx, binding: Binding, code: OpenCode) -> None:
        """Consume the code: from now on offering it is `USED`."""
        where = {"actor": binding.actor, "vehicle_id": binding.vehicle_id, "name": binding.name, "digest": code.digest}
        tx.run(_DELETE_REDEEMED, since=after(tx.now, -_DAY), **where)
        tx.run(_REDEEM, command_id=code.command_id, now=tx.now, **where)
        drop(tx, code.command_id)

    def _unused(self, tx: ReadTx, binding: Binding) -> str:
        while True:
            code = self._draw()
            if not self._redeemed(tx, binding, self._digest(binding, code)):
                return code

    def _redeemed(self, tx: ReadTx, binding: Binding, digest: str) -> bool:
        row = tx.one(
            _REDEEMED,
            actor=binding.actor,
            vehicle_id=binding.vehicle_id,
            name=binding.name,
            digest=digest,
            since=after(tx.now, -_DAY),
        )
        return row is not None

    def _digest(self, binding: Binding, code: str) -> str:
        parts = (binding.company_id, binding.actor, binding.vehicle_id, binding.name, code)
        return self._keyring.digest("\n".join(("confirmation", *parts)))


def drop(tx: Tx, command_id: str) -> None:
    """This record's code can no longer be redeemed."""
    tx.run(_DROP, command_id=command_id)


def end_code(tx: Tx, code: OpenCode) -> None:
    """The code was replaced or exhausted, or had expired before the sweep came to it."""
    end_confirmation(tx, code.command_id, expired=code.expires_at <= tx.now)


def end_confirmation(tx: Tx, command_id: str, *, expired: bool) -> None:
    """The code ends without being redeemed: it expired, was replaced, or is exhausted by wrong tries."""
    drop(tx, command_id)
    command = record.load_to_change(tx, command_id)
    if command is None or command.state is not State.CONFIRMING:
        return
    if expired:
        lifecycle.move(tx, command, State.EXPIRED, detail=CONFIRMATION_EXPIRED)
    else:
        lifecycle.move(tx, command, State.CANCELLED, actor=command.actor, detail=CONFIRMATION_INVALID)


def expired(tx: ReadTx, limit: int) -> list[str]:
    """Ids of the records whose code has expired."""
    return [row[0] for row in tx.all(_EXPIRED, now=tx.now, limit=limit)]


def _is_six_digits(offered: object) -> bool:
    return isinstance(offered, str) and len(offered) == 6 and offered.isascii() and offered.isdigit()


_DISABLE = (
    "Atenção: você está prestes a DESABILITAR a ignição do veículo {vin}. Depois de desligado, o veículo não poderá "
    "ser ligado novamente até que a ignição seja habilitada, e um aviso será exibido no painel. Se o veículo ficar sem "
    "cobertura de rede, poderá ser necessária uma intervenção física. Confirme somente se o veículo estiver parado em "
    "local seguro e se os procedimentos internos da sua empresa tiverem sido concluídos."
)
_ENABLE = (
    "Atenção: você está prestes a HABILITAR a ignição do veículo {vin}. O veículo poderá ser ligado novamente por quem "
    "tiver a chave. Confirme somente se a liberação estiver autorizada."
)
_UNREACHABLE = (
    " O veículo não está acessível no momento: o comando será enviado, mas pode não chegar ao veículo, e uma "
    "intervenção física poderá ser necessária."
)


def alert_text(name: str, vin: str, *, unreachable: bool) -> str:
    """Names the vehicle, the consequence and, for `enable_ignition`, that the vehicle cannot be reached."""
    if name == DISABLE:
        return _DISABLE.format(vin=vin)
    return _ENABLE.format(vin=vin) + (_UNREACHABLE if unreachable else "")
