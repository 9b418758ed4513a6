"""What each error code of the service means: the error of ours, the cause and what to do, in English and Chinese.

The codes are those of ByteDance's error page for image generation, as of August 2026, and those of the gateways in
front of it; one row a code. Two rules go with them: the code decides before the status, for the same `ServerOverloaded`
comes with 429 and with 503; and whether an answer bills is decided by its status alone.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

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
from seedream_magic.words import service as texts
from seedream_magic.words.text import Text

_KINDS_BY_CODE: tuple[tuple[str, type[ApiError]], ...] = (
    (r"Sensitive|sensitive_words|prompt_blocked|RiskDetection|ContentSecurity|PolicyViolation|content_policy|moderation",
     ContentRefused),
    (r"Overdue|insufficient_.*(quota|balance)|pre_consume_.*quota|QuotaExceeded|SetLimitExceeded|billing|budget_exceeded",
     PaymentRequired),
    (r"^(ModelNot(Open|Found)|UnsupportedModel|model_not_found)|EndpointOrModel|ClosedEndpoint", ModelNotFound),
    (r"RateLimit|RequestBurst|Inflight|rate_limit|ServerOverloaded|too_many_requests|concurrency_limit", RateLimited),
    (r"Authentication|AccessDenied|OperationDenied|InvalidAccountStatus|invalid_api_key|permission", AuthFailed),
    (r"InternalService|server_error|^Internal", ServerFailed),
    (r"InvalidParameter|MissingParameter|InvalidImageURL|InvalidSubscription|invalid_request", RequestRefused),
)  # fmt: skip
"""The first pattern that fits a code decides. They fit the spellings of gateways as well as the service's own."""
_KINDS_BY_STATUS: dict[int, type[ApiError]] = {
    400: RequestRefused, 401: AuthFailed, 402: PaymentRequired, 403: AuthFailed, 404: ModelNotFound,
    407: AuthFailed, 413: RequestRefused, 415: RequestRefused, 422: RequestRefused, 429: RateLimited,
}  # fmt: skip
_MAY_BILL = frozenset({408, 409, 425})
"""Statuses below 500 after which the service may have drawn all the same."""
_GENERIC_CODES = re.compile(
    r"(?:\d{3}|none|null|badrequest|(?:upstream|new_api|one_api|openai|internal_server|server|api|timeout|unknown|"
    r"permission|authentication|throttling|invalid_request|provider)_error|bad_response(?:_status_code|_body)?|"
    r"invalid_request|do_request_failed)?",
    re.IGNORECASE,
)


def error_kind(code: str, status: int) -> type[ApiError]:
    """The error class that a refusal with this code (may be "") and this HTTP status stands for."""
    by_code = (kind for pattern, kind in _KINDS_BY_CODE if re.search(pattern, code))
    return next(by_code, None) or _KINDS_BY_STATUS.get(status) or (ServerFailed if status >= 500 else ApiError)


def billed_by_status(status: int) -> Billed:
    """Whether an answer with this head bills: 2xx yes; 408, 409, 425 and 5xx perhaps; 3xx and other 4xx no."""
    if 200 <= status < 300:
        return "yes"
    return "unknown" if status in _MAY_BILL or status >= 500 or status < 200 else "no"


def is_generic(code: str) -> bool:
    """Whether a code is only a status or a class of errors, as gateways write over the service's own."""
    return _GENERIC_CODES.fullmatch(code) is not None


@dataclass(frozen=True)
class Code:
    """One code of the service with the HTTP statuses it comes with; a bare number is a gateway's status.

    `sentence` is a pattern for the service's words of it, for gateways that pass on the words alone.
    """

    name: str
    statuses: tuple[int, ...]
    cause: Text
    fix: Text
    sentence: str = ""


