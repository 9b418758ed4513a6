"""What the service says when it says no: the envelopes it uses, and the error each code stands for.

Codes as ByteDance documents them, and as gateways in front of it spell them. The code decides before the status:
the same `ServerOverloaded` comes with 429 and with 503.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seedream_magic.api.codes import find_code
from seedream_magic.api.gateway_advice import advice
from seedream_magic.api.keys import Key
from seedream_magic.api.redaction import without_secret
from seedream_magic.api.wrapped import Wrapped, is_generic, unwrapped
from seedream_magic.errors import (
    ApiError,
    AuthFailed,
    Billed,
    ContentRefused,
    ModelNotFound,
    PaymentRequired,
    RateLimited,
    RequestRefused,
    ServerFailed,
)

MAXIMUM_TEXT = 500
"""Characters of the service's own words that are kept and shown."""

_BY_CODE: tuple[tuple[str, type[ApiError]], ...] = (
    (
        r"Sensitive|sensitive_words|prompt_blocked|RiskDetection|ContentSecurity|PolicyViolation|content_policy|moderation",
        ContentRefused,
    ),
    (
        r"Overdue|insufficient_.*(quota|balance)|pre_consume_.*quota|QuotaExceeded|SetLimitExceeded|billing|budget_exceeded",
        PaymentRequired,
    ),
    (r"^(ModelNot(Open|Found)|UnsupportedModel|model_not_found)|EndpointOrModel|ClosedEndpoint", ModelNotFound),
    (r"RateLimit|RequestBurst|Inflight|rate_limit|ServerOverloaded|too_many_requests|concurrency_limit", RateLimited),
    (r"Authentication|AccessDenied|OperationDenied|InvalidAccountStatus|invalid_api_key|permission", AuthFailed),
    (r"InternalService|server_error|^Internal", ServerFailed),
    (r"InvalidParameter|MissingParameter|InvalidImageURL|InvalidSubscription|invalid_request", RequestRefused),
)
_BY_STATUS: dict[int, type[ApiError]] = {
    400: RequestRefused, 401: AuthFailed, 402: PaymentRequired, 403: AuthFailed, 404: ModelNotFound,
    407: AuthFailed, 413: RequestRefused, 415: RequestRefused, 422: RequestRefused, 429: RateLimited,
}  # fmt: skip
_HINTS: dict[type[ApiError], str] = {
    AuthFailed: "Check the key: %seedream shows where it comes from, %seedream key takes another.",
    PaymentRequired: "Top up the account or raise its quota at the provider, then run the cell again.",
    ContentRefused: "Word the prompt differently; pictures that the check refuses are not billed.",
    ModelNotFound: "Choose another --model, or open this one for the account in the provider's console.",
    RateLimited: "Wait a little, then run the cell again.",
    ServerFailed: "The service is at fault. See at the provider whether it was billed before running the cell again.",
    RequestRefused: "Change what it names and run the cell again.",
}
_HINT_OF_UNKNOWN = "See at the provider whether it was billed before running the cell again."
_MESSAGES = ("message", "msg", "errmsg")
_MOST_FAULTS = 10
_ALWAYS_SENT = ("size", "sequential_image_generation", "stream", "response_format", "watermark")
"""Fields that every request has, whatever the person asks for, and that a request can do without."""
_NOT_TAKEN = re.compile(
    r"\b(?:unknown|unsupported|unrecogni[sz]ed|unexpected|extra|additional|extraneous)[ _](?:\w+[ _])?"
    r"(?:param(?:eter)?|field|argument|input|propert(?:y|ie)|key|name|option)s?\b|\bextra_forbidden\b",
    re.IGNORECASE,
)
_NEAR_NOT_TAKEN = (
    r"{field}[`'\"]?(?: (?:parameter|field|argument|option))?(?: specified in the request)? (?:is|are) "
    r"(?:not (?:supported|allowed|permitted|recogni[sz]ed|accepted|known)|unsupported|unknown|unrecogni[sz]ed)\b"
    r"|\b(?:does not|doesn't|do not|cannot) (?:support|accept|take|allow|recogni[sz]e) "
    r"(?:the |an? )?(?:parameter |field |argument )?[`'\"]?{field}"
)
_AMBIGUOUS = frozenset({408, 409, 425})


