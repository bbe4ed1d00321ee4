"""Settings as a command line finds them."""

import os
from collections.abc import Mapping
from pathlib import Path

from keyturn.cli.failure import Exit, Failure
from keyturn.cli.options import Installation
from keyturn.config.checking import ConfigError
from keyturn.config.loading import load_settings
from keyturn.config.settings import Settings
from keyturn.config.sources import variable_of


def settings_at(place: Installation, **server: object) -> Settings:
    """The settings of a place; what of `server` is not None goes over everything else. Raises `Failure`."""
    return loaded(place.config, os.environ | over(data=place.data, **server))


def over(**server: object) -> dict[str, str]:
    """Options for the server's section as the environment would say them."""
    return {variable_of(("server", key)): str(value) for key, value in server.items() if value is not None}


def loaded(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Raises `Failure`."""
    try:
        return load_settings(path, environ)
    except ConfigError as error:
        raise Failure(Exit.USAGE, "configuration", str(error)) from None
