"""What each error code of the service means and what to do about it, in English and Chinese.

The codes are those of ByteDance's error page for image generation, as of August 2026, and those of the gateways in
front of it. Which error of ours a code stands for, and whether it bills, `api/refusal.py` tells.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Told:
    """The same sentence in both languages."""

    english: str
    chinese: str


@dataclass(frozen=True)
class Code:
    """One code of the service with the HTTP statuses it comes with; a bare number is a gateway's status."""

    name: str
    statuses: tuple[int, ...]
    cause: Told
    fix: Told


_REWORD = Told("Word the prompt differently.", "换一种说法写提示词。")
_REFERENCE = Told("Use another reference picture.", "换一张参考图。")
_AGAIN_OR_REWORD = Told(
    "Run it once more or word it differently; of a set, %seedream retry RUN asks for the failed frames only.",
    "再运行一次或换一种说法；组图可用 %seedream retry RUN 只重做失败的帧。",
)
_TOP_UP = Told("Top up the account at the provider, then run the cell again.", "在服务商处充值后重新运行。")
_CONSOLE = Told("Open the model for the account in the provider's console.", "在服务商控制台为该账号开通此模型。")
_ACCOUNT = Told("See the account's state in the provider's console.", "在服务商控制台查看账号状态。")
_MODEL = Told(
    "Choose another --model: %seedream models lists the ids; on ark and byteplus they carry a date.",
    "用 --model 换一个模型：%seedream models 列出可用 id；ark 与 byteplus 的 id 带日期。",
)
_SLOWER = Told(
    "Wait a minute and run the cell again; a set counts once for each of its pictures.",
    "等一分钟再运行；组图按图片张数计入限额。",
)
_BUSY = Told("Wait a little, then run the cell again.", "稍等片刻再运行。")
_RAISE = Told("Raise the limit in the provider's console; waiting does not help.", "在控制台调高限额；等待无济于事。")
_OPTION = Told(
    "Change the option that its message names; %seedream models tells what each model takes.",
    "修改提示信息中指出的选项；%seedream models 列出各模型支持的参数。",
)
_LOOK_FIRST = Told(
    "See at the provider whether it was billed before running the cell again.",
    "重新运行前先到服务商处确认是否已计费。",
)
_KEY = Told(
    "%seedream shows where the key comes from, %seedream key takes another; each provider has keys of its own.",
    "%seedream 显示密钥来源，%seedream key 可更换；各服务商的密钥互不通用。",
)

_CHECKED = (
    ("InputText", Told("The prompt did not pass", "提示词未通过"), _REWORD),
    ("InputImage", Told("A reference picture did not pass", "参考图未通过"), _REFERENCE),
    ("OutputText", Told("Text that the model wrote did not pass", "模型生成的文字未通过"), _REWORD),
    ("OutputImage", Told("The picture that was made did not pass", "生成的图片未通过"), _AGAIN_OR_REWORD),
)
_SUSPICIONS = {
    "": Told("", ""),
    ".PolicyViolation": Told(": it may infringe a copyright", "：可能侵犯版权"),
    ".PrivacyInformation": Told(": it may show or name a real person", "：可能涉及真实人物"),
    ".DeepFake": Told(": it may be a deep fake of a real person", "：可能属于深度伪造"),
}
_LEGACY = ("", ".SevereViolation", ".Violence")


def _content_codes() -> list[Code]:
    codes = []
    for what, refused, fix in _CHECKED:
        for suffix, why in _SUSPICIONS.items():
            cause = Told(
                f"{refused.english} the content check{why.english}.", f"{refused.chinese}内容审核{why.chinese}。"
            )
            codes.append(Code(f"{what}SensitiveContentDetected{suffix}", (400,), cause, fix))
        cause = Told(f"{refused.english} the account's risk check.", f"{refused.chinese}账号的风险识别。")
        codes.append(Code(f"{what}RiskDetection", (400,), cause, fix))
    cause = Told("The prompt or a picture did not pass the content check.", "提示词或图片未通过内容审核。")
    return codes + [Code(f"SensitiveContentDetected{suffix}", (400,), cause, _REWORD) for suffix in _LEGACY]


