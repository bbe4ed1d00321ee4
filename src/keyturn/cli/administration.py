"""Administration commands: verbs made from the table of operations, and the call that performs one."""

import inspect
from pathlib import Path
from typing import Any

from cyclopts import App

from keyturn.admin.operation import Operation
from keyturn.auth.principal import Credentials
from keyturn.cli.admin_socket import open_admin_socket
from keyturn.cli.arguments import parameters, request_arguments
from keyturn.cli.configuration import settings_at
from keyturn.cli.login import credentials, new_secrets
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer
from keyturn.cli.root import verb_names
from keyturn.operations import OPERATIONS

VERB_HELP = {
    "add": "Add one.",
    "list": "List them.",
    "show": "Show one.",
    "set": "Change the given settings.",
    "set-password": "Set your own password; for another operator, issue a one-time code to set one with.",
    "enrol-totp": "Enrol a second factor for yourself; its secret is shown once.",
    "reset-totp": "Remove your own second factor; for another operator, issue a one-time code to enrol a new one with.",
    "approve": "Approve it.",
    "reject": "Reject it: the command is cancelled.",
    "throw": "Stop these commands at once.",
    "release": "Allow these commands again.",
    "lift": "Allow disables again.",
    "accept": "Accept the wall clock as it is now.",
    "withdraw": "Withdraw the change before it takes effect.",
    "collect": "Show the secret that the change made: once, to its proposer, within a day.",
    "operator accept": "Set your own password with the one-time code that an admin gave you.",
    "close": "Close an open record, with a reason.",
    "start": "Start; nothing changes where it is running already.",
    "cancel": "Cancel it.",
    "rotate-secret": "Replace the client secret; with --sign add a sign-secret; with --retire remove the older one.",
}
"""Help text of a verb; by the operation's whole name where the verb means something else there."""

_SHARED = (
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    inspect.Parameter("place", inspect.Parameter.KEYWORD_ONLY, default=DEFAULT_INSTALLATION, annotation=Installation),
    inspect.Parameter("who", inspect.Parameter.KEYWORD_ONLY, default=NO_OPERATOR, annotation=OperatorLogin),
)


class OperationCommand:
    """An operation as a function whose signature cyclopts reads."""

    __signature__: inspect.Signature

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        own = [each for each in parameters(operation.arguments) if each.name not in operation.secret]
        self.__signature__ = inspect.Signature([*own, *_SHARED])

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        values = self.__signature__.bind(*args, **kwargs).arguments
        as_json, place, who = (
            values.pop("as_json", False),
            values.pop("place", DEFAULT_INSTALLATION),
            values.pop("who", NO_OPERATOR),
        )
        signing_in = credentials(who)
        arguments = request_arguments(values)
        if self._operation.prompts(who.operator, arguments):
            arguments |= new_secrets(who, self._operation.secret)
        print_answer(administer(place, self._operation.name, arguments, signing_in), as_json=as_json)


def add_verbs(app: App, noun: str) -> None:
    """Give `app` a verb for each operation on the noun that has no hand-written command."""
    for operation in OPERATIONS:
        subject, _, verb = operation.name.partition(" ")
        if subject == noun and operation.cli_command is None:
            app.command(
                OperationCommand(operation),
                name=verb_names(operation.name),
                help=VERB_HELP.get(operation.name) or VERB_HELP[verb],
            )


def administer(
    place: Installation, name: str, arguments: dict[str, Any], signing_in: Credentials | None = None
) -> dict[str, Any]:
    """Perform an operation through the running server, or on the store itself where none runs. Raises `Failure`."""
    settings = settings_at(place)
    connection = open_admin_socket(Path(settings.server.data))
    if connection is None:
        from keyturn.cli.server import perform_on_store  # imports the whole server, which a socket call does not need

        return perform_on_store(settings, name, arguments, signing_in)
    try:
        return connection.administer(name, arguments, signing_in)
    finally:
        connection.close()
