"""Which proxy is in the way, that none is on the way to this machine, and what faults of connections are called."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import anyio
import httpcore
import httpx
import pytest

from kernel import INHERITED, ROOT
from raw_server import RawServer, Reply, raw_server
from seedream_magic import ImageSet, Seedream
from seedream_magic.api.connection import new_client
from seedream_magic.api.network_errors import certificate_hint, reason
from seedream_magic.api.probe import probe
from seedream_magic.api.proxies import proxy_for
from served import KEY
from service import PICTURE, POST, picture, whole_answer


@pytest.mark.fault("F06")
@pytest.mark.parametrize(
    ("told", "dated"),
    [("certificate has expired", True), ("certificate is not yet valid", True), ("Hostname mismatch", False)],
)
def test_a_certificate_out_of_its_time_tells_what_time_it_is_here(told: str, *, dated: bool) -> None:
    """Mostly it is this machine's clock that is wrong; in no case is looking away offered."""
    hint = certificate_hint(f"certificate verify failed: {told}")
    assert ("clock says 20" in hint) is dated
    assert "clock" in hint
    assert "verify" not in hint


def chained(*faults: BaseException) -> BaseException:
    """The first of the faults, each raised on top of the next; a library suppresses the context of the last."""
    for fault, cause in pairwise(faults):
        fault.__context__, fault.__suppress_context__ = cause, cause is faults[-1]
        fault.__cause__ = None if cause is faults[-1] else cause
    return faults[0]


RESET = ConnectionResetError(104, "Connection reset by peer")
FAULTS: list[tuple[BaseException, str]] = [
    (OSError(5, "Input/output error"), "Input/output error"),
    (httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
    (chained(httpx.ReadError(""), httpcore.ReadError(""), anyio.BrokenResourceError(), RESET), str(RESET.strerror)),
    (chained(httpx.ReadError(""), httpcore.ReadError(), anyio.EndOfStream()), "the other side closed the connection"),
    (ExceptionGroup("unhandled errors in a TaskGroup", [anyio.EndOfStream()]), "the other side closed the connection"),
    (httpx.ReadError("ReadError('')"), "the connection broke while the answer was read"),
    (httpx.WriteTimeout(""), "the other side took no more of what was sent"),
    (httpx.PoolTimeout("None"), "no connection was free in time"),
    (httpx.RemoteProtocolError("()"), "what came is not HTTP"),
    (TimeoutError(), "it took too long"),
    (
        chained(
            httpx.ConnectError("All connection attempts failed"),
            OSError("All connection attempts failed"),
            ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"),
        ),
        os.strerror(111),
    ),
    (RuntimeError(), "it gave no reason, only its name, RuntimeError"),
    (OSError("to https://me:canary@proxy.example/?X-Tos-Signature=canary"), "to https://…@proxy.example/?…"),
    (ValueError("x" * 5000), "x" * 120),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[type(fault).__name__ for fault, _ in FAULTS])
def test_every_fault_has_a_reason_in_words(fault: BaseException, words: str) -> None:
    """Its own, its cause's, or what its kind means: never nothing, "()" or the name of a class alone."""
    assert reason(fault) == words


# The way to this machine, whatever the environment says of proxies and certificates.

PROXIES = ("http_proxy", "HTTPS_PROXY", "ALL_PROXY")
MISSING = "/no/such/folder/certificates.pem"
HOSTILE: dict[str, dict[str, str]] = {
    "a proxy for all": dict.fromkeys(PROXIES, "PROXY"),
    "the proxy of Clash": {"ALL_PROXY": "socks://127.0.0.1:7897", "all_proxy": "socks://127.0.0.1:7897"},
    "a proxy of a kind that nobody knows": {"http_proxy": "nonsense://h", "https_proxy": "socks5://127.0.0.1:1080"},
    "a port that is none": {"HTTPS_PROXY": "http://proxy.example:x", "http_proxy": "http://proxy.example:99999"},
    "a password with signs": {"https_proxy": "http://u:ca#na/ry?@h:1", "all_proxy": "http://u:[x@h:1"},
    "an address that is none": {"http_proxy": "http://[::1", "https_proxy": "://", "all_proxy": "http://"},
    "IPv6 in NO_PROXY": {"http_proxy": "PROXY", "NO_PROXY": "[::1],::1,fe80::/10,[fe80::]:80"},
    "nonsense in NO_PROXY": {"http_proxy": "PROXY", "NO_PROXY": "10.0.0.0/8,http://[,*.*,,:80,localhost:x"},
    "certificates that are not there": dict.fromkeys(
        ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), MISSING
    ),
    "certificates that are none": {"SSL_CERT_FILE": __file__, "SSL_CERT_DIR": __file__},
}
PROGRAM = """
import json, sys
from seedream_magic import Seedream
from seedream_magic.api.probe import probe
url, store = sys.argv[1:]
demo = Seedream("demo", store=store).generate("a kite", images=2)
local = Seedream("anyfast", api_key="sk-CANARY-3f9c2b71", base_url=url + "/v1", store=store).generate("a boat")
print(json.dumps([len(demo.ok), len(local.ok), probe(url + "/v1").ok]))
"""
"""The demo, a service on this machine, and the probe of `%seedream doctor`."""


