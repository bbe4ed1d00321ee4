"""What the insider does, from one table: an operation with its arguments, each as good a try as the next.

`{...}` is the chosen vehicle's own; the insider fetches every secret that comes of it, and asks with it.
"""

from typing import Any, Literal, NamedTuple

from ..installation import VEHICLES
from ..rulebook import LOOSEST
from .drawing import STRAY


class Deed(NamedTuple):
    name: str
    operation: str
    arguments: dict[str, Any]
    weight: int = 1
    while_waiting: bool = False
    """Once a disable waits for an approval, of that disable's vehicle."""
    then_asked: Literal["at once", "after notice"] | None = None
    """When a colleague, who knows nothing of it, asks for a disable of the vehicle."""


_VEHICLE, _APP, _ACCOUNT = {"vehicle": "{vehicle}"}, {"application": "{app}"}, {"account": "{account}"}
_ANOTHERS = {**_VEHICLE, "external_id": VEHICLES[2].vin}
_TIDY = {"reason": "tidy"}
DEEDS = (
    Deed("client secret rotated", "application rotate-secret", _APP, 4),
    Deed("sign-secret added", "application rotate-secret", {**_APP, "sign": True}, 4),
    Deed("sign-secret retired", "application rotate-secret", {**_APP, "retire": True}),
    Deed("application renamed", "application set", {**_APP, "name": "other"}),
    Deed("application closed", "application set", {**_APP, "active": False}),
    Deed("application widened", "application set", {**_APP, "active": True, "responsible": ()}),
    Deed("company renamed", "company set", {"company": "{company}", "name": "other"}),
    Deed("company closed", "company set", {"company": "{company}", "active": False}),
    Deed("company opened", "company set", {"company": "{company}", "active": True}),
    Deed("operator renamed", "operator set", {"person": "approver-1", "name": "other"}),
    Deed("other admin renamed", "operator set", {"person": "ana", "name": "other"}),
    Deed("other admin removed", "operator set", {"person": "ana", "active": False}),
    Deed("approver hired", "operator add", {"name": "puppet", "email": "puppet@example.com", "role": "approver"}, 4),
    Deed("admin hired", "operator add", {"name": "puppet", "email": "puppet@example.com", "role": "admin"}, 2),
    Deed("aimed at a stray car", "vehicle set", {**_VEHICLE, "external_id": STRAY}, 3, then_asked="after notice"),
    Deed("aimed anew under way", "vehicle set", {**_VEHICLE, "external_id": STRAY}, 4, while_waiting=True),
    Deed("aimed at another's car", "vehicle set", _ANOTHERS, 2, then_asked="after notice"),
    Deed("aimed back", "vehicle set", {**_VEHICLE, "external_id": "{vin}"}),
    Deed("moved to another account", "vehicle set", {**_VEHICLE, "account": "company-1-relay"}),
    Deed("moved under way", "vehicle set", {**_VEHICLE, "account": "company-1-relay"}, while_waiting=True),
    Deed("retyped to keep", "vehicle set", {**_VEHICLE, "ownership": "third_party"}),
    Deed("retyped", "vehicle set", {**_VEHICLE, "ownership": "owned"}),
    Deed("plan reduced", "vehicle set", {**_VEHICLE, "plan": "small"}),
    Deed("plan widened", "vehicle set", {**_VEHICLE, "plan": "plan"}),
    Deed("consent given", "vehicle set", {**_VEHICLE, "consent": "form 77"}, 5, then_asked="at once"),
    Deed("invented vehicle enrolled", "vehicle add", {
        "company": "{company}", "vin": "9KTPUPPET00000007", "account": "{account}", "plan": "plan",
        "ownership": "owned", "external_id": VEHICLES[2].vin,
    }),
    Deed("record closed", "immobilisation close", {**_VEHICLE, **_TIDY}),
    Deed("record closed by force", "immobilisation close", {**_VEHICLE, "force": True, **_TIDY}, 4),
    Deed("restoring stopped", "switch throw", {"reach": "restoring", **_TIDY}, 2),
    Deed("account's restoring stopped", "switch throw", {"reach": "restoring", **_ACCOUNT, **_TIDY}),
    Deed("disabling stopped", "switch throw", {"reach": "disable", **_ACCOUNT, **_TIDY}),
    Deed("disabling released", "switch release", {"reach": "disable", **_ACCOUNT}),
    Deed("limit lifted", "limit lift", {"company": "{company}", **_APP}),
    Deed("account closed", "account set", {**_ACCOUNT, "active": False}),
    Deed("credentials replaced", "account set", {**_ACCOUNT, "credentials": {"token": "nonsense"}}),
    Deed("policy loosened", "policy set", {"company": "{company}", **LOOSEST}, 2),
    Deed("plan sold to all", "plan set", {"plan": "small", "commands": ("disable_ignition", "location")}),
)  # fmt: skip
"""Restoring a changed backup is not among them: there are no files here."""
