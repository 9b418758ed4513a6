"""Links of pictures that point elsewhere: no spelling, redirect, answer of a resolver or proxy opens the way inside."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import shutil
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_server import Drip, RawServer, Reply, head, raw_server
from seedream_magic import ConfigError, ImageError, InvalidRequest, Seedream, UnsafeURL
from seedream_magic.api.connection import new_client
from seedream_magic.api.models import LARGEST_PICTURE_BYTES
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS
from seedream_magic.images.download import download
from seedream_magic.images.route import (
    PinnedRoute,
    Target,
    check_link,
    find_target,
    image_client,
    is_picture_host,
    is_public,
)
from seedream_magic.images.verify import PictureFacts
from service import black_png, gzip_bomb, held, jpeg

pytestmark = pytest.mark.usefixtures("no_pause")

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:4700::6810:1"
WHOLE = Reply(200, {"Content-Type": "image/jpeg"}, jpeg(1))
FACTS = PictureFacts("image/jpeg", "jpg", 64, 48)

INSIDE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
"""This machine, private, shared and link-local networks, the metadata of clouds, what is reserved or for examples."""
INSIDE_6 = (
    "::", "::1", "::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:2::1", "2001:db8::1", "3fff::1",
    "4000::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip


def as_parts(address: str) -> tuple[int, int, int, int]:
    one, two, three, four = IPv4Address(address).packed
    return one, two, three, four


def in_two_groups(address: str) -> str:
    """The address as the last 32 bits of an IPv6 one."""
    one, two, three, four = as_parts(address)
    return f"{one:02x}{two:02x}:{three:02x}{four:02x}"


def short(address: str) -> str:
    """127.1 for 127.0.0.1: the last number takes all the bytes that are left."""
    one, two, three, four = as_parts(address)
    return f"{one}.{(two << 16) + (three << 8) + four}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "dotted": str,
    "decimal": lambda address: str(int(IPv4Address(address))),
    "hexadecimal": lambda address: hex(int(IPv4Address(address))),
    "hexadecimal parts": lambda address: ".".join(map(hex, as_parts(address))),
    "octal parts": lambda address: ".".join(f"0{part:o}" for part in as_parts(address)),
    "short": short,
    "trailing dot": lambda address: f"{address}.",
    "full-width digits": lambda address: address.translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
    "ideographic dots": lambda address: address.replace(".", "\u3002"),
    "percent": lambda address: "".join(f"%{ord(character):02x}" for character in address),
    "mapped": lambda address: f"[::ffff:{address}]",
    "compatible": lambda address: f"[::{address}]",
    "NAT64": lambda address: f"[64:ff9b::{in_two_groups(address)}]",
    "6to4": lambda address: f"[2002:{in_two_groups(address)}::1]",
    "Teredo": lambda address: f"[2001:0:{in_two_groups(PUBLIC)}::{in_two_groups(address)}]",
    "zone id": lambda address: f"[fe80::{in_two_groups(address)}%25eth0]",
}


def answers(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that always gives these."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def unasked(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host}:{port} was looked up")


def target(url: str, *addresses: str, allow_loopback: bool = False, behind_proxy: bool = False) -> Target:
    resolve = answers(*addresses) if addresses else unasked
    given = find_target(url, allow_loopback=allow_loopback, behind_proxy=behind_proxy, resolve=resolve)
    return asyncio.run(given)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_inner_address_is_refused_in_every_spelling(spelling: str) -> None:
    """By its form alone: no resolver is asked. A public address passes as it is usually spelled only."""
    for address in (*INSIDE, PUBLIC):
        for port in ("", ":443"):
            if (address, spelling) != (PUBLIC, "dotted"):
                with pytest.raises(UnsafeURL):
                    target(f"https://{SPELLINGS[spelling](address)}{port}/1.jpeg")


@pytest.mark.parametrize("address", [*INSIDE, *INSIDE_6, "::ffff:127.0.0.1"])
def test_one_inner_answer_condemns_the_name(address: str) -> None:
    """Wherever it stands among public ones: which of them a connection takes is nobody's to say."""
    for given_answers in ([address], [PUBLIC, address], [PUBLIC, PUBLIC_6, address, PUBLIC]):
        with pytest.raises(UnsafeURL, match="example\\.com"):
            target("https://example.com/1.jpeg", *given_answers)
    for text in (f"[{address}]", f"[{IPv6Address(address).exploded}]") if ":" in address else ():
        with pytest.raises(UnsafeURL):
            target(f"https://{text}/1.jpeg")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/1.jpeg#part",
        "https://@example.com/1.jpeg",
        "https://example.com@127.0.0.1/1.jpeg",
        "https://example.com:80/1.jpeg",
        "https://example.com:-443/1.jpeg",
        "https://example.com\x00.evil.net/1.jpeg",
        "https://example.com%00.evil.net/1.jpeg",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\x85",
        "https://example..com/",
        "https://" + "a" * 64 + ".com/",
        "https://ex\u00e4mple.com/",
        "https://[v1.fe80]/",
        "https://[2606:4700::6810:1%25lo]/",
        "https:example.com/",
        "//example.com/",
        "https://example.com/" + "x" * 4077,
        "https://a\ud800b/1.jpeg",
    ],
)
def test_a_link_of_odd_form_is_refused(url: str) -> None:
    """Whatever one program could read in another way than the next one; in words that a terminal can show."""
    for allow_loopback in (True, False):
        with pytest.raises(UnsafeURL) as caught:
            target(url, allow_loopback=allow_loopback)
        str(caught.value).encode()


