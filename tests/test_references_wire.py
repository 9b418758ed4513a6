"""Each kind of reference as it reaches the wire, what is refused before it, and what a record keeps of it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import hashlib
import json
import os
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from raw_server import Behaviour, Cut, Gate, Raw, Reply, Request, Sequence, head, raw_server
from seedream_magic import ImageSet, InvalidRequest, Seedream
from seedream_magic.api.references import make_references
from seedream_magic.api.references.reference import MAXIMUM_BYTES, Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.retry import DOWNLOAD_ATTEMPTS
from seedream_magic.images import delivery
from seedream_magic.images import download as download_module
from seedream_magic.images.delivery import fetch_references
from seedream_magic.images.route import image_client
from seedream_magic.images.stored_runs import records
from service import encoded, jpeg
from test_references import PICTURES

LINK = "https://pictures.example.com/fox.jpg?v=2"


class Service:
    """The API and a host of pictures behind one transport; remembers the bodies, and counts the pictures fetched."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.fetched: list[str] = []
        self.status = 200
        self.picture = jpeg(5)
        self.drawn = [base64.b64encode(jpeg(9)).decode()]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.bodies.append(json.loads(request.content))
            return httpx.Response(200, json={"data": [{"b64_json": text} for text in self.drawn]})
        self.fetched.append(str(request.url))
        assert "authorization" not in request.headers
        assert b"CANARY" not in b"".join(part for pair in request.headers.raw for part in pair)
        return httpx.Response(self.status, content=self.picture, headers={"Content-Type": "image/jpeg"})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def seedream(service: Service, store: Path) -> Seedream:
    """A client to that service."""
    return Seedream("ark", api_key="sk-CANARY", store=store, transport=httpx.MockTransport(service))


