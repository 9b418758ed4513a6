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

import anyio
import httpcore
import httpx
import pytest

from kernel import INHERITED, ROOT, running_kernel
from raw_server import RawServer, Reply, raw_server
from seedream_magic import ConfigError, ImageSet, InvalidRequest, Seedream
from seedream_magic.api.connection import host_of_proxy, new_client, probe, proxy_for
from seedream_magic.api.network_errors import certificate_hint, reason
from served import KEY
from service import PICTURE, POST, picture, whole_answer

API = "https://api.example/v1/images/generations"


@pytest.mark.fault("F08")
@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, API, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://somebody:canary@proxy.example:3128"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://somebody:can@ary@proxy.example:3128/"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "somebody:canary@proxy.example"}, API, "proxy.example"),
        ({"ALL_PROXY": "socks5://[::1]:1080"}, API, "[::1]:1080"),
        ({"ALL_PROXY": "http://all.example:1", "HTTPS_PROXY": "http://one.example:2"}, API, "one.example:2"),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, API, ""),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, "http://127.0.0.1:1/v1", ""),
        ({"ALL_PROXY": "socks5://proxy.example:3128"}, "https://[::1]:1/v1", ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "https://api.localhost/v1", ""),
        ({"HTTPS_PROXY": "http://u:can#ary@proxy.example:3128"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://[::1:x"}, API, "[::1:x"),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example"}, API, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}, API, ""),
        ({"HTTPS_PROXY": ""}, API, ""),
    ],
)
def test_the_proxy_that_the_environment_names(
    variables: dict[str, str], url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host and port, for errors: neither user nor password, whatever signs are in it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert host_of_proxy(proxy_for(url)) == proxy


@pytest.mark.fault("F06")
@pytest.mark.parametrize(
    ("told", "dated"),
    [
        ("certificate verify failed: certificate has expired", True),
        ("certificate verify failed: certificate is not yet valid", True),
        ("certificate verify failed: self-signed certificate", False),
        ("certificate verify failed: Hostname mismatch", False),
    ],
)
def test_a_certificate_out_of_its_time_tells_what_time_it_is_here(told: str, *, dated: bool) -> None:
    """Mostly it is this machine's clock that is wrong; and in no case is looking away offered."""
    hint = certificate_hint(told)
    assert ("clock says 20" in hint) is dated
    assert "clock" in hint
    assert hint.endswith("the certificate is never left unchecked.")


def chained(*faults: BaseException) -> BaseException:
    """The first of the faults, each raised on top of the next, the last one in a context that a library suppresses."""
    for fault, cause in pairwise(faults):
        if cause is faults[-1]:
            fault.__context__, fault.__suppress_context__ = cause, True
        else:
            fault.__cause__ = cause
    return faults[0]


RESET = ConnectionResetError(104, "Connection reset by peer")
FAULTS: list[tuple[BaseException, str]] = [
    (OSError("It broke."), "It broke"),
    (OSError(5, "Input/output error"), "Input/output error"),
    (httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
    (chained(httpx.ReadError(""), httpcore.ReadError(""), anyio.BrokenResourceError(), RESET), str(RESET.strerror)),
    (chained(httpx.ReadError(""), httpcore.ReadError(), anyio.EndOfStream()), "the other side closed the connection"),
    (ExceptionGroup("unhandled errors in a TaskGroup", [anyio.EndOfStream()]), "the other side closed the connection"),
    (asyncio.IncompleteReadError(b"", 5), "the other side closed the connection too early"),
    (httpx.ReadError("()"), "the connection broke while the answer was read"),
    (httpx.ReadError("ReadError('')"), "the connection broke while the answer was read"),
    (httpx.WriteError(""), "the connection broke while the request was sent"),
    (httpx.ReadTimeout(""), "nothing came for too long"),
    (httpx.WriteTimeout(""), "the other side took no more of what was sent"),
    (httpx.ConnectTimeout(" "), "no connection came about in time"),
    (httpx.PoolTimeout("None"), "no connection was free in time"),
    (httpx.RemoteProtocolError(""), "what came is no HTTP"),
    (anyio.ClosedResourceError(), "the connection was closed on this side"),
    (BrokenPipeError(), "the other side broke the connection off"),
    (TimeoutError(), "it took too long"),
    (RuntimeError(), "it gave no reason but its name, RuntimeError"),
    (ValueError("连接被重置"), "连接被重置"),
    (OSError("to https://me:canary@proxy.example/?X-Tos-Signature=canary"), "to https://…@proxy.example/?…"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[type(fault).__name__ for fault, _ in FAULTS])
def test_every_fault_has_a_reason_in_words(fault: BaseException, words: str) -> None:
    """Its own, its cause's, or what its kind means: never nothing, "()" or the name of a class alone."""
    assert reason(fault) == words


def test_a_reason_is_short() -> None:
    """It stands in a sentence of ours."""
    assert len(reason(ValueError("x" * 5000))) == 120


# The way to this machine, whatever the environment says of proxies and certificates.

PROXIES = ("http_proxy", "HTTPS_PROXY", "ALL_PROXY")
MISSING = "/no/such/folder/certificates.pem"
HOSTILE: dict[str, dict[str, str]] = {
    "a proxy for all": dict.fromkeys(PROXIES, "PROXY"),
    "a proxy for all, but for other hosts": dict.fromkeys(PROXIES, "PROXY") | {"no_proxy": "example.com"},
    "the proxy of Clash": {"ALL_PROXY": "socks://127.0.0.1:7897", "all_proxy": "socks://127.0.0.1:7897"},
    "a SOCKS proxy": {"all_proxy": "socks5h://127.0.0.1:1080", "https_proxy": "socks5://127.0.0.1:1080"},
    "a proxy of a kind that nobody knows": {"http_proxy": "nonsense://h", "https_proxy": "nonsense://h"},
    "a port that is none": {"HTTPS_PROXY": "http://proxy.example:x", "http_proxy": "http://proxy.example:99999"},
    "a password with signs": {"https_proxy": "http://u:ca#na/ry?@h:1", "all_proxy": "http://u:[x@h:1"},
    "an address that is none": {"http_proxy": "http://[::1", "https_proxy": "://", "all_proxy": "http://"},
    "IPv6 in NO_PROXY": {"http_proxy": "PROXY", "NO_PROXY": "[::1],::1,fe80::/10,[fe80::]:80"},
    "nonsense in NO_PROXY": {"http_proxy": "PROXY", "NO_PROXY": "10.0.0.0/8,http://[,*.*,,:80,localhost:x"},
    "all in NO_PROXY": {"http_proxy": "socks://h", "no_proxy": "*"},
    "certificates that are not there": {
        "SSL_CERT_FILE": MISSING,
        "SSL_CERT_DIR": MISSING,
        "REQUESTS_CA_BUNDLE": MISSING,
        "CURL_CA_BUNDLE": MISSING,
    },
    "certificates that are none": {"SSL_CERT_FILE": __file__, "SSL_CERT_DIR": __file__},
}
PROGRAM = """
import json, sys
from seedream_magic import Seedream
from seedream_magic.api.connection import probe
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
    plain |= {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "SEEDREAM_DEMO_DELAY": "0"}
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


@pytest.mark.kernel
def test_a_notebook_draws_in_a_hostile_environment(service: RawServer, proxy: RawServer, tmp_path: Path) -> None:
    """The demo, doctor with its probe and `recover`, in a real kernel that has every wrong setting at once."""
    environment = settings(HOSTILE["a password with signs"] | {"http_proxy": "PROXY", "NO_PROXY": "[::1]"}, proxy)
    environment |= HOSTILE["certificates that are not there"] | {
        "SEEDREAM_PROVIDER": "demo",
        "SEEDREAM_DEMO_DELAY": "0",
    }
    with running_kernel(environment=environment, directory=tmp_path) as kernel:
        assert kernel.run("%load_ext seedream_magic").ename is None
        assert kernel.run("%%seedream kite << -n 2\na kite").ename is None
        assert kernel.run("kite[0].path.unlink()\n%seedream recover").ename is None
        assert kernel.run("len(kite.ok)").outputs[-1].text == "2"
        kernel.run(f"%config SeedreamMagics.base_url = '{service.url}/v1'\n%seedream use anyfast")
        report = kernel.run("%seedream doctor --probe").stdout
    assert "127.0.0.1: DNS 127.0.0.1" in report
    assert "none for this provider" in report


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


@pytest.mark.parametrize("excepted", [".api.example", "api.example:443", "example", "*"])
def test_a_request_takes_the_proxy_that_doctor_names(
    excepted: str, proxy: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one reading of HTTPS_PROXY and NO_PROXY: what is excepted is so for requests, probe and report alike."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", excepted)
    monkeypatch.setattr("socket.getaddrinfo", no_name)
    assert proxy_for("https://api.example/v1") is None
    assert (probe("https://api.example/v1").steps[-1].name, probe("https://api.example/v1").proxy) == ("DNS", "")

    async def asked() -> None:
        async with new_client(None, url="https://api.example/v1") as client:
            await client.post("https://api.example/v1")

    with pytest.raises(httpx.ConnectError, match="not known"):
        asyncio.run(asked())


def no_name(*_: object, **__: object) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    "variables", [{"HTTPS_PROXY": "socks://h:1"}, {"SSL_CERT_FILE": MISSING}, {"ALL_PROXY": "http://u:canary#x@h"}]
)
def test_other_hosts_need_settings_that_can_be_used(
    variables: dict[str, str], service: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service elsewhere is refused before anything is sent; to one here, the link of a reference elsewhere is."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        drawn("https://api.example", store)
    with pytest.raises(InvalidRequest) as refused:
        drawn(service.url, store, refs="https://pictures.example/1.png")
    for error in (caught.value, refused.value):
        assert "HTTPS_PROXY" in "".join(error.lines())
        assert "canary" not in "".join(error.lines())
    assert service.requests == []
