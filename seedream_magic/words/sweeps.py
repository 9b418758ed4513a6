"""A sweep: what is wrong with one, what it will come to, and how it ended."""

from __future__ import annotations

from seedream_magic.words.text import Text

# Its axes
TOO_MANY_AXES = Text(
    "A sweep has up to {most} axes; this one has {axes}: {names}.",
    "批量最多 {most} 个维度，这里有 {axes} 个：{names}。",
)
ALL_HOLES = Text("Every place of this sweep is a hole: there is nothing to draw.", "每一格都是空位（-），没有要画的。")
TOO_MANY_PLACES = Text(
    "This sweep has {places:,} places; it may have {most:,}.", "这次批量有 {places:,} 格，最多 {most:,} 格。"
)
DRAW_SOME = Text(
    "--sample N draws some of them; seedream.map draws any number.", "--sample N 只抽画几格；seedream.map 不限数量。"
)
SAMPLE_SIZE = Text("A sample has 1 to {most:,} runs, not {given}.", "抽样应为 1 到 {most:,} 次，不能是 {given}。")
NUMBER_OF_TAKES = Text(
    "A sweep makes 1 to {most} takes of each run, not {given}.", "每次可画 1 到 {most} 版，不能是 {given}。"
)
NOTHING_TO_SWEEP = Text(
    "There is nothing to sweep: give vary, each, xy or repeat.",
    "没有可批量的内容：请给出 vary、each、xy 或 repeat。",
)
REPEAT_NUMBERS_TAKES = Text("repeat numbers the takes itself; leave take out.", "repeat 会自行编号，请去掉 take。")
FRESH_OR_REPEAT = Text(
    "fresh pays anew each time, repeat only for takes that are missing: give one of them.",
    "fresh 每次重新付费，repeat 只补画缺少的几版，两者只能用一个。",
)
NO_VALUES = Text("{name} has no values.", "{name} 没有取值。")
GIVEN_TWICE = Text("{name}: {value} is given twice.", "{name}：{value} 出现了两次。")
EMPTY_VALUE = Text("an empty value", "空值")
NOTHING = Text("(none)", "（空）")
"""The label of a value that is empty: no words, an option that is not given."""
NO_DICT = Text(
    "{keyword} takes a dict of names and their values, not this {kind}.",
    "{keyword} 应为名称到取值的字典，不能是 {kind}。",
)
SEED = Text("The seed of a sample is a whole number, not {given}.", "抽样的种子应为整数，不能是 {given}。")
NO_LIST = Text("{where} takes a list of values, not {kind}.", "{where} 应为取值列表，不能是 {kind}。")

# Groups and variables of the prompt
NO_GROUP = Text(
    "--vary finds no group in the prompt: write the variants as {{red|blue}}.",
    "提示词里没有 --vary 的变体，请写成 {{红|蓝}}。",
)
NESTED_GROUP = Text(
    "A group of --vary stands in another one: {group}. Write each variant out.",
    "--vary 的变体不能嵌套：{group}。请逐个写全。",
)
GROUP_NOT_CLOSED = Text(
    "A group of --vary is not closed: {group}. Close it by a brace; \\{{ is the sign itself.",
    "--vary 的变体缺少右花括号：{group}。请补上；花括号本身写成 \\{{。",
)
GROUPS_ARE_TIED = Text(
    "{group} stands in {places} places and is one axis: all of them have the same variant.",
    "{group} 出现 {places} 次，作为同一维度：各处取同一变体。",
)
VARIANT_IS_EMPTY = Text("One variant of {where} is empty: {label}.", "{where} 有一个变体为空：{label}。")
VARIABLE_NOT_IN_PROMPT = Text(
    "vary has {name}, but the prompt has no {field} to fill in.",
    "vary 里有 {name}，但提示词里没有 {field}。",
)
NO_VARIABLE = Text(
    "vary names variables of the prompt; {name} is not a name.",
    "vary 的键应是提示词里的变量名，{name} 不是。",
)
VALUE_IS_EMPTY = Text(
    "{where}: value {number} is empty; '' leaves it out, '-' makes a hole.",
    "{where}：第 {number} 个值为空；'' 表示不填，'-' 表示空位。",
)
DOES_NOT_FIT = Text("{field} cannot be filled in: its value does not fit.", "{field} 无法填入：值不合适。")

