"""Gateway programs between this client and the service: what each does to requests, and what to say of it.

A gateway sends a request on, and may do so several times; each time may bill. What is said here of LiteLLM 1.108.7 and
Portkey 1.15.2 was measured with the programs (`make gateways`); of new-api and one-api it is what their source and
their users' reports say. Nothing here does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from seedream_magic.words import network as texts
from seedream_magic.words.lists import AND, enumeration
from seedream_magic.words.text import Text, chain

COST_HEADER = "x-litellm-response-cost"
"""Where LiteLLM and gateways that follow it tell what an answer cost (docs.litellm.ai, response headers)."""
LONGEST_TEXT = 64 * 2**10
"""Characters of a refusal that are looked through for words of gateways and of the service."""


@dataclass(frozen=True)
class Gateway:
    """One gateway program; each oddity of it has its home in its row of the table.

    It is known by one of `headers` (names in lower case), or by `words` in the text of a refusal. `before` and `after`
    are what it puts around the service's words, `own_codes` its own sentences with the code that stands for each.
    `refused_fields` finds the fields that it does not take, `dropping_setting` is the setting that makes it drop them.
    `repeats` says how often it sends a request on; where `retries_field` of the body is 0, that is `repeats_at_zero`.
    `retries_header` is where it counts. `streams` says whether it can pass on a streamed set. `passes` are the only
    fields of the body that it passes on (None: all) where its answer has `passing_header`, unless the base URL ends in
    `whole_path`.
    """

    name: str
    headers: tuple[str, ...]
    words: re.Pattern[str]
    repeats: Text
    before: re.Pattern[str]
    after: re.Pattern[str]
    own_codes: tuple[tuple[str, str], ...] = ()
    refused_fields: re.Pattern[str] | None = None
    dropping_setting: str = ""
    retries_field: str = ""
    repeats_at_zero: Text | None = None
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
    repeats=texts.REPEATS_9,
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
    retries_field="num_retries",
    repeats_at_zero=texts.REPEATS_3,
    retries_header="x-litellm-attempted-retries",
    streams=False,
)
PORTKEY = Gateway(
    name="Portkey",
    headers=("x-portkey-provider", "x-portkey-retry-attempt-count", "x-portkey-gateway-exception"),
    words=re.compile(r'^\s*\{\s*"html-message":'),
    repeats=texts.REPEATS_BY_SETTING,
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
    repeats=texts.REPEATS_BY_CHANNEL,
    before=re.compile(r"^(?:status_code=\d+, ?)?(?:bad response status code \d+(?:, ?(?:message|body): ?)?)?"),
    after=re.compile(r"\(request id: ?[\w-]{1,80}\)$"),
    own_codes=(
        (r"无可用渠道|可用渠道不存在|[Nn]o available channel for model", "model_not_found"),
        (r"用户额度不足|令牌额度(?:不足|已用尽)|quota is not enough", "insufficient_user_quota"),
    ),
)
GATEWAYS = (LITELLM, PORTKEY, NEW_API)


def find_gateway(headers: Mapping[str, str], text: str) -> Gateway | None:
    """The gateway that wrote an answer with these headers (names in lower case) or this text; None if none is known."""
    by_header = (row for row in GATEWAYS if any(name in headers for name in row.headers))
    by_words = (row for row in GATEWAYS if row.words.search(text[:LONGEST_TEXT]))
    return next(by_header, None) or next(by_words, None)


def attempts_reported(gateway: Gateway | None, headers: Mapping[str, str], text: str = "") -> int | None:
    """How often the gateway says that it sent the request on, at least; None where it does not say."""
    if gateway is None:
        return None
    retries = headers.get(gateway.retries_header, "")
    if re.fullmatch(r"-?\d{1,4}", retries):
        return int(retries) + 1 if int(retries) >= 0 else 2  # -1: its retries are used up, however many it had
    retried = re.search(r"LiteLLM Retried: (\d{1,4}) times", text)
    fallbacks = re.search(r"Fallback to (.{1,300}?) also failed", text)
    if not (retried or fallbacks):
        return None
    return 1 + (int(retried[1]) if retried else 0) + (fallbacks[1].count(",") + 1 if fallbacks else 0)


@dataclass(frozen=True)
class Wrapping:
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


@dataclass(frozen=True)
class History:
    """What this process has met at one base URL.

    `repeated`: the gateway may have sent a request on several times. `drops_fields`: it dropped fields of a body.
    `counts_references`: the service has once counted the references that reached it.
    """

    gateway: Gateway | None = None
    refused_fields: tuple[str, ...] = ()
    repeated: bool = False
    drops_fields: bool = False
    counts_references: bool = False


_HISTORIES: dict[str, History] = {}
"""By the base URL, in one spelling."""


def history_of(base_url: str) -> History:
    """What this process has met at a base URL, or at the address of its POST."""
    return _HISTORIES.get(_normal(base_url), History())


def _remember(base_url: str, **facts: Any) -> None:
    _HISTORIES[_normal(base_url)] = replace(history_of(base_url), **facts)


def _normal(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/').removesuffix('/images/generations')}"


def remember_refusal(base_url: str, wrapping: Wrapping, *, unknown: bool) -> None:
    """Keep what a refusal says of the gateway at a base URL; `unknown` is whether it may have been billed."""
    if wrapping.gateway is not None:
        before = history_of(base_url)
        fields = tuple(dict.fromkeys((*before.refused_fields, *wrapping.refused_fields)))
        repeated = before.repeated or (unknown and wrapping.attempts != 1)
        _remember(base_url, gateway=wrapping.gateway, refused_fields=fields, repeated=repeated)


def plan_warnings(base_url: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What to say before a request goes to a base URL where a gateway has failed before. No network is touched."""
    history = history_of(base_url)
    gateway = history.gateway
    if gateway is None:
        return ()
    refused = [name for name in history.refused_fields if name in body]
    dropped = _dropped_fields(gateway, body, base_url) if history.drops_fields else []
    reasons = [texts.DOES_NOT_TAKE(names=enumeration(refused))] if refused else []
    reasons += [texts.DROPS(names=enumeration(dropped))] if dropped else []
    reasons += _faults(gateway, body, repeated=history.repeated) if history.repeated or history.drops_fields else []
    if not reasons:
        return ()
    options = options_that_help(gateway, body, history.refused_fields)
    facts = {"gateway": gateway.name, "faults": chain(AND, reasons)}
    return (texts.GATEWAY_FAULTS_ADD(**facts, options=options) if options else texts.GATEWAY_FAULTS(**facts),)


