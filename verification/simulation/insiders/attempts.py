"""What the insider does, from one table: an operation with its arguments, each as good a try as the next.

`{...}` is the chosen vehicle's own; the insider fetches every secret that comes of it, and asks with it.
"""

from typing import Any, Literal, NamedTuple

from verification.simulation.clients.policies import LOOSEST
from verification.simulation.insiders.drawing import STRAY
from verification.simulation.world.installation import VEHICLES


class Attempt(NamedTuple):
    name: str
    operation: str
    arguments: dict[str, Any]
    weight: int = 1
    while_waiting: bool = False
    """Once a disable waits for an approval, of that disable's vehicle."""
    then_asked: Literal["at once", "after notice"] | None = None
    """When a colleague, who does not know of it, requests a disable of the vehicle."""


_VEHICLE, _APP, _ACCOUNT = {"vehicle": "{vehicle}"}, {"application": "{app}"}, {"account": "{account}"}
_ANOTHERS = {**_VEHICLE, "external_id": VEHICLES[2].vin}
_TIDY = {"reason": "tidy"}
ATTEMPTS = (
    Attempt("client secret rotated", "application rotate-secret", _APP, 4),
    Attempt("sign-secret added", "application rotate-secret", {**_APP, "sign": True}, 4),
    Attempt("sign-secret retired", "application rotate-secret", {**_APP, "retire": True}),
    Attempt("application renamed", "application set", {**_APP, "name": "other"}),
    Attempt("application closed", "application set", {**_APP, "active": False}),
    Attempt("application widened", "application set", {**_APP, "active": True, "responsible": ()}),
    Attempt("company renamed", "company set", {"company": "{company}", "name": "other"}),
    Attempt("company closed", "company set", {"company": "{company}", "active": False}),
    Attempt("company opened", "company set", {"company": "{company}", "active": True}),
    Attempt("operator renamed", "operator set", {"person": "approver-1", "name": "other"}),
    Attempt("other admin renamed", "operator set", {"person": "ana", "name": "other"}),
    Attempt("other admin removed", "operator set", {"person": "ana", "active": False}),
    Attempt("approver hired", "operator add", {"name": "puppet", "email": "puppet@example.com", "role": "approver"}, 4),
    Attempt("admin hired", "operator add", {"name": "puppet", "email": "puppet@example.com", "role": "admin"}, 2),
    Attempt("aimed at a stray car", "vehicle set", {**_VEHICLE, "external_id": STRAY}, 3, then_asked="after notice"),
    Attempt("aimed anew under way", "vehicle set", {**_VEHICLE, "external_id": STRAY}, 4, while_waiting=True),
    Attempt("aimed at another's car", "vehicle set", _ANOTHERS, 2, then_asked="after notice"),
    Attempt("aimed back", "vehicle set", {**_VEHICLE, "external_id": "{vin}"}),
    Attempt("moved to another account", "vehicle set", {**_VEHICLE, "account": "company-1-relay"}),
    Attempt("moved under way", "vehicle set", {**_VEHICLE, "account": "company-1-relay"}, while_waiting=True),
    Attempt("retyped to keep", "vehicle set", {**_VEHICLE, "ownership": "third_party"}),
    Attempt("retyped", "vehicle set", {**_VEHICLE, "ownership": "owned"}),
    Attempt("plan reduced", "vehicle set", {**_VEHICLE, "plan": "small"}),
    Attempt("plan widened", "vehicle set", {**_VEHICLE, "plan": "plan"}),
    Attempt("consent given", "vehicle set", {**_VEHICLE, "consent": "form 77"}, 5, then_asked="at once"),
    Attempt("invented vehicle enrolled", "vehicle add", {
        "company": "{company}", "vin": "9KTPUPPET00000007", "account": "{account}", "plan": "plan",
        "ownership": "owned", "external_id": VEHICLES[2].vin,
    }),
    Attempt("record closed", "immobilisation close", {**_VEHICLE, **_TIDY}),
    Attempt("record closed by force", "immobilisation close", {**_VEHICLE, "force": True, **_TIDY}, 4),
    Attempt("restoring stopped", "switch throw", {"reach": "restoring", **_TIDY}, 2),
    Attempt("account's restoring stopped", "switch throw", {"reach": "restoring", **_ACCOUNT, **_TIDY}),
    Attempt("disabling stopped", "switch throw", {"reach": "disable", **_ACCOUNT, **_TIDY}),
    Attempt("disabling released", "switch release", {"reach": "disable", **_ACCOUNT}),
    Attempt("limit lifted", "limit lift", {"company": "{company}", **_APP}),
    Attempt("account closed", "account set", {**_ACCOUNT, "active": False}),
    Attempt("credentials replaced", "account set", {**_ACCOUNT, "credentials": {"token": "nonsense"}}),
    Attempt("policy loosened", "policy set", {"company": "{company}", **LOOSEST}, 2),
    Attempt("plan sold to all", "plan set", {"plan": "small", "commands": ("disable_ignition", "location")}),
)  # fmt: skip
"""Restoring a changed backup is not among them: there are no files here."""
