"""What each option of a cell means that is no field of the request, and what is wrong with a name."""

from __future__ import annotations

from seedream_magic.words.text import Text

NAME = Text("bind the set to NAME; the same as NAME << in front", "把图组存入变量 NAME")
DRY_RUN = Text("show the request as JSON and curl; send nothing", "只显示请求，不发送")
PROVIDER = Text("{names}; for this cell", "本单元格的服务商：{names}")
VARY = Text(
    "one run for each variant of {{red|blue}} in the prompt; several groups are crossed",
    "提示词中的 {{红|蓝}} 各画一次，多组相乘",
)
EACH = Text(
    "one run for each row of a list, a dict, a data frame or a CSV file; {{column}} is filled in, of texts {{each}}",
    "表格（列表、字典、DataFrame 或 CSV）每行画一次，填入 {{列名}}；文本列表用 {{each}}",
)
XY = Text(
    "one run for each value of an option, such as size=2K,4K or ref=hero,villain; repeatable",
    "选项的每个值各画一次，如 size=2K,4K；可重复",
)
REPEAT = Text("so many takes of each run; takes that exist are shown", "每次请求画几组；已有的直接显示")
SAMPLE = Text("draw so many of all runs, the same ones each time", "只抽取其中几次")
SEED = Text("which ones: another number, another sample; 0", "抽样种子，默认 0")
BG = Text("return at once; the set grows while the kernel is free", "后台绘制，不占用内核")
QUIET = Text("bind, do not show", "不显示图片")
RAW = Text(
    "the prompt as typed: {{braces}} stay, nothing in it is refused as a slip",
    "提示词原样发送：不填充 {{变量}}，不查笔误",
)
SHOW = Text("carousel (default) or grid", "轮播或网格")
