"""For every administration operation what an insider would give it, to harm. An operation without a row fails."""

from typing import Any

from tests.support.server_env import ALL_COMMANDS

from .env import HASH

Row = tuple[dict[str, Any], ...]
FIRST, SECOND = {"company": "first"}, {"company": "second"}
NEW = {"name": "nina", "email": "n@b.c"}
CLOUD = {"token": "of somebody else's cloud"}
WITHOUT = ["location"]

LOOKS: dict[str, Row] = {
    name: ({},)
    for name in (
        "account list", "alerts list", "application list", "approval list", "audit key", "change list", "clock show",
        "company list", "immobilisation list", "keep-enabling list", "limit list", "operator list", "plan list",
        "switch list",
    )
} | {
    "account show": (FIRST | {"account": "simulator"},),
    "application show": (FIRST | {"application": "vault"},),
    "approval show": ({"command": "{command}"},),
    "change show": ({"change": "{change}"},),
    "command dossier": ({"command": "{command}"},),
    "command show": ({"command": "{command}"},),
    "company show": (FIRST,),
    "operator show": ({"person": "abe"},),
    "plan show": ({"plan": "all"},),
    "policy show": (FIRST,),
    "vehicle list": (FIRST,),
    "vehicle ready": ({"vin": "{target}", "command": "disable_ignition", "application": "app"},),
    "vehicle show": ({"vehicle": "{target}"},),
}  # fmt: skip
"""What says that it only reads."""

PEOPLE: dict[str, Row] = {
    "operator add": (
        NEW | {"role": "approver", "password": HASH},
        NEW | {"role": "admin", "password": HASH},
        NEW | {"role": "admin"},
        NEW | FIRST | {"role": "approver"},
        NEW | FIRST | {"role": "admin", "password": HASH},
        NEW | FIRST | {"role": "viewer", "grants": ["disable_ignition"]},
        NEW | FIRST | {"role": "viewer"},
    ),
    "operator set": (
        {"person": "{insider}", "role": "admin"},
        {"person": "{insider}", "role": "approver"},
        {"person": "nina", "role": "admin"},
        {"person": "carla", "active": False},
        {"person": "hanna", "active": False},
        {"person": "hanna", "role": "viewer"},
        {"person": "hanna", "active": True},
        {"person": "abe", "name": "abel"},
        {"person": "abe", "email": "insider@b.c"},
        {"person": "carla", "grants": ["disable_ignition"]},
    ),
    "operator set-password": (
        {"person": "abe", "password": HASH},
        {"person": "abe"},
        {"person": "hanna", "password": HASH},
        {"person": "iva", "password": HASH},
        {"person": "nina"},
        {"person": "{insider}", "password": HASH},
    ),
    "operator reset-totp": (
        {"person": "abe"},
        {"person": "hanna"},
        {"person": "iva"},
        {"person": "{insider}"},
    ),
    "operator accept": (
        {"person": "nina", "code": "{code}", "password": HASH},
        {"person": "abe", "code": "{code}", "password": HASH},
    ),
    "operator enrol-totp": ({}, {"code": "{code}", "with_code": True}),
    "change approve": ({"change": "{change}"},),
    "change collect": ({"change": "{change}"},),
    "change withdraw": ({"change": "{change}"},),
}
"""What makes, changes and helps those who decide."""

