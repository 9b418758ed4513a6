"""Gateways between this client and the service: their recorded answers, read, told, counted and remembered.

gateway_answers.json holds what LiteLLM's and Portkey's own programs sent, byte by byte, and how many POSTs the service
behind them counted; tests/gateway_programs.py recorded it. Here raw sockets send the same bytes again.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from raw_server import Behaviour, RawServer, Request, json_reply, raw_server
from raw_server import Raw as Bytes
from seedream_magic import ImageSet, SeedreamError
from seedream_magic.api import gateways
from seedream_magic.api.codes import CODES, code_of_words
from seedream_magic.api.refusal import read_refusal, refusal_error, unwrap
from seedream_magic.errors import (
    ApiError,
    AuthFailed,
    ContentRefused,
    ModelNotFound,
    PaymentRequired,
    RateLimited,
    RequestRefused,
    ServerFailed,
)
from served import client
from service import PICTURE, POST, jpeg, link, picture

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("gateway_answers.json").read_text("utf-8"))["answers"]
ARK_ID = "021767540021379abcdef"
LOOK = "See at the provider"


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "_HISTORIES", {})  # ports come again


def replayed(name: str) -> Any:
    """The recorded answer of today, whose links lead to the server that sends it."""

    def play(request: Request) -> Behaviour:
        answer = RECORDED[name]["answer"].replace("18999", request.headers["host"].rpartition(":")[2])
        return Bytes(re.sub(r"(?im)^(date: ).*(?=\r$)", rf"\g<1>{formatdate(usegmt=True)}", answer, count=1).encode())

    return play


def drawn(server: RawServer, store: Path, **options: Any) -> ImageSet | SeedreamError:
    """The set of a request, or its error."""
    try:
        return client(server, store).generate("a fox", **options)
    except SeedreamError as error:
        return error


ONE_OR_MORE = "1 image may be billed: sent once from here, LiteLLM may have repeated it."


@dataclass(frozen=True)
class Recorded:
    """What a recorded answer comes to, and words of its text; `posts` is what the service behind it counted."""

    name: str
    posts: int
    kind: type[ApiError]
    code: str
    billed: str
    words: list[str]


REFUSALS = [
    Recorded("LiteLLM: a field that it does not take", 0, RequestRefused, "", "no",
     ["""--extra '{"response_format": null, "num_retries": 0}'""", "drop_params: true", "Not billed."]),
    Recorded("LiteLLM: a model that it does not know", 0, ModelNotFound, "model_not_found", "no", ["model=none"]),
    Recorded("LiteLLM: a failure", 9, ServerFailed, "InternalServiceError", "unknown",
     [ONE_OR_MORE, "up to 9 times", """--extra '{"num_retries": 0}'""", ARK_ID]),
    Recorded("LiteLLM: a connection that is closed", 9, ServerFailed, "", "unknown", [ONE_OR_MORE, "num_retries"]),
    Recorded("LiteLLM: a page", 9, ServerFailed, "", "unknown", [ONE_OR_MORE, "502"]),
    Recorded("LiteLLM: a refused picture", 1, ContentRefused, "OutputImageSensitiveContentDetected", "no",
     ["Not billed.", "Draw it once more, or word it differently.", ARK_ID]),
    Recorded("LiteLLM: an empty account", 3, PaymentRequired, "AccountOverdueError", "no", ["Top up"]),
    Recorded("LiteLLM: an unknown model", 1, ModelNotFound, "InvalidEndpointOrModel.NotFound", "no", ["lists the ids"]),
    Recorded("LiteLLM: a key of its own that is refused", 1, AuthFailed, "", "no", ["LiteLLM: No", "key"]),
    Recorded("Portkey: a failure", 1, ServerFailed, "InternalServiceError", "unknown",
     ["1 image may be billed: sent once from here, Portkey sent it on once.", LOOK]),
    Recorded("Portkey: a page", 1, ServerFailed, "", "unknown", ["502 Bad Gateway", LOOK]),
    Recorded("Portkey: a refused picture", 1, ContentRefused, "OutputImageSensitiveContentDetected", "no",
     ["Detected: The request failed because", "Not billed."]),
    Recorded("Portkey: an empty account", 1, PaymentRequired, "AccountOverdueError", "no", ["Top up"]),
    Recorded("Portkey: an unknown model", 1, ModelNotFound, "InvalidEndpointOrModel.NotFound", "no", ["lists the ids"]),
    Recorded("Portkey: a failure, three times", 3, ServerFailed, "InternalServiceError", "unknown",
     ["At least 2 images may be billed", "Portkey sent it on 2 times or more", LOOK]),
    Recorded("Portkey: a failure, then a refused picture", 2, ContentRefused, "OutputImageSensitiveContentDetected",
     "unknown", ["At least 1 image may be billed", "Portkey sent it on 2 times or more", LOOK]),
]  # fmt: skip
WRAPPING = ("litellm.", "Exception", "model group", "openai error", "{'error'")


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row.name)
def test_what_a_gateway_refused(store: Path, row: Recorded) -> None:
    """Typed by the service's own code; the text tells what may be billed and what helps, and none of its wrapping."""
    assert RECORDED[row.name]["posts"] == row.posts
    with raw_server({POST: replayed(row.name)}) as server:
        error = drawn(server, store)
        assert server.posts == 1
    assert type(error) is row.kind
    assert isinstance(error, ApiError)
    assert (error.code, error.billed) == (row.code, row.billed)
    text = "\n".join(error.lines())
    assert [words for words in row.words if words not in text] == []
    bare = str(error).replace("`litellm.drop_params = True`", "")
    assert [words for words in WRAPPING if words in bare] == []
    assert len(error.lines()) <= 5


