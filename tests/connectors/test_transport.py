"""Connections to an OEM: egress proxy, private CA, and response limits."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from keyturn.clock import SystemClock
from keyturn.config.loading import load_settings
from keyturn.config.validation import ConfigError
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.port import Connector
from keyturn.connectors.registry import build_connectors
from keyturn.connectors.responses import LoggedRequest, OemResponse, OutcomeKind
from tests.support.certificates import Authority
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, answer

from .configured import http_settings
from .definitions import connector
from .orders import account, order, target
from .proxy import Proxy

pytestmark = pytest.mark.anyio

TAKEN = answer(202, {"operation": {"id": "7"}})


def built(url: str, **settings: Any) -> Connector:
    configured = http_settings("simulator", base_url=url, **settings)
    return build_connectors({"oem": configured}, SystemClock())["oem"]


async def sent(url: str, **settings: Any) -> OemResponse:
    """The answer to a command through a connector that the configuration describes so."""
    sender = built(url, **settings)
    try:
        return await sender.send(order(RunningClock()))
    finally:
        await sender.close()


def recorded(answered: OemResponse) -> LoggedRequest:
    assert answered.exchange is not None
    return answered.exchange


class TestAProxy:
    async def test_carries_what_goes_to_an_http_origin(self, oem: Oem) -> None:
        oem.answer_with(TAKEN)
        async with Proxy() as proxy:
            answered = await sent(oem.url, proxy=proxy.url)
        assert answered.kind is OutcomeKind.IN_PROGRESS
        assert proxy.asked == [f"POST {oem.url}/vehicles/car%201%2Fa/commands/start HTTP/1.1"]
        assert [seen.target for seen in oem.seen] == ["/vehicles/car%201%2Fa/commands/start"]

    async def test_opens_a_tunnel_to_an_https_origin_and_sees_nothing_of_it(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        async with Oem(authority.server_context()) as oem, Proxy() as proxy:
            oem.answer_with(TAKEN)
            answered = await sent(oem.url, proxy=proxy.url, ca_file=str(authority.root))
        assert answered.kind is OutcomeKind.IN_PROGRESS
        assert proxy.asked == [f"CONNECT localhost:{oem.port} HTTP/1.1"]
        assert len(oem.seen) == 1

    @pytest.mark.parametrize("tls", [False, True])
    async def test_gets_its_user_and_password_and_the_oem_does_not(self, tmp_path: Path, tls: bool) -> None:
        authority, user = Authority(tmp_path), tmp_path / "user"
        user.write_text("out:p@ss:w/rd\n")
        async with Oem(authority.server_context() if tls else None) as oem, Proxy("out:p@ss:w/rd") as proxy:
            oem.answer_with(TAKEN)
            trust = str(authority.root)
            answered = await sent(oem.url, proxy=proxy.url, proxy_user_file=str(user), ca_file=trust)
        assert answered.kind is OutcomeKind.IN_PROGRESS
        assert "proxy-authorization" not in oem.seen[0].headers

    async def test_that_is_not_there_is_named_and_nothing_was_sent(self, tmp_path: Path) -> None:
        async with Proxy() as proxy:
            gone = proxy.url
        answered = await sent("https://localhost:1", proxy=gone)
        assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert recorded(answered).answer == "no connection to the proxy"

    async def test_that_refuses_the_tunnel_is_named_and_nothing_was_sent(self) -> None:
        async with Proxy("out:right") as proxy:
            answered = await sent("https://localhost:1", proxy=proxy.url)
        assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert recorded(answered).answer == "the proxy answered 407"

    async def test_of_the_environment_is_not_looked_at(self, oem: Oem, monkeypatch: pytest.MonkeyPatch) -> None:
        oem.answer_with(TAKEN)
        async with Proxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            await sent(oem.url)
        assert proxy.asked == []

    @pytest.mark.parametrize(
        "proxy", ["proxy:3128", "ftp://proxy", "http://me:hunter2@proxy", "http://proxy/hunter2/x"]
    )
    def test_that_is_no_address_is_refused_without_its_password(self, tmp_path: Path, proxy: str) -> None:
        file = tmp_path / "keyturn.toml"
        file.write_text(f"[connectors.oem]\ndefinition = 'simulator'\nproxy = '{proxy}'\n")
        with pytest.raises(ConfigError, match=r"^connectors\.oem\.proxy: ") as refused:
            load_settings(file, {})
        assert "me:hunter2" not in str(refused.value)

    @pytest.mark.parametrize("content", ["", "hunter2", ":hunter2", None])
    def test_whose_user_file_is_none_is_refused_without_its_password(self, tmp_path: Path, content: str | None) -> None:
        file = tmp_path / "user"
        if content is not None:
            file.write_text(content)
        with pytest.raises(DefinitionError) as refused:
            built("https://localhost:1", proxy="http://localhost:1", proxy_user_file=str(file))
        assert str(refused.value) == "connectors.oem: proxy_user_file: expected a file with user:password"


class TestAPrivateCa:
    async def test_is_trusted_where_the_configuration_names_it(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        async with Oem(authority.server_context()) as oem:
            oem.answer_with(TAKEN)
            trusted = await sent(oem.url, ca_file=str(authority.root))
            untrusted = await sent(oem.url)
        assert trusted.kind is OutcomeKind.IN_PROGRESS
        assert (untrusted.kind, untrusted.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert recorded(untrusted).answer.startswith("the OEM's certificate is not trusted: ")

    async def test_is_named_where_the_token_could_not_be_fetched_for_it(self, tmp_path: Path) -> None:
        async with Oem(Authority(tmp_path).server_context()) as oem:
            sender = connector(oem.url, auth={"scheme": "oauth2", "token_url": "/token"})
            owner = account(client_id="an-id", client_secret="a-secret")
            answered = await sender.send(order(RunningClock(), at=target(owner)))
            await sender.close()
        assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert recorded(answered).answer == (
            "no answer from the OEM's token endpoint: "
            "the OEM's certificate is not trusted: unable to get local issuer certificate"
        )

    @pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    def test_that_cannot_be_read_stops_the_start(self, tmp_path: Path, content: str | None) -> None:
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_text(content)
        with pytest.raises(DefinitionError) as refused:
            built("https://localhost:1", ca_file=str(file))
        assert str(refused.value) == "connectors.oem: ca_file: expected a PEM file of certificates"

    @pytest.mark.parametrize(
        ("lacks", "named"),
        [
            ("subject key identifier", "Missing Subject Key Identifier"),
            ("authority key identifier", "Missing Authority Key Identifier"),
            ("critical", "Basic Constraints of CA cert not marked critical"),
        ],
    )
    async def test_that_breaks_the_strict_rules_is_told_what_it_lacks(
        self, tmp_path: Path, lacks: str, named: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Python 3.13 and newer verify by them; here every Python does."""
        usual = ssl.create_default_context

        def strict(*given: Any, **named: Any) -> ssl.SSLContext:
            context = usual(*given, **named)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context

        monkeypatch.setattr(ssl, "create_default_context", strict)
        authority = Authority(tmp_path, lacks)
        async with Oem(authority.server_context()) as oem:
            answered = await sent(oem.url, ca_file=str(authority.root))
        assert answered.kind is OutcomeKind.NOT_TAKEN
        assert recorded(answered).answer == (
            f"the OEM's certificate is not trusted: {named} "
            "(strict rules of RFC 5280: issue it, or its CA's certificate, anew without that fault)"
        )