def uri(data: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def test_bytes_go_out_unchanged(seedream: Seedream, service: Service, store: Path, tmp_path: Path) -> None:
    """However they are given: the file's own bytes, typed by what they are, in order; the record names files."""
    path = tmp_path / "狐狸 1.png"  # the name lies about the type
    path.write_bytes(jpeg(3))
    for reference in (str(path), path, jpeg(3), uri(jpeg(3), "PNG"), path.name):
        seedream.generate("x", refs=reference, fresh=True)
    assert [body["image"] for body in service.bodies] == [uri(jpeg(3))] * 5
    for number in (10, 2):
        (tmp_path / f"fox{number}.jpg").write_bytes(jpeg(number))
    made = seedream.generate("x", refs=[jpeg(7), "fox*.jpg"])
    assert service.bodies[-1]["image"] == [uri(jpeg(7)), uri(jpeg(2)), uri(jpeg(10))]
    text = (made.folder / "request.json").read_text()
    assert "base64" not in text
    assert all((store / name).is_file() for name in json.loads(text)["body"]["image"])


def test_a_link_is_fetched_and_sent_as_bytes(seedream: Seedream, service: Service, store: Path) -> None:
    """Planning fetches nothing; the run fetches once, without the key, and the same link is the same request."""
    plan = seedream.plan("x", refs=LINK)
    assert (service.fetched, plan.short_body["image"]) == ([], LINK)
    made = seedream.run(plan)
    assert service.fetched == [LINK]
    assert service.bodies[0]["image"] == uri(jpeg(5))
    assert seedream.plan("x", refs=LINK).stored == made.run_id
    (kept,) = (store / "references").iterdir()
    assert kept.read_bytes() == jpeg(5)


def test_the_callers_loop_goes_on_while_large_pictures_come_and_go(
    seedream: Seedream, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is slow waits here until another task of that loop has had a turn; each reference is hashed once."""
    given, written, service.picture, *drawn_pictures = (
        encoded(Image.effect_noise((1200, 1000 + number), 200), "PNG") for number in range(6)
    )
    service.drawn = [base64.b64encode(data).decode() for data in drawn_pictures]
    (tmp_path / "fox.png").write_bytes(written)
    turns, stuck = [0], list[str]()
    slow: dict[str, list[Any]] = defaultdict(list)

    def hold_up(owner: Any, name: str, is_large: Callable[..., bool]) -> None:
        work = getattr(owner, name)

        def held_up(*arguments: Any, **options: Any) -> Any:
            if is_large(*arguments):
                slow[name] += arguments[:1]
                seen, until = turns[0], monotonic() + 20
                while turns[0] == seen and not stuck:
                    if monotonic() > until:
                        stuck.append("".join(traceback.format_stack(limit=6)))
                    sleep(0.001)
            return work(*arguments, **options)

        monkeypatch.setattr(owner, name, held_up)

    async def drawn() -> ImageSet:
        async def take_turns() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(take_turns())
        try:
            return await seedream.agenerate("x", images=3, stream=False, refs=[given, "fox.png", LINK])
        finally:
            other.cancel()

    hold_up(make_references, "decode_fully", lambda data, *_: True)
    hold_up(hashlib, "sha256", lambda data=b"": len(data) > 10**5)
    hold_up(os, "fsync", lambda descriptor: os.fstat(descriptor).st_size > 10**5)
    hold_up(binascii, "b2a_base64", lambda data: len(data) > 10**5)
    hold_up(binascii, "a2b_base64", lambda text: len(text) > 10**5)
    hold_up(download_module, "verify_picture", lambda data: True)
    images = asyncio.run(drawn())
    assert not stuck, stuck[0]
    assert len(images.ok) == 3
    assert set(slow) == {"decode_fully", "sha256", "fsync", "b2a_base64", "verify_picture"}
    assert [slow["sha256"].count(data) for data in (given, written, service.picture)] == [1, 1, 1]


@pytest.mark.parametrize("extra", [{}, {"image": "https://a.example/b.png"}])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_body_goes_out_as_it_is_told(count: int, extra: dict[str, Any]) -> None:
    """To the byte, with references as bytes or as links, however many, and where an extra field stands for them."""
    link = 'https://a.example/"x".png'
    whole, last = Reference("a", "image/png", bytes(2**20)), Reference("c", "image/gif", GIF)
    references = (whole, Reference(link, url=link), last)
    request = ImageRequest("m", '一只 "fox"', references=references[:count], extra=extra)
    assert request.encoded == json.dumps(request.body, ensure_ascii=False).encode()


def test_a_stop_while_references_are_kept_sends_nothing(
    seedream: Seedream, service: Service, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that was begun says so in its record; a task that has caught the stop can draw."""
    begun, go = threading.Event(), threading.Event()
    sync = os.fsync

    def slow(descriptor: int) -> None:
        begun.set()
        assert go.wait(20)
        sync(descriptor)

    async def draw() -> ImageSet:
        with pytest.raises(asyncio.CancelledError):
            await seedream.agenerate("x", refs=jpeg(1))
        assert service.bodies == []
        assert [(record.state, record.facts["outcome"]) for record in records(store)] == [("stopped", "not_sent")]
        return await seedream.agenerate("x", refs=jpeg(1))

    async def stopped() -> ImageSet:
        task = asyncio.create_task(draw())
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        go.set()
        return await task

    monkeypatch.setattr(os, "fsync", slow)
    assert len(asyncio.run(stopped()).ok) == 1


@pytest.mark.parametrize("media_type", ["image/gif", "image/heic"])
def test_a_link_is_sent_as_a_file_of_the_same_bytes_is(
    media_type: str, seedream: Seedream, service: Service, tmp_path: Path
) -> None:
    """Also a kind that the service reads and does not make, typed by its bytes and not by what its host says."""
    service.picture = PICTURES[media_type]
    (tmp_path / "picture").write_bytes(service.picture)
    for reference in (LINK, "picture"):
        seedream.generate("x", refs=reference)
    kind = media_type.removeprefix("image/")
    assert [body["image"] for body in service.bodies] == [uri(service.picture, kind)] * 2
    assert service.fetched == [LINK]


def test_a_link_has_the_limits_of_references(seedream: Seedream, service: Service) -> None:
    """36 megapixels; for more the way of --fit is told, by a file. A warning that the bytes give stays with it."""
    service.picture = encoded(Image.new("1", (6000, 6000)), "PNG") + bytes(10_000_001)
    assert "at most 10 MB" in " ".join(seedream.generate("x", refs=LINK).notes)
    service.picture = encoded(Image.new("1", (6001, 6000)), "PNG")
    with pytest.raises(InvalidRequest, match=r"6001x6000 .* give its path with --fit"):
        seedream.generate("x", refs=LINK, fit=True, fresh=True)
    assert len(service.bodies) == 1


@pytest.mark.parametrize(
    ("refs", "options", "words"),
    [
        ([jpeg(1)] * 2, {"images": 14}, "16"),
        ([jpeg(1)] * 15, {}, "14"),
        ([jpeg(1)], {"model": "doubao-seedream-3-0-t2i-250415"}, "takes no"),
        ([object()], {}, "object"),
    ],
)
def test_limits_refuse_before_sending(
    refs: list[object], options: dict[str, Any], words: str, seedream: Seedream, service: Service
) -> None:
    """One sentence that names the limit; no request, no folder."""
    with pytest.raises(InvalidRequest, match=words):
        seedream.generate("x", refs=refs, **options)
    assert service.bodies == []
    assert list(seedream.store.iterdir()) == []


def test_a_picture_over_the_limits_is_scaled_where_asked(seedream: Seedream, service: Service) -> None:
    """Without `fit` it is refused and the sentence names it; with it the note tells the pixels that are sent."""
    large = encoded(Image.new("L", (7000, 6000)), "PNG")
    with pytest.raises(InvalidRequest, match="fit=True scales it down"):
        seedream.plan("x", refs=large)
    plan = seedream.plan("x", refs=large, fit=True)
    (reference,) = plan.request.references
    assert (reference.width or 0) * (reference.height or 0) <= 36_000_000
    assert f"{reference.width}x{reference.height}" in " ".join(plan.warnings)
    assert service.bodies == []


def test_links_that_differ_before_their_signature_are_two_requests(seedream: Seedream, service: Service) -> None:
    """Each is sent; signed anew, one is found again, and what is shown of a run goes on as its live set does."""
    link = "https://x.example/get?id={}&Signature={}"
    first = seedream.generate("x", refs=link.format(1, "aa"))
    second = seedream.generate("x", refs=link.format(2, "aa"))
    again = seedream.generate("x", refs=link.format(2, "bb"))
    assert (len(service.bodies), again.run_id) == (2, second.run_id)
    redone = first.redo(0)
    assert seedream.show(first.run_id).redo(0).run_id == redone.run_id
    assert len(service.bodies) == 3


@pytest.mark.parametrize("status", [200, 403])
def test_what_signs_a_link_is_kept_and_told_nowhere(
    status: int, seedream: Seedream, service: Service, store: Path
) -> None:
    """Not on screen, in no file, in no error; where it cannot be fetched nothing is sent, and the record says so."""
    service.status = status
    plan = seedream.plan("x", refs="https://a.example/c/a.png?sv=2023&sig=SASCANARY&se=2030")
    told = [plan.curl(), repr(plan.request), str(plan.short_body)]
    try:
        images = seedream.run(plan)
        told += [repr(images), str(images._repr_mimebundle_())]
    except InvalidRequest as error:
        told += [str(error), error.hint]
    told += [path.read_text("utf-8", "replace") for path in store.rglob("*.json*")]
    assert "SASCANARY" not in "".join(told)
    link = plan.request.references[0].body_value
    assert service.fetched == [link] * (1 if status == 200 else 2)  # a 403 is tried again
    assert [record.facts["outcome"] for record in records(store)] == ["billed" if status == 200 else "not_sent"]
    assert len(service.bodies) == (status == 200)


def test_references_by_the_notebooks_names(
    ip: InteractiveShell, service: Service, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--ref hero`, `--ref hero[1]`, `--ref a.b`: variables, their items and attributes; nothing is called."""
    ip.run_cell("%load_ext seedream_magic\n%seedream use demo")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    ip.user_ns |= {"英雄": [jpeg(1), jpeg(2)], "picture": Image.new("RGB", (40, 40))}
    expected = {
        "英雄[1]": ("data:image/jpeg", 2),
        "英雄【0】": ("data:image/jpeg", 2),
        "英雄": ("data:image/jpeg", 4),
        "picture": ("data:image/png", 2),
    }
    refused = dict.fromkeys(("英雄[7]", "open('x')", "picture.nothing"), ("Nothing was sent.", 1))
    for typed, (words, count) in (expected | refused).items():  # a picture stands in the body and in the curl line
        with capture_output() as captured:
            ip.run_cell(f'%%seedream --dry-run --ref "{typed}"\nx')
        assert captured.stdout.count(words) == count
        assert ("data:" in captured.stdout) == (typed in expected)


# Links over real sockets


PATH = "/fox.gif"
GIF = PICTURES["image/gif"]
PAGE = Reply(200, {"Content-Type": "image/gif"}, b"<!doctype html><title>Log in</title>")


def brought(
    *urls: str, allow_loopback: bool = True, transport: httpx.AsyncBaseTransport | None = None
) -> tuple[Reference, ...]:
    async def run() -> tuple[Reference, ...]:
        async with asyncio.timeout(20), image_client(transport) as client:
            links = [Reference(url, url=url) for url in urls]
            return await fetch_references(links, client, allow_loopback=allow_loopback)

    return asyncio.run(run())


def told(url: str, transport: httpx.AsyncBaseTransport | None = None) -> str:
    """The one line that a person reads of a link that is refused; whatever the reason, it tells the same things."""
    with pytest.raises(InvalidRequest) as caught:
        brought(url, transport=transport)
    (line,) = caught.value.lines()
    assert caught.value.billed == "no"
    assert line.startswith("InvalidRequest: ")
    assert url.partition("?")[0] in line
    assert "r save the picture and give its path" in line
    assert line.endswith(" Nothing was sent.")
    assert "was made" not in f"{line}{caught.value.__cause__}"
    return line


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("fault", [Cut(Reply(200, {}, GIF), -9), PAGE, Reply(200, {}, GIF[:400])])
def test_a_link_is_tried_again_like_any_picture(fault: Behaviour) -> None:
    """After a fault of the way, and after bytes that are no reference."""
    with raw_server({("GET", PATH): Sequence(fault, Reply(200, {}, GIF))}) as server:
        (reference,) = brought(server.url + PATH)
        assert (reference.data, reference.media_type, reference.url) == (GIF, "image/gif", server.url + PATH)
        assert server.gets == 2


def expired() -> str:
    """The query of a link that ended two hours ago."""
    at = datetime.now(UTC) - timedelta(hours=26)
    return f"?X-Tos-Date={at:%Y%m%dT%H%M%SZ}&X-Tos-Expires=86400&X-Tos-Signature=canary"


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize(
    ("behaviour", "words", "asked"),
    [
        (Reply(404), "could not be fetched. The picture's link is no longer served (HTTP 404). Give a link that", 1),
        (Reply(403), "The picture's link ended 2.0 h ago (HTTP 403). Give a link that works", 1),
        (Reply(503), "could not be fetched. Its download failed: HTTP 503. Try again later, or", DOWNLOAD_ATTEMPTS),
        (Reply(200, {}, gzip.compress(GIF)[:-20]), "came compressed and does not unpack: it is cut off.", 2),
        (PAGE, "is text; a reference is a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC picture. A link has to", 2),
        (Reply(200, {}, GIF[:400]), " (GIF, 400 bytes) is cut off or damaged", 2),
        (Reply(302, {"Location": "http://example.com/a.gif"}), "https link, to a public host", 1),
        (Reply(302, {"Location": "https://10.0.0.1/a.gif"}), "https://10.0.0.1", 1),
        (Reply(302, {"Location": PATH}), "redirected more than 3 times", 4),
    ],
)
def test_a_link_that_gives_no_reference_says_why(behaviour: Behaviour, words: str, asked: int) -> None:
    """Which one, what stood in the way, and what to do; never its signature, nor that a picture was made."""
    with raw_server({("GET", PATH): behaviour}) as server:
        line = told(server.url + PATH + (expired() if "ended" in words else "?X-Tos-Signature=canary"))
        assert (words in line, "canary" in line) == (True, False)
        assert server.gets == asked


@pytest.mark.parametrize("coding", ["gzip", "br", "aws-chunked"])
def test_what_a_header_says_of_a_coding_costs_no_reference(coding: str) -> None:
    """Its bytes tell: of a GIF, plain or compressed."""
    bodies = Sequence(*(Reply(200, {"Content-Encoding": coding}, body) for body in (GIF, gzip.compress(GIF))))
    with raw_server({("GET", PATH): bodies}) as server:
        assert [brought(server.url + PATH)[0].data for _ in range(2)] == [GIF, GIF]


def test_a_link_of_another_scheme_is_not_opened() -> None:
    """Http goes to this machine only, and only where the service is on it."""
    with raw_server({("GET", PATH): Reply(200, {}, GIF)}) as server:
        for url, allow_loopback in ((server.url + PATH, False), ("http://example.com/fox.gif", True)):
            with pytest.raises(InvalidRequest, match="could not be fetched") as caught:
                brought(url, allow_loopback=allow_loopback)
            assert "https link, to a public host" in caught.value.hint
        assert server.connections == 0
    assert "https://10.0.0.1" in told("https://10.0.0.1/fox.gif", httpx.MockTransport(Service()))  # the caller's own


def test_behind_a_proxy_the_host_is_to_be_named_or_the_picture_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy would see its address, we would not; what the guard advises is not lost on the way."""
    with raw_server({("CONNECT", ""): Reply(403)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert "SEEDREAM_IMAGE_HOSTS (host names, comma separated). Or save" in told("https://example.com/fox.gif")
        assert proxy.connections == 0


def test_a_link_to_too_much_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of references, not that of answers; just so many bytes pass, and of a promise of more none is waited for."""
    assert MAXIMUM_BYTES == 30 * 10**6
    monkeypatch.setattr(delivery, "MAXIMUM_BYTES", 100_000)
    whole = Raw(head(200, {}) + GIF.ljust(100_000, b"\0"))
    promise = Gate(head(200, {"Content-Length": "100001"}), threading.Event(), b"")
    with raw_server({("GET", PATH): Sequence(whole, Raw(whole.sent + b"x"), promise)}) as server:
        assert len(brought(server.url + PATH)[0].data) == 100_000
        assert "more than 100,000 bytes" in told(server.url + PATH)
        line = told(server.url + PATH)
        assert "The picture has 100,001 bytes; more than 100,000 are not taken. Link to a smaller one" in line
        assert "with --fit" in line
        assert server.gets == 3


def test_all_links_are_fetched_at_once_and_not_waited_for() -> None:
    """Each begins before another has come; one that is gone refuses the request, and the others are let go at once."""
    begun = threading.Barrier(3)

    def gone(_: Request) -> Behaviour:
        begun.wait(10)
        return Reply(404)

    def endless(_: Request) -> Behaviour:
        begun.wait(10)
        return Gate(head(200, {}), threading.Event(), b"")

    async def left(*urls: str) -> int:
        async with asyncio.timeout(20), image_client() as client:
            with pytest.raises(InvalidRequest, match="/gone could not be fetched"):
                await fetch_references([Reference(url, url=url) for url in urls], client, allow_loopback=True)
            return len(asyncio.all_tasks() - {asyncio.current_task()})

    with raw_server({("GET", "/gone"): gone, ("GET", PATH): endless}) as server:
        assert asyncio.run(left(server.url + PATH, f"{server.url}/gone", f"{server.url}{PATH}?2")) == 0
        server.wait_for(lambda seen: seen.open_connections == 0)
        assert server.gets == 3
