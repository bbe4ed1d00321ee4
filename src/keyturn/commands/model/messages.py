"""The public texts of a record's `detail`, to the byte."""

NOT_SENT_TO_OEM = "Failed to send command to the OEM."
NO_OPERATION = "Failed to initiate command with the OEM or retrieve status URL."
NO_OPERATION_MAY_HAVE_EXECUTED = f"{NO_OPERATION} The vehicle may have executed it."
OUTCOME_UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
NO_ANSWER = "No answer from the vehicle."
NOT_SENT_IN_TIME = "Not sent in time."
NOT_APPROVED = "Not approved."
CANCELLED_BEFORE_SENDING = "Cancelled before it was sent."
VEHICLE_FAILURE = "The vehicle reported a failure."
CONFIRMATION_EXPIRED = "Confirmation expired"
CONFIRMATION_INVALID = "Confirmation invalid"


def superseded_by(command_id: str) -> str:
    return f"Superseded by command {command_id}."


def coalesced_with(command_id: str) -> str:
    return f"Joined command {command_id}."
