"""Gateway programs between this client and the service: how each is known, what it repeats and drops, what helps.

A gateway sends a request on, and may do so several times; each time may bill. It wraps the service's words into its
own. What is told here of LiteLLM 1.108.7 and Portkey 1.15.2 was measured with the programs (`make gateways`); of
new-api and one-api it is what their source and their users' reports say. Nothing here does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

_LONGEST_TEXT = 64 * 2**10
"""Characters of a refusal in which the service's own words are looked for."""
_DEEPEST = 4
"""Gateways behind gateways."""


@dataclass(frozen=True)
class Gateway:
    """One gateway program; each oddity of it has its home in this row.

    It is known by one of `headers` (names in lower case), or by `words` in the text of a refusal. `before`
    and `after` are what it puts around the service's words, `own_codes` its own sentences with the code that stands
    for each. `repeats` says how often it sends a request on; `calming_field` is the field of the body that with 0
    makes it `repeats_when_calm`. `retries_header` is where it counts. `streams` says whether it can pass on a streamed
    set. `passes` are the only fields that it passes on (None: all), in an answer with `passing_header`, unless the base
    URL ends in `whole_path`.
    """

    name: str
    headers: tuple[str, ...]
    words: re.Pattern[str]
    repeats: str
    before: re.Pattern[str]
    after: re.Pattern[str]
    own_codes: tuple[tuple[str, str], ...] = ()
    refused_fields: re.Pattern[str] | None = None
    dropping_setting: str = ""
    calming_field: str = ""
    repeats_when_calm: str = ""
    retries_header: str = ""
    streams: bool = True
    passes: frozenset[str] | None = None
    passing_header: tuple[str, str] = ("", "")
    whole_path: str = ""


LITELLM = Gateway(
    name="LiteLLM",
    headers=("x-litellm-version", "x-litellm-call-id", "x-litellm-attempted-retries"),
    words=re.compile(
        r"litellm\.\w+(?:Error|Exception|Timeout)|LiteLLM: model group|LiteLLM Retried:|\ball_deployments_in_"
    ),
    # Three times by its router, each up to three times by the OpenAI SDK in it, which no setting of it turns off.
    repeats="sends a failed request on up to 9 times",
    before=re.compile(r"^(?:litellm\.\w+: ?)?(?:\w+(?:Error|Exception|Timeout): ?)*(?:\w+Exception - ?)?"),
    after=re.compile(
        r"(?:LiteLLM: model group|\.? ?Received Model Group=|LiteLLM Retried:| Passed model=).*", re.DOTALL
    ),
    own_codes=(
        (r"ContentPolicyViolationError", "content_policy_violation"),
        (r"Invalid model name passed in model=|no healthy deployments for this model", "model_not_found"),
        (r"Budget has been exceeded|ExceededBudget", "insufficient_budget_quota"),
    ),
    refused_fields=re.compile(
        r"UnsupportedParamsError:.{0,80}?(?:Setting (.{1,300}?) is not supported|support parameters: (\[.{1,300}?\]))"
    ),
    dropping_setting="drop_params: true",
    calming_field="num_retries",
    repeats_when_calm="sends a failed request on up to 3 times, whatever it is asked",
    retries_header="x-litellm-attempted-retries",
    streams=False,
)
PORTKEY = Gateway(
    name="Portkey",
    headers=("x-portkey-provider", "x-portkey-retry-attempt-count", "x-portkey-gateway-exception"),
    words=re.compile(r'^\s*\{\s*"html-message":'),
    repeats="sends a failed request on again as its retry setting says",
    before=re.compile(r"^[\w-]+ error: ?"),
    after=re.compile(r"(?!)"),
    retries_header="x-portkey-retry-attempt-count",
    streams=False,
    passes=frozenset({"prompt", "model", "n", "quality", "response_format", "size", "style", "user"}),
    passing_header=("x-portkey-provider", "openai"),
    whole_path="/proxy",
)
NEW_API = Gateway(
    name="new-api (one-api)",
    headers=("x-oneapi-request-id", "x-new-api-version"),
    words=re.compile(
        r"\b(?:new_api_error|one_api_error|bad_response_status_code)\b|\bbad response status code \d{3}\b"
    ),
    repeats="may send a failed request on over further channels",
    before=re.compile(r"^(?:status_code=\d+, ?)?(?:bad response status code \d+(?:, ?(?:message|body): ?)?)?"),
    after=re.compile(r"\(request id: ?[\w-]{1,80}\)$"),
    own_codes=(
        (r"无可用渠道|可用渠道不存在|[Nn]o available channel for model", "model_not_found"),
        (r"用户额度不足|令牌额度(?:不足|已用尽)|quota is not enough", "insufficient_user_quota"),
    ),
)
GATEWAYS = (LITELLM, PORTKEY, NEW_API)

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


