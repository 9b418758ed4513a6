"""The lines around every error, and what to do where an error says nothing of its own."""

from __future__ import annotations

from seedream_magic.words.text import Text

NOTHING_SENT = Text("Nothing was sent.", "未发送请求。")
NOT_BILLED = Text("Not billed.", "未计费。")
WHAT_CAME_IS_BILLED = Text("What was made is billed; it was not asked again.", "已生成的会计费；没有重复请求。")
BEGUN_IS_BILLED = Text("Stopped or not, what the service had begun is billed.", "服务已开始生成的部分仍会计费。")
MAY_BE_BILLED = Text(
    "It may be billed: sent once from here, a gateway may have repeated it.",
    "可能已计费：本机只发送了一次，网关可能重发过。",
)
IMAGES_MAY_BE_BILLED = Text(
    "{images:image} may be billed: sent once from here, a gateway may have repeated it.",
    "可能计费 {images} 张：本机只发送了一次，网关可能重发过。",
)
NAMED_GATEWAY_MAY_REPEAT = Text(
    "{images:image} may be billed: sent once from here, {gateway} may have repeated it.",
    "可能计费 {images} 张：本机只发送了一次，{gateway} 可能重发过。",
)
GATEWAY_SENT_ONCE = Text(
    "{images:image} may be billed: sent once from here, {gateway} sent it on once.",
    "可能计费 {images} 张：本机只发送了一次，{gateway} 转发了一次。",
)
GATEWAY_SENT_OFTEN = Text(
    "At least {images:image} may be billed: sent once from here, {gateway} sent it on {times} times or more.",
    "至少 {images} 张可能计费：本机只发送了一次，{gateway} 至少转发了 {times} 次。",
)
SAVED_ONE = Text("Saved: {path}.", "已保存：{path}。")
SAVED = Text("Saved: {count} pictures in {folder}.", "已保存 {count} 张图片：{folder}。")
RUN = Text("(run {run})", "（运行 {run}）")
REQUEST_ID = Text("(request id {id})", "（请求 id {id}）")
RUN_AND_REQUEST_ID = Text("(run {run}, request id {id})", "（运行 {run}，请求 id {id}）")

SEE_USAGE_FIRST = Text(
    "See the provider's usage page before drawing it again.",
    "再画之前，先在服务商的用量页面确认是否已计费。",
)
ASK_SUPPORT = Text(
    "The provider's support can tell more; give it the request id.",
    "可凭请求 id 向服务商客服了解详情。",
)
RECOVER_LOOKS_AGAIN = Text(
    "%seedream recover {own_run} looks for it again while its link lives, mostly 24 h.",
    "链接有效期内（通常 24 小时），%seedream recover {own_run} 可补下载。",
)
RETRY_BILLS = Text(
    "It cannot be fetched any more; %seedream retry {own_run} asks for it anew, which bills.",
    "已无法下载；%seedream retry {own_run} 会重新请求并计费。",
)
TOO_LARGE_AGAIN = Text(
    "Fetching it again would meet the same limit; the provider's support can tell why it is so large.",
    "再次下载仍会超限；可向服务商客服了解图片为何这么大。",
)
LINK_IS_KEPT = Text(
    "The provider's support can tell why; the link is kept in the run's response.jsonl.",
    "可向服务商客服了解原因；链接保存在该次运行的 response.jsonl 中。",
)