# Options that are crossed
XY_IS = Text(
    "--xy takes an option and its values, such as size=2K,4K, not {typed}.",
    "--xy 要写选项和取值，如 size=2K,4K，不能是 {typed}。",
)
OPTION_MEANT = Text(
    "There is no option {name} to cross: did you mean {meant}?", "没有可交叉的选项 {name}，是想写 {meant} 吗？"
)
OPTIONS_ARE = Text(
    "There is no option {name} to cross; there are {names}",
    "没有可交叉的选项 {name}；可用的有 {names}",
)
VARY_WORDS = Text(
    "Words of the prompt vary with --vary and {{red|blue}}.", "要换提示词里的词，请用 --vary 和 {{红|蓝}}。"
)
ON_OR_OFF = Text("{where}: {flag} is on or off, not {value}.", "{where}：{flag} 应为 on 或 off，不能是 {value}。")

# Rows of a table
PROMPT_NAMES_NO_COLUMN = Text(
    "The prompt uses none of the columns: write one in braces, such as {field}.",
    "提示词没有用到表格：请用花括号写上列名，如 {field}。",
)
COLUMNS_ARE = Text(
    "The columns are {columns}. One named like an option, such as size, sets it for its row.",
    "表格的列：{columns}。与选项同名的列（如 size）逐行设置该选项。",
)
COLUMN_MEANT = Text(
    "The rows have no column {column}: did you mean {meant}? {literal} stands for the braces themselves.",
    "表格没有 {column} 列，是想写 {meant} 吗？花括号本身写成 {literal}。",
)
NO_COLUMN = Text(
    "The rows have no column {column}, only {columns}. {literal} stands for the braces themselves.",
    "表格没有 {column} 列，只有 {columns}。花括号本身写成 {literal}。",
)
ROW_LACKS = Text("Row {row} has no {column}.", "第 {row} 行没有 {column}。")
CELL_IS_EMPTY = Text("Row {row}: {column} is empty.", "第 {row} 行：{column} 为空。")
ROW = Text("row {row}", "第 {row} 行")
OF_ROW = Text("Row {row}", "第 {row} 行")

# Several faults at once
PROBLEMS_IN_RUNS = Text("{problems} problems in {total:run}.", "{total} 次里有 {problems} 处问题。")
PROBLEMS_IN_ROWS = Text("{problems} problems in {total:row}.", "{total} 行里有 {problems} 处问题。")
PROBLEMS_IN_VALUES = Text("{problems} problems in {total:value}.", "{total} 个取值里有 {problems} 处问题。")
MORE_PROBLEMS = Text("… and {more:,} more.", "……另有 {more:,} 处。")
AND_OTHERS = Text("{where} and {more:other}", "{where} 及另外 {more} 处")

# What it will come to
RUNS = Text("{runs:run}: {parts}.", "共 {runs} 次：{parts}。")
IN_LIBRARY = Text("{runs} in the library", "{runs} 次已在图库")
UNDER_WAY = Text("{runs} under way, waited for", "{runs} 次正在生成，等它完成")
SAME = Text("{runs} the same as others", "{runs} 次与其他相同")
TO_SEND = Text("{runs} to send", "{runs} 次将发送")
NOTHING_IS_BILLED = Text("Nothing is billed.", "不计费。")
DEMO_DRAWS = Text("The demo draws them free: {images:image}.", "演示服务免费生成 {images} 张。")
MAY_BILL = Text("They may bill {bill}.", "可能计费：{bill}。")
UP_TO_AT = Text("up to {images:image}, {price}", "最多 {images} 张，{price}")
UNPRICED = Text("{bill}, {images:image} without a known price", "{bill}，另有 {images} 张价格未知")
ABOUT = Text("About {time}.", "约需 {time}。")
ABOUT_BY_OWN_RUNS = Text("About {time}, going by your own runs.", "按你以往的速度约需 {time}。")
ABOUT_BY_SERVICE = Text("About {time}, going by what the service usually takes.", "按该服务的一般速度约需 {time}。")
SECONDS = Text("{low} s", "{low} 秒")
SECONDS_TO = Text("{low} to {high} s", "{low}–{high} 秒")
MINUTES = Text("{low} min", "{low} 分钟")
MINUTES_TO = Text("{low} to {high} min", "{low}–{high} 分钟")
SENT_BEFORE = Text("{runs} sent before", "{runs} 次此前已发送")
NOT_SENT_AGAIN = Text(
    "{runs:run} sent before that may be billed: not sent again; {code} sends them.",
    "{runs} 次此前已发送，可能计费，未重复发送；{code} 会发送它们。",
)
SENT_ONCE_MORE = Text(
    "{runs} of these had been sent before and may have been billed already.", "其中 {runs} 次此前已发送，可能已计费。"
)
HAVE_SOME = Text(
    "Of {runs:run} some pictures are made: those are fetched free, and only the rest is asked for.",
    "{runs} 次已有部分图片：已生成的免费取回，只请求其余。",
)
UNUSED_COLUMNS = Text("Columns that are not used: {names}.", "没有用到的列：{names}。")
SAMPLE_OF = Text("A sample of the runs: {runs}, seed {seed}.", "抽画其中 {runs} 次，种子 {seed}。")
RUNS_WARN = Text("{runs:run}: {warning}", "{runs} 次：{warning}")
MORE_WARNINGS = Text("And {more:more warning}.", "另有 {more} 条提醒。")

