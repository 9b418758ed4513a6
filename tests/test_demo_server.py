"""The demo service on a real socket: the wire format, its errors, its links, its sets and streams."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from seedream_magic.demo import server
from seedream_magic.demo.jobs import read_job
from seedream_magic.demo.prompts import count_images, named_count
from seedream_magic.demo.server import DemoService, DemoSettings

KEY = {"Authorization": "Bearer any-key"}
SMALL: dict[str, Any] = {"model": "doubao-seedream-4-0-250828", "prompt": "a lake", "size": "1280x720"}
SEED: dict[str, Any] = {
    "model": "doubao-seedream-4-5",
    "prompt": "Generate a set of illustrations showing four seasons",
    "size": "2K",
    "sequential_image_generation": "auto",
    "stream": False,
    "response_format": "url",
    "watermark": False,
}
PRO = {"model": "doubao-seedream-5-0-pro-260628"}
LITE = {"model": "doubao-seedream-5-0-260128"}


@pytest.fixture(scope="module")
def service() -> Iterator[DemoService]:
    with server.running(DemoSettings(delay=0)) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def one_context() -> Iterator[None]:
    """One TLS context for all clients: reading the certificates anew for each request is most of a request's time."""
    context = ssl.create_default_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", lambda *_args, **_kwargs: context)
        yield


def post(service: DemoService, body: object, *, headers: dict[str, str] | None = None) -> httpx.Response:
    url = f"{service.base_url}/images/generations"
    return httpx.post(url, json=body, headers=KEY if headers is None else headers, timeout=60)


def events(text: str) -> list[tuple[str | None, Any]]:
    """Event names and data of a whole stream, strictly `event` line, `data` line, empty line."""
    parsed: list[tuple[str | None, Any]] = []
    assert text.endswith("\n\n")
    for frame in text[:-2].split("\n\n"):
        match = re.fullmatch(r"(?:event: (\S+)\n)?data: (.*)", frame)
        assert match, frame
        parsed.append((match[1], match[2] if match[2] == "[DONE]" else json.loads(match[2])))
    return parsed


def set_of(count: int, **fields: object) -> dict[str, Any]:
    options = {"max_images": count}
    return SMALL | {"sequential_image_generation": "auto", "sequential_image_generation_options": options} | fields


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(httpx.get(url).content))


def test_seed_request_gets_four_pictures_as_ark_answers(service: DemoService) -> None:
    """The documented curl body gives a set of four, with sizes, usage and ids."""
    response = post(service, SEED)
    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == ["model", "created", "data", "usage"]
    assert [slot["size"] for slot in answer["data"]] == ["2048x2048"] * 4
    assert answer["usage"] == {"generated_images": 4, "output_tokens": 65536, "total_tokens": 65536}
    assert re.fullmatch(r"02\d{13}[0-9a-f]+", response.headers["x-request-id"])
    assert response.headers["x-client-request-id"]


def test_shape_seed_is_the_page_s_own(service: DemoService) -> None:
    """With `shape="seed"` the answer has the AnyFast page's fields and no others."""
    with server.running(DemoSettings(delay=0, shape="seed")) as seed:
        answer = post(seed, {**SEED, "prompt": "a lake"}).json()
    assert list(answer) == ["created", "data", "usage"]
    assert [list(slot) for slot in answer["data"]] == [["url"]]
    tokens = 2048 * 2048 // 256
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "output_tokens": tokens, "total_tokens": tokens}
    assert answer["usage"] == usage


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *[(f"{prefix}/images/generations", 200) for prefix in ("/v1", "/api/v3", "/api/plan/v3", "")],
        ("/v1/images/edits", 404),
    ],
)
def test_addresses(service: DemoService, path: str, status: int) -> None:
    """Base URLs of every provider lead to the same service; what Ark does not have is a 404 with an empty body."""
    response = httpx.post(f"{service.origin}{path}", json=SMALL, headers=KEY, timeout=60)
    assert response.status_code == status
    assert bool(response.content) == (status == 200)


