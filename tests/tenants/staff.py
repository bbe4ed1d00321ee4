"""Operators of a `TenantEnv`: hired without a password of their own unless one is given, and acting as if signed in."""

import asyncio
from typing import Any

import pytest

from keyturn.admin import change_execution, operators
from keyturn.auth import passwords
from keyturn.auth.login import sign_in
from keyturn.auth.principal import Credentials, Operator
from keyturn.auth.totp import code_at, step_at
from keyturn.errors import OperationError
from keyturn.operations import OPERATIONS, perform, preprocess
from keyturn.store.port import Tx
from tests.support.tenant_env import INSTALLATION, TenantEnv

PASSWORD = "a long enough phrase"
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$Zm9yIGEgdGVzdA"
"""Of no password."""
NOTICE, DAY, WEEK = 600.0, 86_400.0, 7 * 86_400.0


class Staff:
    """Names stand for operators."""

    def __init__(self, env: TenantEnv) -> None:
        self.env = env
        self.secrets: dict[str, bytes] = {}

    def hire(self, name: str, role: str = "admin", by: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Whoever is hired by somebody sets the first password by a code; here, nobody does."""
        given: dict[str, Any] = {"name": name, "email": f"{name}@example.com", "role": role}
        if by is None:
            given["password"] = passwords.DUMMY_HASH
        return self.do("operator add", by, **given | arguments)

    def settle(self, first: str, *others: str, company: str | None = None) -> None:
        """Admins who are there, and close to nobody: all are hired before the first of them is in charge."""
        for name in others:
            self.hire(name, "approver", company=company)
        self.hire(first, company=company)
        for index, name in enumerate(others):
            waiting = self.do("operator set", first, person=name, role="admin")
            if index:
                self.do("change approve", others[0], change=waiting["change"])
            self.wait(NOTICE)

    def do(self, name: str, by: str | None = None, /, *, factor: bool = True, **arguments: Any) -> dict[str, Any]:
        """An operation as somebody who signed in, or from the shell."""
        operator = None if by is None else self.operator(by, factor=factor)
        return self.act(name, arguments, operator)

    def act(self, name: str, arguments: dict[str, Any], operator: Operator | None) -> dict[str, Any]:
        return self.env.wait(self.env.store.write(lambda tx: self._perform(tx, name, arguments, operator)))

    def refused(self, name: str, by: str | None = None, /, *, factor: bool = True, **arguments: Any) -> str:
        with pytest.raises(OperationError) as refusal:
            self.do(name, by, factor=factor, **arguments)
        return refusal.value.code

    def operator(self, name: str, *, factor: bool = True) -> Operator:
        operator_id = self.id(name)
        found = self.env.wait(self.env.store.read(lambda tx: operators.load(tx, operator_id, second_factor=factor)))
        assert found is not None, f"{name} is not active"
        return found

    def id(self, name: str) -> str:
        return str(self.env.do("operator show", person=name)["id"])

    def wait(self, seconds: float) -> None:
        """Time passes, and what has waited for it is done."""
        self.env.clock.advance(seconds)
        env = self.env
        env.wait(change_execution.apply_due(env.store, env.keyring, INSTALLATION, OPERATIONS))

    def state(self, change: dict[str, Any]) -> str:
        return str(self.env.do("change show", change=change["change"])["state"])

    def kinds(self) -> list[str]:
        return [kind for (kind,) in self.env.rows("SELECT kind FROM entry ORDER BY seq")]

    def with_password(self, name: str, role: str = "admin", password: str = PASSWORD) -> None:
        """One who can really sign in; to be hired before anybody is in charge."""
        order = {"name": name, "email": f"{name}@example.com", "role": role, "password": password}
        operation, arguments = preprocess("operator add", order)
        self.do(operation, **arguments)

    def enrol(self, name: str) -> None:
        """A second factor, whose codes the test can make."""
        self.do("operator enrol-totp", name, factor=False)
        operator_id = self.id(name)
        ((sealed,),) = self.env.rows(f"SELECT totp FROM operator WHERE id = '{operator_id}'")
        self.secrets[name] = self.env.keyring.unseal(bytes(sealed), operator_id)

    def code(self, name: str, drift: int = 0) -> str:
        return code_at(self.secrets[name], step_at(self.env.clock.now()) + drift)

    def sign_in(self, name: str, password: str = PASSWORD, code: str | None = None) -> Operator:
        return self.env.wait(sign_in(self.env.store, self.env.keyring, Credentials(name, password, code)))

    def turned_away(self, name: str, password: str = PASSWORD, code: str | None = None) -> str:
        with pytest.raises(OperationError) as refusal:
            self.sign_in(name, password, code)
        assert refusal.value.code == "sign_in_refused"
        return str(refusal.value)

    def all_at_once(self, tries: list[Credentials]) -> list[Operator | BaseException]:
        async def together() -> list[Operator | BaseException]:
            store, keyring = self.env.store, self.env.keyring
            return await asyncio.gather(*(sign_in(store, keyring, each) for each in tries), return_exceptions=True)

        return self.env.wait(together())

    def _perform(self, tx: Tx, name: str, arguments: dict[str, Any], operator: Operator | None) -> dict[str, Any]:
        return perform(tx, self.env.keyring, INSTALLATION, name, arguments, "operator:local", OPERATIONS, operator)