_CHECKED = (
    ("InputText", "input text", texts.PROMPT_DID_NOT_PASS, texts.REWORD),
    ("InputImage", "input image", texts.REFERENCE_DID_NOT_PASS, texts.REFERENCE),
    ("OutputText", "output(?: text|(?= may contain sensitive))",  # some only say "output"
     texts.TEXT_DID_NOT_PASS, texts.REWORD),
    ("OutputImage", "output image", texts.PICTURE_DID_NOT_PASS, texts.AGAIN_OR_REWORD),
)  # fmt: skip
"""What is checked: its part of a code's name, its name in the service's sentences, the cause and the fix."""
_CHECKS = (
    ("SensitiveContentDetected", "may contain sensitive information", texts.CONTENT_CHECK),
    ("SensitiveContentDetected.PolicyViolation", "may (?:be related to copyright|violate platform)", texts.COPYRIGHT),
    ("SensitiveContentDetected.PrivacyInformation", "may contain (?:a )?real person", texts.REAL_PERSON),
    ("SensitiveContentDetected.DeepFake", "", texts.DEEP_FAKE),
    ("RiskDetection", "includes sensitive content that violates", texts.RISK_CHECK),
)  # fmt: skip
"""The checks: the rest of the code's name, the service's words, and the end of the cause."""
_ROWS = (
    *(
        Code(
            f"{what}{check}",
            (400,),
            Text(f"{refused.english} the {why.english}", f"{refused.chinese}{why.chinese}"),
            fix,
            rf"\b{said} {words}" if words else "",
        )
        for what, said, refused, fix in _CHECKED
        for check, words, why in _CHECKS
    ),
    Code("SensitiveContentDetected", (400,), texts.UNNAMED, texts.REWORD,
         r"\binput text may contain (?:severe violation|violence) information"),
    Code("SensitiveContentDetected.SevereViolation", (400,), texts.UNNAMED, texts.REWORD),
    Code("SensitiveContentDetected.Violence", (400,), texts.UNNAMED, texts.REWORD),
    Code("ContentSecurityDetectionError", (400,), texts.CONTENT_SECURITY_DETECTION_ERROR, texts.ONCE_MORE),
    Code("MissingParameter", (400,), texts.MISSING_PARAMETER, texts.OPTION),
    Code("InvalidParameter", (400,), texts.INVALID_PARAMETER,
         texts.OPTION, r"[Tt]he parameter `[^`]+` (?:specified in the request )?is not (?:valid|supported)"),
    Code("InvalidParameter.UnsupportedParameter", (400,), texts.INVALID_PARAMETER_UNSUPPORTED_PARAMETER, texts.OPTION),
    Code("InvalidEndpoint.ClosedEndpoint", (400,), texts.INVALID_ENDPOINT_CLOSED_ENDPOINT, texts.ENDPOINT),
    Code("InvalidImageURL.EmptyURL", (400,), texts.INVALID_IMAGE_URL_EMPTY_URL, texts.REFERENCE),
    Code("InvalidImageURL.InvalidFormat", (400,), texts.INVALID_IMAGE_URL_INVALID_FORMAT, texts.REFERENCE),
    Code("InvalidSubscription", (400,), texts.INVALID_SUBSCRIPTION, texts.ACCOUNT),
    Code("AuthenticationError", (401,), texts.AUTHENTICATION_ERROR, texts.KEY,
         r"API key or AK/SK in the request is missing or invalid"),
    Code("invalid_api_key", (401,), texts.INVALID_API_KEY, texts.KEY),
    Code("InvalidAccountStatus", (401,), texts.INVALID_ACCOUNT_STATUS, texts.ACCOUNT),
    Code("AccessDenied", (403,), texts.ACCESS_DENIED, texts.KEY),
    Code("AccountOverdueError", (403,), texts.ACCOUNT_OVERDUE_ERROR, texts.TOP_UP,
         r"account has an overdue balance|account balance is overdue"),
    Code("OperationDenied.ServiceNotOpen", (403,), texts.OPERATION_DENIED_SERVICE_NOT_OPEN, texts.CONSOLE),
    Code("OperationDenied.ServiceOverdue", (403,), texts.ACCOUNT_OVERDUE_ERROR, texts.TOP_UP),
    Code("OperationDenied.PermissionDenied", (403,), texts.OPERATION_DENIED_PERMISSION_DENIED, texts.KEY),
    Code("OperationDenied", (403,), texts.OPERATION_DENIED, texts.ACCOUNT),
    Code("InvalidEndpointOrModel.NotFound", (404,), texts.INVALID_ENDPOINT_OR_MODEL_NOT_FOUND, texts.MODEL,
         r"model or (?:inference )?endpoint\b.{0,200}? does not exist or you"),
    Code("InvalidEndpointOrModel.ModelIDAccessDisabled", (404,),
         texts.INVALID_ENDPOINT_OR_MODEL_MODEL_IDACCESS_DISABLED,
         texts.ENDPOINT_ID, r"via Model ID is not allowed for your account"),
    Code("ModelNotOpen", (404,), texts.OPERATION_DENIED_SERVICE_NOT_OPEN, texts.CONSOLE,
         r"account (?:\S+ )?has not activated the model"),
    Code("UnsupportedModel", (404,), texts.UNSUPPORTED_MODEL, texts.MODEL),
    Code("RateLimitExceeded.EndpointRPMExceeded", (429,), texts.RATE_LIMIT_EXCEEDED_ENDPOINT_RPMEXCEEDED, texts.SLOWER),
    Code("RateLimitExceeded.EndpointTPMExceeded", (429,), texts.RATE_LIMIT_EXCEEDED_ENDPOINT_TPMEXCEEDED, texts.SLOWER),
    Code("ModelAccountRpmRateLimitExceeded", (429,), texts.MODEL_ACCOUNT_RPM_RATE_LIMIT_EXCEEDED, texts.SLOWER),
    Code("ModelAccountTpmRateLimitExceeded", (429,), texts.MODEL_ACCOUNT_TPM_RATE_LIMIT_EXCEEDED, texts.SLOWER),
    Code("ModelAccountIpmRateLimitExceeded", (429,), texts.MODEL_ACCOUNT_IPM_RATE_LIMIT_EXCEEDED, texts.SLOWER),
    Code("APIAccountRpmRateLimitExceeded", (429,), texts.APIACCOUNT_RPM_RATE_LIMIT_EXCEEDED, texts.SLOWER),
    Code("AccountRateLimitExceeded", (429,), texts.ACCOUNT_RATE_LIMIT_EXCEEDED, texts.SLOWER),
    Code("RequestBurstTooFast", (429,), texts.REQUEST_BURST_TOO_FAST, texts.SLOWER),
    Code("InflightBatchsizeExceeded", (429,), texts.INFLIGHT_BATCHSIZE_EXCEEDED, texts.SLOWER),
    Code("ServerOverloaded", (429, 503), texts.SERVER_OVERLOADED, texts.BUSY, r"due to (?:the )?server overload"),
    Code("QuotaExceeded", (429,), texts.QUOTA_EXCEEDED, texts.RAISE,
         r"exhausted (?:its|the) free trial quota|request has exceeded the quota"),
    Code("SetLimitExceeded", (429,), texts.SET_LIMIT_EXCEEDED, texts.RAISE, r"reached the set (?:inference )?limit"),
    Code("InternalServiceError", (500,), texts.INTERNAL_SERVICE_ERROR, texts.LOOK_FIRST,
         r"service encountered an unexpected internal error"),
    Code("402", (402,), texts.STATUS_402, texts.TOP_UP),
    Code("407", (407,), texts.STATUS_407, texts.PROXY),
    Code("408", (408,), texts.STATUS_408, texts.LOOK_FIRST),
    Code("413", (413,), texts.STATUS_413, texts.SMALLER),
    Code("422", (422,), texts.STATUS_422, texts.OPTION),
    Code("502", (502,), texts.STATUS_502, texts.LOOK_FIRST),
    Code("503", (503,), texts.STATUS_503, texts.LOOK_FIRST),
    Code("504", (504,), texts.STATUS_504, texts.LOOK_FIRST),
    Code("524", (524,), texts.STATUS_524, texts.STREAM),
)  # fmt: skip
CODES = {code.name: code for code in _ROWS}


