"""The administration commands, made from the table of operations."""

import inspect
from pathlib import Path
from typing import Any

from cyclopts import App

from keyturn.admin import clock_operations
from keyturn.admin.operation import Operation
from keyturn.auth.principal import Credentials
from keyturn.cli.admin_socket import open_admin_socket
from keyturn.cli.arguments import parameters, request_arguments
from keyturn.cli.configuration import settings_at
from keyturn.cli.login import credentials, new_secrets
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer
from keyturn.cli.root import verb_names
from keyturn.commands.operations import approvals
from keyturn.immobilisation import operations
from keyturn.operations import OPERATIONS

_OPERATIONS = (*OPERATIONS, *operations.OPERATIONS, *approvals.operations(), *clock_operations.operations())

VERB_HELP = {
    "add": "Add one.",
    "list": "List them.",
    "show": "Show one.",
    "set": "Change what is given.",
    "set-password": "Set one's own password; another gets a one-time code to set one with, which is kept.",
    "enrol-totp": "Enrol a second factor for the operator that signs in; it is shown once.",
    "reset-totp": "Remove one's own second factor; another gets a one-time code to enrol a new one with.",
    "approve": "Approve what waits.",
    "reject": "Let it end here.",
    "throw": "Stop these commands at once.",
    "release": "Let these commands through again.",
    "lift": "Let disables through again.",
    "accept": "Believe the wall clock as it is now.",
    "withdraw": "Stop it before it takes effect.",
    "collect": "Fetch the secret that it made: once, by whoever proposed it, within a day.",
    "operator accept": "Set one's own password by the one-time code that an admin handed over.",
    "close": "Close an open one, with a reason.",
    "start": "Begin; nothing changes where it runs already.",
    "cancel": "End it.",
    "rotate-secret": "Replace the client secret, or with --sign add a sign-secret, or with --retire drop the older.",
}
"""By the operation's verb, or its whole name where the verb says something else there."""

_SHARED = (
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    inspect.Parameter("place", inspect.Parameter.KEYWORD_ONLY, default=DEFAULT_INSTALLATION, annotation=Installation),
    inspect.Parameter("who", inspect.Parameter.KEYWORD_ONLY, default=NO_OPERATOR, annotation=OperatorLogin),
)


class OperationCommand:
    """An operation as a function whose signature the command line reads."""

    __signature__: inspect.Signature

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        asked = [each for each in parameters(operation.arguments) if each.name not in operation.secret]
        self.__signature__ = inspect.Signature([*asked, *_SHARED])

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        given = self.__signature__.bind(*args, **kwargs).arguments
        as_json, place, who = (
            given.pop("as_json", False),
            given.pop("place", DEFAULT_INSTALLATION),
            given.pop("who", NO_OPERATOR),
        )
        signing_in = credentials(who)
        arguments = request_arguments(given)
        if self._operation.asks(who.operator, arguments):
            arguments |= new_secrets(who, self._operation.secret)
        print_answer(administer(place, self._operation.name, arguments, signing_in), as_json=as_json)


def add_verbs(app: App, noun: str) -> None:
    """Give `app` the verbs that the operations on the noun have."""
    for operation in _OPERATIONS:
        subject, verb = operation.name.split(" ")
        if subject == noun:
            app.command(
                OperationCommand(operation),
                name=verb_names(operation.name),
                help=VERB_HELP.get(operation.name) or VERB_HELP[verb],
            )


def administer(
    place: Installation, name: str, arguments: dict[str, Any], signing_in: Credentials | None = None
) -> dict[str, Any]:
    """Do an operation through the running server, or on the store itself where none runs. Raises `Failure`."""
    settings = settings_at(place)
    connection = open_admin_socket(Path(settings.server.data))
    if connection is None:
        from keyturn.cli.server import perform_on_store  # the whole server, which a call of a running one does not need

        return perform_on_store(settings, name, arguments, signing_in)
    try:
        return connection.administer(name, arguments, signing_in)
    finally:
        connection.close()
