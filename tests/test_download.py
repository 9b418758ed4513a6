"""Pictures over real sockets: whole or not at all, without the key, and only from where they can be."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from raw_server import (
    Behaviour,
    Close,
    Cut,
    Drip,
    Gate,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    Sequence,
    head,
    raw_server,
)
from seedream_magic import ImageError, ImageInvalid, ImageLinkExpired, ImageTooLarge, UnsafeURL
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS, PACE, Pace
from seedream_magic.images import download as download_module
from seedream_magic.images.download import decode, download, link_expiry
from seedream_magic.images.route import image_client
from seedream_magic.images.verify import PictureFacts
from service import held, jpeg

pytestmark = pytest.mark.usefixtures("no_pause")

WHOLE = Reply(200, {"Content-Type": "image/jpeg"}, jpeg(1))
GOOD = (jpeg(1), PictureFacts("image/jpeg", "jpg", 64, 48), "")
NO_PICTURE = Reply(200, {}, b"<html>try again</html>")
GZIPPED = gzip.compress(jpeg(1))
UNTRUE_CODINGS = ("gzip", "deflate", "br", "zstd", "UTF-8", "aws-chunked", "identity, none", "")
IMG = ("GET", "/img/")
Scripted = Behaviour | Callable[[Request], Behaviour]


async def bring(url: str, pace: Pace = PACE) -> tuple[bytes, PictureFacts, str]:
    async with asyncio.timeout(20), image_client() as client:
        picture, doubt = await download(client, url, held, allow_loopback=True, pace=pace)
        return *picture, doubt


def outcome(
    behaviour: Scripted, path: str = "/img/1.jpeg", pace: Pace = PACE
) -> tuple[tuple[bytes, PictureFacts, str] | ImageError, int]:
    """The picture with the doubt about it, or the error; and how many requests were made."""
    with raw_server({IMG: behaviour}) as server:
        try:
            return asyncio.run(bring(server.url + path, pace)), server.gets
        except ImageError as error:
            return error, server.gets


@pytest.mark.fault("F75", "F85", "F89")
@pytest.mark.parametrize(
    "fault",
    [
        Reset(bytes(WHOLE)[:200]),
        Cut(WHOLE, -300),
        Raw(head(200, {}) + jpeg(1)[:-2]),
        NO_PICTURE,
        Reply(200, {"Content-Length": str(len(jpeg(1)))}, jpeg(1)[:-40] + bytes(40)),
        *map(Reply, (403, 408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 524, 529, 530, 598, 599)),
    ],
)
def test_a_fault_of_the_way_is_tried_again(fault: Behaviour) -> None:
    """A picture that is paid for is asked for until it is whole, never for a part: no host can join halves wrongly."""
    with raw_server({IMG: Sequence(fault, WHOLE)}) as server:
        assert asyncio.run(bring(f"{server.url}/img/1")) == GOOD
        assert server.gets == 2
        assert not {"range", "if-range", "if-match"} & set(server.requests[1].headers)


UNSAFE = (
    "file:///etc/passwd", "ftp://example.com/x", "http://example.com/x", "data:,x", "javascript:alert(1)",
    "https://10.0.0.1/", "https://user:pass@example.com/x", "http://[::1", "https://e.com:port/", "//[",
)  # fmt: skip


@pytest.mark.fault("F83", "F86")
@pytest.mark.parametrize(
    ("behaviour", "kind", "words", "attempts"),
    [
        (Close(), ImageError, "The picture was made but its download failed: ", DOWNLOAD_ATTEMPTS),
        (Reply(599), ImageError, "HTTP 599", DOWNLOAD_ATTEMPTS),
        (Raw(head(200, {}) + jpeg(1)[:400]), ImageInvalid, "cut off", 2),
        (Reply(200, {"Content-Type": "image/jpeg"}, b"<html>Log in</html>"), ImageInvalid, "a text page", 2),
        (Reply(200, {"Content-Encoding": "gzip"}, GZIPPED[:-12]), ImageInvalid, "does not unpack: it is cut off", 2),
        (Reply(206, {}, jpeg(1)[:300]), ImageInvalid, "cut off", 2),
        (Reply(204), ImageInvalid, "What came is nothing", 2),
        (Sequence(NO_PICTURE, Close(), NO_PICTURE), ImageInvalid, "a text page", 3),
        (Reply(403), ImageLinkExpired, "no longer served (HTTP 403)", 2),
        *[(Reply(status), ImageLinkExpired, f"HTTP {status}", 1) for status in (304, 404, 410, 501, 505)],
        (Reply(200, {"Content-Length": "10000000000"}, bytes(300_000)), ImageTooLarge, "10,000,000,000 bytes", 1),
        *[(Reply(302, {"Location": target}), UnsafeURL, "", 1) for target in UNSAFE],
    ],
)
def test_what_stands_in_the_way_is_named(
    behaviour: Behaviour, kind: type[ImageError], words: str, attempts: int
) -> None:
    """Six attempts at a broken way, two at wrong bytes or a 403, one where the answer is final."""
    error, asked = outcome(behaviour)
    assert isinstance(error, ImageError)
    assert (type(error), error.billed) == (kind, "yes")
    assert words in str(error)
    assert asked == attempts


def signed_chunks(data: bytes, size: int = 200, end: bytes = b"0;chunk-signature=00\r\n\r\n") -> bytes:
    """As stores keep what an uploader has signed piece by piece."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;chunk-signature=%064d\r\n%s\r\n" % (len(piece), 7, piece) for piece in pieces) + end


