"""What each error code of the service means and what to do about it, in English and Chinese.

The codes are those of ByteDance's error page for image generation, as of August 2026, and those of the gateways in
front of it. Which error of ours a code stands for, and whether it bills, `api/refusal.py` tells.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    english: str
    chinese: str


@dataclass(frozen=True)
class Code:
    """One code of the service with the HTTP statuses it comes with; a bare number is a gateway's status."""

    name: str
    statuses: tuple[int, ...]
    cause: Text
    fix: Text


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
    "Choose another --model: %seedream models lists the ids; on ark and byteplus they carry a date.",
    "用 --model 换一个模型：%seedream models 列出可用 id；ark 与 byteplus 的 id 带日期。",
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
_ENDPOINT_ID = Text("Give the endpoint's id: --model ep-….", "用 --model ep-… 指定接入点。")
_PROXY = Text(
    "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass.",
    "检查 HTTPS_PROXY：地址、用户名和密码，以及是否放行该主机。",
)
_SMALLER = Text("Send fewer or smaller references.", "减少参考图数量或缩小参考图。")
_STREAM = Text(
    "Ask with --stream or for fewer images. It may be billed: see at the provider first.",
    "使用 --stream 或减少张数。可能已计费，请先到服务商处确认。",
)

_CHECKED = (
    ("InputText", Text("The prompt did not pass", "提示词未通过"), _REWORD),
    ("InputImage", Text("A reference picture did not pass", "参考图未通过"), _REFERENCE),
    ("OutputText", Text("Text that the model wrote did not pass", "模型生成的文字未通过"), _REWORD),
    ("OutputImage", Text("The picture that was made did not pass", "生成的图片未通过"), _AGAIN_OR_REWORD),
)
_SUSPICIONS = {
    "": Text("", ""),
    ".PolicyViolation": Text(": it may infringe a copyright", "：可能侵犯版权"),
    ".PrivacyInformation": Text(": it may show or name a real person", "：可能涉及真实人物"),
    ".DeepFake": Text(": it may be a deep fake of a real person", "：可能属于深度伪造"),
}
_LEGACY = ("", ".SevereViolation", ".Violence")


def _content_codes() -> list[Code]:
    codes = []
    for what, refused, fix in _CHECKED:
        for suffix, why in _SUSPICIONS.items():
            cause = Text(
                f"{refused.english} the content check{why.english}.", f"{refused.chinese}内容审核{why.chinese}。"
            )
            codes.append(Code(f"{what}SensitiveContentDetected{suffix}", (400,), cause, fix))
        cause = Text(f"{refused.english} the account's risk check.", f"{refused.chinese}账号的风险识别。")
        codes.append(Code(f"{what}RiskDetection", (400,), cause, fix))
    cause = Text("The prompt or a picture did not pass the content check.", "提示词或图片未通过内容审核。")
    return codes + [Code(f"SensitiveContentDetected{suffix}", (400,), cause, _REWORD) for suffix in _LEGACY]


