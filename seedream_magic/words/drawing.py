"""What is told of a cell that is about to be drawn, one set or many."""

from __future__ import annotations

from seedream_magic.words.text import Text

WOULD_BE_REFUSED = Text("It would be refused now: {why}", "现在发送会被拒绝：{why}")
UNFILLED = Text(
    "Sent as typed, for there is nothing to fill in: {names}.", "以下内容没有可填入的值，将原样发送：{names}。"
)
READ_AS_PLAIN = Text("Typed full-width and read as plain: {typed}.", "全角字符已按半角读取：{typed}。")
BACKGROUND_WAITED = Text(
    "--bg waited: here nothing is seen that comes after the last cell (nbconvert, papermill, Voilà, scripts).",
    "--bg 改为等待完成：此处看不到最后一个单元格之后的内容（nbconvert、papermill、Voilà、脚本）。",
)
IN_BACKGROUND = Text(
    "It is drawn in the background and told here at its end. %seedream stop ends it.",
    "正在后台生成，完成后在此提示；%seedream stop 可停止。",
)
