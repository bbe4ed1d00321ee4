"""The preconditions' sentences, as the contract has them."""

SENTENCES = {
    1: "The vehicle must not be moving.",
    2: "The alert must have been activated by remote command.",
    3: "The vehicle must be turned off.",
    4: "The ignition must have been disabled by remote command.",
    5: "The hood must be closed.",
    6: "The fuel tank must not be in reserve.",
    7: "The battery voltage must be adequate.",
    8: "The hazard lights must be off.",
    9: "The transmission must be in Park.",
    10: "No malfunction indicator light may be on.",
    11: "No more than two consecutive remote starts without a physical start.",
    12: "The vehicle must have been started by remote command.",
    13: "The vehicle must be reachable and connected.",
}


def not_met(*numbers: int) -> str:
    """The detail of a refusal for these preconditions."""
    return "Precondition not met: " + " ".join(SENTENCES[number] for number in numbers)
