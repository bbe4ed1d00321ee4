"""Client of the server that the options name, with its errors as failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from keyturn.cli.demo.state import load_state
from keyturn.cli.failure import Exit, Failure, usage
from keyturn.cli.options import Access
from keyturn_client import KeyturnClient, KeyturnError, Unreachable

_OPTIONS = ("--url", "--client-id", "--client-secret", "--sign-secret")
_UNUSED = "unused"


@contextmanager
def connected(access: Access, *, signs: bool = False, signing: Literal["v1", "v2"] = "v1") -> Iterator[KeyturnClient]:
    """A client; `signs`: it needs a sign-secret. Raises `Failure` for missing options and every error of the client."""
    known = access if access.demo is None else _of_demo(access.demo)
    given = [known.url, known.client_id, known.client_secret, known.sign_secret if signs else _UNUSED]
    url, client_id, client_secret, sign_secret = (value or "" for value in given)
    if missing := [option for option, value in zip(_OPTIONS, given, strict=True) if not value]:
        raise usage(f"{', '.join(missing)} must be given, here or in the environment, or --demo in their place.")
    try:
        with KeyturnClient(url, client_id, client_secret, sign_secret, signing=signing) as client:
            yield client
    except KeyturnError as error:
        raise _refused(error) from None
    except Unreachable as error:
        raise Failure(Exit.UNREACHABLE, "unreachable", str(error)) from None


def _of_demo(directory: Path) -> Access:
    """The first company of a demo. Raises `Failure`."""
    state = load_state(directory)
    if state is None:
        raise usage(f"There is no demo in {directory}.")
    company = state.companies[0]
    return Access(
        url=state.url,
        client_id=company.client_id,
        client_secret=company.client_secret,
        sign_secret=company.sign_secret,
    )


def _refused(error: KeyturnError) -> Failure:
    if error.record is None and error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(Exit.UNREACHABLE, "unavailable", error.detail, http_status=error.http_status)
    more = {"http_status": error.http_status} | ({"record": error.record} if error.record else {})
    return Failure(Exit.REFUSED, "refused", error.detail, **more)
