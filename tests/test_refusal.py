"""What the service says when it says no: each code's error, what it bills, and the words that are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api import codes
from seedream_magic.api.codes import billed_by_status
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.refusal import Refusal, read_refusal, refusal_error
from seedream_magic.errors import (
    ApiError,
    AuthFailed,
    ContentRefused,
    InvalidRequest,
    ModelNotFound,
    PaymentRequired,
    RateLimited,
    RequestRefused,
    ServerFailed,
)
from seedream_magic.words.clip import text_width
from seedream_magic.words.language import Language

CONTENT = """InputTextSensitiveContentDetected InputImageSensitiveContentDetected.PrivacyInformation
    OutputTextSensitiveContentDetected.DeepFake OutputImageSensitiveContentDetected.PolicyViolation
    InputTextRiskDetection InputImageRiskDetection OutputTextRiskDetection OutputImageRiskDetection"""
CODES: list[tuple[int, type[ApiError], str]] = [
    (400, RequestRefused, """MissingParameter.prompt InvalidParameter InvalidParameter.UnsupportedParameter
        InvalidImageURL.EmptyURL InvalidSubscription invalid_request_error SomethingNew -"""),
    (400, ModelNotFound, "InvalidEndpoint.ClosedEndpoint ModelNotFound"),
    (400, ContentRefused, f"{CONTENT} SensitiveContentDetected.Violence content_policy_violation"),
    (401, AuthFailed, "AuthenticationError InvalidAccountStatus invalid_api_key -"),
    (402, PaymentRequired, "- SomethingNew"),
    (403, AuthFailed, "AccessDenied OperationDenied.ServiceNotOpen OperationDenied.PermissionDenied -"),
    (403, PaymentRequired, "AccountOverdueError OperationDenied.ServiceOverdue insufficient_user_quota"),
    (404, ModelNotFound, "InvalidEndpointOrModel.NotFound ModelNotOpen UnsupportedModel model_not_found -"),
    *((status, RequestRefused, "-") for status in (413, 415, 422)),
    (429, RateLimited, """RateLimitExceeded.EndpointRPMExceeded ModelAccountIpmRateLimitExceeded RequestBurstTooFast
        APIAccountRpmRateLimitExceeded AccountRateLimitExceeded InflightBatchsizeExceeded ServerOverloaded
        rate_limit_exceeded -"""),
    (429, PaymentRequired, "QuotaExceeded SetLimitExceeded insufficient_quota AccountOverdueError"),
    (500, ServerFailed, "InternalServiceError server_error -"),
    *((status, ServerFailed, "-") for status in (502, 503, 504, 524)),
    (503, RateLimited, "ServerOverloaded"),
    (200, ContentRefused, "OutputImageSensitiveContentDetected"),
    (200, ServerFailed, "InternalServiceError"),
    (200, ApiError, "- BadRequest"),
    *((status, ApiError, "-") for status in (408, 409, 418, 425)),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "codes"), CODES)
def test_each_code_is_an_error(status: int, kind: type[ApiError], codes: str) -> None:
    """The code decides before the status, the status where there is no code or a new one; each says what to do."""
    for code in codes.replace("-", "").split() or [""]:
        error = refusal_error(Refusal(code, "the reason"), status=status)
        assert (type(error), error.status, error.code) == (kind, status, code)
        assert "the reason" in str(error)
        assert kind is ApiError or error.hint
        assert isinstance(error, InvalidRequest) is (kind is RequestRefused)


def test_a_check_that_failed_itself_is_no_verdict() -> None:
    """The prompt need not be changed: trying again is what helps."""
    broken = refusal_error(Refusal("ContentSecurityDetectionError", "the reason"), status=400)
    assert type(broken) is ContentRefused
    assert "Draw it again" in broken.hint
    assert "Word the prompt" in refusal_error(Refusal("InputTextRiskDetection"), status=400).hint


@pytest.mark.parametrize(
    ("statuses", "billed"),
    [
        ([200, 201, 204], "yes"),
        ([301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 413, 415, 422, 429], "no"),
        ([100, 408, 409, 425, 500, 502, 503, 504, 520, 524, 529, 599], "unknown"),
    ],
)
def test_what_a_status_bills(statuses: list[int], billed: str) -> None:
    """A good status bills, a refusal does not, and where it cannot be told it is said to be unknown."""
    assert {status: billed_by_status(status) for status in statuses} == dict.fromkeys(statuses, billed)
    assert {refusal_error(Refusal(), status=status).billed for status in statuses} == {billed}


def test_arks_envelope() -> None:
    """The parameter stands in back-ticks and the request id at the end of the message; the head's id comes first."""
    words = "The parameter `size` specified in the request is not valid: image size must be at least 3686400 pixels"
    message = f"{words}. Request id: 021767540021379abcdef"
    refusal = read_refusal({"error": {"code": "InvalidParameter", "message": message, "param": "", "type": "x"}})
    error = refusal_error(refusal, status=400)
    said = f"The service says: “InvalidParameter: {words}” (HTTP 400)"
    assert str(error) == f"The model does not take this value of size.\n{said}"
    assert (error.param, error.request_id, error.billed) == ("size", "021767540021379abcdef", "no")
    assert refusal_error(refusal, status=400, request_id="head").request_id == "head"