def test_picture_behind_the_link(service: DemoService) -> None:
    """A link needs no key and gives a JPEG of the promised size, with length and MD5 tag; HEAD gives the head."""
    slot = post(service, SMALL).json()["data"][0]
    path = r"http://127\.0\.0\.1:\d+/doubao-seedream-4-0-250828/02\d{13}[0-9a-f]+_0\.jpeg"
    query = r"X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Date=\d{8}T\d{6}Z&X-Tos-Expires=86400&X-Tos-Signature=[0-9a-f]{64}"
    assert re.fullmatch(rf"{path}\?{query}", slot["url"])
    got = service.gets
    response = httpx.get(slot["url"])
    assert service.gets == got + 1
    assert response.headers["content-type"] == "image/jpeg"
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.headers["etag"] == f'"{hashlib.md5(response.content).hexdigest()}"'
    assert Image.open(io.BytesIO(response.content)).size == (1280, 720)
    assert httpx.head(slot["url"]).headers["content-length"] == response.headers["content-length"]


@pytest.mark.parametrize("stream", [False, True])
def test_base64_pictures(service: DemoService, *, stream: bool) -> None:
    """`b64_json` gives the picture itself in place of a link, in JSON and in events; a PNG where a model has it."""
    model = SMALL if stream else SMALL | PRO | {"output_format": "png"}
    response = post(service, model | {"response_format": "b64_json"} | ({"stream": True} if stream else {}))
    slot = events(response.text)[0][1] if stream else response.json()["data"][0]
    assert "url" not in slot
    picture = Image.open(io.BytesIO(base64.b64decode(slot["b64_json"])))
    assert (picture.size, picture.format) == ((1280, 720), "JPEG" if stream else "PNG")


def test_null_is_unset_and_unknown_fields_are_ignored(service: DemoService) -> None:
    """ByteDance's own SDKs send null for every field they do not set."""
    body = dict.fromkeys(("image", "seed", "stream", "watermark", "tools", "sequential_image_generation"))
    response = post(service, {**body, **SMALL, "size": None, "no_such_field": [1]})
    assert response.json()["data"][0]["size"] == "2048x2048"


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"prompt": "a wide valley", "size": "2K"}, "2848x1600"),
        ({"prompt": "竖版海报", "size": "2k"}, "1600x2848"),
        ({"prompt": "山水，宽高比 16：9", "size": "1K"}, "1312x736"),
        ({"prompt": "at 10:30 in the morning, 21:9", "size": "1K"}, "1568x672"),
        ({**PRO, "prompt": "a 16:9 valley", "size": "1.5K"}, "2048x1152"),
        ({**PRO, "prompt": "a valley", "size": None}, "2048x2048"),
        ({"size": "3840x240"}, "3840x240"),
    ],
)
def test_sizes(service: DemoService, fields: dict[str, Any], size: str) -> None:
    """Pixels are kept to the letter; a preset takes its ratio from the prompt, else it is square."""
    slot = post(service, {**SMALL, **fields}).json()["data"][0]
    assert slot["size"] == size
    assert "{}x{}".format(*opened(slot["url"]).size) == size