@pytest.fixture
def service() -> Iterator[RawServer]:
    """A service on this machine that answers, with pictures."""
    with raw_server({POST: whole_answer, PICTURE: picture, ("HEAD", "/"): Reply(200)}) as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[RawServer]:
    """A proxy that must not be asked: at the end no connection had come."""
    with raw_server({}) as server:
        yield server
        assert (server.connections, server.requests) == (0, [])


def settings(variables: dict[str, str], proxy: RawServer) -> dict[str, str]:
    return {name: value.replace("PROXY", proxy.url) for name, value in variables.items()}


def test_the_program_works_on_this_machine_in_any_environment(
    service: RawServer, proxy: RawServer, tmp_path: Path
) -> None:
    """In a process of its own each, so that whatever is read as the libraries load is read as well; all at once."""
    plain = {name: os.environ[name] for name in INHERITED if name in os.environ}
    plain |= {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "SEEDREAM_DEMO_DELAY": "0", "SEEDREAM_LIBRARY": ""}
    began: dict[str, subprocess.Popen[str]] = {}
    for number, (name, variables) in enumerate(HOSTILE.items()):
        command = [sys.executable, "-c", PROGRAM, service.url, str(tmp_path / str(number))]
        environment = plain | settings(variables, proxy)
        began[name] = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    ended = {name: process.communicate(timeout=120) for name, process in began.items()}
    said = {name: json.loads(printed) if printed else errors for name, (printed, errors) in ended.items()}
    assert said == {name: [2, 1, True] for name in HOSTILE}


def drawn(url: str, store: Path, **options: Any) -> ImageSet:
    return Seedream("anyfast", api_key=KEY, base_url=f"{url}/v1", store=store).generate("a boat", **options)


def test_names_below_localhost_are_this_machine(
    service: RawServer, proxy: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6761: for the request, its pictures and the probe; no resolver has to know them. The Host header stays."""
    monkeypatch.setenv("http_proxy", proxy.url)
    url = service.url.replace("127.0.0.1", "seedream.localhost")
    assert len(drawn(url, store).ok) == 1
    assert probe(f"{url}/v1").ok
    assert {request.headers["host"] for request in service.requests} == {url.removeprefix("http://")}


@pytest.mark.parametrize("excepted", ["api.example:443", "example", "*"])
def test_a_request_takes_the_proxy_that_doctor_names(
    excepted: str, proxy: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one reading of HTTPS_PROXY and NO_PROXY: what is excepted is so for requests, probe and report alike."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", excepted)
    monkeypatch.setattr("socket.getaddrinfo", Mock(side_effect=socket.gaierror(socket.EAI_NONAME, "not known")))
    assert proxy_for("https://api.example/v1") is None
    assert (probe("https://api.example/v1").steps[-1].name, probe("https://api.example/v1").proxy) == ("DNS", None)

    async def asked() -> None:
        async with new_client(None, url="https://api.example/v1") as client:
            await client.post("https://api.example/v1")

    with pytest.raises(httpx.ConnectError, match="not known"):
        asyncio.run(asked())
