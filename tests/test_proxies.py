"""Proxies and certificates as machines have them: what the variables mean, and what a person reads where one is wrong.

The proxies are real ones on loopback: what answers CONNECT, and a SOCKS5 server with the package that speaks it.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import logging
import pickle
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from conftest import skip_or_fail
from fault import be_patient_for
from proxy_server import Tunnel, socks_server, tls_service
from raw_server import Hang, RawServer, Reply, json_reply, raw_server
from seedream_magic import ConfigError, ImageError, ImageSet, InvalidRequest, NoConnection, Seedream, SeedreamError
from seedream_magic.api import certificates, proxies
from seedream_magic.api.network_errors import certificate_hint
from seedream_magic.api.probe import probe
from seedream_magic.api.proxies import exceptions, is_excepted, proxy_for
from seedream_magic.images.download import download
from seedream_magic.images.route import image_client
from served import KEY
from service import POST, held, jpeg, picture, whole_answer

API = "https://api.example/v1/images/generations"
PROXY = "http://proxy.example:3128"


def variables(patch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        patch.setenv(name, value)


# What the variables mean


@pytest.mark.fault("F08")
@pytest.mark.parametrize(
    ("values", "url", "proxy"),
    [
        ({}, API, None),
        ({"HTTPS_PROXY": "http://somebody:can%40ary@Proxy.example:3128/"}, API, "proxy.example:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://somebody:can@ary@proxy.example:3128"}, API, "proxy.example:3128 (HTTPS_PROXY)"),
        ({"https_proxy": ' "proxy.example" \r'}, API, "proxy.example (https_proxy)"),
        ({"Https_Proxy": PROXY}, API, "proxy.example:3128 (Https_Proxy)"),
        ({"ALL_PROXY": "socks5://[::1]:1080"}, API, "[::1]:1080 (ALL_PROXY)"),
        ({"all_proxy": "SOCKS://127.0.0.1:7897"}, API, "127.0.0.1:7897 (all_proxy)"),
        ({"ALL_PROXY": "http://all.example:1", "HTTPS_PROXY": PROXY}, API, "proxy.example:3128 (HTTPS_PROXY)"),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example:1"}, API, "proxy.example:3128 (https_proxy)"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, API, None),
        ({"https_proxy": " ", "ALL_PROXY": PROXY}, API, "proxy.example:3128 (ALL_PROXY)"),
        ({"HTTP_PROXY": PROXY}, API, None),
        *(({"http_proxy": PROXY, "ALL_PROXY": PROXY}, url, None) for url in (
            "http://127.0.0.1:1/v1", "https://[::1]:1/v1", "https://api.localhost/v1", "http://LOCALHOST.:1/",
            "https://[::ffff:127.0.0.1]:1/v1", "http://127.9.9.9/",
        )),
    ],
)  # fmt: skip
def test_the_proxy_that_the_environment_names(
    values: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that names it, in either case; what is printed of it is host and port, no user, no password."""
    variables(monkeypatch, values)
    found = proxy_for(url)
    assert (str(found) if found else None) == proxy
    assert not any(part in f"{found!r}{found}" for part in ("somebody", "can", "ary@"))


def test_the_settings_of_the_system_count_where_no_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows names SOCKS as socks4://, macOS under a key of its own; both mean the program's port, which takes 5."""
    for system in ({"https": "socks4://127.0.0.1:7890"}, {"socks": "http://127.0.0.1:7890"}):
        monkeypatch.setattr(proxies, "getproxies", lambda system=system: system)
        found = proxy_for(API)
        assert found is not None
        assert (found.url, found.source) == ("socks5://127.0.0.1:7890", "the system's settings")
    monkeypatch.setattr(proxies, "proxy_bypass", lambda host: host == "api.example")
    assert proxy_for(API) is None
    monkeypatch.setenv("http_proxy", PROXY)
    assert proxy_for(API) is None


