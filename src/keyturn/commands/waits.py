"""How long a command may wait to be sent, for the OEM's answer, and with the POST held; the nearest word counts."""

import msgspec

from keyturn.commands.catalogue import CommandSpec
from keyturn.config.settings import CommandSettings
from keyturn.connectors.port import Declarations


class Waits(msgspec.Struct, frozen=True):
    """Seconds."""

    send: float
    answer: float
    initiate: float


def waits(spec: CommandSpec, declares: Declarations, settings: CommandSettings) -> Waits:
    """The connector's own waits before the installation's, and those before the catalogue's."""
    initiate = settings.initiate_wait if declares.initiate_wait is None else declares.initiate_wait
    return Waits(
        send=declares.send_wait.get(spec.name, settings.send_wait.get(spec.name, spec.send_wait)),
        answer=declares.answer_wait.get(spec.name, settings.answer_wait.get(spec.name, spec.answer_wait)),
        initiate=initiate,
    )