@pytest.mark.parametrize(
    ("message", "named", "param", "request_id"),
    [
        ("the parameter `a[0].b` is bad, the parameter `c` as well. Request id: short", "", "a[0].b", None),
        ("use `x`, not the parameter `<script>` (request id: 20260101-abcdefgh)", "", "", "20260101-abcdefgh"),
        ("the parameter `a`" + " " * 5000 + "Request id: 021781189034374abc", "b", "b", "021781189034374abc"),
    ],
)
def test_what_a_message_names(message: str, named: str, param: str, request_id: str | None) -> None:
    """What is called a parameter, but the envelope's own comes first; the request's id in either case, in brackets."""
    refusal = read_refusal({"error": {"message": message, "param": named}})
    assert (refusal.param, refusal.request_id) == (param, request_id)


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ({"error": {"message": "bad key", "type": "authentication_error", "code": "invalid_api_key"}},
         Refusal("invalid_api_key", "bad key")),
        ({"error": {"message": "bad", "type": "invalid_request_error", "param": None, "code": None}},
         Refusal("invalid_request_error", "bad")),
        ({"code": 401, "message": "no"}, Refusal("401", "no")),
        ({"error": None, "code": "quota", "message": "empty"}, Refusal("quota", "empty")),
        ({"error": ["a"]}, Refusal(message="['a']")),
        ({"detail": [{"loc": ["body", "size"], "msg": "a"}, {"loc": ["body", "image", 0], "msg": "b"},
                     "c", {"loc": 5}]},
         Refusal(message="size: a; image.0: b; c; {'loc': 5}", param="size, image.0")),
        ({"detail": {"error": {"code": "quota", "message": "empty"}}}, Refusal("quota", "empty")),
        ({"detail": "more", "message": "first"}, Refusal(message="first")),
        ({"detail": "Not Found"}, Refusal(message="Not Found")),
        ({"detail": []}, Refusal()),
        (None, Refusal()),
        ("plain words", Refusal(message="plain words")),
        (5, Refusal(message="5")),
    ],
)  # fmt: skip
def test_envelopes(value: object, refusal: Refusal) -> None:
    """Ark's, OpenAI's, FastAPI's, a gateway's at the top level, a bare string, and what is none."""
    assert read_refusal(value) == refusal


SENT = {"model": "m", "prompt": "x", "size": "2K", "sequential_image_generation": "disabled", "stream": False,
        "response_format": "url", "watermark": False}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"error": {"message": "Unknown parameter: 'response_format'.", "type": "invalid_request_error",
                    "param": "response_format", "code": "unknown_parameter"}}, ["response_format"]),
        ({"error": {"message": "Unrecognized request arguments supplied: sequential_image_generation, watermark"}},
         ["sequential_image_generation", "watermark"]),
        ({"error": "Unsupported parameter: `size`"}, ["size"]),
        ({"detail": [{"loc": ["body", name], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}
                     for name in ("watermark", "size")]}, ["size", "watermark"]),
        ({"message": "Additional properties are not allowed ('watermark' was unexpected)"}, ["watermark"]),
        ({"message": "watermark is not supported by this model"}, ["watermark"]),
        ({"message": "This model does not support the `sequential_image_generation` parameter"},
         ["sequential_image_generation"]),
    ],
)  # fmt: skip
def test_a_field_that_a_service_does_not_take_can_be_left_out(value: object, fields: list[str]) -> None:
    """Fields that every request has, in any gateway's words: the hint leaves them out, in a cell and in Python."""
    extra = dict.fromkeys(fields)
    for status in (400, 422):
        error = refusal_error(read_refusal(value), status=status, body=SENT)
        assert error.hint.endswith(f"Draw again with --extra '{json.dumps(extra)}' (in Python extra={extra}).")


