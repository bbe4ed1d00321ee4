"""Settings for a command, from its options, the environment and the configuration file.

Apart from the options, because a call of a server needs no configuration and starts faster without its modules.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from keyturn.cli.failure import Exit, Failure
from keyturn.cli.options import Installation
from keyturn.config.loading import load_settings
from keyturn.config.settings import Settings
from keyturn.config.sources import variable_of
from keyturn.config.validation import ConfigError


def settings_at(installation: Installation, **server: object) -> Settings:
    """The settings of an installation; options in `server` that are not None override them. Raises `Failure`."""
    return loaded(installation.config, os.environ | over(data=installation.data, **server))


def over(**server: object) -> dict[str, str]:
    """Options of the `[server]` section as environment variables; those that are None are left out."""
    return {variable_of(("server", key)): str(value) for key, value in server.items() if value is not None}


def loaded(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from a file and an environment. Raises `Failure`."""
    try:
        return load_settings(path, environ)
    except ConfigError as error:
        raise Failure(Exit.USAGE, "configuration", str(error)) from None