def fields(count: int, length: int = 1) -> Ending:
    """An answer with so many header fields besides its own."""
    return answer(202, {"operation": {"id": "7"}}, **{f"X_{number}": "a" * length for number in range(count)})


class TestAnAnswersHeader:
    @pytest.mark.parametrize("ending", [fields(1, 30_000), fields(140), fields(250)])
    async def test_has_sane_room(self, oem: Oem, ending: Ending) -> None:
        oem.answer_with(ending)
        assert (await sent(oem.url)).kind is OutcomeKind.IN_PROGRESS

    @pytest.mark.parametrize(
        ("ending", "why"),
        [
            (fields(1, 33_000), "a header line of the answer is longer than 32768 bytes"),
            (fields(300), "the answer has more than 256 header fields"),
        ],
    )
    async def test_beyond_its_limits_is_named(self, oem: Oem, ending: Ending, why: str) -> None:
        oem.answer_with(ending)
        answered = await sent(oem.url)
        assert answered.kind is OutcomeKind.UNCLEAR
        assert recorded(answered).answer == why

    async def test_may_be_given_more_room_and_less(self, oem: Oem) -> None:
        oem.answer_with(fields(300, 300))
        assert (await sent(oem.url, header_fields=1000)).kind is OutcomeKind.IN_PROGRESS
        narrow = await sent(oem.url, header_fields=16)
        assert recorded(narrow).answer == "the answer has more than 16 header fields"
        oem.answer_with(fields(1, 2000))
        short = await sent(oem.url, header_bytes=1024)
        assert recorded(short).answer == "a header line of the answer is longer than 1024 bytes"

    async def test_that_is_no_http_is_called_so(self, oem: Oem) -> None:
        oem.answer_with(Ending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "close"))
        assert recorded(await sent(oem.url)).answer == "the answer is not HTTP"


class TestAnAnswersBody:
    async def test_beyond_its_limit_is_no_answer_and_its_status_and_size_are_kept(self, oem: Oem) -> None:
        oem.answer_with(answer(202, {"operation": {"id": "7"}, "more": "x" * 100_000}))
        answered = await sent(oem.url)
        assert answered.kind is OutcomeKind.UNCLEAR
        record = recorded(answered)
        assert (record.status, record.answer) == (202, "the answer is larger than 64 KiB")
        assert 65_536 < (record.size or 0) <= 100_100

    async def test_beyond_another_limit_is_told_that_one(self, oem: Oem) -> None:
        oem.answer_with(answer(202, {"operation": {"id": "7"}, "more": "x" * 2000}))
        assert recorded(await sent(oem.url, answer_bytes=2000)).answer == "the answer is larger than 2000 bytes"

    async def test_may_be_given_more_room(self, oem: Oem) -> None:
        document = {"operation": {"id": "7"}, "more": "x" * 100_000}
        oem.answer_with(answer(202, document))
        answered = await sent(oem.url, answer_bytes=200_000)
        assert answered.kind is OutcomeKind.IN_PROGRESS
        assert recorded(answered).size == len(json.dumps(document))