def refusal_advice(wrapping: Wrapping, body: Mapping[str, Any], *, unknown: bool) -> str:
    """What to do about a refusal that a gateway caused or may have multiplied; empty where its code says it better.

    `body` is what was sent, `unknown` whether it may have been billed.
    """
    gateway = wrapping.gateway
    if gateway is None or not (wrapping.refused_fields or unknown):
        return ""
    options = options_that_help(gateway, body, wrapping.refused_fields)
    if wrapping.refused_fields:
        names = enumeration(wrapping.refused_fields)
        facts = {"gateway": gateway.name, "names": names, "options": options}
        if gateway.dropping_setting:
            return texts.FIELD_NOT_TAKEN_OR_SET(**facts, setting=gateway.dropping_setting)
        return texts.FIELD_NOT_TAKEN(**facts)
    faults = chain(AND, _faults(gateway, body, repeated=wrapping.attempts != 1))
    if not faults:
        return ""
    facts = {"gateway": gateway.name, "faults": faults}
    return texts.SEE_BILL_THEN(**facts, options=options) if options else texts.SEE_BILL(**facts)


def answer_notes(headers: Mapping[str, str], body: Mapping[str, Any], *, base_url: str, images: int) -> list[str]:
    """What a good answer with these headers says of its way: that it was asked for again, what did not get through.

    `body` is what was sent, `images` how many it can bill.
    """
    gateway = find_gateway(headers, "")
    if gateway is None:
        return []
    notes = []
    attempts = attempts_reported(gateway, headers)
    if attempts and attempts > 1:
        further = (attempts - 1) * images
        notes.append(texts.SENT_ON(gateway=gateway.name, attempts=attempts, images=further))
    name, value = gateway.passing_header
    if (
        gateway.passes is not None
        and headers.get(name) == value
        and (dropped := _dropped_fields(gateway, body, base_url))
    ):
        _remember(base_url, gateway=gateway, drops_fields=True)
        notes.append(texts.DROPPED(gateway=gateway.name, names=enumeration(dropped)))
    return notes


