"""What `--dry-run` tells beside the request."""

from __future__ import annotations

from seedream_magic.words.text import Text

STORED = Text(
    "Nothing was sent. It is stored (run {run}): showing it bills nothing.",
    "未发送请求。已画过（运行 {run}），再次显示不计费。",
)
MAY_BILL = Text(
    "Nothing was sent. It is new: running it may bill {bill}.", "未发送请求。还没有画过，运行可能计费：{bill}。"
)
FREE = Text("Nothing was sent. It is new: the demo draws it free.", "未发送请求。还没有画过，演示服务会免费绘制。")
REFUSED_NOW = Text("It would be refused now: {why}", "现在运行会被拒绝：{why}")
CURL_TO_READ = Text(
    "The bytes of references are left out here, so this curl is to be read, not run; the cell sends them.",
    "这里略去了参考图的数据，curl 仅供阅读；运行单元格时会发送。",
)