KINDS = {400: "BadRequest", 404: "NotFound", 429: "TooManyRequests", 500: "InternalServerError"}
M45 = {"model": "doubao-seedream-4-5"}
# What is simply of the wrong kind: each is refused by the field's name.
WRONG: list[tuple[str, Any]] = [
    *(("prompt", 5), ("size", "huge"), ("size", 2048), ("image", "c.png"), ("image", 7), ("stream", "yes")),
    *(("image", "data:image/png;base64,%%%"), ("watermark", 1)),
    *(("response_format", "jpeg"), ("sequential_image_generation", "on"), ("tools", "web_search")),
    *[("sequential_image_generation_options", value) for value in (3, {"max_images": 16})],
]
UNSUPPORTED = "the parameter `{}` is not supported by the current model"
REFUSALS: dict[tuple[int, str], list[tuple[dict[str, Any], str]]] = {
    (400, "MissingParameter"): [({"prompt": "  "}, "`prompt`"), ({"model": None}, "`model`")],
    (404, "InvalidEndpointOrModel.NotFound"): [
        ({"model": "dall-e-3"}, "dall-e-3 does not exist"),
        ({"model": ["x"]}, "does not exist"),
    ],
    (400, "InvalidParameter"): [
        *[({name: value}, f"The parameter `{name}") for name, value in WRONG],
        (
            {"model": "doubao-seedream-4-5-251128", "size": "1K"},
            "is not valid: the specified size is not supported for model doubao-seedream-4-5. Request id: ",
        ),
        (M45 | {"size": "1024x1024"}, "is not valid: image size must be at least 3686400 pixels. Request id: "),
        (LITE | {"size": "1K"}, "one of 'WIDTHxHEIGHT', '2k', '3k', or '4k'"),
        (PRO | {"size": "3000x2000"}, "at most 4624220 pixels"),
        ({"size": "5120x300"}, "aspect ratio"),
        (PRO | {"sequential_image_generation": "disabled"}, UNSUPPORTED.format("sequential_image_generation")),
        (PRO | {"stream": False}, UNSUPPORTED.format("stream")),
        (M45 | {"output_format": "png"}, UNSUPPORTED.format("output_format")),
        (LITE | {"guidance_scale": 5}, UNSUPPORTED.format("guidance_scale")),
        ({"model": "doubao-seedream-3-0-t2i-250415", "image": "https://a.b/c"}, "`image`"),
        ({"image": "data:image/PNG;base64,aGk="}, "lowercase"),
        ({"image": ["https://a.b/c"] * 15}, "at most 14"),
        *[(PRO | {"layer_decomposition": True, "image": ["https://a.b/c"] * n}, "exactly one") for n in (0, 2)],
    ],
    (400, "InputTextSensitiveContentDetected"): [({"prompt": "禁止的画"}, "input text")],
    (400, "OutputImageSensitiveContentDetected"): [({"prompt": "refuse"}, "output image")],
    (429, "RateLimitExceeded.EndpointRPMExceeded"): [({"prompt": "拥堵", "stream": True}, "RPM")],
    (500, "InternalServiceError"): [({"prompt": "crash"}, "internal error")],
}


@pytest.mark.parametrize(
    ("fields", "status", "code", "text"),
    [(fields, *kind, text) for kind, rows in REFUSALS.items() for fields, text in rows],
)
def test_refusals(service: DemoService, fields: dict[str, Any], status: int, code: str, text: str) -> None:
    """Each refusal has its status, code and text in Ark's envelope, with the request id in head and message."""
    response = post(service, {**SMALL, **fields})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert text in error["message"]
    assert code != "InvalidParameter" or error["message"].startswith("The parameter `")
    assert error["message"].endswith(f"Request id: {response.headers['x-request-id']}")
    assert error["param"] == ""
    assert error["type"] == KINDS[status]
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_body_that_is_no_json_object(service: DemoService, content: bytes) -> None:
    """Broken bodies are a 400, whatever is wrong with them."""
    response = httpx.post(f"{service.base_url}/images/generations", content=content, headers=KEY)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidParameter")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}])
def test_missing_key(service: DemoService, headers: dict[str, str]) -> None:
    """No key or an empty one is Ark's recorded 401."""
    response = post(service, SMALL, headers=headers)
    error = response.json()["error"]
    assert response.status_code == 401
    assert (error["code"], error["type"]) == ("AuthenticationError", "Unauthorized")
    message = "the API key or AK/SK in the request is missing or invalid. request id: "
    assert error["message"] == message + response.headers["x-request-id"]
    assert response.headers["x-error-code"] == "AuthN_MissOrInvalidAuthorizationHeader"
    echoed = post(service, SMALL, headers={**headers, "x-client-request-id": "mine-1"})
    assert echoed.headers["x-client-request-id"] == "mine-1"


def test_wrong_key_where_one_is_set() -> None:
    """With a key in the settings every other key is refused."""
    with server.running(DemoSettings(delay=0, key="right")) as locked:
        assert post(locked, SMALL).status_code == 401
        assert post(locked, SMALL, headers={"Authorization": "Bearer right"}).status_code == 200
        assert locked.posts == 2


