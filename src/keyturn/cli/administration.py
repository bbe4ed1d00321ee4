"""The administration commands, made from the table of operations."""

import inspect
from pathlib import Path
from typing import Any

from cyclopts import App

from keyturn.cli.admin_socket import open_admin_socket
from keyturn.cli.arguments import parameters, sent
from keyturn.cli.configuration import settings_at
from keyturn.cli.options import HERE, AsJson, Place
from keyturn.cli.output import print_answer
from keyturn.tenants.administration import Operation
from keyturn.tenants.operations import OPERATIONS

HELP = {
    "add": "Add one.",
    "list": "List them.",
    "show": "Show one.",
    "set": "Change what is given.",
    "rotate-secret": "Replace the client secret, or with --sign add a sign-secret, or with --retire drop the older.",
}
"""By the operation's verb."""

_SHARED = (
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    inspect.Parameter("place", inspect.Parameter.KEYWORD_ONLY, default=HERE, annotation=Place),
)


class OperationCommand:
    """An operation as a function whose signature the command line reads."""

    __signature__: inspect.Signature

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self.__signature__ = inspect.Signature([*parameters(operation.arguments), *_SHARED])

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        given = self.__signature__.bind(*args, **kwargs).arguments
        as_json, place = given.pop("as_json", False), given.pop("place", HERE)
        print_answer(perform(place, self._operation.name, sent(given)), as_json=as_json)


def add_verbs(app: App, noun: str) -> None:
    """Give `app` the verbs that the operations on the noun have."""
    for operation in OPERATIONS:
        subject, verb = operation.name.split(" ")
        if subject == noun:
            app.command(OperationCommand(operation), name=verb, help=HELP[verb])


def perform(place: Place, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do an operation through the running server, or on the store itself where none runs. Raises `Failure`."""
    settings = settings_at(place)
    connection = open_admin_socket(Path(settings.server.data))
    if connection is None:
        from keyturn.cli.store import perform_on_store  # the whole server, which a call of a running one does not need

        return perform_on_store(settings, name, arguments)
    try:
        return connection.administer(name, arguments)
    finally:
        connection.close()
