"""How long a command may wait: the connector's word goes before the installation's, and that before the catalogue's."""

import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.model.lanes import Timeouts, timeouts
from keyturn.config.settings import CommandSettings
from keyturn.connectors.port import Capabilities

INSTALLATION = CommandSettings(initiate_wait=7.0, send_wait={"start": 70.0}, answer_wait={"start": 700.0})
CONNECTOR = Capabilities(frozenset(), initiate_wait=8.0, send_wait={"start": 80.0}, answer_wait={"start": 800.0})
SILENT = Capabilities(frozenset())


@pytest.mark.parametrize(
    ("capabilities", "settings", "expected"),
    [
        (SILENT, CommandSettings(), Timeouts(60, 300, 5)),
        (SILENT, INSTALLATION, Timeouts(70, 700, 7)),
        (CONNECTOR, INSTALLATION, Timeouts(80, 800, 8)),
        (CONNECTOR, CommandSettings(), Timeouts(80, 800, 8)),
    ],
)
def test_nearest_configured_wait_counts(
    capabilities: Capabilities, settings: CommandSettings, expected: Timeouts
) -> None:
    assert timeouts(COMMANDS["start"], capabilities, settings) == expected


def test_a_word_about_one_command_is_none_about_another() -> None:
    assert timeouts(COMMANDS["alert"], CONNECTOR, INSTALLATION) == Timeouts(60, 300, 8)


def test_a_connector_may_say_not_to_wait_at_all() -> None:
    assert timeouts(COMMANDS["start"], Capabilities(frozenset(), initiate_wait=0.0), INSTALLATION).initiate == 0
