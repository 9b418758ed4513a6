"""The shapes that gateways give to an answer: each is read for what it holds, and one that is not is kept whole."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asking import b64
from fault import called, drawn, failed, outcome, shades
from raw_server import EVENT_STREAM, Behaviour, Reply, Request, json_reply, sse
from seedream_magic import ApiError, ContentRefused, ImageSet, ResponseBroken
from seedream_magic.api.decoder import AnswerDecoder, Answered
from seedream_magic.api.events import Picture, Reader
from seedream_magic.api.shapes import is_error, places_of
from seedream_magic.images.download import decode
from served import KEY, client, received, record, served
from service import PICTURE, POST, completed, jpeg, link, picture
from test_faults_pictures import of

Body = Callable[[list[str], list[str]], bytes]
"""The body of an answer that holds pictures: their links, their base64."""


def js(value: object, **options: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, **options).encode()


def urls(links: list[str]) -> list[dict[str, str]]:
    return [{"url": url} for url in links]


def chat(words: str) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": words}}]}


def deltas(words: str, size: int) -> bytes:
    pieces = [words[at : at + size] for at in range(0, len(words), size)]
    kind = "chat.completion.chunk"
    chunks = [{"id": "x", "object": kind, "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    end = {"id": "x", "object": kind, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(sse(None, chunk) for chunk in [*chunks, end]) + sse(None, "[DONE]")


def markdown(links: list[str]) -> str:
    return "Here you are:\n\n" + "\n\n".join(f"![a picture (of {at})]({url})" for at, url in enumerate(links))


# Where two pictures stand, `u` by their links, `b` by their base64. Of one shape each.
SHAPES: dict[str, Body] = {
    "the service's own": lambda u, b: js({"data": urls(u), "created": 1}),
    "the service's own, b64_json": lambda u, b: js({"data": [{"b64_json": text} for text in b]}),
    "images": lambda u, b: js({"images": urls(u)}),
    "images as texts": lambda u, b: js({"images": u}),
    "data as texts": lambda u, b: js({"data": u}),
    "data.image_urls": lambda u, b: js({"data": {"image_urls": u, "task_id": "t"}}),
    "data.data": lambda u, b: js({"code": 0, "message": "success", "data": {"data": urls(u)}}),
    "result": lambda u, b: js({"result": u}),
    "output": lambda u, b: js({"id": "p", "status": "succeeded", "output": u, "urls": {"get": "https://a.example/p"}}),
    "output.results": lambda u, b: js({"output": {"task_status": "SUCCEEDED", "results": urls(u)}}),
    "image_url": lambda u, b: js({"data": [{"image_url": url} for url in u]}),
    "image_url.url": lambda u, b: js({"choices": [{"message": {"images": [{"image_url": {"url": x}} for x in u]}}]}),
    "imageUrl": lambda u, b: js({"data": [{"imageUrl": url, "width": 64} for url in u]}),
    "an unknown name": lambda u, b: js({"data": [{"zdjecie": url, "seed": 5} for url in u]}),
    "data: URIs in url": lambda u, b: js({"data": [{"url": f"data:image/jpeg;base64,{text}"} for text in b]}),
    "base64 in url": lambda u, b: js({"data": [{"url": text} for text in b]}),
    "binary_data_base64": lambda u, b: js({"data": {"binary_data_base64": b}}),
    "inline_data": lambda u, b: js({"candidates": [{"content": {"parts": [
        {"text": "two"}, *({"inline_data": {"mime_type": "image/jpeg", "data": text}} for text in b)]}}]}),
    "b64 in lines": lambda u, b: js({"data": [{"b64_json": "\n".join(t[n : n + 76] for n in range(0, len(t), 76))}
                                              for t in b]}),
    "b64_json null beside url": lambda u, b: js({"data": [{"url": url, "b64_json": None, "error": {}} for url in u]}),
    "responses": lambda u, b: js({"output": [{"type": "image_generation_call", "result": text} for text in b]}),
    "a list": lambda u, b: js(urls(u)),
    "JSON in a JSON text": lambda u, b: js(json.dumps({"data": urls(u)})),
    "JSON in a text under any name": lambda u, b: js({"payload": json.dumps({"data": urls(u)})}),
    "Markdown under any name": lambda u, b: js({"reply": {"said": markdown(u)}}),
    "JSON in a fence": lambda u, b: f"```json\n{json.dumps({'data': urls(u)}, indent=2)}\n```".encode(),
    "a chat, Markdown": lambda u, b: js(chat(markdown(u))),
    "a chat, links": lambda u, b: js(chat("1. " + "\n2. ".join(u))),
    "a chat, data: URIs": lambda u, b: js(chat("".join(f"![x](data:image/jpeg;base64,{text})\n" for text in b))),
    "a chat, parts": lambda u, b: js({"choices": [{"message": {"content": [
        {"type": "image_url", "image_url": {"url": url}} for url in u]}}]}),
    "a chat, HTML": lambda u, b: js(chat("".join(f'<img src="{url}">' for url in u))),
    "a chat, streamed": lambda u, b: deltas(markdown(u), 7),
    "a chat, streamed, base64": lambda u, b: deltas(
        "".join(f"![x](data:image/jpeg;base64,{text})\n" for text in b), 100),
    "lines of JSON with data": lambda u, b: b"".join(js({"data": [{"url": url}]}) + b"\r\n" for url in u),
    "pretty-printed": lambda u, b: js({"data": urls(u)}, indent=4),
    "UTF-16 with a mark": lambda u, b: js({"data": urls(u)}).decode().encode("utf-16"),
    "UTF-16 with two marks": lambda u, b: js({"data": urls(u)}).decode().encode("utf-16")[:2] * 2
    + js({"data": urls(u)}).decode().encode("utf-16-le"),
    "UTF-8 with two marks": lambda u, b: b"\xef\xbb\xbf \xef\xbb\xbf" + js({"data": urls(u)}),
    "UTF-16, big": lambda u, b: js({"data": urls(u)}).decode().encode("utf-16-be"),
    "GB 18030": lambda u, b: js({"data": [{"url": url, "说明": "图"} for url in u]}).decode().encode("gb18030"),
    "escaped slashes": lambda u, b: js({"data": urls(u)}).replace(b"/", b"\\/"),
    "Markdown as the body": lambda u, b: markdown(u).encode(),
    "links as the body": lambda u, b: "\n".join(u).encode(),
    "words that begin as JSON does": lambda u, b: "\n".join(f"[Download]({url})" for url in u).encode(),
    "events of one picture": lambda u, b: b"".join(sse(None, {"url": url, "index": at}) for at, url in enumerate(u)),
    "events of a list": lambda u, b: b"".join(sse(None, {"data": [{"url": url}]}) for url in u) + sse(None, "[DONE]"),
    "events of links": lambda u, b: b"".join(sse(None, url) for url in u),
    "one event, pretty": lambda u, b: b"data: " + js({"data": urls(u)}, indent=1).replace(b"\n", b"\ndata: ") + b"\n\n",
    "an event in an event": lambda u, b: sse("result", json.dumps(json.dumps({"data": urls(u)}))),
    "previews beside them": lambda u, b: js({"data": [{"url": url, "thumbnail_url": f"{url}&small"} for url in u]}),
    "what was sent beside them": lambda u, b: js({"input": {"image": "https://a.example/in.png"}, "data": urls(u),
                                                  "usage": {"details": "https://a.example/usage"}}),
    "a status for each": lambda u, b: js({"id": "x", "status": "created",
                                          "data": [{"url": url, "status": "ok"} for url in u]}),
    "images as base64": lambda u, b: js({"images": b}),
    "data as base64": lambda u, b: js({"data": b}),
    "data.images": lambda u, b: js({"data": {"images": urls(u)}}),
    "result.data": lambda u, b: js({"result": {"data": urls(u)}, "status": "success"}),
    "image_base64": lambda u, b: js({"data": [{"image_base64": text} for text in b]}),
    "a list of texts": lambda u, b: js(u),
    "JSON in a text inside": lambda u, b: js({"data": json.dumps(urls(u))}),
    "a chat, links in brackets": lambda u, b: js(chat("".join(f"[Download]({url}) " for url in u))),
    "lines of JSON": lambda u, b: b"".join(js({"url": url}) + b"\n" for url in u),
    "objects behind each other": lambda u, b: b"".join(js({"url": url}) for url in u),
    "UTF-16, little": lambda u, b: js({"data": urls(u)}).decode().encode("utf-16-le"),
    "words with quotes": lambda u, b: f'See "the very first picture": {u[0]} and "the other one": {u[1]}'.encode(),
    "a number for an id": lambda u, b: js({"id": 5, "code": 200, "msg": "ok", "data": {"images": u}}),
}  # fmt: skip


def two(request: Request, body: Body) -> bytes:
    return body([link(request, 0), link(request, 1)], [b64(0), b64(1)])


@pytest.mark.fault("F40", "F67", "F68", "F69")
@pytest.mark.parametrize("declared", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_two_pictures_in_any_shape(body: Body, declared: str, store: Path) -> None:
    """Both are saved, in their order; nothing is told but what is so; none is asked for twice, nothing is left over."""

    def answer(request: Request) -> Behaviour:
        return Reply(200, {"Content-Type": declared}, two(request, body))

    with served({POST: answer, PICTURE: picture}, store) as server:
        images = called(server, store, images=2, stream=declared != "application/json")
        assert shades(drawn(images)) == [0, 1]
        assert server.gets in {0, 2}
        assert isinstance(images, ImageSet)
        assert images.notes == ()
        assert record(store)["state"] == "done"
        assert client(server, store).recover() == []
    assert not list(store.glob("*/*.raw"))
    assert "canary" not in "".join(path.read_text() for path in store.glob("*/*.json*"))


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_the_cuts_of_the_network_change_nothing(body: Body) -> None:
    """The same pictures in the same places, in whichever pieces the bytes come."""
    raw = body(["https://a.example/0.png?x=1", "https://a.example/1.png"], ["QUJD" * 20, "/9j/" + "QUJE" * 20])

    def read(step: int) -> list[object]:
        decoder, reader = AnswerDecoder(), Reader()
        pieces = [piece for at in range(0, len(raw), step) for piece in decoder.feed(raw[at : at + step])]
        found = [event for piece in [*pieces, *decoder.close()] if isinstance(piece, Answered)
                 for event in reader.read(piece)]  # fmt: skip
        return [*found, *reader.close()]

    assert read(1) == read(3) == read(100) == read(len(raw))


@pytest.mark.parametrize(
    ("encoding", "name", "declared"),
    [("JPEG", "01.jpg", "image/png"), ("PNG", "01.png", "application/json"), ("WEBP", "01.webp", "")],
)
def test_the_picture_itself_as_the_answer(encoding: str, name: str, declared: str, store: Path) -> None:
    """Kept byte for byte, under the ending of what it is."""
    data = of(encoding)
    images = drawn(outcome({POST: Reply(200, {"Content-Type": declared} if declared else {}, data)}, store))
    assert images[0].path
    assert (images[0].path.name, images[0].path.read_bytes()) == (name, data)
    assert images.notes == ()


NOTHING: dict[str, bytes] = {
    "success and no picture": js({"code": 0, "message": "success", "data": {}}),
    "success, in Chinese": js({"code": 200, "msg": "请求成功", "data": None}),
    "an unknown form": js({"answer": {"picture": [1, 2, 3]}}),
    "words": b"Here is your picture, but we do not say where.",
    "an empty chat": js(chat("I cannot draw that.")),
    "an event of another service": sse("x", {"hello": "world"}) + sse(None, "[DONE]"),
}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_an_answer_without_a_picture_is_kept_and_named(body: bytes, store: Path) -> None:
    """It is billed and no success: the error says what it is, never only "success", and where its bytes are."""
    error = failed(outcome({POST: Reply(200, {"Content-Type": "application/json"}, body)}, store))
    assert error.billed == "yes"
    text = str(error)
    assert text.lower().rstrip(".") not in {"success", "ok", "请求成功"}
    if isinstance(error, ResponseBroken) and "neither a link" not in text:
        (kept,) = store.glob("*/response.raw")
        assert kept.read_bytes() == body
        assert str(kept) in "\n".join(error.lines())


REFUSALS: list[tuple[dict[str, Any], type[ApiError], str]] = [
    ({"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}, ContentRefused, "no"),
    ({"code": 1301, "message": "the text was refused", "data": None}, ApiError, "the text was refused"),
    ({"code": 500, "msg": "no channel", "data": {}}, ApiError, "no channel"),
    ({"success": False, "message": "out of balance"}, ApiError, "out of balance"),
]


@pytest.mark.parametrize(("value", "kind", "words"), REFUSALS)
def test_a_refusal_in_an_envelope_is_told_in_its_words(
    value: dict[str, Any], kind: type[ApiError], words: str, store: Path
) -> None:
    """HTTP 200 and no success."""
    error = failed(outcome({POST: json_reply(value)}, store))
    assert isinstance(error, kind)
    assert words in str(error)


# A truthy error that says nothing, beside a good picture


EMPTY: list[Any] = [
    {}, [], "", " ", 0, False, None, "null", "none", "success", "OK", {"code": "", "message": ""}, {"code": 0},
    {"code": 0, "message": "success"}, {"code": "", "message": "", "param": None, "type": ""}, 200, "0", [None],
    {"code": None, "details": {"inner": ""}}, {"message": "Success."},
]  # fmt: skip


@pytest.mark.fault("F37")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("error", EMPTY, ids=map(repr, EMPTY))
def test_an_error_that_says_nothing_costs_nothing(error: object, store: Path, *, stream: bool) -> None:
    """Go's empty struct at the top, in the picture's own object, in its event."""

    def answer(request: Request) -> Behaviour:
        items = [{"url": link(request, index), "error": error} for index in range(2)]
        if not stream:
            return json_reply({"data": items, "error": error})
        name = "image_generation.partial_succeeded"
        events = [sse(name, {"type": name, "image_index": at, **item}) for at, item in enumerate(items)]
        return Reply(200, EVENT_STREAM, b"".join(events) + completed(2))

    images = drawn(outcome({POST: answer, PICTURE: picture}, store, images=2, stream=stream))
    assert shades(images) == [0, 1]
    assert images.notes == ()


def test_an_error_that_says_something() -> None:
    """Whatever its form."""
    assert all(map(is_error, ["x", {"code": "x"}, {"message": "no"}, 1, 500, True, [{"code": 5}], {"a": {"b": "c"}}]))


# What an earlier version missed


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_a_kept_answer_is_read_again(body: Body, store: Path) -> None:
    """A version that could read nothing of it has kept its bytes: `recover` brings both pictures, and asks no more."""
    with served({POST: lambda r: Reply(200, {}, b"x"), PICTURE: picture}, store) as server:
        called(server, store, images=2)
        (folder,) = store.iterdir()
        host = server.url.removeprefix("http://")
        request = Request("POST", "", b"", {"host": host}, b"", 0)
        (folder / "response.raw").write_bytes(two(request, body))
        (folder / "response.raw").chmod(0o600)
        (folder / "response.jsonl").write_text('{"status": 200, "raw": "response.raw", "codings": ""}\n')
        (images,) = client(server, store).recover(folder.name)
        assert shades(images) == [0, 1]
        assert not (folder / "response.raw").exists()
        gets = server.gets
        assert client(server, store).recover() == []
        assert server.gets == gets


def test_a_key_in_a_kept_answer_is_masked(store: Path) -> None:
    """But where a link needs it, and only till its picture is here."""
    body = f'{{"odd": "{KEY}", "pic": 5}}'.encode()
    failed(outcome({POST: Reply(200, {}, body)}, store))
    (kept,) = store.glob("*/response.raw")
    assert kept.read_bytes() == body.replace(KEY.encode(), b"(key)")
    assert received(store)[-1]["object"] == {"odd": "(key)", "pic": 5}


LEFT_OUT: dict[str, Any] = {
    "an odd name beside": lambda a, b: {"data": [{"b64_json": a, "image": b}]},
    "another item's odd name": lambda a, b: {"data": [{"b64_json": a}, {"png": b}]},
    "a preview": lambda a, b: {"data": [{"b64_json": a}], "preview": b},
    "inside an error": lambda a, b: {"data": [{"b64_json": a}], "error": {"picture": b}},
}


@pytest.mark.parametrize("shape", LEFT_OUT)
def test_what_was_not_taken_for_a_picture_stays_while_one_is_missing(shape: str, store: Path) -> None:
    """Another stands under a name that says nothing: of two asked for its bytes are kept and told, of one they go."""
    answer = {POST: json_reply(LEFT_OUT[shape](b64(0), b64(1)))}
    images = drawn(outcome(answer, store, images=2, stream=False))
    saved = {frame.path.read_bytes() for frame in images.ok if frame.path}
    kept = b"".join(path.read_bytes() for path in images.folder.glob("response*.raw"))
    assert jpeg(0) in saved
    assert jpeg(1) in saved or b64(1).encode() in kept
    assert len(saved) == 2 or any("was not recognised as a picture" in note for note in images.notes)
    whole = drawn(outcome(answer, store))
    assert whole.complete
    assert not list(whole.folder.glob("response*.raw"))


@pytest.mark.parametrize("text", ["{0}\n{1}", "{0},{1}", "<{0}> <{1}>", "`{0}` and `{1}`"])
def test_several_links_in_one_text(text: str) -> None:
    """Gateways put them into one field, parted by anything."""
    links = ["https://a.example/1.png?s=1", "https://a.example/2.png?s=2"]
    for value in ({"data": {"urls": text.format(*links)}}, {"data": [{"url": text.format(*links)}]}):
        assert [place.url for place in places_of(value)] == links


BEHIND: dict[str, bytes] = {
    "events without blank lines": b"data: %s\ndata: %s\ndata: [DONE]\n",
    "a comment of a page before events": b"<!-- proxy -->\ndata: %s\n\ndata: %s\n\n",
    "a warning before JSON": b'<br />\n<b>Warning</b>: x in y on line 3<br />\n{"data": [%s, %s]}',
}


def parsed(body: bytes) -> tuple[list[object], str]:
    """The links of the pictures in it, and what is wrong with it."""
    decoder, reader = AnswerDecoder(), Reader()
    pieces = [*decoder.feed(body), *decoder.close()]
    found = [event for piece in pieces if isinstance(piece, Answered) for event in reader.read(piece)]
    return [event.url for event in found if isinstance(event, Picture)], decoder.fault


@pytest.mark.parametrize("form", BEHIND)
def test_an_answer_behind_what_a_server_put_before_it(form: str) -> None:
    """Both pictures are found, though the bytes begin as a page does, or no line ends an event."""
    item = b'{"type": "image_generation.partial_succeeded", "image_index": %d, "url": "https://a/%d"}'
    assert parsed(BEHIND[form] % (item % (0, 0), item % (1, 1))) == (["https://a/0", "https://a/1"], "")


def test_a_page_with_links_is_no_answer() -> None:
    """The log-in page of a network has links and JSON as well: none of them is a picture."""
    found, fault = parsed(b'<html><script>{"image": "https://a/og.png"}</script><img src="https://a/b.png">')
    assert not found
    assert "web page" in fault


def test_pictures_of_a_streamed_chat_and_base64_as_people_paste_it() -> None:
    """`delta.images`, base64 in a fence, a link where base64 is due."""
    text = base64.b64encode(jpeg(0, (300, 200))).decode()
    delta = {"choices": [{"delta": {"content": "", "images": [{"image_url": {"url": "https://a/1"}}]}}]}
    assert [place.url for place in places_of(delta)] == ["https://a/1"]
    assert [place.b64_json for place in places_of(chat(f"Here it is:\n```\n{text}\n```"))] == [text]
    (place,) = places_of({"data": [{"b64_json": "https://a/1"}]})
    assert (place.url, place.b64_json) == ("https://a/1", None)


def test_base64_as_programs_print_it_is_decoded() -> None:
    """Quotes, Python's `b''`, a prefix without its scheme."""
    for spelling in ("b'{}'", '"{}"', "base64,{}", "`{}`", " {},"):
        data, facts = decode(spelling.format(b64(0)))
        assert (data, facts.media_type) == (jpeg(0), "image/jpeg")