def find_code(name: str) -> Code | None:
    """The code of that name in any case; one with a longer name (`InvalidParameter.size`) is found by its beginning."""
    lower = name.strip().lower()
    fitting = [code for code in _ROWS if f"{lower}.".startswith(f"{code.name.lower()}.")]
    if not fitting:
        return None
    # The service's own spelling where the name is one of its own.
    spelled = next((code.name for code in fitting if code.name.lower() == lower), name.strip())
    return replace(max(fitting, key=lambda code: len(code.name)), name=spelled)


def code_of_words(words: str) -> str:
    """The name of the code whose sentence stands in these words; "" where none does."""
    found = (code.name for code in _ROWS if code.sentence and re.search(code.sentence, words[:2000]))
    return next(found, "")


def codes_like(name: str) -> list[str]:
    """At most three codes that were probably meant: of a status, else the nearest in spelling, else with the word."""
    lower = name.strip().lower()
    known = {code.lower(): code for code in CODES}
    of_status = [code.name for code in _ROWS if lower in map(str, code.statuses)]
    near = [] if lower.isdecimal() else difflib.get_close_matches(lower, known, n=3, cutoff=0.6)
    holding = [code for match, code in known.items() if len(lower) > 3 and lower in match]
    return (of_status or [known[match] for match in near] or holding)[:3]
