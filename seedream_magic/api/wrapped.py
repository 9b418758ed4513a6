"""What the service said, read out of the words that gateways put around its own. Nothing here does I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.documents import texts_in
from seedream_magic.api.gateways import LONGEST_TEXT, Gateway, attempts_reported, find_gateway

_DEEPEST = 4
"""Gateways behind gateways."""
_GENERIC_CODES = re.compile(
    r"(?:\d{3}|none|null|badrequest|(?:upstream|new_api|one_api|openai|internal_server|server|api|timeout|unknown|"
    r"permission|authentication|throttling|invalid_request|provider)_error|bad_response(?:_status_code|_body)?|"
    r"invalid_request|do_request_failed)?",
    re.IGNORECASE,
)
"""Codes that a gateway writes over the service's: a status or a class of errors, nothing that the service said."""
_CHECKED_PLACES = r"\b(?P<way>input|output) (?P<what>text|image)"
_SENSITIVE = "{way}{what}SensitiveContentDetected"
_WORDS_OF_CODES = (
    (_CHECKED_PLACES + r" may contain sensitive information", _SENSITIVE),
    (_CHECKED_PLACES + r" may (?:be related to copyright|violate platform)", _SENSITIVE + ".PolicyViolation"),
    (_CHECKED_PLACES + r" may contain (?:a )?real person", _SENSITIVE + ".PrivacyInformation"),
    (_CHECKED_PLACES + r" includes sensitive content that violates", "{way}{what}RiskDetection"),
    (r"\binput text may contain (?:severe violation|violence) information", "SensitiveContentDetected"),
    (r"\boutput may contain sensitive information", "OutputTextSensitiveContentDetected"),
    (r"account has an overdue balance|account balance is overdue", "AccountOverdueError"),
    (r"reached the set (?:inference )?limit", "SetLimitExceeded"),
    (r"exhausted (?:its|the) free trial quota|request has exceeded the quota", "QuotaExceeded"),
    (r"API key or AK/SK in the request is missing or invalid", "AuthenticationError"),
    (r"account \S+ has not activated the model|account has not activated the model", "ModelNotOpen"),
    (r"model or (?:inference )?endpoint\b.{0,200}? does not exist or you", "InvalidEndpointOrModel.NotFound"),
    (r"via Model ID is not allowed for your account", "InvalidEndpointOrModel.ModelIDAccessDisabled"),
    (r"[Tt]he parameter `[^`]+` (?:specified in the request )?is not (?:valid|supported)", "InvalidParameter"),
    (r"due to (?:the )?server overload", "ServerOverloaded"),
    (r"service encountered an unexpected internal error", "InternalServiceError"),
)  # fmt: skip
"""The sentences of ByteDance's error page with their codes, for gateways that pass on the sentence alone."""


@dataclass(frozen=True)
class Wrapped:
    """A refusal as it came through gateways: the service's own code and words where they could be read.

    `code` is empty where only the gateway's is known, `words` are without what the gateway put around them.
    `attempts` is how often the gateway says that it sent the request on, at least; None where it does not say.
    `refused_fields` are fields of the body that it does not take; `pause` are the seconds that it asks for in words.
    """

    gateway: Gateway | None = None
    code: str = ""
    words: str = ""
    attempts: int | None = None
    refused_fields: tuple[str, ...] = ()
    pause: float | None = None


def unwrapped(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> Wrapped:
    """What the service said, in an envelope (its `code`, `message` and other texts) that gateways may have made."""
    text = _texts(envelope)
    gateway = find_gateway(headers, text)
    words = _text(envelope.get("message")) or _page_words(envelope)
    code, own_words = _inner(envelope, _DEEPEST)
    words = _without_wrapping(own_words or words, gateway)
    if not code:
        code = code_of_words(words) or _own_code(text, gateway)
    fields: tuple[str, ...] = ()
    if gateway and gateway.refused_fields and (found := gateway.refused_fields.search(text)):
        named = found[1] or found[2]
        fields = tuple(re.findall(r"['\"](\w+)['\"]:" if "{" in named else r"[`'\"](\w+)[`'\"]", named))
    pause = re.search(r"No deployments available.{0,100}?Try again in (\d{1,4}) seconds", text) if gateway else None
    return Wrapped(
        gateway=gateway,
        code=code,
        words=words,
        attempts=attempts_reported(gateway, headers, text),
        refused_fields=fields,
        pause=float(pause[1]) if pause else None,
    )


def is_generic(code: str) -> bool:
    """Whether a code is only a status or a class of errors, as gateways write over the service's own."""
    return _GENERIC_CODES.fullmatch(code) is not None


def code_of_words(words: str) -> str:
    """The service's code whose sentence these words are; empty where none is known."""
    for pattern, code in _WORDS_OF_CODES:
        if found := re.search(pattern, words[:2000]):
            return code.format(**{name: part.capitalize() for name, part in found.groupdict().items()})
    return ""


def _inner(envelope: Mapping[str, Any], depth: int) -> tuple[str, str]:
    """The innermost code that is the service's own, and the words beside it; empty texts where there is none."""
    code, words = _code(envelope), _text(envelope.get("message"))
    if code and not is_generic(code):
        return code, words
    for text in texts_in(envelope, deepest=depth):
        for inner in _objects(text[:LONGEST_TEXT]):
            nested = inner.get("error") if isinstance(inner.get("error"), Mapping) else inner
            if depth and isinstance(nested, Mapping) and (found := _inner(nested, depth - 1))[0]:
                return found
        if "{" in text and (found := _quoted(text))[0]:
            return found
    return "", ""


def _code(envelope: Mapping[str, Any]) -> str:
    named = _text(envelope.get("code"))
    return named if named and not is_generic(named) else _text(envelope.get("type")) or named


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


def _quoted(text: str) -> tuple[str, str]:
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


def _own_code(text: str, gateway: Gateway | None) -> str:
    rows = gateway.own_codes if gateway else ()
    return next((code for pattern, code in rows if re.search(pattern, text)), "")


def _texts(envelope: Mapping[str, Any]) -> str:
    """All texts of an envelope in one, to look for words in; as JSON, so that the names stand beside them."""
    named = (f'{{"{name}": {value}' for name, value in envelope.items() if isinstance(value, str | int))
    return "\n".join([*named, *texts_in(envelope, deepest=_DEEPEST)])[:LONGEST_TEXT]


def _page_words(envelope: Mapping[str, Any]) -> str:
    """The words of a web page that Portkey wrapped."""
    page = _text(envelope.get("html-message"))
    title = re.search(r"<title[^>]*>(.{0,300}?)</title>", page[:4096], re.IGNORECASE | re.DOTALL)
    return title[1] if title else re.sub(r"<[^>]*>", " ", page[:4096]).strip()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) and abs(value) < 10**9 else ""
