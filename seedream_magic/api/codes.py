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


_REWORD = Text("Word the prompt differently.", "换一种说法写提示词。")
_REFERENCE = Text("Use another reference picture.", "换一张参考图。")
_AGAIN_OR_REWORD = Text(
    "Run it once more or word it differently; of a set, %seedream retry RUN asks for the failed frames only.",
    "再运行一次或换一种说法；组图可用 %seedream retry RUN 只重做失败的帧。",
)
_TOP_UP = Text("Top up the account at the provider, then run the cell again.", "在服务商处充值后重新运行。")
_CONSOLE = Text("Open the model for the account in the provider's console.", "在服务商控制台为该账号开通此模型。")
_ACCOUNT = Text("See the account's state in the provider's console.", "在服务商控制台查看账号状态。")
_MODEL = Text(
    "Choose another model: %seedream models lists the ids; on ark and byteplus they carry a date.",
    "换一个模型：%seedream models 列出可用 id；ark 与 byteplus 的 id 带日期。",
)
_SLOWER = Text(
    "Wait a minute and run the cell again; a set counts once for each of its pictures.",
    "等一分钟再运行；组图按图片张数计入限额。",
)
_BUSY = Text("Wait a little, then run the cell again.", "稍等片刻再运行。")
_RAISE = Text("Raise the limit in the provider's console; waiting does not help.", "在控制台调高限额；等待无济于事。")
_OPTION = Text(
    "Change the option that its message names; %seedream models tells what each model takes.",
    "修改提示信息中指出的选项；%seedream models 列出各模型支持的参数。",
)
_LOOK_FIRST = Text(
    "See at the provider whether it was billed before running the cell again.",
    "重新运行前先到服务商处确认是否已计费。",
)
_KEY = Text(
    "%seedream shows where the key comes from, %seedream key takes another; each provider has keys of its own.",
    "%seedream 显示密钥来源，%seedream key 可更换；各服务商的密钥互不通用。",
)
_ONCE_MORE = Text("Run the cell again.", "重新运行即可。")
_ENDPOINT = Text("Open it in the provider's console, or name a model id.", "在控制台重新启用，或改用模型 id。")
_ENDPOINT_ID = Text("Give the endpoint's id, ep-…, as the model.", "把接入点 id（ep-…）用作模型名。")
_PROXY = Text(
    "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass.",
    "检查 HTTPS_PROXY：地址、用户名和密码，以及是否放行该主机。",
)
_SMALLER = Text("Send fewer or smaller references.", "减少参考图数量或缩小参考图。")
_STREAM = Text(
    "Ask for a stream or for fewer images. It may be billed: see at the provider first.",
    "使用流式接收或减少张数。可能已计费，请先到服务商处确认。",
)