def test_a_public_name_is_opened_at_all_of_its_addresses() -> None:
    """Both families by turns, each once, no more than six; one without an address may have one at the next attempt."""
    found = target("https://Example.com/1.jpeg", PUBLIC_6, "2606:4700::2", PUBLIC_6, PUBLIC, "2606:4700::3")
    assert found == Target("example.com", (PUBLIC_6, PUBLIC, "2606:4700::2", "2606:4700::3"))
    many = target("https://example.com/", *(f"93.184.216.{last}" for last in range(1, 20)))
    assert many.addresses == tuple(f"93.184.216.{last}" for last in range(1, 7))
    assert target("https://example.com./", PUBLIC).server_name == "example.com"
    assert target("https://example.com/" + "x" * 4076, PUBLIC).addresses == (PUBLIC,)
    assert not any(map(is_public, ("2606:4700::1%eth0", "example.com", "127.1", "")))
    with pytest.raises(OSError, match="has no address"):
        asyncio.run(find_target("https://example.com/", allow_loopback=False, resolve=answers()))


def test_loopback_is_open_to_links_of_loopback_only() -> None:
    """A public name that points to this machine is refused also where this machine serves; and the other way round."""
    assert target("http://localhost:8080/", "::1", "127.0.0.1", allow_loopback=True).addresses == ("::1", "127.0.0.1")
    for url, answer in (("https://example.com/", "127.0.0.1"), ("http://localhost/", PUBLIC)):
        with pytest.raises(UnsafeURL):
            target(url, answer, allow_loopback=True)


ADDRESSES = (
    st.sampled_from([*INSIDE, *INSIDE_6, PUBLIC, PUBLIC_6])
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6, network="2000::/3").map(str)
)
ANY_4 = st.ip_addresses(v=4).map(str)
SPELLED = st.builds(lambda spell, text: spell(text), st.sampled_from([*SPELLINGS.values()]), ANY_4)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,8}){0,3}\.?", fullmatch=True)
PIECES = st.lists(st.sampled_from([*"a.@:%[]1/?\\\u3002\uff11-_", "com", "0x7f"]), max_size=8).map("".join)
HOSTS = NAMES | SPELLED | PIECES | ADDRESSES.map(lambda text: f"[{text}]" if ":" in text else text)
LINKS = st.tuples(
    st.sampled_from(["https", "HTTPS", "http", "ftp"]),
    st.sampled_from(["", "", "", "user@", "user:pass@", "@"]),
    HOSTS,
    st.sampled_from(["", "", ":443", ":", ":0", ":80", ":99999", ":0443", ":\uff14\uff14\uff13"]),
    st.sampled_from(["/1.jpeg", "", "/a?b=c", "/a#b", "/\r\nHost: x", "/ ", "?x", "\\x"]),
).map(lambda parts: f"{parts[0]}://{''.join(parts[1:])}")