def test_forged_link_is_denied(service: DemoService) -> None:
    """A changed signature, date or picture is a 403 with an XML body."""
    url = post(service, SMALL).json()["data"][0]["url"]
    forgeries = (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("X-Tos-Expires=86400", "X-Tos-Expires=99999"),
        url.replace("_0.jpeg", "_1.jpeg"),
        url.partition("?")[0],
        url.partition("&X-Tos-Signature")[0] + "&X-Tos-Signature=é",
    )
    for forged in forgeries:
        response = httpx.get(forged)
        assert response.status_code == 403
        assert response.headers["content-type"].startswith("application/xml")
        assert "<Error><Code>AccessDenied</Code>" in response.text


def test_expired_link_is_denied() -> None:
    """A link is served for its life and not longer; what is past is forgotten."""
    with server.running(DemoSettings(delay=0, link_life=0)) as brief:
        url = post(brief, SMALL).json()["data"][0]["url"]
        assert "X-Tos-Expires=0&" in url
        response = httpx.get(url)
        assert (response.status_code, "Request has expired." in response.text) == (403, True)
        brief.settings = replace(brief.settings, link_life=60)
        fresh = post(brief, SMALL).json()["data"][0]["url"]
        assert httpx.get(fresh).status_code == 200
        assert len(brief._links) == 1


# How many pictures a prompt is read as, without and with `max_images`.
COUNTS: dict[int, tuple[str, ...]] = {
    1: ("a cat", "three cats", "一只穿外套的猫", "a novel set in Paris, 35mm, 16:9", "sunset over 3 hills"),
    2: ("画两幅水墨画", "2 pictures of 7 dwarfs"),
    3: ("三张猫的照片", "３张海报", "three watercolour postcards", "ink\n\n1. a fox\n2. a cat\n3. a boat"),
    4: ("showing four seasons", "四季的山谷", "春夏秋冬", "a set of stickers", "一组插画", "一套表情", "一系列风景"),
    5: ("a series of five foxes",),
    6: ("a set of 6",),
    12: ("十二张生肖图",),
    15: ("40 pictures",),
}
LIMITED = [
    *(("a cat", 6, 6), ("a set of stickers", 2, 2), ("three cats", 5, 5), ("four seasons", 3, 3)),
    *(("four seasons", 6, 4), ("ink\n\n1. two panels of glass\n2. a cat\n3. a boat", 3, 3)),
    *(("one of the scenes of Hamlet", 4, 4), ("refuse 3", 4, 4)),
]


@pytest.mark.parametrize(
    ("prompt", "limit", "count"), [*[(text, None, count) for count in COUNTS for text in COUNTS[count]], *LIMITED]
)
def test_count_read_off_the_prompt(prompt: str, limit: int | None, count: int) -> None:
    """A named number of pictures counts, in both languages; else max_images; else 4 for a set and 1 for the rest."""
    assert count_images(prompt, limit) == count


def test_references_and_pictures_are_fifteen_together(service: DemoService) -> None:
    """Thirteen references leave room for two pictures; the usage counts them."""
    pixel = "data:image/png;base64,iVBORw0KGgo="
    answer = post(service, set_of(15, image=[pixel] * 12 + ["https://example.com/a.png"])).json()
    assert len(answer["data"]) == 2
    tokens = 2 * 1280 * 720 // 256
    usage = {"input_images": 13, "generated_images": 2, "output_tokens": tokens, "total_tokens": tokens}
    assert answer["usage"] == usage


@pytest.mark.parametrize(("words", "refused"), [("refuse 3", 2), ("违规", 1)])
def test_refused_frame_of_a_set(service: DemoService, words: str, refused: int) -> None:
    """One frame is refused, the others go on, and only they are billed."""
    answer = post(service, set_of(3, prompt=f"foxes {words}")).json()
    failed = [place for place, slot in enumerate(answer["data"]) if "error" in slot]
    assert failed == [refused]
    assert answer["data"][refused]["error"]["code"] == "OutputImageSensitiveContentDetected"
    assert answer["usage"]["generated_images"] == 2
    assert answer["usage"]["output_tokens"] == 2 * 1280 * 720 // 256