@dataclass(frozen=True)
class Refusal:
    """The service's words: its code, message and parameter, and the request id to give to its support.

    `wrapped` tells of the gateway that they came through.
    """

    code: str = ""
    message: str = ""
    param: str = ""
    request_id: str | None = None
    wrapped: Wrapped = field(default=Wrapped(), compare=False)

    def without_key(self, key: Key) -> Refusal:
        """The same without the key, which some services repeat."""
        code, message, param = (without_secret(text, key.reveal()) for text in (self.code, self.message, self.param))
        return replace(self, code=code, message=message, param=param)


def read_refusal(value: object, headers: Mapping[str, str] | None = None) -> Refusal:
    """Whatever envelope a refusal came in: Ark's and OpenAI's `error` object, FastAPI's `detail`, a bare string, a
    top-level message.

    Where a gateway wrapped it, the service's own code and words are read out of the gateway's; `headers` are those of
    the answer, by names in lower case.
    """
    envelope = _envelope(value)
    if not isinstance(envelope, Mapping):
        envelope = {"message": _text(envelope) if envelope else ""}
    wrapped = unwrapped(envelope, headers or {})
    words = next(filter(None, map(envelope.get, _MESSAGES)), "")
    message = clipped(wrapped.words or words)
    named = re.search(r"[Tt]he parameter `([\w.\[\]]+)`", message)
    code = clipped(envelope.get("code") or envelope.get("type") or "")
    if wrapped.code or (wrapped.gateway and re.fullmatch(r"\d{3}", code)):
        code = clipped(wrapped.code)
    fields = ", ".join(wrapped.refused_fields)
    return Refusal(
        code=code,
        message=message,
        param=clipped(envelope.get("param") or "") or fields or (named[1] if named else ""),
        request_id=request_id_in(_text(envelope.get("message"))),
        wrapped=wrapped,
    )


def _envelope(value: object) -> object:
    """The object that has the message, or the message."""
    if not isinstance(value, Mapping):
        return value
    detail = value.get("detail")
    if value.get("error") or not detail or any(map(value.get, _MESSAGES)):
        return value.get("error") or value
    if isinstance(detail, Mapping):
        return detail.get("error") or detail
    if not isinstance(detail, list):
        return {**value, "message": _text(detail)}
    faults = [_field_fault(item) for item in detail[:_MOST_FAULTS]]
    message = "; ".join(f"{field}: {words}" if field else words for field, words in faults)
    return {**value, "message": message, "param": ", ".join(dict.fromkeys(field for field, _ in faults if field))}


def _field_fault(item: object) -> tuple[str, str]:
    """The field, as a path in the body, and what FastAPI says of it."""
    if not isinstance(item, Mapping) or not item.get("msg"):
        return "", clipped(item)
    place = item.get("loc")
    parts = place[:_MOST_FAULTS] if isinstance(place, list) else []
    return clipped(".".join(_text(part) for part in parts if part != "body")), clipped(item["msg"])


def fields_not_taken(refusal: Refusal, body: Mapping[str, Any]) -> list[str]:
    """The fields that every request has and that the service says it does not know; none for a wrong value."""
    words = refusal.message
    if not _NOT_TAKEN.search(f"{refusal.code} {words}"):
        near = rf"\b(?:{'|'.join(_ALWAYS_SENT)})\b"
        if not re.search(_NEAR_NOT_TAKEN.format(field=near), words, re.IGNORECASE):
            return []
    named = {refusal.param, *refusal.param.split(", "), *re.findall(r"\w+", words)}
    return [name for name in _ALWAYS_SENT if name in named and name in body]


