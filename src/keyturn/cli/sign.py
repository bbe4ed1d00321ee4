"""``keyturn sign``."""

from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.failure import Exit, Failure
from keyturn.cli.mismatch import mismatch
from keyturn.cli.options import AsJson
from keyturn.cli.output import print_json
from keyturn_client.signing import message, signature

Secret = Annotated[str, Parameter(env_var="KEYTURN_SIGN_SECRET", help="The application's sign-secret.")]
Check = Annotated[str | None, Parameter(help="A signature to compare with.")]


def sign(vin: str, command: str, /, *, secret: Secret, check: Check = None, as_json: AsJson = False) -> None:
    """Print what is signed and its signature; with --check say why another signature does not match."""
    signed, right = message(vin, command), signature(secret, vin, command)
    if as_json:
        print_json({"message": signed, "signature": right})
    else:
        print(signed, right, sep="\n")
    reason = None if check is None else mismatch(check, secret, vin, command)
    if reason is not None:
        raise Failure(Exit.REFUSED, "signature_mismatch", f"The signature does not match. {reason}")
