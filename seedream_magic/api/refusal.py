"""What the service says when it says no: read out of the envelopes that it and gateways use, and made an error.

Envelopes: Ark's and OpenAI's `error` object, FastAPI's `detail`, a bare string, a top-level message; each may stand as
text inside the message of a gateway's own. Nothing here does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seedream_magic.api.codes import billed_by_status, code_of_words, error_kind, find_code, is_generic
from seedream_magic.api.credentials import Key
from seedream_magic.api.documents import texts_in
from seedream_magic.api.gateways import (
    LONGEST_TEXT,
    Gateway,
    Wrapping,
    attempts_reported,
    find_gateway,
    options_text,
    refusal_advice,
)
from seedream_magic.api.redaction import as_text, clean_text, page_words, without_secret
from seedream_magic.api.retry import duration
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
from seedream_magic.words import network as texts
from seedream_magic.words import service
from seedream_magic.words.clip import clip
from seedream_magic.words.language import own_language
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import Text, in_language

_OF_KINDS: dict[type[ApiError], tuple[Text, Text]] = {
    AuthFailed: (service.KEY_REFUSED, texts.CHECK_KEY),
    PaymentRequired: (service.NO_BALANCE, texts.TOP_UP),
    ContentRefused: (service.UNNAMED, texts.REWORD),
    ModelNotFound: (service.NO_MODEL, texts.OTHER_MODEL),
    RateLimited: (service.TOO_MANY, service.BUSY),
    ServerFailed: (service.INTERNAL_SERVICE_ERROR, texts.SERVICE_AT_FAULT),
    RequestRefused: (service.REQUEST_REFUSED, texts.CHANGE_IT),
}
"""The cause and what to do, of a code that the list does not have."""
_MESSAGES = ("message", "msg", "errmsg")
_MOST_FAULTS = 10
"""How many are named of a list of faults, and of the steps of a path in one."""
_LONGEST_QUOTATION, _LONGEST_OF_KNOWN = 154, 104
"""How much of the service's words a person is shown, and where their code is known: one line. The run's folder keeps
all of them."""
_DEEPEST = 4
"""Gateways behind gateways."""
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


@dataclass(frozen=True)
class Refusal:
    """The service's words: its code, message and parameter, and the request id to give to its support.

    `wrapping` is what the gateways that they came through made of them.
    """

    code: str = ""
    message: str = ""
    param: str = ""
    request_id: str | None = None
    wrapping: Wrapping = field(default=Wrapping(), compare=False)

    def without_key(self, key: Key) -> Refusal:
        """The same without the key, which some services repeat."""
        code, message, param = (without_secret(text, key.reveal()) for text in (self.code, self.message, self.param))
        message = self.message if message == self.message else message  # which may be a sentence of ours
        return replace(self, code=code, message=message, param=param)


def read_refusal(value: object, headers: Mapping[str, str] | None = None) -> Refusal:
    """A refusal, whatever envelope it came in; `headers` are those of the answer, by names in lower case.

    Where a gateway wrapped it, the service's own code and words are read out of the gateway's.
    """
    envelope = _envelope(value)
    if not isinstance(envelope, Mapping):
        envelope = {"message": as_text(envelope) if envelope else ""}
    wrapping = unwrap(envelope, headers or {})
    words = next(filter(None, map(envelope.get, _MESSAGES)), "")
    message = clean_text(wrapping.words or words)
    named = re.search(r"[Tt]he parameter `([\w.\[\]]+)`", message)
    code = clean_text(envelope.get("code") or envelope.get("type") or "")
    if wrapping.code or (wrapping.gateway and re.fullmatch(r"\d{3}", code)):
        code = clean_text(wrapping.code)
    fields = ", ".join(wrapping.refused_fields)
    return Refusal(
        code=code,
        message=message,
        param=clean_text(envelope.get("param") or "") or fields or (named[1] if named else ""),
        request_id=request_id_in(as_text(envelope.get("message"))),
        wrapping=wrapping,
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
        return {**value, "message": as_text(detail)}
    faults = [_field_fault(item) for item in detail[:_MOST_FAULTS]]
    message = "; ".join(f"{field}: {words}" if field else words for field, words in faults)
    return {**value, "message": message, "param": ", ".join(dict.fromkeys(field for field, _ in faults if field))}


def _field_fault(item: object) -> tuple[str, str]:
    """The field, as a path in the body, and what FastAPI says of it."""
    if not isinstance(item, Mapping) or not item.get("msg"):
        return "", clean_text(item)
    place = item.get("loc")
    parts = place[:_MOST_FAULTS] if isinstance(place, list) else []
    return clean_text(".".join(as_text(part) for part in parts if part != "body")), clean_text(item["msg"])


def unwrap(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> Wrapping:
    """What the service said, in an envelope (its `code`, `message` and other texts) that gateways may have made."""
    # All texts in one, to look for words in; as JSON, so that the names stand beside them.
    named_texts = (f'{{"{name}": {value}' for name, value in envelope.items() if isinstance(value, str | int))
    text = "\n".join([*named_texts, *texts_in(envelope, deepest=_DEEPEST)])[:LONGEST_TEXT]
    gateway = find_gateway(headers, text)
    words = _scalar(envelope.get("message")) or page_words(_scalar(envelope.get("html-message")))  # Portkey's
    code, own_words = _inner(envelope, _DEEPEST)
    words = _without_wrapping(own_words or words, gateway)
    if not code:
        own_codes = gateway.own_codes if gateway else ()
        code = code_of_words(words) or next((own for pattern, own in own_codes if re.search(pattern, text)), "")
    fields: tuple[str, ...] = ()
    if gateway and gateway.refused_fields and (found := gateway.refused_fields.search(text)):
        named = found[1] or found[2]
        fields = tuple(re.findall(r"['\"](\w+)['\"]:" if "{" in named else r"[`'\"](\w+)[`'\"]", named))
    pause = re.search(r"No deployments available.{0,100}?Try again in (\d{1,4}) seconds", text) if gateway else None
    return Wrapping(
        gateway=gateway,
        code=code,
        words=words,
        attempts=attempts_reported(gateway, headers, text),
        refused_fields=fields,
        pause=float(pause[1]) if pause else None,
    )


def _inner(envelope: Mapping[str, Any], depth: int) -> tuple[str, str]:
    """The innermost code that is the service's own, and the words beside it; empty texts where there is none."""
    code, words = _scalar(envelope.get("code")), _scalar(envelope.get("message"))
    if is_generic(code):
        code = _scalar(envelope.get("type")) or code
    if code and not is_generic(code):
        return code, words
    for text in texts_in(envelope, deepest=depth):
        for inner in _objects(text[:LONGEST_TEXT]):
            nested = inner.get("error") if isinstance(inner.get("error"), Mapping) else inner
            if depth and isinstance(nested, Mapping) and (found := _inner(nested, depth - 1))[0]:
                return found
        if "{" in text and (found := _quotation(text))[0]:
            return found
    return "", ""


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a text, from left to right."""
    decoder, start = json.JSONDecoder(strict=False), text.find("{")
    for _ in range(8):
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if isinstance(value, Mapping):
                yield value
        start = text.find("{", end)


def _quotation(text: str) -> tuple[str, str]:
    """A code and words in an object that is no JSON (any more): Python's way of writing one, or one that was cut."""
    flat = re.sub(r"(?<!\\)\\+(?=[\"'])", "", text[:LONGEST_TEXT])
    codes = [code for code in re.findall(r"[\"']code[\"']: ?[\"']([\w.:-]{1,100})[\"']", flat) if not is_generic(code)]
    words = re.findall(r"[\"']message[\"']: ?(?:\"([^\"]{1,2000})|'([^']{1,2000}))", flat)
    return (codes[-1] if codes else ""), (next(filter(None, words[-1])) if words else "")