def test_a_line_of_a_list_is_refused_by_its_words() -> None:
    """The line that rehearses a refusal is the frame refused; the number of the next line still counts a picture."""
    body = {"model": "doubao-seedream-4-5", "prompt": "ink\n\n1. a\n2. b, 违规\n3. c", "size": "2K"}
    job = read_job(json.dumps(body | {"sequential_image_generation": "auto"}).encode())
    assert (job.count, job.refused, named_count(body["prompt"])) == (3, 1, 3)


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
def test_layers_of_a_picture_are_described(service: DemoService, response_format: str) -> None:
    """`layer_decomposition` gives PNGs that put together are the base, each with its name and its place."""
    image = "data:image/png;base64,AAAA"
    body = {**PRO, "size": "1K", "layer_decomposition": True, "image": image, "response_format": response_format}
    answer = post(service, body).json()
    data = answer["data"]
    fields = {"size", "output_format", "z_index", "bounding_box", "name", "description"}
    assert all(set(layer) == {response_format, *fields} for layer in data)
    assert [layer["z_index"] for layer in data] == list(range(len(data)))
    assert all(layer["name"] and layer["description"] for layer in data)
    assert answer["usage"]["generated_images"] == len(data) > 1
    pictures = []
    for layer in data:
        box = layer["bounding_box"]
        assert all(isinstance(edge, int) for edge in (*box["absolute"], *box["normalized"]))
        assert box["normalized"] == [round(edge / 1024 * 1000) for edge in box["absolute"]]
        content = base64.b64decode(layer["b64_json"]) if "b64_json" in layer else httpx.get(layer["url"]).content
        picture = Image.open(io.BytesIO(content))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (1024, 1024))
        assert picture.getchannel("A").getbbox() == tuple(box["absolute"])
        pictures.append(picture)
    together = Image.new("RGBA", pictures[0].size)
    for picture in pictures[1:]:
        together.alpha_composite(picture)
    assert together.tobytes() == pictures[0].tobytes()


@pytest.mark.parametrize("stream", [False, True])
def test_a_web_search_is_in_tools_and_usage(service: DemoService, *, stream: bool) -> None:
    """The model that searches the web says so and counts it; another ignores the tool."""
    body = {**SMALL, "size": "2K", "tools": [{"type": "web_search"}], "stream": stream}

    def summary(response: httpx.Response) -> Any:
        return events(response.text)[-2][1] if stream else response.json()

    searched, ignored = (summary(post(service, {**body, **model})) for model in (LITE, {}))
    assert searched["tools"] == [{"type": "web_search"}]
    assert searched["usage"]["tool_usage"] == {"web_search": 1}
    assert "tools" not in ignored
    assert "tool_usage" not in ignored["usage"]