_TABLE = (
    ("ContentSecurityDetectionError", (400,), _ONCE_MORE,
     "The content checker itself failed; nothing is wrong with the prompt.", "内容审核服务自身出错，与提示词无关。"),
    ("MissingParameter", (400,), _OPTION, "A field is missing from the request.", "请求缺少字段。"),
    ("InvalidParameter", (400,), _OPTION, "The model does not take the value of a field.", "字段的值不被模型接受。"),
    ("InvalidParameter.UnsupportedParameter", (400,), _OPTION,
     "The model does not know a field of the request.", "模型不支持请求中的某个字段。"),
    ("InvalidEndpoint.ClosedEndpoint", (400,), _ENDPOINT, "The ep-… endpoint is closed.", "ep-… 接入点已关闭。"),
    ("InvalidImageURL.EmptyURL", (400,), _REFERENCE, "A reference is empty.", "参考图为空。"),
    ("InvalidImageURL.InvalidFormat", (400,), _REFERENCE,
     "A reference is neither a link nor picture data.", "参考图既不是链接也不是图片数据。"),
    ("InvalidSubscription", (400,), _ACCOUNT,
     "The account's plan has ended or does not hold this model.", "套餐已到期或不包含此模型。"),
    ("AuthenticationError", (401,), _KEY, "The key is missing or not valid.", "密钥缺失或无效。"),
    ("invalid_api_key", (401,), _KEY, "The gateway does not know the key.", "网关不认识该密钥。"),
    ("InvalidAccountStatus", (401,), _ACCOUNT, "The account is not in order.", "账号状态异常。"),
    ("AccessDenied", (403,), _KEY, "The key may not use this model or service.", "该密钥无权使用此模型或服务。"),
    ("AccountOverdueError", (403,), _TOP_UP, "The account is overdue.", "账号已欠费。"),
    ("OperationDenied.ServiceNotOpen", (403,), _CONSOLE,
     "The model is not opened for the account.", "账号未开通此模型。"),
    ("OperationDenied.ServiceOverdue", (403,), _TOP_UP, "The account is overdue.", "账号已欠费。"),
    ("OperationDenied.PermissionDenied", (403,), _KEY, "The key may not do this.", "该密钥没有此权限。"),
    ("OperationDenied", (403,), _ACCOUNT, "The account may not do this.", "账号不允许此操作。"),
    ("InvalidEndpointOrModel.NotFound", (404,), _MODEL,
     "The provider has no such model or endpoint for this account.", "该账号下没有此模型或接入点。"),
    ("InvalidEndpointOrModel.ModelIDAccessDisabled", (404,), _ENDPOINT_ID,
     "The account may call models by their ep-… endpoint only.", "该账号只能用 ep-… 接入点调用模型。"),
    ("ModelNotOpen", (404,), _CONSOLE, "The model is not opened for the account.", "账号未开通此模型。"),
    ("UnsupportedModel", (404,), _MODEL, "The model does not draw.", "该模型不支持图片生成。"),
    ("RateLimitExceeded.EndpointRPMExceeded", (429,), _SLOWER,
     "Too many requests a minute for the endpoint.", "接入点每分钟请求数超限。"),
    ("RateLimitExceeded.EndpointTPMExceeded", (429,), _SLOWER,
     "Too many tokens a minute for the endpoint.", "接入点每分钟 token 数超限。"),
    ("ModelAccountRpmRateLimitExceeded", (429,), _SLOWER,
     "Too many requests a minute for the model.", "模型每分钟请求数超限。"),
    ("ModelAccountTpmRateLimitExceeded", (429,), _SLOWER,
     "Too many tokens a minute for the model.", "模型每分钟 token 数超限。"),
    ("ModelAccountIpmRateLimitExceeded", (429,), _SLOWER,
     "Too many images a minute for the model.", "模型每分钟图片数超限。"),
    ("APIAccountRpmRateLimitExceeded", (429,), _SLOWER,
     "Too many requests a minute for the account.", "账号每分钟请求数超限。"),
    ("AccountRateLimitExceeded", (429,), _SLOWER, "Too many requests for the account.", "账号请求过于频繁。"),
    ("RequestBurstTooFast", (429,), _SLOWER, "Too many requests at once.", "短时间内请求过多。"),
    ("InflightBatchsizeExceeded", (429,), _SLOWER, "Too many pictures are being made at once.", "同时生成的图片过多。"),
    ("ServerOverloaded", (429, 503), _BUSY, "The service is overloaded.", "服务繁忙。"),
    ("QuotaExceeded", (429,), _RAISE, "The account's quota is used up.", "账号额度已用完。"),
    ("SetLimitExceeded", (429,), _RAISE,
     "The limit that was set for the account is reached.", "已达到账号设定的上限。"),
    ("InternalServiceError", (500,), _LOOK_FIRST, "The service failed.", "服务内部错误。"),
    ("402", (402,), _TOP_UP, "The gateway's account has no balance left.", "网关账号余额不足。"),
    ("407", (407,), _PROXY, "A proxy on the way asks for a user and a password.", "途中的代理要求用户名和密码。"),
    ("408", (408,), _LOOK_FIRST, "The gateway waited too long for the request.", "网关等待请求超时。"),
    ("413", (413,), _SMALLER, "The request is larger than the gateway takes.", "请求超过网关允许的大小。"),
    ("422", (422,), _OPTION, "The gateway does not take a field of the request.", "网关不接受请求中的某个字段。"),
    ("502", (502,), _LOOK_FIRST, "The gateway lost the service behind it.", "网关与后端服务断开。"),
    ("503", (503,), _LOOK_FIRST, "The service is down or overloaded.", "服务不可用或繁忙。"),
    ("504", (504,), _LOOK_FIRST, "The service behind the gateway answered too late.", "网关等待后端服务超时。"),
    ("524", (524,), _STREAM,
     "Cloudflare cuts an answer that is silent for 100 s.", "Cloudflare 会切断静默 100 秒的响应。"),
)  # fmt: skip
_ROWS = (
    *_content_codes(),
    *(Code(name, statuses, Text(english, chinese), fix) for name, statuses, fix, english, chinese in _TABLE),
)
CODES = {code.name: code for code in _ROWS}


def find_code(name: str) -> Code | None:
    """The code of that name in any case; one with a longer name (`InvalidParameter.size`) is found by its beginning."""
    wanted = name.strip().lower()
    fitting = [code for code in _ROWS if f"{wanted}.".startswith(f"{code.name.lower()}.")]
    if not fitting:
        return None
    # The service's own spelling where the name is one of its own.
    spelled = next((code.name for code in fitting if code.name.lower() == wanted), name.strip())
    return replace(max(fitting, key=lambda code: len(code.name)), name=spelled)


def codes_like(name: str) -> list[str]:
    """At most three codes that were probably meant: those that hold the word, else the nearest in spelling."""
    wanted = name.strip().lower()
    known = {code.lower(): code for code in CODES}
    holding = [code for lower, code in known.items() if len(wanted) > 3 and wanted in lower]
    near = [known[lower] for lower in difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)]
    return (near or holding)[:3]