def find_gateway(headers: Mapping[str, str], text: str) -> Gateway | None:
    """The gateway that wrote an answer with these headers (names in lower case) or this text; None if none is known."""
    by_header = (row for row in GATEWAYS if any(name in headers for name in row.headers))
    by_words = (row for row in GATEWAYS if row.words.search(text[:_LONGEST_TEXT]))
    return next(by_header, None) or next(by_words, None)


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
        attempts=attempts_told(gateway, headers, text),
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


def attempts_told(gateway: Gateway | None, headers: Mapping[str, str], text: str = "") -> int | None:
    """How often the gateway says that it sent the request on, at least; None where it does not say."""
    if gateway is None:
        return None
    counted = headers.get(gateway.retries_header, "")
    if re.fullmatch(r"-?\d{1,4}", counted):
        return int(counted) + 1 if int(counted) >= 0 else 2  # -1: its retries are used up, however many it had
    retried = re.search(r"LiteLLM Retried: (\d{1,4}) times", text)
    fallbacks = re.search(r"Fallback to (.{1,300}?) also failed", text)
    if not (retried or fallbacks):
        return None
    return 1 + (int(retried[1]) if retried else 0) + (fallbacks[1].count(",") + 1 if fallbacks else 0)


def options_that_help(gateway: Gateway, body: Mapping[str, Any], refused_fields: tuple[str, ...] = ()) -> str:
    """The options of a cell with which a request with this body passes the gateway once; empty where none helps."""
    fields: dict[str, Any] = {name: None for name in refused_fields if name in body}
    if gateway.calming_field and body.get(gateway.calming_field) != 0:
        fields[gateway.calming_field] = 0
    options = ["--no-stream"] if body.get("stream") and not gateway.streams else []
    options += [f"--extra '{json.dumps(fields)}'"] if fields else []
    return " ".join(options)


def advice(wrapped: Wrapped, body: Mapping[str, Any], *, unknown: bool) -> str:
    """What to do about a refusal that a gateway caused or may have multiplied; empty where its code says it better.

    `body` is what was sent, `unknown` whether it may have been billed.
    """
    gateway = wrapped.gateway
    if gateway is None or not (wrapped.refused_fields or unknown):
        return ""
    options = options_that_help(gateway, body, wrapped.refused_fields)
    if wrapped.refused_fields:
        names = ", ".join(wrapped.refused_fields)
        setting = f", or have {gateway.dropping_setting} set in its configuration" if gateway.dropping_setting else ""
        return f"{gateway.name} does not take {names} for this model. Run the cell with {options}{setting}."
    faults = " and ".join(_faults(gateway, body, repeated=wrapped.attempts != 1))
    after = f", then run the cell with {options}" if options else " before running the cell again"
    return f"{gateway.name} {faults}. See at the provider what was billed{after}." if faults else ""


def answer_notes(headers: Mapping[str, str], body: Mapping[str, Any], *, base_url: str, images: int) -> list[str]:
    """What a good answer with these headers tells of its way: that it was asked for again, what did not get through.

    `body` is what was sent, `images` how many it can bill.
    """
    gateway = find_gateway(headers, "")
    if gateway is None:
        return []
    notes = []
    attempts = attempts_told(gateway, headers)
    if attempts and attempts > 1:
        further = (attempts - 1) * images
        notes.append(f"{gateway.name} sent it on {attempts} times: {_counted(further)} more may be billed.")
    name, value = gateway.passing_header
    if gateway.passes is not None and headers.get(name) == value and (lost := _lost(gateway, body, base_url)):
        remember(base_url, gateway=gateway, drops_fields=True)
        way = "for what it drops, send to the service's own base URL"
        notes.append(f"{gateway.name} dropped {', '.join(lost)}, and the pictures were drawn without; {way}.")
    return notes


def usage_note(usage: Mapping[str, Any], body: Mapping[str, Any], *, base_url: str) -> str:
    """That references did not reach the service, where its own count says so; else empty.

    A count that lacks says something only where the same service has given one before.
    """
    sent = body.get("image")
    number = len(sent) if isinstance(sent, list) else int(bool(sent))
    counted = usage.get("input_images")
    if number and isinstance(counted, int) and counted > 0:
        remember(base_url, counts_references=True)
    dropped = counted == 0 or (counted is None and "input_images" not in usage and seen(base_url).counts_references)
    if not number or isinstance(counted, bool) or not dropped:
        return ""
    what = "the reference" if number == 1 else f"any of the {number} references"
    return f"The service did not count {what}: something on the way dropped it, and the picture was drawn without."