_APPLICATIONS: dict[str, Row] = {
    "application add": (
        FIRST | {"name": "shadow", "grants": ALL_COMMANDS},
        FIRST | {"name": "shadow", "grants": WITHOUT},
        SECOND | {"name": "shadow", "grants": ALL_COMMANDS},
    ),
    "application set": (
        FIRST | {"application": "app", "responsible": []},
        FIRST | {"application": "app", "responsible": ["hanna"]},
        FIRST | {"application": "meter", "grants": ALL_COMMANDS},
        FIRST | {"application": "shadow", "grants": ALL_COMMANDS},
        FIRST | {"application": "vault", "grants": WITHOUT},
        FIRST | {"application": "vault", "active": False},
        FIRST | {"application": "vault", "active": True},
        FIRST | {"application": "vault", "name": "old vault"},
    ),
    "application rotate-secret": (
        FIRST | {"application": "vault"},
        FIRST | {"application": "vault", "sign": True},
        FIRST | {"application": "vault", "retire": True},
        SECOND | {"application": "app"},
    ),
    "company add": ({"name": "third"},),
    "company set": (
        FIRST | {"active": False},
        FIRST | {"active": True},
        SECOND | {"name": "last"},
    ),
    "plan add": ({"name": "more", "commands": ALL_COMMANDS},),
    "plan set": (
        {"plan": "location", "commands": ALL_COMMANDS},
        {"plan": "all", "commands": WITHOUT},
        {"plan": "all", "name": "none"},
    ),
}
_VEHICLES: dict[str, Row] = {
    "account add": (FIRST | {"connector": "simulator", "name": "cloud", "credentials": CLOUD},),
    "account set": (
        FIRST | {"account": "simulator", "credentials": CLOUD},
        FIRST | {"account": "simulator", "active": False},
        FIRST | {"account": "simulator", "name": "simulated"},
        SECOND | {"account": "simulator", "active": False},
    ),
    "vehicle add": (
        FIRST | {"vin": "9KTNEW00000000099", "account": "simulator", "plan": "all", "ownership": "owned",
                 "external_id": "{third}", "consent": "form"},
        FIRST | {"vin": "9KTNEW00000000099", "account": "simulator", "plan": "all", "ownership": "owned",
                 "external_id": "{inactive}", "consent": "form"},
        FIRST | {"vin": "{third}", "account": "simulator", "plan": "all", "ownership": "owned", "consent": "form"},
        FIRST | {"vin": "{other}", "account": "simulator", "plan": "all", "ownership": "owned", "consent": "form"},
    ),
    "vehicle set": (
        {"vehicle": "{target}", "external_id": "{third}"},
        {"vehicle": "{target}", "external_id": "another"},
        {"vehicle": "{target}", "active": False},
        {"vehicle": "{third}", "ownership": "owned"},
        {"vehicle": "{third}", "active": False},
        {"vehicle": "{planless}", "plan": "all"},
        {"vehicle": "{consentless}", "consent": "form 77"},
        {"vehicle": "{inactive}", "active": True},
        {"vehicle": "{confirmed}", "active": False},
        {"vehicle": "{confirmed}", "external_id": "another"},
        {"vehicle": "{confirmed}", "account": "relay"},
        {"vehicle": "{confirmed}", "capabilities": WITHOUT},
        {"vehicle": "{confirmed}", "plan": "location"},
        {"vehicle": "{confirmed}", "consent": None},
        {"vehicle": "{possible}", "active": False},
        {"vehicle": "{other}", "company": "second", "external_id": "another"},
    ),
}  # fmt: skip
_STOPS: dict[str, Row] = {
    "approval approve": ({"command": "{command}"},),
    "approval reject": ({"command": "{command}"},),
    "command cancel": ({"command": "{command}"},),
    "immobilisation close": (
        {"vehicle": "{confirmed}", "reason": "over"},
        {"vehicle": "{confirmed}", "reason": "over", "force": True},
        {"vehicle": "{possible}", "reason": "over", "force": True},
    ),
    "keep-enabling start": ({"vehicle": "{confirmed}"},),
    "keep-enabling cancel": ({"vehicle": "{confirmed}"},),
    "notice add": ({"vehicle": "{target}", "channel": "sms"},),
    "limit lift": (FIRST,),
    "policy set": (
        FIRST | {"second_person": False},
        FIRST | {"disables_per_company_day": 0},
        FIRST | {"fleet_share": 1.0},
        SECOND | {"second_person": False},
    ),
    "switch throw": (
        {"reach": "restoring", "reason": "theft"},
        FIRST | {"reach": "restoring", "reason": "theft"},
        FIRST | {"account": "simulator", "reach": "restoring", "reason": "theft"},
        FIRST | {"reach": "disable", "reason": "theft"},
        {"reach": "actuating", "reason": "theft"},
    ),
    "switch release": (
        SECOND | {"reach": "disable"},
        FIRST | {"reach": "disable"},
        FIRST | {"reach": "restoring"},
        {"reach": "actuating"},
    ),
    "alerts test": ({},),
    "audit acknowledge": ({"epoch": 1},),
    "audit checkpoint": ({},),
    "backup": ({"file": "/nowhere/b.db"},),
    "clock accept": ({},),
}
CANDIDATES = LOOKS | PEOPLE | _APPLICATIONS | _VEHICLES | _STOPS
