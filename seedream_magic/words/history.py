"""The table of runs."""

from __future__ import annotations

from seedream_magic.words.text import Text

WHEN = Text("When", "时间")
FRAMES = Text("Frames", "帧")
BILLED = Text("Billed", "计费")
RUN = Text("Run", "运行")
NOTEBOOK = Text("Notebook", "笔记本")
STORE = Text("Store", "存储")
PROMPT = Text("Prompt", "提示词")

STATE = Text("({state}) {rest}", "（{state}）{rest}")
"""Before the prompt, where the table is a text."""
PARTIAL = Text("partial", "部分完成")
INTERRUPTED = Text("interrupted", "已中断")
DAMAGED = Text("damaged", "已损坏")
SENDING = Text("sending", "发送中")
ANSWERING = Text("answering", "生成中")

NO_RUNS = Text(
    "No runs yet. Draw with %%seedream: each run is kept and listed here.",
    "还没有运行。用 %%seedream 生成图片，每次运行都会保存并列在这里。",
)
NONE_FITS = Text(
    "No run fits all of these words: {words}. %seedream history alone lists every run.",
    "没有符合所有这些词的运行：{words}。只输入 %seedream history 可列出全部。",
)
ONLY_HERE = Text("--here looks in this notebook's store only.", "--here 只查这个笔记本的存储。")
ONLY_STARRED = Text(
    "--starred lists runs with a starred picture: images[0].star() gives one.",
    "--starred 只列有星标图片的运行：images[0].star() 可加星标。",
)
EARLIER = Text(
    "{count:earlier run is|earlier runs are} not shown. {narrow}", "还有 {count:,} 次更早的运行未显示。{narrow}"
)
FURTHER = Text("{count:further run is|further runs are} not shown. {narrow}", "还有 {count:,} 次运行未显示。{narrow}")
NARROW_DOWN = Text(
    "Narrow down with words, a date, a state: %seedream history sunset 2026-11 stopped",
    "加上词、日期或状态缩小范围，例如：%seedream history 日落 昨天 已停止",
)
SHOW = Text(
    "%seedream show 1 opens the first row here; the line in each row does so at any time.",
    "%seedream show 1 打开这里的第 1 行；每行里的命令随时可用。",
)