@dataclass(frozen=True)
class Seen:
    """What this process has met at one base URL."""

    gateway: Gateway | None = None
    refused_fields: tuple[str, ...] = ()
    repeated: bool = False
    drops_fields: bool = False
    counts_references: bool = False


_SEEN: dict[str, Seen] = {}


def seen(base_url: str) -> Seen:
    """What this process has met at a base URL."""
    return _SEEN.get(_place(base_url), Seen())


def remember(base_url: str, **facts: Any) -> None:
    """Keep facts (fields of `Seen`) of a base URL for the requests that follow in this process."""
    _SEEN[_place(base_url)] = replace(seen(base_url), **facts)


def remember_refusal(base_url: str, wrapped: Wrapped, *, unknown: bool) -> None:
    """Keep what a refusal says of the gateway at a base URL."""
    if wrapped.gateway is not None:
        before = seen(base_url)
        fields = tuple(dict.fromkeys((*before.refused_fields, *wrapped.refused_fields)))
        repeated = before.repeated or (unknown and wrapped.attempts != 1)
        remember(base_url, gateway=wrapped.gateway, refused_fields=fields, repeated=repeated)


def plan_warnings(base_url: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What to say before a request goes to a base URL where a gateway has failed before. No network is touched."""
    met = seen(base_url)
    gateway = met.gateway
    if gateway is None:
        return ()
    refused = [name for name in met.refused_fields if name in body]
    lost = _lost(gateway, body, base_url) if met.drops_fields else []
    reasons = [f"does not take {', '.join(refused)}"] if refused else []
    reasons += [f"drops {', '.join(lost)}"] if lost else []
    reasons += _faults(gateway, body, repeated=met.repeated) if met.repeated or met.drops_fields else []
    if not reasons:
        return ()
    options = options_that_help(gateway, body, met.refused_fields)
    return (f"{gateway.name} at this base URL {' and '.join(reasons)}{f': add {options}' if options else ''}.",)


def _faults(gateway: Gateway, body: Mapping[str, Any], *, repeated: bool) -> list[str]:
    """What a gateway does to a request with this body; empty where nothing is known to go wrong."""
    calm = bool(gateway.calming_field) and body.get(gateway.calming_field) == 0
    deaf = ["cannot pass on a streamed set"] if body.get("stream") and not gateway.streams else []
    return [*deaf, *([gateway.repeats_when_calm if calm else gateway.repeats] if repeated else [])]


def _place(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/').removesuffix('/images/generations')}"


def _lost(gateway: Gateway, body: Mapping[str, Any], base_url: str) -> list[str]:
    """Fields of the body that the gateway dropped and whose lack changes the pictures."""
    harmless = {"sequential_image_generation": "disabled", "stream": False, "watermark": True}
    if gateway.passes is None or (gateway.whole_path and base_url.rstrip("/").endswith(gateway.whole_path)):
        return []
    unlike = [name for name, value in body.items() if name not in gateway.passes and harmless.get(name) != value]
    return [name for name in unlike if name != "stream"]


def _inner(envelope: Mapping[str, Any], depth: int) -> tuple[str, str]:
    """The innermost code that is the service's own, and the words beside it; empty texts where there is none."""
    code, words = _code(envelope), _text(envelope.get("message"))
    if code and not is_generic(code):
        return code, words
    for text in _strings(envelope, depth):
        for inner in _objects(text):
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
    flat = re.sub(r"(?<!\\)\\+(?=[\"'])", "", text[:_LONGEST_TEXT])
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
    return "\n".join([*named, *_strings(envelope, _DEEPEST)])[:_LONGEST_TEXT]


def _strings(value: Any, depth: int) -> Iterator[str]:
    """The texts in a JSON value, however deep."""
    if isinstance(value, str):
        yield value[:_LONGEST_TEXT]
    elif depth and isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item, depth - 1)


def _page_words(envelope: Mapping[str, Any]) -> str:
    """The words of a web page that Portkey wrapped."""
    page = _text(envelope.get("html-message"))
    title = re.search(r"<title[^>]*>(.{0,300}?)</title>", page[:4096], re.IGNORECASE | re.DOTALL)
    return title[1] if title else re.sub(r"<[^>]*>", " ", page[:4096]).strip()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) and abs(value) < 10**9 else ""


def _counted(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"