def _leaving_out(fields: list[str], body: Mapping[str, Any]) -> str:
    """The hint that goes on without these fields."""
    streamed = bool(body.get("stream"))
    options = ["--no-stream"] if streamed and "stream" in fields else []
    rest = {name: None for name in fields if name != "stream" or not streamed}
    options += [f"--extra '{json.dumps(rest)}'"] if rest else []
    return f"The service does not take {', '.join(fields)}. Run the cell with {' '.join(options)}."


def refusal_error(
    refusal: Refusal,
    *,
    status: int,
    request_id: str | None = None,
    retry_after: float | None = None,
    body: Mapping[str, Any] | None = None,
) -> ApiError:
    """The error of the tree that a refusal with this HTTP status stands for; `body` is what was sent.

    A refusal bills nothing, but where a gateway had sent the request on before, those attempts may have.
    """
    kind, wrapped = _kind(refusal.code, status), refusal.wrapped
    words = re.sub(r"\s*\(?[Rr]equest id: ?\S+\)?$", "", refusal.message).rstrip(". ")
    said_by = refusal.code or (wrapped.gateway.name if wrapped.gateway else "")
    said = f"{said_by}: {words}" if said_by and words else said_by or words
    attempts, billed = wrapped.attempts or 1, billed_by_status(status)
    before = attempts - 1 if billed == "no" else attempts
    if billed == "no" and before:
        billed = "unknown"
    known = find_code(refusal.code) or (find_code(str(status)) if is_generic(refusal.code) else None)
    hint = known.fix.english if known else _HINTS.get(kind, "")
    if billed == "unknown":
        hint = hint or _HINT_OF_UNKNOWN
    elif issubclass(kind, RequestRefused) and (fields := fields_not_taken(refusal, body or {})):
        hint = _leaving_out(fields, body or {})
    error = kind(
        f"{said or 'no reason given'}." if status < 300 else f"{said or 'no reason given'} (HTTP {status}).",
        status=status,
        code=refusal.code,
        param=refusal.param,
        hint=advice(wrapped, body or {}, unknown=billed == "unknown") or hint,
        billed=billed,
        # The head of a gateway's answer has the gateway's id; the service's stands in its words.
        request_id=(refusal.request_id or request_id) if wrapped.gateway else (request_id or refusal.request_id),
    )
    if wrapped.gateway is not None:
        error.gateway, error.attempts, error.billable_attempts = wrapped.gateway.name, wrapped.attempts, before
    if isinstance(error, RateLimited):
        error.retry_after = wrapped.pause if retry_after is None else retry_after
        if error.retry_after:
            pause = spoken(error.retry_after)
            error.hint = f"The service asks for a pause of {pause}; run the cell again after it."
    return error


def billed_by_status(status: int) -> Billed:
    """Whether an answer with this head bills: 2xx yes; 408, 409, 425 and 5xx perhaps; 3xx and other 4xx no."""
    if 200 <= status < 300:
        return "yes"
    return "unknown" if status in _AMBIGUOUS or status >= 500 or status < 200 else "no"


def request_id_in(message: str) -> str | None:
    """The request id that Ark writes at the end of a message, `Request id: 02…` in either case."""
    match = re.search(r"request id: ?([\w-]{8,80})", message, re.IGNORECASE)
    return match[1] if match else None


def clipped(value: Any) -> str:
    """Text of the service, at most 500 characters, without control characters, line ends and half characters."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", _text(value)[: MAXIMUM_TEXT * 2]).strip()
    return text if len(text) <= MAXIMUM_TEXT else text[: MAXIMUM_TEXT - 1] + "…"


def spoken(seconds: float) -> str:
    """A time as people say it, rounded up: "4 s", "3 min", "24 h"."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{math.ceil(seconds / length)} {unit}"
    return f"{math.ceil(seconds)} s"


def _text(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):
        # Python prints no number of more than 4,300 digits and no list a thousand deep; JSON can hold both.
        return f"<{type(value).__name__}>"


def _kind(code: str, status: int) -> type[ApiError]:
    for pattern, kind in _BY_CODE:
        if re.search(pattern, code):
            return kind
    return _BY_STATUS.get(status) or (ServerFailed if status >= 500 else ApiError)