@pytest.mark.parametrize(
    ("entries", "host", "port", "excepted"),
    [
        ("*", "api.example", 443, True),
        ("example", "api.example", 443, True),
        (".example", "api.example", 443, True),
        ("*.example", "api.example", 443, True),
        ("EXAMPLE.", "API.example", 443, True),
        ("ample", "api.example", 443, False),
        ("api.example:443", "api.example", 443, True),
        ("api.example:8443", "api.example", 443, False),
        ("https://api.example/", "api.example", 443, True),
        ("a b,api.example;c", "api.example", 443, True),
        ("[::1],[fe80::]:80", "2001:db8::1", 443, False),
        ("[2001:db8::1]", "2001:db8::1", 443, True),
        ("2001:db8:0:0::1", "2001:db8::1", 443, True),
        ("[2001:db8::1]:8443", "2001:db8::1", 443, False),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("[2001:db8::]/32", "2001:db8::1", 443, True),
        ("2001:db8::/32", "api.example", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3/8", "10.9.9.9", 443, True),
        ("10.*", "10.1.2.3", 443, True),
        ("192.168.1.7:443", "192.168.1.7", 443, True),
        ("<local>", "intranet", 443, True),
        ("<local>", "api.example", 443, False),
        (" , ,", "api.example", 443, False),
    ],
)
def test_the_hosts_that_no_proxy_is_asked_for(
    entries: str, host: str, port: int, *, excepted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names with all below them, addresses of both kinds, in brackets or not, networks; a port narrows an entry."""
    monkeypatch.setenv("NO_PROXY", entries)
    assert is_excepted(host, port) is excepted
    found = exceptions()
    assert found is None or found.unreadable == ()


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://[", "[::1", "[x]", "localhost:x", ":80", "a/b", "fe80::/x"])
def test_an_entry_that_cannot_be_read_excepts_nothing(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by name; the others hold. A password in it is not repeated."""
    monkeypatch.setenv("no_proxy", f"{entry},me:canary@{entry},api.example")
    found = exceptions()
    assert found is not None
    assert (found.source, len(found.unreadable)) == ("no_proxy", 2)
    assert "canary" not in "".join(found.unreadable)
    assert (proxy_for(API), is_excepted("other.example", 443)) == (None, False)


# Real proxies


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for api.example that signs itself, and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: nothing makes a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=api.example -days 2"
    further = "-addext subjectAltName=DNS:api.example -keyout own.key -out own.pem"
    subprocess.run(["openssl", *made.split(), *further.split()], cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "own.key").read_text() + (folder / "own.pem").read_text())
    return folder / "both.pem"


@pytest.fixture
def service(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """https://api.example, which only a proxy reaches: it sends a picture in base64."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with tls_service({POST: in_base64, ("HEAD", "/"): Reply(200)}, certificate) as server:
        yield server


def in_base64(request: Any) -> Reply:
    return json_reply({"data": [{"b64_json": base64.b64encode(jpeg(3)).decode()}], "usage": {"generated_images": 1}})


def port_of(server: RawServer) -> int:
    return int(server.url.rpartition(":")[2])


def drawn(store: Path, prompt: str = "a boat", *, url: str = "https://api.example", **options: Any) -> ImageSet:
    return Seedream("anyfast", api_key=KEY, base_url=f"{url}/v1", store=store).generate(prompt, **options)


def caught(store: Path, prompt: str = "a boat", **options: Any) -> SeedreamError:
    with pytest.raises(SeedreamError) as error:
        drawn(store, prompt, **options)
    return error.value


@pytest.fixture
def socks_package() -> None:
    if importlib.util.find_spec("socksio") is None:
        skip_or_fail("socksio is not installed")


@pytest.mark.parametrize("kind", ["socks", "socks5", "socks5h"])
def test_a_picture_comes_through_a_socks_proxy(
    kind: str, service: RawServer, socks_package: None, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Clash writes it; the proxy is told the name of the host, and nobody here looks it up."""
    with socks_server(port_of(service)) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:{proxy.port}")
        assert len(drawn(store).ok) == 1
        assert proxy.asked == ["api.example:443"]
    assert (service.posts, service.requests[0].headers["host"]) == (1, "api.example")


@pytest.mark.parametrize("written", ["pa@ss", "pa%40ss", "p%23a%2Fss%3F"])
def test_a_password_with_signs_reaches_the_proxy(
    written: str, service: RawServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escaped it may hold any sign; a raw @ is read as curl reads it, the last one parts."""
    with raw_server({("CONNECT", "api.example:443"): Tunnel(port_of(service))}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//me:{written}@"))
        assert len(drawn(store).ok) == 1
        (asked,) = proxy.requests
    assert (
        asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(f"me:{unquote(written)}".encode()).decode()
    )


@pytest.mark.fault("F08")
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_wrong_password_is_sent_once(
    kind: str,
    service: RawServer,
    socks_package: None,
    store: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Four would lock an account: no further attempt, and eight runs at once send one together. Another is sent. None
    is logged.
    """
    caplog.set_level(logging.DEBUG)

    async def eight(seedream: Seedream) -> list[object]:
        runs = [seedream.agenerate(f"boat {number}") for number in range(8)]
        return await asyncio.gather(*runs, return_exceptions=True)

    with raw_server({("CONNECT", ""): Reply(407)}) as http, socks_server(port_of(service), login=b"me:right") as socks:
        port = port_of(http) if kind == "http" else socks.port
        monkeypatch.setenv("HTTPS_PROXY", f"{kind}://me:pass-canary@127.0.0.1:{port}")
        seedream = Seedream("anyfast", api_key=KEY, base_url="https://api.example/v1", store=store)
        errors = asyncio.run(eight(seedream))
        assert [type(error) for error in errors] == [NoConnection] * 8
        assert max(http.count("CONNECT"), len(socks.logins)) == 1
        told = "\n".join(line for error in errors if isinstance(error, NoConnection) for line in error.lines())
        assert f"The proxy 127.0.0.1:{port} (HTTPS_PROXY) does not take this user and password" in told
        assert "%40" in told
        assert not any(part in told for part in ("canary", "me:", "Tried"))
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://me:right@127.0.0.1:{socks.port}")
        assert len(drawn(store, "another boat").ok) == 1
    assert "connect_tcp" in caplog.text
    assert not any(part in caplog.text for part in ("canary", "right", base64.b64encode(b"me:pass-canary").decode()))
    assert service.posts == 1


def test_a_wrong_password_is_sent_once_for_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a gateway on this machine the pictures alone go through the proxy: fifteen at once ask it once."""

    async def fifteen() -> list[object]:
        async with image_client(base_url="http://127.0.0.1:1/v1") as client:
            links = [f"https://ark.tos-cn-beijing.volces.com/{number}.jpeg" for number in range(15)]
            loads = [download(client, link, held, allow_loopback=True) for link in links]
            return await asyncio.gather(*loads, return_exceptions=True)

    with raw_server({("CONNECT", ""): Reply(407)}) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url.replace("//", "//me:pass-canary@"))
        errors = asyncio.run(fifteen())
        assert proxy.count("CONNECT") == 1
    for error in errors:
        assert type(error) is ImageError
        assert "does not take this user and password" in str(error)
        assert "ALL_PROXY" in error.hint
        assert "canary" not in "".join(error.lines())


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_proxy_that_says_nothing_is_left(
    kind: str, socks_package: None, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has been sent, so it does not take as long as a picture may; httpx has no limit for SOCKS at all."""
    be_patient_for(monkeypatch, connection=0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        raw_server({("CONNECT", ""): Hang(threading.Event())}) as hang,
    ):
        port = silent.getsockname()[1] if kind == "socks5" else port_of(hang)
        monkeypatch.setenv("ALL_PROXY", f"{kind}://127.0.0.1:{port}")
        error = caught(store)
    assert (type(error), error.billed) == (NoConnection, "no")
    assert f"api.example through the proxy 127.0.0.1:{port} (ALL_PROXY) was not reached" in str(error)
    assert "no connection within 0." in str(error)


# What is wrong with them


DEAD = "http://127.0.0.1:9"
FAULTS = [
    ({"HTTPS_PROXY": "http://me:can#ary@h:1"}, ConfigError, ["HTTPS_PROXY", "%23", "%40"]),
    ({"https_proxy": "http://me:can/ary@h:1"}, ConfigError, ["https_proxy", "%2F"]),
    ({"ALL_PROXY": "http://me:12/canary@h:1"}, ConfigError, ["ALL_PROXY", "%2F"]),
    ({"ALL_PROXY": "http://me:can?ary@h:1"}, ConfigError, ["ALL_PROXY", "%3F"]),
    ({"HTTPS_PROXY": "http://me:can@ary@127.0.0.1:9"}, NoConnection, ["127.0.0.1:9 (HTTPS_PROXY)", "%40"]),
    ({"HTTPS_PROXY": "http://me:canary"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy", "http://HOST:PORT"]),
    ({"HTTPS_PROXY": "me:canary@h:x"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy"]),
    ({"HTTPS_PROXY": "http://::1:canary"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy"]),
    ({"HTTPS_PROXY": "http://[::1"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy"]),
    ({"HTTPS_PROXY": "http://"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy"]),
    ({"HTTPS_PROXY": "http://h:99999"}, ConfigError, ["HTTPS_PROXY is not the address of a proxy"]),
    ({"HTTPS_PROXY": "http://h\u200b:1"}, ConfigError, ["HTTPS_PROXY"]),
    ({"HTTPS_PROXY": "socks4://me:canary@h:1"}, ConfigError, ["HTTPS_PROXY", "socks5://"]),
    ({"ALL_PROXY": "canary://h:1"}, ConfigError, ["ALL_PROXY", "socks5://"]),
    ({"ALL_PROXY": DEAD}, NoConnection, ["The proxy 127.0.0.1:9 (ALL_PROXY) was not reached", "%env ALL_PROXY="]),
    ({"ALL_PROXY": DEAD}, NoConnection, ["Connection refused"]),
    ({"ALL_PROXY": DEAD, "NO_PROXY": "[::1,x"}, NoConnection, ["NO_PROXY has [::1, which excepts"]),
    ({"SSL_CERT_FILE": "/no/such.pem"}, ConfigError, ["SSL_CERT_FILE names /no/such.pem, and there is no such file"]),
    ({"SSL_CERT_FILE": "/tmp"}, ConfigError, ["SSL_CERT_FILE names /tmp, which is a folder: SSL_CERT_DIR is for one"]),
    ({"SSL_CERT_FILE": __file__}, ConfigError, ["SSL_CERT_FILE", "which holds no certificate", "%env SSL_CERT_FILE="]),
    ({"SSL_CERT_DIR": "/no/such"}, ConfigError, ["SSL_CERT_DIR names /no/such, and there is no such folder"]),
    ({"SSL_CERT_DIR": __file__}, ConfigError, ["SSL_CERT_DIR", "which is a file: SSL_CERT_FILE is for one"]),
    ({"SSL_CERT_DIR": str(Path(__file__).parent)}, ConfigError, ["SSL_CERT_DIR", "holds no certificates"]),
    ({"SSL_CERT_FILE": "/no/such.pem", "ALL_PROXY": DEAD}, ConfigError, ["SSL_CERT_FILE"]),
]  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "words"), FAULTS, ids=[str(sorted(row[0].items())) for row in FAULTS])
def test_what_is_wrong_is_told_with_its_variable(  # noqa: PLR0917 - a row of the table
    values: dict[str, str],
    kind: type[SeedreamError],
    words: list[str],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """For a request, and for the link of a reference behind a service of this machine; no piece of a password anywhere:
    not in text, cause, traceback, pickle or log.
    """
    variables(monkeypatch, values)
    monkeypatch.setattr("seedream_magic.api.retry._spread", lambda *_: 0.0)  # attempts follow at once
    caplog.set_level(logging.DEBUG)
    error = caught(store)
    lines = error.lines()
    assert (type(error), error.billed, len(lines)) == (kind, "no", 1)
    for word in words:
        assert word in lines[0]
    assert not lines[0].endswith((": .", "(). Nothing was sent."))
    with raw_server({POST: whole_answer, ("GET", "/"): picture}) as server:
        refused = caught(store, url=server.url, refs="https://pictures.example/1.png")
        assert server.posts == 0
    assert isinstance(refused, InvalidRequest)
    written = "".join(file.read_text("utf-8", "replace") for file in store.rglob("*") if file.is_file())
    everything = "".join([
        *lines, *refused.lines(), caplog.text, written, repr(pickle.dumps(error)), repr(pickle.dumps(refused)),
        *traceback.format_exception(error), *traceback.format_exception(refused), repr(probe("https://api.example/v1")),
    ])  # fmt: skip
    assert not re.search(r"canary|can[#/?@]|[#/?@]ary|//me:|\bary\b", everything)


# Certificates


@pytest.mark.parametrize(
    ("values", "truststore", "words"),
    [
        ({}, False, ["SSL_CERT_FILE", '%pip install "seedream-magic[truststore]"']),
        ({}, True, ["name its certificate in SSL_CERT_FILE."]),
        (
            {"REQUESTS_CA_BUNDLE": "/x.pem"},
            False,
            ["REQUESTS_CA_BUNDLE is not read here: name its file in SSL_CERT_FILE"],
        ),
        ({"REQUESTS_CA_BUNDLE": "/x", "CURL_CA_BUNDLE": "/y"}, True, ["REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"]),
        (
            {"SSL_CERT_FILE": "/x.pem", "CURL_CA_BUNDLE": "/y"},
            True,
            ["Only what SSL_CERT_FILE names (/x.pem) is trusted"],
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_says_which_are(
    values: dict[str, str], words: list[str], *, truststore: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variables that are in force, and by what requests and curl read and this client does not."""
    variables(monkeypatch, values)
    monkeypatch.setattr("seedream_magic.api.network_errors.has_truststore", lambda: truststore)
    hint = certificate_hint("certificate verify failed: self-signed certificate in certificate chain")
    assert all(word in hint for word in words)
    assert ("pip install" in hint) is (not truststore and not values)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the system's store is not a file there")
def test_the_systems_certificates_are_taken_where_truststore_is(
    certificate: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real connection through a real proxy: what OpenSSL has as the system's is trusted; without the package not."""
    pytest.importorskip("truststore")
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile=str(certificate)))
    with (
        tls_service({POST: in_base64}, certificate) as server,
        raw_server({("CONNECT", ""): Tunnel(port_of(server))}) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for installed in (False, True):
            certificates._trusted.cache_clear()
            monkeypatch.setattr(certificates, "has_truststore", lambda installed=installed: installed)
            if installed:
                assert len(drawn(store, "of the system").ok) == 1
            else:
                assert "The certificate of api.example" in str(caught(store, "a stranger"))
    certificates._trusted.cache_clear()
    assert server.posts == 1