@pytest.mark.parametrize(
    ("name", "options", "keywords"),
    [
        ("LiteLLM", """--no-stream --extra '{"num_retries": 0}'""", "stream=False, extra={'num_retries': 0}"),
        ("Portkey", "--no-stream", "stream=False"),
    ],
)
def test_a_gateway_that_cannot_stream(store: Path, name: str, options: str, keywords: str) -> None:
    """It breaks down over the answer: all may be billed, once or more; the next plan for it says what helps."""
    with raw_server({POST: replayed(f"{name}: a streamed set")}) as server, raw_server({}) as elsewhere:
        seedream = client(server, store)
        with pytest.raises(ServerFailed) as caught:
            seedream.generate("a fox", images=4)
        assert "4 images may be billed: sent once" in "\n".join(caught.value.lines())
        assert f"draw again with {options} (in Python {keywords})." in caught.value.hint
        assert seedream.session.doubtful.total() == 4
        (warning,) = seedream.plan("a hen", images=4).warnings
        assert warning.endswith(f"add {keywords}.")
        followed = seedream.plan("a hen", images=4, stream=False, extra={"num_retries": 0}).warnings
        assert not any("add" in words for words in followed)
        assert server.posts == 1
        assert client(elsewhere, store).plan("a hen", images=4).warnings == ()


def test_a_field_that_a_gateway_refused_is_remembered(store: Path) -> None:
    """The next plan says how it is left out; left out, nothing is said."""
    with raw_server({POST: replayed("LiteLLM: a field that it does not take")}) as server:
        error = drawn(server, store)
        assert isinstance(error, RequestRefused)
        assert error.param == "response_format"
        (warning,) = client(server, store).plan("a hen").warnings
        assert "add extra={'response_format': None, 'num_retries': 0}." in warning
        assert client(server, store).plan("a hen", extra={"response_format": None, "num_retries": 0}).warnings == ()


def test_a_good_answer_through_a_gateway(store: Path) -> None:
    """It arrives whole, and tells of an attempt before it that may be billed."""
    again = ("Portkey sent it on 2 times: 1 image more may be billed.",)
    for name, count, notes in (("LiteLLM: a set", 4, ()), ("Portkey: a failure, then a picture", 1, again)):
        with raw_server({POST: replayed(name), PICTURE: picture}) as server:
            images = drawn(server, store, images=count, stream=False)
        assert isinstance(images, ImageSet)
        assert (len(images.ok), images.billed, images.notes) == (count, count, notes)


@pytest.mark.parametrize(
    ("body", "header", "told"),
    [
        ({"usage": {"generated_images": 1, "cost": 0.04}}, None, "0.04"),
        ({"usage": {"cost": 4e-05}}, None, "0.00004"),
        ({"cost": "$0.04"}, None, "$0.04"),
        ({}, "0.035", "0.035"),
        ({"usage": {"cost": 0.04}}, "0.04", "0.04"),  # both say the same
        ({"usage": {"cost": 0.05}}, "0.04", "0.04, 0.05"),
        ({"usage": {"cost": float("nan")}}, "None", ""),
        ({"usage": {"cost": True}, "cost": {"total": 1}}, "<b>1</b>", ""),
        ({"usage": {"cost": 1e308}, "cost": -1}, "", ""),
    ],
)
def test_a_cost_that_is_told_is_shown_once(store: Path, body: dict[str, Any], header: str | None, told: str) -> None:
    """In the words of the service, in one note that stays with the run; what is no number is left out."""

    def post(request: Request) -> Behaviour:
        headers = {} if header is None else {gateways.COST_HEADER: header}
        return json_reply({"data": [{"url": link(request, 1)}], **body}, 200, headers)

    with raw_server({POST: post, PICTURE: picture}) as server:
        images = drawn(server, store)
    assert isinstance(images, ImageSet)
    expected = [f"The service says that this cost {told}."] if told else []
    assert [note for note in images.notes if "cost" in note] == expected
    kept = client(server, store).show(images.run_id)
    assert [note for note in kept.notes if "cost" in note] == expected


