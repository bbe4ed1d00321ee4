"""A company that demands version 2 of the signature for immobilising, over the wire."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from keyturn_client import KeyturnClient
from keyturn_simulator import fleet_vins
from tests.support.refusals import refused
from tests.support.server_env import ServerEnv, server_env

from .shell import keyturn

pytestmark = pytest.mark.anyio

VEHICLES = 10
INVALID = (403, "X-Signature invalid.")


@pytest.fixture
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path_factory.mktemp("site"), vehicles=VEHICLES) as running:
        yield running


async def test_an_immobilisation_needs_version_2_from_the_next_request_on_and_enabling_does_not(
    site: ServerEnv,
) -> None:
    vin = next(each.vin for each in fleet_vins(VEHICLES) if each.ordinary and each.powertrain == "combustion")
    captured = (await site.first.post(vin, "disable_ignition")).body["code"]
    await keyturn(site, "policy", "set", "first", "--ignition-v2")

    assert refused(await site.first.post(vin, "disable_ignition", captured)) == INVALID
    assert refused(await site.first.post(vin, "disable_ignition")) == INVALID
    assert await site.actuations(vin) == []
    ready = ("ready", vin, "disable_ignition", "--application", site.first.client_id, "--company", "first")
    assert (await keyturn(site, *ready))["signature_v2_needed"] is True

    def immobilise(client: KeyturnClient) -> None:
        code = client.send(vin, "disable_ignition")["code"]
        list(client.follow(client.send(vin, "disable_ignition", code=code)["id"]))

    application = site.first
    credentials = application.client_id, application.client_secret, application.sign_secret
    with KeyturnClient(site.url, *credentials, signing="v2") as client:
        await asyncio.to_thread(partial(immobilise, client))
    assert await site.actuations(vin) == ["disable_ignition"]
    await site.done(vin, "enable_ignition")
    assert await site.actuations(vin) == ["disable_ignition", "enable_ignition"]
