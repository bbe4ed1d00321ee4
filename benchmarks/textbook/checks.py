"""Who is asking, is it signed, and may it be done: the checks of Keyturn's POST for a command of one step."""

import hashlib
import hmac
import json
import time
from typing import Annotated

import jwt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select

from benchmarks.textbook.database import Session
from benchmarks.textbook.models import Application, Vehicle, VehicleEvidence

_bearer = HTTPBearer()
_MAX_AGE = 120.0
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]


async def current_application(request: Request, bearer: Bearer, session: Session) -> Application:
    """The active application that the token names."""
    try:
        claims = jwt.decode(bearer.credentials, request.app.state.jwt_key, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Bearer token invalid or expired.") from None
    application = await session.get(Application, claims["sub"])
    if application is None or not (application.active and application.company.active):
        raise HTTPException(401, "Bearer token invalid or expired.")
    if application.secret_version != claims["ver"]:
        raise HTTPException(401, "Bearer token invalid or expired.")
    return application


CurrentApplication = Annotated[Application, Depends(current_application)]


def check_signature(application: Application, sealer: AESGCM, vin: str, command: str, signature: str) -> None:
    if not application.sign_secrets:
        raise HTTPException(403, "Sign-secret not found.")
    message = json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True).encode()
    for secret in application.sign_secrets:
        key = sealer.decrypt(secret.sealed[:12], secret.sealed[12:], application.id.encode())
        if hmac.compare_digest(hmac.new(key, message, hashlib.sha256).hexdigest(), signature.lower()):
            return
    raise HTTPException(403, "X-Signature invalid.")


async def permitted_vehicle(
    session: Session, application: Application, vin: str, command: str, offers: frozenset[str]
) -> Vehicle:
    """The company's active vehicle, if its plan, its OEM and the application's grants have the command."""
    where = (Vehicle.vin == vin.upper(), Vehicle.company_id == application.company_id, Vehicle.active)
    vehicle = await session.scalar(select(Vehicle).where(*where))
    if vehicle is None or (command == "disable_ignition" and vehicle.ownership == "third_party"):
        raise HTTPException(404, "VIN not found or unauthorized access.")
    capable = vehicle.capabilities is None or command in json.loads(vehicle.capabilities)
    offered = vehicle.account.active and command in offers and capable
    planned = command in json.loads(vehicle.plan.commands) and command in json.loads(application.grants)
    if not (offered and planned):
        raise HTTPException(404, "Command not found or unauthorized access.")
    return vehicle


async def evaluate_preconditions(session: Session, vehicle: Vehicle) -> str:
    """Precondition 1, the vehicle must not be moving: met, contradicted or unknown."""
    evidence = await session.get(VehicleEvidence, vehicle.id)
    speed = json.loads(evidence.report).get("signals", {}).get("speed") if evidence else None
    if speed is None or speed["value"] is None or time.time() - speed["as_of"] / 1e6 > _MAX_AGE:
        return "unknown"
    return "met" if speed["value"] == 0 else "contradicted"
