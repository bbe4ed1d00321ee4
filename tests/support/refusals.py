"""The refusals of the contract: status code and exact text."""

from tests.support.clients import Answer

BEARER_MISSING = (401, "Bearer token missing.")
BEARER_INVALID = (401, "Bearer token invalid or expired.")
TOO_LARGE = (413, "Request body too large.")
NOT_JSON = (400, "Request body is not valid JSON.")
VIN_INVALID = (400, "Invalid VIN. VIN must be a string. At least one VIN is required.")
COMMAND_INVALID = (400, "Invalid command. Command must be a string. At least one command is required.")
NO_SIGN_SECRET = (403, "Sign-secret not found.")
SIGNATURE_INVALID = (403, "X-Signature invalid.")
TOO_MANY = (429, "Too many requests.")
VIN_UNKNOWN = (404, "VIN not found or unauthorized access.")
COMMAND_UNKNOWN = (404, "Command not found or unauthorized access.")
NO_CONSENT = (403, "Command blocked by policy: no consent of the end user on record.")
CODE_INVALID = (400, "Confirmation invalid")
CODE_USED = (409, "Confirmation already used")
IMMOBILISED = (403, "Command blocked by policy: vehicle is immobilised.")
KEY_INVALID = (400, "Idempotency-Key must be 1 to 64 visible characters.")
KEY_REUSED = (422, "Idempotency-Key was used for a different request.")
WAIT_INVALID = (400, "wait must be an integer from 0 to 30.")
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
"""The preconditions' sentences, by number."""


def refused(answer: Answer) -> tuple[int, str]:
    """Code and text of a bare refusal: its body holds nothing else."""
    assert list(answer.body) == ["detail"], answer
    return answer.code, answer.body["detail"]


def not_met(*numbers: int) -> str:
    """The detail of a refusal for these preconditions."""
    return "Precondition not met: " + " ".join(SENTENCES[number] for number in numbers)