_CHECKED = (
    ("InputText", "input text", Text("The prompt did not pass", "提示词未通过"), _REWORD),
    ("InputImage", "input image", Text("A reference picture did not pass", "参考图未通过"), _REFERENCE),
    ("OutputText", "output(?: text|(?= may contain sensitive))",  # some only say "output"
     Text("Text that the model wrote did not pass", "模型生成的文字未通过"), _REWORD),
    ("OutputImage", "output image", Text("The picture that was made did not pass", "生成的图片未通过"),
     _AGAIN_OR_REWORD),
)  # fmt: skip
"""What is checked: its part of a code's name, its name in the service's sentences, the cause and the fix."""
_CHECKS = (
    ("SensitiveContentDetected", "may contain sensitive information", Text("content check.", "内容审核。")),
    ("SensitiveContentDetected.PolicyViolation", "may (?:be related to copyright|violate platform)",
     Text("content check: it may infringe a copyright.", "内容审核：可能侵犯版权。")),
    ("SensitiveContentDetected.PrivacyInformation", "may contain (?:a )?real person",
     Text("content check: it may show or name a real person.", "内容审核：可能涉及真实人物。")),
    ("SensitiveContentDetected.DeepFake", "",
     Text("content check: it may be a deep fake of a real person.", "内容审核：可能属于深度伪造。")),
    ("RiskDetection", "includes sensitive content that violates",
     Text("account's risk check.", "账号的风险识别。")),
)  # fmt: skip
"""The checks: the rest of the code's name, the service's words, and the end of the cause."""
_UNNAMED = Text("The prompt or a picture did not pass the content check.", "提示词或图片未通过内容审核。")
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
    Code("SensitiveContentDetected", (400,), _UNNAMED, _REWORD,
         r"\binput text may contain (?:severe violation|violence) information"),
    Code("SensitiveContentDetected.SevereViolation", (400,), _UNNAMED, _REWORD),
    Code("SensitiveContentDetected.Violence", (400,), _UNNAMED, _REWORD),
    Code("ContentSecurityDetectionError", (400,),
         Text("The content checker itself failed; nothing is wrong with the prompt.",
              "内容审核服务自身出错，与提示词无关。"), _ONCE_MORE),
    Code("MissingParameter", (400,), Text("A field is missing from the request.", "请求缺少字段。"), _OPTION),
    Code("InvalidParameter", (400,), Text("The model does not take the value of a field.", "字段的值不被模型接受。"),
         _OPTION, r"[Tt]he parameter `[^`]+` (?:specified in the request )?is not (?:valid|supported)"),
    Code("InvalidParameter.UnsupportedParameter", (400,),
         Text("The model does not know a field of the request.", "模型不支持请求中的某个字段。"), _OPTION),
    Code("InvalidEndpoint.ClosedEndpoint", (400,), Text("The ep-… endpoint is closed.", "ep-… 接入点已关闭。"),
         _ENDPOINT),
    Code("InvalidImageURL.EmptyURL", (400,), Text("A reference is empty.", "参考图为空。"), _REFERENCE),
    Code("InvalidImageURL.InvalidFormat", (400,),
         Text("A reference is neither a link nor picture data.", "参考图既不是链接也不是图片数据。"), _REFERENCE),
    Code("InvalidSubscription", (400,),
         Text("The account's plan has ended or does not hold this model.", "套餐已到期或不包含此模型。"), _ACCOUNT),
    Code("AuthenticationError", (401,), Text("The key is missing or not valid.", "密钥缺失或无效。"), _KEY,
         r"API key or AK/SK in the request is missing or invalid"),
    Code("invalid_api_key", (401,), Text("The gateway does not know the key.", "网关不认识该密钥。"), _KEY),
    Code("InvalidAccountStatus", (401,), Text("The account is not in order.", "账号状态异常。"), _ACCOUNT),
    Code("AccessDenied", (403,), Text("The key may not use this model or service.", "该密钥无权使用此模型或服务。"),
         _KEY),
    Code("AccountOverdueError", (403,), Text("The account is overdue.", "账号已欠费。"), _TOP_UP,
         r"account has an overdue balance|account balance is overdue"),
    Code("OperationDenied.ServiceNotOpen", (403,),
         Text("The model is not opened for the account.", "账号未开通此模型。"), _CONSOLE),
    Code("OperationDenied.ServiceOverdue", (403,), Text("The account is overdue.", "账号已欠费。"), _TOP_UP),
    Code("OperationDenied.PermissionDenied", (403,), Text("The key may not do this.", "该密钥没有此权限。"), _KEY),
    Code("OperationDenied", (403,), Text("The account may not do this.", "账号不允许此操作。"), _ACCOUNT),
    Code("InvalidEndpointOrModel.NotFound", (404,),
         Text("The provider has no such model or endpoint for this account.", "该账号下没有此模型或接入点。"), _MODEL,
         r"model or (?:inference )?endpoint\b.{0,200}? does not exist or you"),
    Code("InvalidEndpointOrModel.ModelIDAccessDisabled", (404,),
         Text("The account may call models by their ep-… endpoint only.", "该账号只能用 ep-… 接入点调用模型。"),
         _ENDPOINT_ID, r"via Model ID is not allowed for your account"),
    Code("ModelNotOpen", (404,), Text("The model is not opened for the account.", "账号未开通此模型。"), _CONSOLE,
         r"account (?:\S+ )?has not activated the model"),
    Code("UnsupportedModel", (404,), Text("The model does not draw.", "该模型不支持图片生成。"), _MODEL),
    Code("RateLimitExceeded.EndpointRPMExceeded", (429,),
         Text("Too many requests a minute for the endpoint.", "接入点每分钟请求数超限。"), _SLOWER),
    Code("RateLimitExceeded.EndpointTPMExceeded", (429,),
         Text("Too many tokens a minute for the endpoint.", "接入点每分钟 token 数超限。"), _SLOWER),
    Code("ModelAccountRpmRateLimitExceeded", (429,),
         Text("Too many requests a minute for the model.", "模型每分钟请求数超限。"), _SLOWER),
    Code("ModelAccountTpmRateLimitExceeded", (429,),
         Text("Too many tokens a minute for the model.", "模型每分钟 token 数超限。"), _SLOWER),
    Code("ModelAccountIpmRateLimitExceeded", (429,),
         Text("Too many images a minute for the model.", "模型每分钟图片数超限。"), _SLOWER),
    Code("APIAccountRpmRateLimitExceeded", (429,),
         Text("Too many requests a minute for the account.", "账号每分钟请求数超限。"), _SLOWER),
    Code("AccountRateLimitExceeded", (429,), Text("Too many requests for the account.", "账号请求过于频繁。"),
         _SLOWER),
    Code("RequestBurstTooFast", (429,), Text("Too many requests at once.", "短时间内请求过多。"), _SLOWER),
    Code("InflightBatchsizeExceeded", (429,),
         Text("Too many pictures are being made at once.", "同时生成的图片过多。"), _SLOWER),
    Code("ServerOverloaded", (429, 503), Text("The service is overloaded.", "服务繁忙。"), _BUSY,
         r"due to (?:the )?server overload"),
    Code("QuotaExceeded", (429,), Text("The account's quota is used up.", "账号额度已用完。"), _RAISE,
         r"exhausted (?:its|the) free trial quota|request has exceeded the quota"),
    Code("SetLimitExceeded", (429,),
         Text("The limit that was set for the account is reached.", "已达到账号设定的上限。"), _RAISE,
         r"reached the set (?:inference )?limit"),
    Code("InternalServiceError", (500,), Text("The service failed.", "服务内部错误。"), _LOOK_FIRST,
         r"service encountered an unexpected internal error"),
    Code("402", (402,), Text("The gateway's account has no balance left.", "网关账号余额不足。"), _TOP_UP),
    Code("407", (407,), Text("A proxy on the way asks for a user and a password.", "途中的代理要求用户名和密码。"),
         _PROXY),
    Code("408", (408,), Text("The gateway waited too long for the request.", "网关等待请求超时。"), _LOOK_FIRST),
    Code("413", (413,), Text("The request is larger than the gateway takes.", "请求超过网关允许的大小。"), _SMALLER),
    Code("422", (422,), Text("The gateway does not take a field of the request.", "网关不接受请求中的某个字段。"),
         _OPTION),
    Code("502", (502,), Text("The gateway lost the service behind it.", "网关与后端服务断开。"), _LOOK_FIRST),
    Code("503", (503,), Text("The service is down or overloaded.", "服务不可用或繁忙。"), _LOOK_FIRST),
    Code("504", (504,), Text("The service behind the gateway answered too late.", "网关等待后端服务超时。"),
         _LOOK_FIRST),
    Code("524", (524,),
         Text("Cloudflare cuts an answer that is silent for 100 s.", "Cloudflare 会切断静默 100 秒的响应。"),
         _STREAM),
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