def usage_note(usage: Mapping[str, Any], body: Mapping[str, Any], *, base_url: str) -> str:
    """That references did not reach the service, where its own count says so; else empty.

    A count that lacks says something only where the same service has given one before.
    """
    sent = body.get("image")
    number = len(sent) if isinstance(sent, list) else int(bool(sent))
    counted = usage.get("input_images")
    if number and isinstance(counted, int) and counted > 0:
        _remember(base_url, counts_references=True)
    dropped = counted == 0 or (
        counted is None and "input_images" not in usage and history_of(base_url).counts_references
    )
    if not number or isinstance(counted, bool) or not dropped:
        return ""
    return texts.REFERENCE_DROPPED() if number == 1 else texts.REFERENCES_DROPPED(count=number)


def cost_note(costs: Sequence[object]) -> str:
    """What an answer says that it cost, as it says it, each time that it says it; empty where that is nothing.

    It is no more than told: what it is in, and whether it is all, nobody knows here.
    """
    told = enumeration(filter(None, map(_cost_text, costs)))
    return texts.COST(cost=told) if told else ""


def _cost_text(cost: object) -> str:
    """A cost in digits, empty for what is none: words, NaN, a number that no picture costs."""
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 10**12:  # not so for NaN
        return f"{Decimal(str(cost)):f}"
    text = cost.strip() if isinstance(cost, str) else ""
    return text if re.fullmatch(r"[$¥￥€£]?\d{1,12}(\.\d{1,12})?( ?[A-Za-z]{1,8})?", text, re.ASCII) else ""


def options_that_help(gateway: Gateway, body: Mapping[str, Any], refused_fields: tuple[str, ...]) -> str:
    """The options with which a request with this body passes the gateway once; "" where none helps."""
    fields: dict[str, Any] = {name: None for name in refused_fields if name in body}
    if gateway.retries_field and body.get(gateway.retries_field) != 0:
        fields[gateway.retries_field] = 0
    return options_text(unstreamed=bool(body.get("stream")) and not gateway.streams, extra=fields)


def options_text(*, unstreamed: bool, extra: Mapping[str, Any]) -> str:
    """How a request is asked for without a stream and with these further fields: in a cell, and in Python."""
    cell = ["--no-stream"] * unstreamed + [f"--extra '{json.dumps(extra)}'"] * bool(extra)
    python = ["stream=False"] * unstreamed + [f"extra={dict(extra)}"] * bool(extra)
    return texts.IN_PYTHON(cell=" ".join(cell), python=", ".join(python)) if cell else ""


def _faults(gateway: Gateway, body: Mapping[str, Any], *, repeated: bool) -> list[str]:
    """What a gateway does to a request with this body; empty where nothing is known to go wrong."""
    at_zero = bool(gateway.retries_field) and body.get(gateway.retries_field) == 0
    faults = [texts.NO_STREAMED_SET()] if body.get("stream") and not gateway.streams else []
    repeats = (at_zero and gateway.repeats_at_zero) or gateway.repeats
    return faults + ([repeats()] if repeated else [])


def _dropped_fields(gateway: Gateway, body: Mapping[str, Any], base_url: str) -> list[str]:
    """Fields of the body that the gateway dropped and whose lack changes the pictures."""
    harmless = {"sequential_image_generation": "disabled", "stream": False, "watermark": True}
    if gateway.passes is None or (gateway.whole_path and base_url.rstrip("/").endswith(gateway.whole_path)):
        return []
    unlike = [name for name, value in body.items() if name not in gateway.passes and harmless.get(name) != value]
    return [name for name in unlike if name != "stream"]
