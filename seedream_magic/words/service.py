"""What each error code of the service means, and what to do about it."""

from __future__ import annotations

from seedream_magic.words.text import Text

REWORD = Text("Word the prompt differently.", "换一种说法写提示词。")
REFERENCE = Text("Use another reference picture.", "换一张参考图。")
AGAIN_OR_REWORD = Text("Draw it once more, or word it differently.", "再画一次，或换一种说法。")
TOP_UP = Text("Top up the account at the provider, then draw again.", "在服务商处充值后再画。")
CONSOLE = Text("Open the model for the account in the provider's console.", "在服务商控制台为该账号开通此模型。")
ACCOUNT = Text("See the account's state in the provider's console.", "在服务商控制台查看账号状态。")
MODEL = Text(
    "%seedream models lists the ids; on ark and byteplus they carry a date.",
    "%seedream models 列出可用的模型 id；ark 与 byteplus 的 id 带日期。",
)
SLOWER = Text(
    "Wait a minute, then draw again; a set counts once for each picture.",
    "等一分钟再画；组图按图片张数计入限额。",
)
BUSY = Text("Wait a little, then draw again.", "稍等片刻再画。")
RAISE = Text("Raise the limit in the provider's console; waiting does not help.", "在控制台调高限额；等待无济于事。")
OPTION = Text(
    "Change the option that it names; see %seedream models.",
    "修改服务指出的选项；%seedream models 列出各模型支持的参数。",
)
LOOK_FIRST = Text(
    "See at the provider whether it was billed before drawing it again.",
    "再画之前，先到服务商处确认是否已计费。",
)
KEY = Text(
    "Each provider has its own keys: %seedream shows where this one comes from, %seedream key takes another.",
    "各服务商的密钥互不通用：%seedream 显示密钥来源，%seedream key 可更换。",
)
ONCE_MORE = Text("Draw it again.", "再画一次即可。")
ENDPOINT = Text("Open it in the provider's console, or name a model id.", "在控制台重新启用，或改用模型 id。")
ENDPOINT_ID = Text("Give the endpoint's id, ep-…, as the model.", "把接入点 id（ep-…）用作模型名。")
PROXY = Text(
    "Look at HTTPS_PROXY: its address, its user and password, and whether it lets this host pass.",
    "检查 HTTPS_PROXY：地址、用户名和密码，以及是否放行该主机。",
)
SMALLER = Text("Send fewer or smaller references.", "减少参考图数量或缩小参考图。")
STREAM = Text(
    "See at the provider first, then ask for a stream or for fewer images.",
    "先到服务商处确认是否已计费，再改用逐张接收或减少张数。",
)
REFUSED = Text("The service refused the request.", "服务拒绝了该请求。")
REQUEST_REFUSED = Text("The service does not take the request.", "服务不接受该请求。")
KEY_REFUSED = Text("The service does not take the key.", "服务不接受该密钥。")
NO_BALANCE = Text("The account has no balance or quota left.", "账号余额或额度不足。")
NO_MODEL = Text("There is no such model for this account, or no such address.", "该账号没有此模型，或地址不存在。")
TOO_MANY = Text("Too many requests.", "请求过多。")
INVALID_FIELD = Text("The model does not take this value of {field}.", "模型不接受 {field} 的这个值。")
UNNAMED = Text("The prompt or a picture did not pass the content check.", "提示词或图片未通过内容审核。")
PROMPT_DID_NOT_PASS = Text("The prompt did not pass", "提示词未通过")
REFERENCE_DID_NOT_PASS = Text("A reference picture did not pass", "参考图未通过")
TEXT_DID_NOT_PASS = Text("Text that the model wrote did not pass", "模型生成的文字未通过")
PICTURE_DID_NOT_PASS = Text("The picture that was made did not pass", "生成的图片未通过")
CONTENT_CHECK = Text("content check.", "内容审核。")
COPYRIGHT = Text("content check: it may infringe a copyright.", "内容审核：可能侵犯版权。")
REAL_PERSON = Text("content check: it may show or name a real person.", "内容审核：可能涉及真实人物。")
DEEP_FAKE = Text("content check: it may be a deep fake of a real person.", "内容审核：可能属于深度伪造。")
RISK_CHECK = Text("account's risk check.", "账号的风险识别。")
CONTENT_SECURITY_DETECTION_ERROR = Text(
    "The content checker itself failed; nothing is wrong with the prompt.", "内容审核服务自身出错，与提示词无关。"
)
MISSING_PARAMETER = Text("A field is missing from the request.", "请求缺少字段。")
INVALID_PARAMETER = Text("The model does not take the value of a field.", "字段的值不被模型接受。")
INVALID_PARAMETER_UNSUPPORTED_PARAMETER = Text(
    "The model does not know a field of the request.", "模型不支持请求中的某个字段。"
)
INVALID_ENDPOINT_CLOSED_ENDPOINT = Text("The ep-… endpoint is closed.", "ep-… 接入点已关闭。")
INVALID_IMAGE_URL_EMPTY_URL = Text("A reference is empty.", "参考图为空。")
INVALID_IMAGE_URL_INVALID_FORMAT = Text(
    "A reference is neither a link nor picture data.", "参考图既不是链接也不是图片数据。"
)
INVALID_SUBSCRIPTION = Text("The account's plan has ended or does not hold this model.", "套餐已到期或不包含此模型。")
AUTHENTICATION_ERROR = Text("The key is missing or not valid.", "密钥缺失或无效。")
INVALID_API_KEY = Text("The gateway does not know the key.", "网关不认识该密钥。")
INVALID_ACCOUNT_STATUS = Text("The account is not in order.", "账号状态异常。")
ACCESS_DENIED = Text("The key may not use this model or service.", "该密钥无权使用此模型或服务。")
ACCOUNT_OVERDUE_ERROR = Text("The account is overdue.", "账号已欠费。")
OPERATION_DENIED_SERVICE_NOT_OPEN = Text("The model is not opened for the account.", "账号未开通此模型。")
OPERATION_DENIED_PERMISSION_DENIED = Text("The key may not do this.", "该密钥没有此权限。")
OPERATION_DENIED = Text("The account may not do this.", "账号不允许此操作。")
INVALID_ENDPOINT_OR_MODEL_NOT_FOUND = Text(
    "The provider has no such model or endpoint for this account.", "该账号下没有此模型或接入点。"
)
INVALID_ENDPOINT_OR_MODEL_MODEL_IDACCESS_DISABLED = Text(
    "The account may call models by their ep-… endpoint only.", "该账号只能用 ep-… 接入点调用模型。"
)
UNSUPPORTED_MODEL = Text("The model does not draw.", "该模型不支持图片生成。")
RATE_LIMIT_EXCEEDED_ENDPOINT_RPMEXCEEDED = Text(
    "Too many requests a minute for the endpoint.", "接入点每分钟请求数超限。"
)
RATE_LIMIT_EXCEEDED_ENDPOINT_TPMEXCEEDED = Text(
    "Too many tokens a minute for the endpoint.", "接入点每分钟 token 数超限。"
)
MODEL_ACCOUNT_RPM_RATE_LIMIT_EXCEEDED = Text("Too many requests a minute for the model.", "模型每分钟请求数超限。")
MODEL_ACCOUNT_TPM_RATE_LIMIT_EXCEEDED = Text("Too many tokens a minute for the model.", "模型每分钟 token 数超限。")
MODEL_ACCOUNT_IPM_RATE_LIMIT_EXCEEDED = Text("Too many images a minute for the model.", "模型每分钟图片数超限。")
APIACCOUNT_RPM_RATE_LIMIT_EXCEEDED = Text("Too many requests a minute for the account.", "账号每分钟请求数超限。")
ACCOUNT_RATE_LIMIT_EXCEEDED = Text("Too many requests for the account.", "账号请求过于频繁。")
REQUEST_BURST_TOO_FAST = Text("Too many requests at once.", "短时间内请求过多。")
INFLIGHT_BATCHSIZE_EXCEEDED = Text("Too many pictures are being made at once.", "同时生成的图片过多。")
SERVER_OVERLOADED = Text("The service is overloaded.", "服务繁忙。")
QUOTA_EXCEEDED = Text("The account's quota is used up.", "账号额度已用完。")
SET_LIMIT_EXCEEDED = Text("The limit that was set for the account is reached.", "已达到账号设定的上限。")
INTERNAL_SERVICE_ERROR = Text("The service failed.", "服务内部错误。")
STATUS_402 = Text("The gateway's account has no balance left.", "网关账号余额不足。")
STATUS_407 = Text("A proxy on the way asks for a user and a password.", "途中的代理要求用户名和密码。")
STATUS_408 = Text("The gateway waited too long for the request.", "网关等待请求超时。")
STATUS_413 = Text("The request is larger than the gateway takes.", "请求超过网关允许的大小。")
STATUS_422 = Text("The gateway does not take a field of the request.", "网关不接受请求中的某个字段。")
STATUS_502 = Text("The gateway lost the service behind it.", "网关与后端服务断开。")
STATUS_503 = Text("The service is down or overloaded.", "服务不可用或繁忙。")
STATUS_504 = Text("The service behind the gateway answered too late.", "网关等待后端服务超时。")
STATUS_524 = Text("Cloudflare cuts an answer that is silent for 100 s.", "Cloudflare 会切断静默 100 秒的响应。")