def test_what_portkey_drops(store: Path) -> None:
    """Of a set one picture comes, without the reference; it is told, and before the next request as well."""
    options: dict[str, Any] = {"images": 4, "stream": False, "refs": jpeg(), "watermark": False}
    with raw_server({POST: replayed("Portkey: a set"), PICTURE: picture}) as server:
        images = drawn(server, store, **options)
        assert isinstance(images, ImageSet)
        (note,) = (note for note in images.notes if "Portkey" in note)
        (warning,) = client(server, store).plan("a hen", **options).warnings
        assert client(server, store).plan("a hen").warnings == ()
    for field in ("image", "sequential_image_generation", "watermark"):
        assert field in note
        assert field in warning
    assert "own base URL" in note


def test_a_pace_that_hides_an_earlier_attempt(store: Path) -> None:
    """Too many requests at last, after an attempt of which nothing is known: not sent again from here."""
    limited = json_reply({"error": {"code": "RateLimitExceeded"}}, 429, {"x-portkey-retry-attempt-count": "1"})
    with raw_server({POST: limited}) as server:
        error = drawn(server, store, images=3)
        assert server.posts == 1
    assert isinstance(error, RateLimited)
    assert "At least 3 images may be billed" in error.lines()[0]


def test_all_attempts_are_counted(store: Path) -> None:
    """The session's limit counts the images of each attempt that a gateway told of."""
    words = "litellm.Timeout: APITimeoutError - Request timed out. LiteLLM Retried: 2 times, LiteLLM Max Retries: 2"
    with raw_server({POST: json_reply({"error": {"message": words, "code": "408"}}, 408)}) as server:
        seedream = client(server, store)
        with pytest.raises(ApiError) as caught:
            seedream.generate("a fox", images=5)
    assert seedream.session.doubtful.total() == 15
    assert "At least 15 images may be billed" in caught.value.lines()[0]


def test_a_gateway_that_pauses_is_asked_again(store: Path) -> None:
    """LiteLLM leaves a model alone for seconds and sends nothing on: the pause is the one that its words name."""
    paused = RECORDED["LiteLLM: a model that it leaves alone"]
    assert paused["posts"] == 0
    refusal = read_refusal(json.loads(paused["answer"].partition("\r\n\r\n")[2]))
    error = refusal_error(refusal, status=429)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 5.0
    assert "cooldown_list" not in str(error)


CODE = "OutputImageSensitiveContentDetected"
INNER = {"error": {"code": CODE, "message": f"The picture 'x' may not be. Request id: {ARK_ID}", "type": "BadRequest"}}
AS_TEXT = json.dumps(INNER)
WRAPPINGS: dict[str, dict[str, Any]] = {
    "JSON in LiteLLM's words": {"message": f"litellm.BadRequestError: VolcEngineException - {AS_TEXT}", "code": "400"},
    "Python's way of writing it": {"message": f"Error code: 400 - {INNER}", "type": None, "code": "400"},
    "JSON in JSON": {"message": json.dumps({"error": {"message": AS_TEXT, "code": 400}}), "type": "upstream_error"},
    "JSON that was cut": {"message": f"bad response status code 400, body: {AS_TEXT[:-30]}", "type": "upstream_error"},
    "escaped twice and cut": {"message": json.dumps(json.dumps(AS_TEXT))[:-30], "code": "upstream_error"},
    "OpenRouter's metadata": {"message": "Provider returned error", "code": 400, "metadata": {"raw": AS_TEXT}},
    "the sentence alone": {"message": "The request failed because the output image may contain sensitive information."},
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPINGS)
def test_the_services_code_in_a_gateways_words(name: str) -> None:
    """However deep and damaged: it decides what the refusal is."""
    error = refusal_error(read_refusal({"error": WRAPPINGS[name]}), status=400)
    assert (type(error), error.code) == (ContentRefused, CODE)
    assert "{" not in str(error)