# How it ended
STOPPED = Text("Stopped.", "已停止。")
STOPPED_AFTER = Text("Stopped after {done} of {runs:run}.", "已停止，{runs} 次中完成 {done} 次。")
BILLED = Text("{images:image} billed.", "已计费 {images} 张。")
BILLED_AND_DOUBTFUL = Text(
    "{images:image} billed; {runs:run} had been sent and may be billed.",
    "已计费 {images} 张；另有 {runs} 次已发送，可能计费。",
)
RUN_CELL_AGAIN = Text("Run the cell again", "重新运行该单元格")
ONLY_THE_REST = Text(
    "{again}: what is there is shown, only the rest is asked for.", "{again}：已有的直接显示，只请求其余的。"
)
ONLY_THE_UNSENT = Text(
    "{again}: what is there is shown, the rest is drawn, but for the {runs:run} that may be billed: {code} sends them.",
    "{again}：已有的直接显示，其余继续画；可能计费的 {runs} 次除外，{code} 会发送它们。",
)
ACCOUNT = Text("{parts}.", "{parts}。")
DRAWN_BY_DEMO = Text("{images:image} drawn by the demo, free", "演示服务生成 {images} 张，免费")
WAS_BILLED_AT = Text("{images:image} billed, {price}", "已计费 {images} 张，{price}")
FROM_LIBRARY = Text("{runs:run} from the library", "{runs} 次取自图库")
RUN_NOT_SENT = Text(
    "It was not sent.\nDraw the sweep again: only what is missing is sent.",
    "未发送。\n再画一次这个批量，只请求缺少的。",
)
RUN_STOPPED_FREE = Text(
    "It was stopped under way.\nDraw the sweep again: what can be fetched is; the rest is drawn anew, free.",
    "中途停止。\n再画一次这个批量：能取回的先取回，其余免费重新生成。",
)
RUN_MAY_BE_BILLED = Text(
    "It had been sent and may be billed.\nDraw the sweep again: what can be fetched is, free. {code} sends it "
    "once more.",
    "已发送，可能计费。\n再画一次这个批量：能取回的先取回，不计费。{code} 会再次发送。",
)
RUN_SENT_BEFORE = Text(
    "It was sent before and may be billed, so it is not sent again.\n{code} sends it once more.",
    "此前已发送，可能计费，因此没有重复发送。\n{code} 会再次发送。",
)

NOTHING_TO_RETRY = Text("Nothing to retry: all of it is drawn.", "没有要重试的：都已画完。")
RETRIED = Text("{runs} asked again: {parts}.", "重新请求 {runs} 次：{parts}。")
DRAWN = Text("{runs} drawn", "完成 {runs} 次")
FAILED = Text("{runs} failed", "失败 {runs} 次")
UNDONE = Text("{runs} not done", "未完成 {runs} 次")
MAY_BE_BILLED = Text("{runs} may be billed", "可能计费 {runs} 次")
NONE_BILLED = Text("nothing was billed", "没有计费")

# One of its runs
SEVERAL_RUNS = Text(
    "{typed} names {runs} runs; {first} is the first of them.", "{typed} 对应 {runs} 次，第一次是 {first}。"
)
IS_A_HOLE = Text("{typed} is a hole: nothing is drawn there.", "{typed} 是空位，没有图片。")
NO_RUN = Text("No run of this sweep is called {label}.", "这次批量里没有 {label}。")
NO_LABEL = Text("No run of this sweep is called {label}. {axes}.", "这次批量里没有 {label}。{axes}。")
NOT_DRAWN = Text(
    "This run had not been drawn when the sweep was taken from its notebook.",
    "批量从笔记本取出时，这一次还没有画。",
)
WITHOUT_CLIENT = Text(
    "This sweep was read from a file and cannot go on: run its cell again for the rest.",
    "这次批量是从文件读取的，不能继续；重新运行其单元格会请求其余的。",
)
NEEDS_PANDAS = Text(
    "sweep.frame is a table of pandas, which is not installed: pip install pandas.",
    "sweep.frame 是 pandas 表格，但未安装 pandas：pip install pandas。",
)