def _without_wrapping(words: str, gateway: Gateway | None) -> str:
    if gateway is None:
        return words
    bare = gateway.before.sub("", gateway.after.sub("", words.strip()), count=1).strip()
    boxed = re.fullmatch(r"(?:\d{3}: ?)?\{['\"](?:error|detail)['\"]: ?['\"](.+)['\"]\}", bare, re.DOTALL)
    return boxed[1] if boxed else bare or words


def _scalar(value: object) -> str:
    """A text or a number of a size that is one; "" for anything else."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) and abs(value) < 10**9 else ""


def fields_not_taken(refusal: Refusal, body: Mapping[str, Any]) -> list[str]:
    """The fields that every request has and that the service says it does not know; none for a wrong value."""
    words = refusal.message
    if not _NOT_TAKEN.search(f"{refusal.code} {words}"):
        near = rf"\b(?:{'|'.join(_ALWAYS_SENT)})\b"
        if not re.search(_NEAR_NOT_TAKEN.format(field=near), words, re.IGNORECASE):
            return []
    named = {refusal.param, *refusal.param.split(", "), *re.findall(r"\w+", words)}
    return [name for name in _ALWAYS_SENT if name in named and name in body]


def _hint_without(fields: list[str], body: Mapping[str, Any]) -> str:
    """How the same request is sent without these fields."""
    streamed = bool(body.get("stream"))
    left_out = {name: None for name in fields if name != "stream" or not streamed}
    options = options_text(unstreamed=streamed and "stream" in fields, extra=left_out)
    return texts.SERVICE_DOES_NOT_TAKE(names=enumeration(fields), options=options)


def refusal_error(
    refusal: Refusal,
    *,
    status: int,
    request_id: str | None = None,
    retry_after: float | None = None,
    body: Mapping[str, Any] | None = None,
) -> ApiError:
    """The error of the tree that a refusal with this HTTP status stands for; `body` is what was sent.

    Its message is what the refusal means; the service's own words, which are English or a gateway's Chinese, stand
    last, in its `details`. A refusal bills nothing, but where a gateway had sent the request on before, those attempts
    may have.
    """
    kind, wrapping = error_kind(refusal.code, status), refusal.wrapping
    ours = in_language(refusal.message, own_language())
    words = re.sub(r"\s*\(?[Rr]equest id: ?\S+\)?$", "", ours).rstrip(". ")
    words = ours if words == ours else words  # which may be a sentence of ours
    said_by = refusal.code or (wrapping.gateway.name if wrapping.gateway else "")
    said = f"{said_by}: {words}" if said_by and words else said_by or words
    attempts, billed = wrapping.attempts or 1, billed_by_status(status)
    before = attempts - 1 if billed == "no" else attempts
    if billed == "no" and before:
        billed = "unknown"
    known = find_code(refusal.code) or (find_code(str(status)) if is_generic(refusal.code) else None)
    cause, fix = (known.cause, known.fix) if known else _OF_KINDS.get(kind, (service.REFUSED, None))
    message, hint = cause(), fix() if fix else ""
    if cause == service.INVALID_PARAMETER and re.fullmatch(r"[\w.\[\]]{1,60}", refusal.param):
        message = service.INVALID_FIELD(field=refusal.param)
    if billed == "unknown":
        hint = hint or service.LOOK_FIRST()
    elif issubclass(kind, RequestRefused) and (fields := fields_not_taken(refusal, body or {})):
        hint = _hint_without(fields, body or {})
    error = kind(
        message if said or status < 300 else texts.HTTP_STATUS(what=message, status=status),
        status=status,
        code=refusal.code,
        param=refusal.param,
        hint=refusal_advice(wrapping, body or {}, unknown=billed == "unknown") or hint,
        billed=billed,
        # The head of a gateway's answer has the gateway's id; the service's stands in its words.
        request_id=(refusal.request_id or request_id) if wrapping.gateway else (request_id or refusal.request_id),
    )
    if said:
        quotation = texts.SAID if status < 300 else texts.SAID_WITH
        # Of a code that is explained the rest is what the explanation says; of an option it is what to change.
        longest = _LONGEST_OF_KNOWN if known and kind is not RequestRefused else _LONGEST_QUOTATION
        error.details = (quotation(said=clip(said, longest), status=status),)
    if wrapping.gateway is not None:
        error.gateway, error.attempts, error.billable_attempts = wrapping.gateway.name, wrapping.attempts, before
    if isinstance(error, RateLimited):
        error.retry_after = wrapping.pause if retry_after is None else retry_after
        if error.retry_after:
            pause = duration(error.retry_after)
            error.hint = texts.PAUSE(time=pause)
    return error


def request_id_in(message: str) -> str | None:
    """The request id that Ark writes at the end of a message, `Request id: 02…` in either case."""
    match = re.search(r"request id: ?([\w-]{8,80})", message, re.IGNORECASE)
    return match[1] if match else None