@pytest.mark.parametrize(
    ("status", "error", "kind", "code", "words"),
    [
        (400, {"type": "upstream_error", "code": "bad_response_status_code", "param": "400",
               "message": f"bad response status code 400, message: {AS_TEXT} (request id: 202611280001)"},
         ContentRefused, CODE, "may not be"),
        (500, {"type": "new_api_error", "code": "sensitive_words_detected", "message": "x (request id: 2026112800)"},
         ContentRefused, "sensitive_words_detected", "x"),
        (403, {"type": "new_api_error", "code": "pre_consume_token_quota_failed", "message": "用户额度不足"},
         PaymentRequired, "pre_consume_token_quota_failed", "用户额度不足"),
        (503, {"type": "new_api_error", "message": "当前分组 default 下对于模型 x 无可用渠道 (request id: 2026112800)"},
         ModelNotFound, "model_not_found", "无可用渠道"),
        (401, {"type": "one_api_error", "message": "无效的令牌 (request id: 2026112800)"},
         AuthFailed, "one_api_error", "令牌"),
        (502, {"message": "x"}, ServerFailed, "", "x"),
    ],
)  # fmt: skip
def test_new_api(
    status: int, error: dict[str, Any], kind: type[ApiError], code: str, *, words: str, store: Path
) -> None:
    """Its own codes are typed; its id is the one to ask for; a failure may have gone over several channels."""
    headers = {"X-Oneapi-Request-Id": "202611280001abcd"} if kind is ServerFailed else {}
    reply = json_reply({"error": error}, status, headers)
    with raw_server({POST: reply}) as server:
        found = drawn(server, store)
        assert isinstance(found, kind)
        assert found.code == code
        assert "new-api" in found.gateway
        assert words in str(found)
        assert "request id" not in str(found).lower()
        if kind is ServerFailed:
            text = "\n".join(found.lines())
            assert "new-api (one-api) may have repeated it" in text
            assert "202611280001abcd" in text
            assert "further channels" in client(server, store).plan("a hen").warnings[0]


def counting(*counts: int | None) -> Any:
    """Answers of one picture whose usage tells these numbers of references; None tells none."""

    def answer(request: Request) -> Behaviour:
        count = counts[request.connection // 2]  # between two POSTs a picture is fetched
        usage = {"generated_images": 1} | ({} if count is None else {"input_images": count})
        return json_reply({"data": [{"url": link(request, 0)}], "usage": usage})

    return answer


@pytest.mark.parametrize(
    ("references", "counts", "noted"),
    [
        (2, (0,), [True]),
        (2, (None,), [False]),
        (2, (2,), [False]),
        (2, (None, 2, None), [False, False, True]),
        (0, (0,), [False]),
    ],
)
def test_references_that_were_dropped(
    store: Path, references: int, counts: tuple[int | None, ...], noted: list[bool]
) -> None:
    """The service's count says so: none, or no count where the same service has given one before."""
    with raw_server({POST: counting(*counts), PICTURE: picture}) as server:
        refs = [jpeg(number) for number in range(references)]
        sets = [drawn(server, store, refs=refs, fresh=True) for _ in counts]
    words = "did not count any of the 2 references"
    assert [any(words in note for note in images.notes) for images in sets if isinstance(images, ImageSet)] == noted


@pytest.mark.parametrize(
    "named",
    [
        "Setting `response_format` is not supported by openai, x.",
        "Setting {'response_format': 'url', 'quality': 'hd'} is not supported by azure.",
        "azure does not support parameters: ['response_format', 'quality'], for model=x.",
    ],
)
def test_fields_that_litellm_refuses(named: str) -> None:
    """However its versions write them: the names, and what leaves those that were sent out."""
    refusal = read_refusal({"error": {"message": f"litellm.UnsupportedParamsError: {named}", "code": "400"}})
    error = refusal_error(refusal, status=400, body={"response_format": "url", "num_retries": 0})
    assert error.param in {"response_format", "response_format, quality"}
    assert """--extra '{"response_format": null}'""" in error.hint


def test_the_sentences_of_the_service() -> None:
    """Each that is recognised stands for a code of the table or one beneath it."""
    for words, code in {
        "because the output image may contain sensitive information.": "OutputImageSensitiveContentDetected",
        "the input image may be related to copyright": "InputImageSensitiveContentDetected.PolicyViolation",
        "the input image may contain real person.": "InputImageSensitiveContentDetected.PrivacyInformation",
        "Your account [1] has reached the set inference limit for the [x] model": "SetLimitExceeded",
        "Your account 1 has not activated the model x.": "ModelNotOpen",
        "The parameter `size` specified in the request is not valid: x": "InvalidParameter",
        "The service is currently unable to handle additional requests due to server overload.": "ServerOverloaded",
    }.items():  # fmt: skip
        assert code_of_words(words) == code
        assert code in CODES
    assert code_of_words("an image may contain anything") == ""


def test_a_flood_of_words() -> None:
    """A quarter of a megabyte is read in no time."""
    for words in ('\\"', "{", '{"a":', "litellm.A", " ", "UnsupportedParamsError: Setting ", "(request id: a) ", "\\",
                  "<title", "account ", "Fallback to ", "'code': '", "No deployments available "):  # fmt: skip
        began = time.monotonic()
        unwrap({"message": words * (2**18 // len(words))}, {"x-litellm-call-id": "x"})
        unwrap({"html-message": words * (2**18 // len(words))}, {"x-oneapi-request-id": "x"})
        assert time.monotonic() - began < 2.0, words