def _paced(name: str, english: str, chinese: str, fix: Told = _SLOWER, statuses: tuple[int, ...] = (429,)) -> Code:
    return Code(name, statuses, Told(english, chinese), fix)


_ROWS = (
    *_content_codes(),
    Code(
        "ContentSecurityDetectionError",
        (400,),
        Told(
            "The content checker itself failed; nothing is wrong with the prompt.",
            "内容审核服务自身出错，与提示词无关。",
        ),
        Told("Run the cell again.", "重新运行即可。"),
    ),
    Code("MissingParameter", (400,), Told("A field is missing from the request.", "请求缺少字段。"), _OPTION),
    Code(
        "InvalidParameter",
        (400,),
        Told("The model does not take the value of a field.", "字段的值不被模型接受。"),
        _OPTION,
    ),
    Code(
        "InvalidParameter.UnsupportedParameter",
        (400,),
        Told("The model does not know a field of the request.", "模型不支持请求中的某个字段。"),
        _OPTION,
    ),
    Code(
        "InvalidEndpoint.ClosedEndpoint",
        (400,),
        Told("The ep-… endpoint is closed.", "ep-… 接入点已关闭。"),
        Told("Open it in the provider's console, or name a model id.", "在控制台重新启用，或改用模型 id。"),
    ),
    Code("InvalidImageURL.EmptyURL", (400,), Told("A reference is empty.", "参考图为空。"), _REFERENCE),
    Code(
        "InvalidImageURL.InvalidFormat",
        (400,),
        Told("A reference is neither a link nor picture data.", "参考图既不是链接也不是图片数据。"),
        _REFERENCE,
    ),
    Code(
        "InvalidSubscription",
        (400,),
        Told("The account's plan has ended or does not hold this model.", "套餐已到期或不包含此模型。"),
        _ACCOUNT,
    ),
    Code("AuthenticationError", (401,), Told("The key is missing or not valid.", "密钥缺失或无效。"), _KEY),
    Code("invalid_api_key", (401,), Told("The gateway does not know the key.", "网关不认识该密钥。"), _KEY),
    Code("InvalidAccountStatus", (401,), Told("The account is not in order.", "账号状态异常。"), _ACCOUNT),
    Code(
        "AccessDenied", (403,), Told("The key may not use this model or service.", "该密钥无权使用此模型或服务。"), _KEY
    ),
    Code("AccountOverdueError", (403,), Told("The account is overdue.", "账号已欠费。"), _TOP_UP),
    Code(
        "OperationDenied.ServiceNotOpen",
        (403,),
        Told("The model is not opened for the account.", "账号未开通此模型。"),
        _CONSOLE,
    ),
    Code("OperationDenied.ServiceOverdue", (403,), Told("The account is overdue.", "账号已欠费。"), _TOP_UP),
    Code("OperationDenied.PermissionDenied", (403,), Told("The key may not do this.", "该密钥没有此权限。"), _KEY),
    Code("OperationDenied", (403,), Told("The account may not do this.", "账号不允许此操作。"), _ACCOUNT),
    Code(
        "InvalidEndpointOrModel.NotFound",
        (404,),
        Told("The provider has no such model or endpoint for this account.", "该账号下没有此模型或接入点。"),
        _MODEL,
    ),
    Code(
        "InvalidEndpointOrModel.ModelIDAccessDisabled",
        (404,),
        Told("The account may call models by their ep-… endpoint only.", "该账号只能用 ep-… 接入点调用模型。"),
        Told("Give the endpoint's id: --model ep-….", "用 --model ep-… 指定接入点。"),
    ),
    Code("ModelNotOpen", (404,), Told("The model is not opened for the account.", "账号未开通此模型。"), _CONSOLE),
    Code("UnsupportedModel", (404,), Told("The model does not draw.", "该模型不支持图片生成。"), _MODEL),
    _paced(
        "RateLimitExceeded.EndpointRPMExceeded",
        "Too many requests a minute for the endpoint.",
        "接入点每分钟请求数超限。",
    ),
    _paced(
        "RateLimitExceeded.EndpointTPMExceeded",
        "Too many tokens a minute for the endpoint.",
        "接入点每分钟 token 数超限。",
    ),
    _paced("ModelAccountRpmRateLimitExceeded", "Too many requests a minute for the model.", "模型每分钟请求数超限。"),
    _paced("ModelAccountTpmRateLimitExceeded", "Too many tokens a minute for the model.", "模型每分钟 token 数超限。"),
    _paced("ModelAccountIpmRateLimitExceeded", "Too many images a minute for the model.", "模型每分钟图片数超限。"),
    _paced("APIAccountRpmRateLimitExceeded", "Too many requests a minute for the account.", "账号每分钟请求数超限。"),
    _paced("AccountRateLimitExceeded", "Too many requests for the account.", "账号请求过于频繁。"),
    _paced("RequestBurstTooFast", "Too many requests at once.", "短时间内请求过多。"),
    _paced("InflightBatchsizeExceeded", "Too many pictures are being made at once.", "同时生成的图片过多。"),
    _paced("ServerOverloaded", "The service is overloaded.", "服务繁忙。", _BUSY, (429, 503)),
    _paced("QuotaExceeded", "The account's quota is used up.", "账号额度已用完。", _RAISE),
    _paced("SetLimitExceeded", "The limit that was set for the account is reached.", "已达到账号设定的上限。", _RAISE),
    Code("InternalServiceError", (500,), Told("The service failed.", "服务内部错误。"), _LOOK_FIRST),
    Code("402", (402,), Told("The gateway's account has no balance left.", "网关账号余额不足。"), _TOP_UP),
    Code(
        "407",
        (407,),
        Told("A proxy on the way asks for a user and a password.", "途中的代理要求用户名和密码。"),
        Told(
            "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass.",
            "检查 HTTPS_PROXY：地址、用户名和密码，以及是否放行该主机。",
        ),
    ),
    Code("408", (408,), Told("The gateway waited too long for the request.", "网关等待请求超时。"), _LOOK_FIRST),
    Code(
        "413",
        (413,),
        Told("The request is larger than the gateway takes.", "请求超过网关允许的大小。"),
        Told("Send fewer or smaller references.", "减少参考图数量或缩小参考图。"),
    ),
    Code(
        "422",
        (422,),
        Told("The gateway does not take a field of the request.", "网关不接受请求中的某个字段。"),
        _OPTION,
    ),
    Code("502", (502,), Told("The gateway lost the service behind it.", "网关与后端服务断开。"), _LOOK_FIRST),
    Code("503", (503,), Told("The service is down or overloaded.", "服务不可用或繁忙。"), _LOOK_FIRST),
    Code(
        "504", (504,), Told("The service behind the gateway answered too late.", "网关等待后端服务超时。"), _LOOK_FIRST
    ),
    Code(
        "524",
        (524,),
        Told("Cloudflare cuts an answer that is silent for 100 s.", "Cloudflare 会切断静默 100 秒的响应。"),
        Told(
            "Ask with --stream or for fewer images. It may be billed: see at the provider first.",
            "使用 --stream 或减少张数。可能已计费，请先到服务商处确认。",
        ),
    ),
)
CODES = {code.name: code for code in _ROWS}


def find_code(name: str) -> Code | None:
    """The code of that name in any case; one with a longer name (`InvalidParameter.size`) is found by its beginning."""
    wanted = name.strip().lower()
    fitting = [code for code in _ROWS if f"{wanted}.".startswith(f"{code.name.lower()}.")]
    if not fitting:
        return None
    return replace(max(fitting, key=lambda code: len(code.name)), name=_as_written(name.strip()))


def codes_like(name: str) -> list[str]:
    """At most three codes that were probably meant: those that hold the word, else the nearest in spelling."""
    wanted = name.strip().lower()
    known = {code.lower(): code for code in CODES}
    holding = [code for lower, code in known.items() if len(wanted) > 3 and wanted in lower]
    near = [known[lower] for lower in difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)]
    return (near or holding)[:3]


def _as_written(name: str) -> str:
    """The service's own spelling where it is known."""
    return next((code for code in CODES if code.lower() == name.lower()), name)