MD5 = hashlib.md5(jpeg(1)).digest()


SHA256 = base64.b64encode(hashlib.sha256(jpeg(1)).digest()).decode()


CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (jpeg(1)[:300], jpeg(1)[300:], b""))


DEFLATED = zlib.compress(jpeg(1))[2:-4]  # without the head and the sum of zlib


BODIES: dict[str, Behaviour] = {
    "without a length": Raw(head(200, {}) + jpeg(1)),
    "in chunks": Raw(head(200, {"Transfer-Encoding": "chunked"}) + CHUNKED),
    **{f"{name!r} said, plain bytes": Reply(200, {"Content-Encoding": name}, jpeg(1)) for name in UNTRUE_CODINGS},
    "gzip": Reply(200, {"Content-Encoding": "gzip"}, GZIPPED),
    "gzip, unsaid": Reply(200, {}, GZIPPED),
    "gzip, twice": Reply(200, {"Content-Encoding": "gzip, gzip"}, gzip.compress(GZIPPED)),
    "gzip in two members": Reply(200, {}, gzip.compress(jpeg(1)[:99]) + gzip.compress(jpeg(1)[99:])),
    "zlib": Reply(200, {"Content-Encoding": "deflate"}, zlib.compress(jpeg(1))),
    "deflate": Reply(200, {"Content-Encoding": "deflate"}, DEFLATED),
    "signed chunks": Reply(200, {"Content-Encoding": "aws-chunked"}, signed_chunks(jpeg(1))),
    "signed chunks, unsaid": Reply(200, {}, signed_chunks(jpeg(1), end=b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n")),
    "signed chunks of gzip": Reply(200, {"Content-Encoding": "gzip,aws-chunked"}, signed_chunks(GZIPPED)),
    **{f"status {status}": Reply(status, {}, jpeg(1)) for status in (203, 206)},
    "a sum in base64": Reply(200, {"Content-MD5": base64.b64encode(MD5).decode()}, jpeg(1)),
    "a sum in digits": Reply(200, {"Content-MD5": MD5.hex().upper()}, jpeg(1)),
    "a sum that is none": Reply(200, {"Content-MD5": "yes", "Digest": "md5", "Repr-Digest": "?", "ETag": "x"}, jpeg(1)),
    "a sum of what was sent": Reply(200, {"Content-MD5": hashlib.md5(GZIPPED).hexdigest()}, GZIPPED),
    "a sum of what was packed": Reply(200, {"Content-MD5": MD5.hex()}, GZIPPED),
    "an ETag of parts": Reply(200, {"ETag": f'"{"0" * 32}-3"'}, jpeg(1)),
    "a weak ETag": Reply(200, {"ETag": f'W/"{"0" * 32}"'}, jpeg(1)),
    "an ETag and a sum": Reply(200, {"ETag": "0" * 32, "Repr-Digest": f"sha-256=:{SHA256}:"}, jpeg(1)),
    "a sum over a broken connection": Raw(
        head(200, {"Content-Length": "999999", "Digest": f"SHA-256={SHA256}"}) + jpeg(1)
    ),
}


@pytest.mark.fault("F78", "F89")
@pytest.mark.parametrize("name", BODIES)
def test_a_picture_is_told_by_its_bytes_alone(name: str) -> None:
    """At once and without a doubt, whatever the head of the answer says of them, and however they were wrapped."""
    assert outcome(BODIES[name]) == (GOOD, 1)


OTHER_SUMS = {
    "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==",
    "etag": f'"{"0" * 32}"',
    "x-goog-hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA==",
    "x-amz-checksum-crc32": "AAAAAA==",
    "digest": f"md5=AAAAAAAAAAAAAAAAAAAAAA==, sha-256={'A' * 43}=",
    "repr-digest": f"sha-512=:{'A' * 86}==:",
}


@pytest.mark.fault("F78")
@pytest.mark.parametrize("header", OTHER_SUMS)
def test_a_picture_with_another_sum_is_asked_for_once_more_and_taken(header: str) -> None:
    """The second answer is taken with a doubt; one that fits is taken without."""
    words = f"its bytes do not match what its host says of them ({header})"
    assert outcome(Reply(200, {header: OTHER_SUMS[header]}, jpeg(1))) == ((*GOOD[:2], words), 2)
    assert outcome(Sequence(Reply(200, {header: OTHER_SUMS[header]}, jpeg(2)), WHOLE)) == (GOOD, 2)


ENDLESS: dict[str, Behaviour] = {
    "a longer length": Raw(head(200, {"Content-Length": "999999"}) + jpeg(1)),
    "no last chunk": Raw(head(200, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%s\r\n" % (len(jpeg(1)), jpeg(1))),
    "a reset": Reset(head(200, {"Content-Length": "999999"}) + jpeg(1)),
}


@pytest.mark.fault("F75", "F76")
@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("second", [None, Reply(403), NO_PICTURE, Reply(302, {"Location": "ftp://x/"})])
def test_a_whole_picture_whose_connection_breaks_is_taken(name: str, second: Behaviour | None) -> None:
    """After one more attempt, whatever that comes to: it is the picture that says whether it is whole."""
    found, asked = outcome(Sequence(ENDLESS[name], second or ENDLESS[name]))
    assert isinstance(found, tuple)
    assert (found[:2], asked) == (GOOD[:2], 2)
    assert "its connection broke at its end" in found[2]


@pytest.mark.parametrize("doubtful", [True, False])
def test_a_stop_closes_the_connection_and_keeps_a_doubtful_picture(*, doubtful: bool) -> None:
    """Where the second attempt at it is stopped, the first one's bytes are whole and here."""

    async def run(server: RawServer) -> bytes:
        task = asyncio.create_task(bring(f"{server.url}/img/1"))
        await asyncio.to_thread(server.wait_for, lambda seen: seen.gets == 1 + doubtful)
        task.cancel()
        return (await task)[0]

    hang = Gate(head(200, {}), threading.Event(), b"")
    with raw_server({IMG: Sequence(ENDLESS["a longer length"], hang) if doubtful else hang}) as server:
        with nullcontext() if doubtful else pytest.raises(asyncio.CancelledError):
            assert asyncio.run(run(server)) == jpeg(1)
        server.wait_for(lambda seen: seen.open_connections == 0)


@pytest.mark.parametrize(
    ("query", "expiry"),
    [
        ("X-Tos-Date=20250910T015007Z&X-Tos-Expires=120", datetime(2025, 9, 10, 1, 52, 7, tzinfo=UTC)),
        ("x-tos-expires=60&x-tos-date=20250910T015107Z", datetime(2025, 9, 10, 1, 52, 7, tzinfo=UTC)),
        ("X-Amz-Date=20250910T015107Z&X-Amz-Expires=60", datetime(2025, 9, 10, 1, 52, 7, tzinfo=UTC)),
        ("OSSAccessKeyId=x&Expires=1757469127&Signature=x", datetime(2025, 9, 10, 1, 52, 7, tzinfo=UTC)),
        ("Expires=soon", None),
        ("X-Tos-Date=20250910&X-Tos-Expires=86400", None),
        ("X-Tos-Date=20250910T015107Z&X-Tos-Expires=99999999999999", None),
        ("X-Tos-Date=20250910T015107Z", None),
    ],
)
def test_the_end_of_a_link_is_read_from_it(query: str, expiry: datetime | None) -> None:
    """Whatever the host, by the names that its store has for it."""
    assert link_expiry(f"https://example.com/1.jpeg?{query}") == expiry


@pytest.mark.fault("F86")
def test_three_redirects_are_followed_and_no_fourth() -> None:
    """Relative and absolute, each hop is one request; blanks are read as browsers read them."""

    def hops(request: Request) -> Behaviour:
        left = int(request.path.removeprefix("/img/").partition("?")[0])
        target = f"/img/{left - 1}" if left % 2 else f"http://{request.headers['host']}/img/{left - 1}?a b"
        return Reply(302, {"Location": target}) if left else WHOLE

    assert outcome(hops, "/img/3") == outcome(hops, "/img/3?a\n&b\r\n\u3000") == (GOOD, 4)
    error, asked = outcome(hops, "/img/4")
    assert (type(error), asked) == (UnsafeURL, 4)
    assert "more than 3 times" in str(error)


@dataclass
class Time:
    """A clock that pauses move on, and each look at it by `step` seconds."""

    step: float = 0.0
    slept: list[float] = field(default_factory=list)
    looked: int = 0

    @property
    def pace(self) -> Pace:
        return Pace(now=self.now, sleep=self.sleep, draw=lambda: 0.5)

    def now(self) -> float:
        self.looked += 1
        return sum(self.slept) + self.step * self.looked

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


PAUSES: dict[str, tuple[int, dict[str, str], float]] = {
    "none": (429, {"Retry-After": "0"}, 0.0),
    "two minutes": (500, {"Retry-After": "120"}, 126.0),
    "what is no wait": (408, {"Retry-After": "soon"}, 0.0),
    "a date, by the host's own clock": (
        429, {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:47 GMT"}, 10.5,
    ),
}  # fmt: skip


@pytest.mark.fault("F85")
@pytest.mark.parametrize(("status", "headers", "pause"), PAUSES.values(), ids=PAUSES)
def test_a_host_that_names_its_pace_is_left_alone_for_so_long(
    status: int, headers: dict[str, str], pause: float
) -> None:
    """Never less than it asks, a little more; past two minutes the error says for how long, and nothing is waited."""
    time = Time()
    assert outcome(Sequence(Reply(status, headers), WHOLE), pace=time.pace) == (GOOD, 2)
    assert time.slept == pytest.approx([pause])
    error, asked = outcome(Reply(429, {"Retry-After": "3600"}), pace=time.pace)
    assert isinstance(error, ImageError)
    assert (asked, len(time.slept)) == (1, 1)
    assert "HTTP 429; its host asks for a pause of 3600 s" in str(error)
    assert "%seedream recover" in "".join(error.lines())


@pytest.mark.fault("F85")
@pytest.mark.parametrize(("step", "most"), [(0.0, 6), (150.0, 2), (450.0, 1)])
def test_all_attempts_together_have_a_limit(step: float, most: int) -> None:
    """Fifteen minutes: a pause that would pass it is not begun, however politely it was asked for."""
    time = Time(step)  # it is looked at twice in each attempt
    error, asked = outcome(Reply(503, {"Retry-After": "120"}), pace=time.pace)
    assert (type(error), asked) == (ImageError, most)
    assert sum(time.slept) <= 900


@pytest.mark.fault("F90")
def test_a_host_is_judged_by_the_pace_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than 10 KiB a second are too slow, and another attempt may be faster; what came whole is taken."""
    error, asked = outcome(Drip(bytes(Reply(200, {}, bytes(400_000))), 100_000, 0.01), pace=Time(step=31.0).pace)
    assert "fewer than 10,240 bytes a second came" in str(error)
    assert asked == DOWNLOAD_ATTEMPTS
    assert outcome(Sequence(Drip(bytes(WHOLE), 300, 0.05), WHOLE), pace=Time(step=31.0).pace) == (GOOD, 2)
    large = jpeg(1)[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 30 + jpeg(1)[2:]  # more than ten minutes for it
    assert outcome(Reply(200, {}, large), pace=Time(step=0.02).pace) == ((large, *GOOD[1:]), 1)
    monkeypatch.setattr(download_module, "_TOTAL_SECONDS", 0.1)  # a read limit alone would let a drip last for ever
    error, asked = outcome(Drip(head(200, {}) + bytes(10_000), 1, 0.02))
    assert ("took too long" in str(error), asked) == (True, DOWNLOAD_ATTEMPTS)


@pytest.mark.fault("F90")
@pytest.mark.parametrize(("pictures", "asked"), [(1, 2), (4, 4)])
def test_pictures_that_share_a_thin_line_are_not_too_slow(pictures: int, asked: int) -> None:
    """In half a minute 100 kB come of each: of one alone that is too little, of four together it is not."""
    large = jpeg(1)[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 4 + jpeg(1)[2:]
    times: list[float] = [0.0]
    requests: list[httpx.Request] = []

    async def thin() -> AsyncIterator[bytes]:
        await together.wait()
        yield large[:100_000]
        await together.wait()  # half a minute later, when all have had their first part
        times[0] = 31.0
        yield large[100_000:200_000]
        yield large[200_000:]

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=thin())

    async def run() -> list[bytes]:
        async with asyncio.timeout(20), image_client(httpx.MockTransport(handle)) as client:
            links = [f"https://images.example.com/{number}" for number in range(pictures)]
            pace = Pace(now=lambda: times[0])
            getting = (download(client, link, held, allow_loopback=False, pace=pace) for link in links)
            return [data for (data, _), _ in await asyncio.gather(*getting)]

    together = asyncio.Barrier(pictures)
    assert asyncio.run(run()) == [large] * pictures
    assert len(requests) == asked


PLAIN = base64.b64encode(jpeg(1)).decode()


@pytest.mark.fault("F92")
def test_base64_is_taken_as_services_write_it() -> None:
    """With line ends, without padding, with a data prefix, in the URL alphabet."""
    lines = "\n".join(PLAIN[start : start + 76] for start in range(0, len(PLAIN), 76)) + "\r\n"
    in_links = base64.urlsafe_b64encode(jpeg(1)).decode()
    for text in (PLAIN.rstrip("="), f"data:image/jpeg;base64,{PLAIN}", f"  data:;base64,{PLAIN}", lines, in_links):
        assert decode(text) == GOOD[:2]


@pytest.mark.parametrize(
    "text",
    [
        "!!" + PLAIN,
        PLAIN[:100] + "*" + PLAIN[101:],
        "é" + PLAIN[1:],
        PLAIN + "A=B",
        "A",
        "data:image/jpeg;base64,",
        base64.b64encode(jpeg(1)[:-10]).decode(),
    ],
    ids=["signs before", "signs between", "an accent", "padding between", "one letter", "nothing", "a cut picture"],
)
def test_other_base64_is_refused(text: str) -> None:
    """Also foreign characters, which the standard decoder drops, and makes other bytes of the rest."""
    with pytest.raises(ImageInvalid):
        decode(text)