@given(LINKS | st.text(max_size=60), st.lists(ADDRESSES, min_size=1, max_size=4))
def test_what_passes_is_https_to_the_open_internet_alone(url: str, found: list[str]) -> None:
    """And the host and port that were judged are those that the HTTP library reads in the same link."""
    try:
        opened = target(url, *found)
    except UnsafeURL:
        return
    link, read = check_link(url, allow_loopback=False), httpx.URL(url)
    assert read.scheme == "https"
    assert (read.port or 443, link.port) == (443, 443)
    assert read.raw_host.decode().lower() == link.host
    assert not read.userinfo
    assert opened.server_name == link.host.removesuffix(".")
    assert set(opened.addresses) <= set(found)
    for address in map(ip_address, found):
        assert address.is_global
        kinds = (address.is_multicast, address.is_reserved, address.is_loopback, address.is_unspecified)
        assert not any(kinds)


class Recorder(httpx.AsyncBaseTransport):
    """Stands in for the socket: public addresses cannot be reached from a test."""

    def __init__(self, *outcomes: Exception | httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._outcomes = iter(outcomes)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def fetch(
    url: str,
    *,
    resolve: Callable[[str, int], Awaitable[Sequence[str]]],
    recorder: Recorder | None = None,
    allow_loopback: bool = False,
) -> tuple[bytes, PictureFacts]:
    """The picture behind a link, by the route of `image_client` with this resolver."""

    def route() -> PinnedRoute:
        made = PinnedRoute(resolve=resolve)
        if recorder is not None:
            made._secure = recorder  # the socket's place
        return made

    async def run() -> tuple[bytes, PictureFacts]:
        async with new_client(None, route=route, timeout=httpx.Timeout(5)) as client:
            picture, _ = await download(client, url, held, allow_loopback=allow_loopback)
            return picture

    return asyncio.run(run())


def test_a_request_goes_to_the_checked_address_under_the_links_name() -> None:
    """Address in the URL; name in the Host header and for the certificate; a connection of its own."""
    recorder = Recorder(httpx.Response(200, content=jpeg(1)))
    url = "https://example.com/a%2Fb.jpeg?X-Tos-Signature=a%2Bb"
    assert fetch(url, resolve=answers(PUBLIC_6), recorder=recorder) == (jpeg(1), FACTS)
    (request,) = recorder.requests
    assert str(request.url) == f"https://[{PUBLIC_6}]/a%2Fb.jpeg?X-Tos-Signature=a%2Bb"
    assert request.headers["host"] == "example.com"
    assert request.headers["connection"] == "close"
    assert request.extensions["sni_hostname"] == "example.com"


def test_the_next_checked_address_is_tried_where_one_refuses() -> None:
    """Without a second lookup; only the last one is given the whole time to connect."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC_6, PUBLIC, "93.184.216.35"]

    recorder = Recorder(
        httpx.ConnectError("refused"), httpx.ConnectTimeout("silent"), httpx.Response(200, content=jpeg(1))
    )
    assert fetch("https://example.com/", resolve=resolve, recorder=recorder) == (jpeg(1), FACTS)
    assert [request.url.host for request in recorder.requests] == [PUBLIC_6, PUBLIC, "93.184.216.35"]
    assert [request.extensions["timeout"]["connect"] for request in recorder.requests] == [3, 3, 5]
    assert asked == ["example.com"]


@pytest.mark.fault("F87")
def test_a_name_that_changes_its_meaning_gets_no_connection_inside() -> None:
    """First public, then this machine: the first answer is the one connected to, the second is refused."""
    turns = iter([[PUBLIC], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(turns)

    recorder = Recorder(httpx.ConnectError("refused"))
    with raw_server({("GET", "/"): WHOLE}) as inner:
        with pytest.raises(UnsafeURL, match=r"is at 127\.0\.0\.1"):
            fetch("https://example.com/", resolve=rebinding, recorder=recorder)
        assert inner.connections == 0
    assert [request.url.host for request in recorder.requests] == [PUBLIC]


@pytest.mark.parametrize("address", [*INSIDE, *(f"[{address}]" for address in INSIDE_6)])
def test_a_redirect_inside_is_not_followed(address: str) -> None:
    """At each hop, with the address written out and with a name that leads to it."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return [address.strip("[]") if host == "inner.example" else PUBLIC]

    for hops, place in itertools.product((0, 2), (address, "inner.example")):
        locations = [f"https://hop{hop}.example/" for hop in range(hops)] + [f"https://{place}/latest/meta-data"]
        recorder = Recorder(*(httpx.Response(302, headers={"Location": location}) for location in locations))
        with pytest.raises(UnsafeURL):
            fetch("https://example.com/", resolve=resolve, recorder=recorder)
        assert [request.url.host for request in recorder.requests] == [PUBLIC] * (hops + 1)


def test_a_redirect_from_outside_to_this_machine_sees_no_connection() -> None:
    """To the very port that listens, in every spelling that a system may understand."""
    spellings = ("localhost", "[::1]", *(spell("127.0.0.1") for spell in SPELLINGS.values()))
    with raw_server({("GET", "/"): WHOLE}) as inner:
        port = inner.url.rpartition(":")[2]
        for spelled, scheme in itertools.product(spellings, ("http", "https")):
            location = [(b"Location", f"{scheme}://{spelled}:{port}/".encode())]
            # What httpx itself finds to be no address is asked for again, as a fault of the way.
            recorder = Recorder(*(httpx.Response(302, headers=location) for _ in range(DOWNLOAD_ATTEMPTS)))
            with pytest.raises(ImageError):
                fetch("https://example.com/", resolve=answers(PUBLIC), recorder=recorder)
            assert {request.url.host for request in recorder.requests} == {PUBLIC}
        assert inner.connections == 0


def test_a_name_of_two_loopback_addresses_is_reached_at_the_one_that_listens() -> None:
    """`localhost` is ::1 and 127.0.0.1 on most machines, and a service listens on one of them."""
    with raw_server({("GET", "/"): WHOLE}) as server:
        url = server.url.replace("127.0.0.1", "localhost") + "/1.jpeg"
        assert fetch(url, resolve=answers("127.0.0.2", "127.0.0.1"), allow_loopback=True) == (jpeg(1), FACTS)
        assert [request.headers["host"] for request in server.requests] == [url.split("/")[2]]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority (`ca.pem`) and its certificate for names of this machine, and for no address."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: nothing makes a certificate")
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    authority = ("-subj", "/CN=tests", "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key")
    openssl(folder, "req", "-x509", *key, *authority, "-days", "2", "-out", "ca.pem")
    openssl(folder, "req", *key, "-subj", "/CN=localhost", "-keyout", "host.key", "-out", "host.csr")
    (folder / "extensions").write_text(
        "subjectAltName=DNS:localhost,DNS:pictures.localhost\nauthorityKeyIdentifier=keyid\n"
    )
    signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions", "-days", "2")
    openssl(folder, "x509", "-req", "-in", "host.csr", *signer, "-out", "host.pem")
    return folder


