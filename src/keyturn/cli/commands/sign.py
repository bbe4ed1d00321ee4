"""``keyturn sign``: prints signatures, and explains why another one does not match."""

import json
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.commands.signature_diagnosis import diagnose
from keyturn.cli.failure import Exit, Failure, usage
from keyturn.cli.options import AsJson, Version2
from keyturn.cli.output import print_json
from keyturn_client.signing import message, signature, signature_headers

Secret = Annotated[
    str, Parameter(env_var="KEYTURN_SIGN_SECRET", help="The application's sign-secret.", allow_leading_hyphen=True)
]
Check = Annotated[str | None, Parameter(help="Another signature, to find its mistake.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Message:
    """What version 2 signs besides vehicle and command, and values that are mistaken for the key in version 1."""

    url: Annotated[str | None, Parameter(env_var="KEYTURN_URL", help="With --v2: the server.")] = None
    client_id: Annotated[str | None, Parameter(env_var="KEYTURN_CLIENT_ID", help="With --v2: the application.")] = None
    token: Annotated[str | None, Parameter(env_var="KEYTURN_TOKEN", help="With --v2: the bearer token.")] = None
    code: Annotated[str | None, Parameter(help="With --v2 or --check: the confirmation code.")] = None
    client_secret: Annotated[
        str | None,
        Parameter(
            env_var="KEYTURN_CLIENT_SECRET",
            help="With --check: to see whether it was used as the sign-secret.",
            allow_leading_hyphen=True,
        ),
    ] = None


NO_MESSAGE = Message()
"""By the environment."""


def sign(
    vin: str,
    command: str,
    /,
    *,
    secret: Secret,
    check: Check = None,
    v2: Version2 = False,
    of: Message = NO_MESSAGE,
    as_json: AsJson = False,
) -> None:
    """Print the signed text and its signature; with --check explain why another signature does not match.

    With --v2 print a complete signed request in the format of ``curl --config -``.
    """
    if v2 and check is not None:
        raise usage("--check compares signatures of version 1; it cannot be given with --v2.")
    if v2:
        _print_request(secret, vin, command, of, as_json=as_json)
        return
    signed, expected = message(vin, command), signature(secret, vin, command)
    if as_json:
        print_json({"message": signed, "signature": expected})
    else:
        print(signed, expected, sep="\n")
    others = {"client secret": of.client_secret, "client id": of.client_id, "token": of.token}
    known = {name: value for name, value in others.items() if value}
    reason = None if check is None else diagnose(check, secret, vin, command, code=of.code, other_keys=known)
    if reason is not None:
        raise Failure(Exit.REFUSED, "signature_mismatch", f"The signature does not match. {reason}")


def _print_request(secret: str, vin: str, command: str, of: Message, *, as_json: bool) -> None:
    if not (of.url and of.client_id and of.token):
        raise usage("--url, --client-id and --token must be given with --v2, here or in the environment.")
    url, content = f"{of.url.rstrip('/')}/vehicle-command", {"vin": vin, "command": command}
    body = json.dumps(content | ({"code": of.code} if of.code else {}), separators=(",", ":"), sort_keys=True)
    headers = {"Authorization": f"Bearer {of.token}", "Content-Type": "application/json"}
    headers |= signature_headers(of.client_id, secret, "POST", url, headers, body.encode())
    if as_json:
        print_json({"url": url, "headers": headers, "body": body})
        return
    lines = [("url", url), *(("header", f"{name}: {value}") for name, value in headers.items()), ("data", body)]
    print(*(f"{option} = {json.dumps(text)}" for option, text in lines), sep="\n")