def test_a_stream_that_a_service_does_not_take_is_not_asked_for() -> None:
    """It has an option of its own."""
    error = refusal_error(read_refusal({"message": "stream is not allowed"}), status=400, body=SENT | {"stream": True})
    assert error.hint.endswith("Draw again with --no-stream (in Python stream=False).")


@pytest.mark.parametrize(
    "words",
    [
        "size 100x100 is not supported",
        "The parameter `prompt` is not allowed here",
        "Unknown parameter: 'background'.",
        "the picture's stream is too long; this is not permitted",
    ],
)
def test_other_refusals_advise_to_leave_out_nothing(words: str) -> None:
    """A value that is wrong, a field that was not sent or cannot be left out."""
    refusal = read_refusal({"error": {"message": words, "param": "size" if "size" in words else None}})
    assert "--" not in refusal_error(refusal, status=400, body=SENT).hint


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("\x1b[31mred\x9b0m\x00\r\n\tc", "[31mred 0m c"),
        ("a\u2028b\x85d\ud800", "a b d"),
        ("季 🦊", "季 🦊"),
        pytest.param(10**5000, "<int>", id="a number of 5,000 digits"),
        pytest.param("x" * 10_000_000, "x" * 499 + "…", id="ten million characters"),
    ],
)
def test_text_of_the_service_is_one_printable_line(value: object, line: str) -> None:
    """No control character, line end or half character reaches a terminal, and no more than 500 characters."""
    assert clean_text(value) == line


ARK = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "no. Request id: 021767540021379abcdef"}}
NAMES = st.sampled_from(["error", "code", "message", "param", "type", "metadata", "html-message"])
TEXTS = st.text(alphabet=st.characters(codec=None), max_size=30) | st.sampled_from([json.dumps(ARK), f"{ARK}"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=8,
)
HEADERS = st.dictionaries(
    st.sampled_from(["x-litellm-attempted-retries", "x-portkey-retry-attempt-count", "x-oneapi-request-id"]),
    st.text(max_size=5) | st.integers(-9, 99).map(str),
)


@given(value=JSON, headers=HEADERS, status=st.integers(min_value=100, max_value=599))
@settings(max_examples=200, deadline=None)
def test_any_refusal(value: Any, headers: dict[str, str], status: int) -> None:
    """Whatever the service or a gateway sent, there is an error of at most five printable lines."""
    error = refusal_error(read_refusal(value, headers), status=status, body={"stream": True})
    assert len(error.lines()) <= 5
    assert all("\n" not in line and line.encode() for line in error.lines())
    assert error.billable_attempts >= 0
    json.dumps(error.code)


SAID = (
    "The request failed because the model or endpoint may not be what this account has access to, or contains what "
    "is not allowed"
)
COLUMNS = 140
"""Of a cell's output in JupyterLab at 1280 pixels."""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("code", sorted(codes.CODES))
def test_what_is_known_of_a_refusal_takes_three_lines(code: str, language: Language) -> None:
    """With both ids and the service's words, as the page shows them."""
    known = codes.CODES[code]
    of_gateway = code.isdecimal()  # those say no code, and have shorter ids
    refusal = Refusal("" if of_gateway else code, SAID)
    request_id = "8f3a1c2e9b7d4f60" if of_gateway else "0217959691685304f2bb5f1cff742989e0a9b802d5176"
    for status in known.statuses or (int(code),):
        error = refusal_error(refusal, status=status, request_id=request_id)
        error.run_id = "20261129T161928Z-gdf4risq6o"
        lines = error.lines(language)
        assert sum(-(-text_width(line) // COLUMNS) for line in lines) <= 3, "\n".join(lines)
        assert error.run_id in "".join(lines)
