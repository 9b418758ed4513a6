"""Gateway programs between this client and the service: how each is known, what it repeats and what it drops.

A gateway sends a request on, and may do so several times; each time may bill. What is said here of LiteLLM 1.108.7 and
Portkey 1.15.2 was measured with the programs (`make gateways`); of new-api and one-api it is what their source and
their users' reports say. `wrapped` reads the service's words out of a gateway's; `gateway_advice` says what helps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_TEXT = 64 * 2**10
"""Characters of a refusal that are looked through for words of gateways and of the service."""


@dataclass(frozen=True)
class Gateway:
    """One gateway program; each oddity of it has its home in this row.

    It is known by one of `headers` (names in lower case), or by `words` in the text of a refusal. `before`
    and `after` are what it puts around the service's words, `own_codes` its own sentences with the code that stands
    for each. `repeats` says how often it sends a request on; where `retries_field` of the body is 0, that is
    `repeats_at_zero`. `retries_header` is where it counts. `streams` says whether it can pass on a streamed set.
    `passes` are the only fields of the body that it passes on (None: all) where its answer has `passing_header`, unless
    the base URL ends in `whole_path`.
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
    retries_field: str = ""
    repeats_at_zero: str = ""
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
    retries_field="num_retries",
    repeats_at_zero="sends a failed request on up to 3 times, whatever it is asked",
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


def find_gateway(headers: Mapping[str, str], text: str) -> Gateway | None:
    """The gateway that wrote an answer with these headers (names in lower case) or this text; None if none is known."""
    by_header = (row for row in GATEWAYS if any(name in headers for name in row.headers))
    by_words = (row for row in GATEWAYS if row.words.search(text[:LONGEST_TEXT]))
    return next(by_header, None) or next(by_words, None)


def attempts_reported(gateway: Gateway | None, headers: Mapping[str, str], text: str = "") -> int | None:
    """How often the gateway says that it sent the request on, at least; None where it does not say."""
    if gateway is None:
        return None
    plural = headers.get(gateway.retries_header, "")
    if re.fullmatch(r"-?\d{1,4}", plural):
        return int(plural) + 1 if int(plural) >= 0 else 2  # -1: its retries are used up, however many it had
    retried = re.search(r"LiteLLM Retried: (\d{1,4}) times", text)
    fallbacks = re.search(r"Fallback to (.{1,300}?) also failed", text)
    if not (retried or fallbacks):
        return None
    return 1 + (int(retried[1]) if retried else 0) + (fallbacks[1].count(",") + 1 if fallbacks else 0)