def test_stream_is_ark_s_to_the_letter(service: DemoService) -> None:
    """Names, fields and order of the events of a set with a refused frame."""
    response = post(service, set_of(3, prompt="foxes refuse", stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    parsed = events(response.text)
    names = [f"image_generation.{kind}" for kind in ("partial_succeeded", "partial_failed", "partial_succeeded")]
    assert [name for name, _ in parsed] == [*names, "image_generation.completed", None]
    assert all(data["type"] == name and data["model"] == SMALL["model"] for name, data in parsed[:-1])
    assert [data["image_index"] for _, data in parsed[:3]] == [0, 1, 2]
    first, failed, completed = parsed[0][1], parsed[1][1], parsed[3][1]
    always = {"type", "model", "created", "created_at"}
    assert set(first) == {*always, "image_index", "url", "size"}
    assert set(failed) == {*always, "image_index", "error"}
    assert set(completed) == {*always, "usage"}
    assert all(data["created_at"] == data["created"] for _, data in parsed[:-1])
    assert completed["usage"] == {"generated_images": 2, "output_tokens": 7200, "total_tokens": 7200}
    assert parsed[-1][1] == "[DONE]"
    assert httpx.get(first["url"]).status_code == 200


def quiet(service: DemoService) -> bool:
    """Whether no request is worked on, seen after the service has dealt with what was sent before."""
    for _ in range(50):
        httpx.get(f"{service.origin}/")
        if not service.tasks:
            return True
    return False


def test_a_disconnect_ends_the_work(capfd: pytest.CaptureFixture[str]) -> None:
    """Of a stream whose reader goes after an event, of a client that waits no longer for JSON; all in silence."""
    with server.running(DemoSettings(delay=1.0)) as slow:
        url = f"{slow.base_url}/images/generations"
        with httpx.stream("POST", url, json=set_of(9, stream=True), headers=KEY, timeout=60) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: image_generation.partial_succeeded"
            slot = json.loads(next(lines).removeprefix("data: "))
            assert len(slow.tasks) == 1  # the picture is there while the request is still open
            assert httpx.get(slot["url"]).status_code == 200
        assert quiet(slow)
        assert slow.painted <= 3
        slow.settings = replace(slow.settings, delay=3600)
        with contextlib.suppress(httpx.ReadTimeout):
            httpx.post(url, json=SMALL, headers=KEY, timeout=0.3)
        assert slow.posts == 2
        assert quiet(slow)
    assert capfd.readouterr() == ("", "")


def test_requests_are_served_side_by_side(capfd: pytest.CaptureFixture[str]) -> None:
    """A slow request holds up no other; stopping the service ends it without noise."""
    with server.running(DemoSettings(delay=3600)) as busy:
        url = f"{busy.base_url}/images/generations"
        with httpx.stream("POST", url, json={**SMALL, "stream": True}, headers=KEY, timeout=60) as waiting:
            assert waiting.status_code == 200
            while len(busy.kept) < 1:  # until it waits out its delay
                httpx.get(f"{busy.origin}/")
            busy.settings = replace(busy.settings, delay=0)
            assert post(busy, SMALL).status_code == 200
            assert len(busy.tasks) == 1
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def own_service() -> Iterator[None]:
    server.stop()
    yield
    server.stop()


@pytest.mark.usefixtures("own_service")
def test_one_service_for_each_process() -> None:
    """`start` gives the same base URL again; a delay sets the pace; after `stop` the port is closed."""
    url = server.start(delay=0)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
    assert httpx.post(f"{url}/images/generations", json=SMALL, headers=KEY, timeout=60).status_code == 200
    assert server.start() == url
    assert server.start(delay=0.5) == url
    assert server._own is not None
    assert server._own.service.settings.delay == 0.5
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@contextlib.contextmanager
def standalone(*options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "seedream_magic.demo", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_alone_until_a_signal(number: int) -> None:
    """The first line is the base URL; a picture can be had; a signal ends it quietly with 0."""
    with standalone("--delay", "0", "--key", "k", "--shape", "seed") as process:
        url = first_line(process)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
        assert process.stdout is not None
        assert "Ctrl-C" in process.stdout.readline()
        endpoint = f"{url}/images/generations"
        assert httpx.post(endpoint, json=SMALL, headers=KEY).status_code == 401
        answer = httpx.post(endpoint, json=SMALL, headers={"Authorization": "Bearer k"}, timeout=60)
        assert "prompt_tokens" in answer.json()["usage"]
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_alone_with_the_curl_command_it_prints() -> None:
    """The command in the help lines works as it stands."""
    with standalone("--delay", "0") as process:
        first_line(process)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        command = "".join(lines[1:]).replace("curl ", "curl -sS ", 1)
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)
        assert len(json.loads(done.stdout)["data"]) == 4


def test_busy_port_is_one_line_and_exit_1(service: DemoService) -> None:
    """A port that is taken is one line on stderr, without a traceback."""
    command = [sys.executable, "-m", "seedream_magic.demo", "--port", str(service.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(service.port) in done.stderr