class Persistent(ssl.SSLSocket):
    """A listener that survives clients who break the handshake off."""

    def accept(self) -> tuple[ssl.SSLSocket, Any]:
        while True:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                return super().accept()


@contextlib.contextmanager
def tls_server(certificates: Path, names: list[str]) -> Iterator[RawServer]:
    """Serves a picture over TLS on loopback and notes the name that each client asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "host.pem", certificates / "host.key")
    context.sslsocket_class = Persistent
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    server = RawServer({("GET", "/"): WHOLE}, listener)
    try:
        yield server
    finally:
        server.close()


def test_a_certificate_is_verified_for_the_name_though_the_address_is_dialled(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of an unknown authority, or without the name, is met once: another attempt would hide an attack."""
    names: list[str] = []
    with tls_server(certificates, names) as server:
        url = f"https://localhost:{server.url.rpartition(':')[2]}/1.jpeg"
        with pytest.raises(ImageError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            fetch(url, resolve=answers("127.0.0.1"), allow_loopback=True)
        assert "clock" in caught.value.hint
        assert (names, server.gets) == (["localhost"], 0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
        assert fetch(url, resolve=answers("127.0.0.1"), allow_loopback=True) == (jpeg(1), FACTS)
        with pytest.raises(ImageError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(url.replace("localhost", "127.0.0.1"), resolve=answers("127.0.0.1"), allow_loopback=True)
        assert server.gets == 1


def test_a_reference_on_this_machine_meets_no_proxy(
    certificates: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo takes a link to this machine whatever proxies are set; its certificate is verified all the same."""
    monkeypatch.setenv("HTTPS_PROXY", "socks://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://u:canary#x@h")
    seedream = Seedream("demo", store=store)
    with tls_server(certificates, []) as server:
        url = f"https://pictures.localhost:{server.url.rpartition(':')[2]}/1.jpeg"
        with pytest.raises(InvalidRequest, match="CERTIFICATE_VERIFY_FAILED"):
            seedream.generate("a kite", refs=url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
        assert len(seedream.generate("a kite", refs=url).ok) == 1
        assert server.gets == 1


def test_picture_hosts_are_the_services_and_those_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two stores, the domain of the API, wherever it was named, and what SEEDREAM_IMAGE_HOSTS adds."""
    monkeypatch.setenv("SEEDREAM_IMAGE_HOSTS", "*.mine.example, Pictures.Example,, *")
    monkeypatch.setenv("SEEDREAM_BASE_URL", "https://api.gateway.com.cn/v1")
    known = ("ark.tos-cn-beijing.volces.com", "ark.tos-ap-southeast-1.bytepluses.com", "cdn.anyfast.ai")
    assert all(map(is_picture_host, (*known, "images.gateway.com.cn", "cdn.mine.example", "pictures.example")))
    others = ("evilvolces.com", "volces.com.evil.net", "other.com.cn", "com", "10.0.0.1", "", "cdn.given.com.cn")
    assert not any(map(is_picture_host, others))
    assert is_picture_host("cdn.given.com.cn", "https://api.given.com.cn/v1")
    for without_a_domain in ("https://127.0.0.1:1/v1", "https://[", "https://local/v1", ""):
        monkeypatch.setenv("SEEDREAM_BASE_URL", without_a_domain)
        assert not any(map(is_picture_host, ("0.1", "local", "cdn.local", "example.com")))


@pytest.mark.parametrize(
    ("host", "base_url"), [("cdn.volces.com", ""), ("cdn.gateway.example", "https://api.gateway.example/v1")]
)
def test_behind_a_proxy_only_known_hosts_are_asked_for(
    host: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API's domain is one; of an unknown host the proxy does not hear. The proxy resolves their names."""

    async def run(url: str) -> None:
        async with image_client(base_url=base_url) as client:
            await download(client, url, held, allow_loopback=True)

    with raw_server({("CONNECT", ""): Reply(403)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:proxy-canary@"))
        with pytest.raises(UnsafeURL) as unknown:
            asyncio.run(run("https://example.com/1.jpeg?X-Tos-Signature=canary"))
        assert "SEEDREAM_IMAGE_HOSTS" in unknown.value.hint
        assert proxy.connections == 0
        with pytest.raises(ImageError) as caught:
            asyncio.run(run(f"https://{host}/1.jpeg?X-Tos-Signature=canary"))
        assert type(caught.value) is ImageError
        assert "canary" not in f"{caught.value!r}{caught.value.lines()}{caught.value.__cause__!r}"
        assert {request.path for request in proxy.requests} == {f"{host}:443"}


def test_an_exception_of_the_proxy_is_checked_like_a_direct_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY names the host: it is judged here. This machine's pictures are not at the proxy's own place either."""
    recorder = Recorder(httpx.Response(200, content=jpeg(1)))
    with raw_server({}) as proxy, raw_server({("GET", "/"): WHOLE}) as server:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url.removeprefix("http://"))
        monkeypatch.setenv("NO_PROXY", "example.com")
        assert fetch(f"{server.url}/1.jpeg", resolve=answers("127.0.0.1"), allow_loopback=True) == (jpeg(1), FACTS)
        fetch("https://cdn.example.com/", resolve=answers(PUBLIC), recorder=recorder)
        with pytest.raises(UnsafeURL, match="is at"):
            fetch("https://cdn.example.com/", resolve=answers("10.0.0.1"), recorder=Recorder())
        assert proxy.connections == 0
    assert [request.url.host for request in recorder.requests] == [PUBLIC]


@pytest.mark.parametrize("proxy", ["nonsense://u:canary@h", "http://u:canary#x@h:1", "http://u:ca/nary@h"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Before anything is sent; a password with an unescaped sign makes an unreadable address."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        image_client()
    told = "".join([*caught.value.lines(), *traceback.format_exception(caught.value)])
    assert "HTTPS_PROXY" in told
    assert not any(part in told for part in ("canary", "'ca'", "nary"))


_MEASURE = r"""
import asyncio, re, resource, sys
from pathlib import Path
from seedream_magic import ImageError
from seedream_magic.images.download import download
from seedream_magic.images.route import image_client

def peak():
    # Linux hands ru_maxrss of the starting process on; this counts from the program's own start.
    if sys.platform == "linux":
        return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

if sys.platform == "linux":
    resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, 600 * 2**20))

async def run(path):
    async with image_client() as client:
        try:
            await download(client, sys.argv[1] + path, lambda data, facts: facts, allow_loopback=True)
        except ImageError as error:
            return error

for small in ("/small", "/html"):
    asyncio.run(run(small))
before = peak()
error = asyncio.run(run(sys.argv[2]))
print(type(error).__name__, peak() - before, error)
"""


def refused(server: RawServer, path: str) -> tuple[str, float, str]:
    """Kind and words of the error of a download, and the MiB that it adds to the peak of a process with 600 MiB."""
    command = [sys.executable, "-c", _MEASURE, server.url, path]
    kind, more, words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(" ", 2)
    return kind, float(more), words


@pytest.mark.fault("F47", "F82", "F83")
def test_bombs_and_endless_bodies_cost_little_memory() -> None:
    """A 900-megapixel PNG less than 50 MiB; a body without end, or one that unpacks to a GiB, 68 MiB and a little."""
    bombs = {f"/{side}": black_png(side) for side in (30000, 13400, 9460)}
    bodies = bombs | {"/small": jpeg(1), "/html": gzip.compress(b"<html>"), "/packed": gzip_bomb(2**30, byte=b"\0")}
    endless = Drip(head(200, {}) + b"\xff\xd8\xff".ljust(100 * 2**20), 2**20, 0)
    with raw_server({("GET", "/"): lambda r: Reply(200, {}, bodies[r.path]), ("GET", "/endless"): endless}) as server:
        for path in bombs:
            kind, more, _ = refused(server, path)
            assert (kind, more < 50) == ("ImageTooLarge", True), path
        kind, more, _ = refused(server, "/endless")
        assert (kind, more < 64 + 8) == ("ImageTooLarge", True)
        kind, more, words = refused(server, "/packed")
        assert "does not unpack: it has more than 71,303,168 bytes" in words
        assert (kind, more < LARGEST_PICTURE_BYTES / 2**20 + 32) == ("ImageInvalid", True)


@pytest.mark.parametrize("answer", ["198.18.0.7", "64:ff9b::1.2.3.4"])
def test_a_local_proxy_that_answers_for_every_name_is_let_through_for_known_hosts(answer: str) -> None:
    """Such proxies, and networks with IPv6 only, map all names so; a service's picture comes, no other one."""
    assert target("https://ark-content.tos-cn-beijing.volces.com/1.jpeg", answer).addresses == (answer,)
    with pytest.raises(UnsafeURL):
        target("https://pictures.example.com/1.jpeg", answer)
