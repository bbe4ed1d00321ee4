"""The policies of a scenario: each company's at the beginning, and the changes under way."""

from random import Random
from typing import Any

from verification.simulation.world.installation import COMPANIES

Rules = dict[str, Any]
"""Arguments of ``policy set``."""

_OFFERED: dict[str, tuple[Any, ...]] = {
    "second_person": (True,),
    "reason_required": (True,),
    "disables_per_actor_hour": (1, 1, 2, 5),
    "disables_per_company_day": (1, 1, 2, 5),
    "fleet_share": (1.0, 60.0, 100.0),
    "locate_within": (0.1, 1.0, 5.0),
    "notify_first": (True,),
}
_LIMITS = ("disables_per_actor_hour", "disables_per_company_day", "fleet_share")
_WEIGHTS = (8, 3, 6, 5, 4, 2, 2)
STRICTEST: Rules = {name: values[0] for name, values in _OFFERED.items()}
LOOSEST: Rules = {name: type(values[0])() for name, values in _OFFERED.items()}

NO_LIMITS: Rules = {name: LOOSEST[name] for name in _LIMITS}

REACHES = ("disable", "actuating", "restoring")
SCOPES = ("installation", "company", "account")
PLACE_OF: dict[str, dict[str, str]] = {
    "installation": {},
    "company": {"company": "{company}"},
    "account": {"company": "{company}", "account": "{account}"},
}
PLACES = tuple(PLACE_OF.values())
"""Arguments for the scope of a kill switch."""
SWITCH_EVENTS = tuple(f"switch thrown: {reach}, {scope}" for reach in REACHES for scope in SCOPES)
_SWITCH_WEIGHTS = (4, 4, 4, 3, 3, 3, 1, 1, 1)
POLICY_EVENTS = ("policy tightened", "policy loosened", "second person asked for", "second person not asked for")
RECORD_EVENTS = ("keep enabling started", "keep enabling cancelled", "record closed", "record closed by force")
NOTICE = "end user told"


def draw_policies(seed: int) -> dict[str, Rules]:
    """Each company's policy; empty where all have the default policy in this scenario."""
    chance = Random(f"rules {seed}")
    if chance.random() >= 0.4:
        return {}
    return {company: _draw_rules(chance) for company in COMPANIES}


def draw_changes(seed: int, policies: dict[str, Rules]) -> list[str]:
    """What happens to the rules and by them, in no order."""
    if not policies:
        return []
    chance = Random(f"rule changes {seed}")
    kinds = [NOTICE] * (2 if any("notify_first" in rules for rules in policies.values()) else 0)
    if chance.random() < 0.5:
        thrown = chance.choices(SWITCH_EVENTS, _SWITCH_WEIGHTS, k=chance.randint(1, 2))
        released = [name.replace("thrown", "released") for name in thrown if chance.random() < 0.7]
        kinds += [*thrown, *released]
    for group, odds in ((POLICY_EVENTS, 0.4), (RECORD_EVENTS, 0.4), ((NOTICE,), 0.2)):
        if chance.random() < odds:
            kinds += chance.choices(group, k=chance.randint(1, 3))
    return kinds


def _draw_rules(chance: Random) -> Rules:
    names = chance.choices(tuple(_OFFERED), _WEIGHTS, k=chance.randint(1, 3))
    return {name: chance.choice(_OFFERED[name]) for name in dict.fromkeys(names)}
