"""What is wrong with a `%%seedream` cell as it was typed, and notes on how it was read."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

# The first line
NAMED_TWICE = Text(
    "The set is named twice: {name} << and --out {other}.", "组图有两个名字：{name} << 和 --out {other}。"
)
NO_NAME = Text("{typed} is no name for a variable: {why}.", "{typed} 不能用作变量名：{why}。")
BEGINS_WITH_DIGIT = Text("it begins with a digit", "不能以数字开头")
WORD_OF_PYTHON = Text("it is a Python keyword", "这是 Python 的关键字")
LETTERS_ONLY = Text("use letters, digits and _", "只能用文字、数字和 _")
NAME_OF_PYTHON = Text(
    "{name} is Python's own: take another name, such as {name}_set.",
    "{name} 是 Python 自带的，请换个名字，如 {name}_set。",
)
NAME_TAKEN = Text(
    "{name} holds a {kind}, which the set would replace: take another name, such as {name}_set.",
    "{name} 里已有 {kind}，会被组图覆盖；请换个名字，如 {name}_set。",
)
NAME_HAS_TWO_SIGNS = Text("Did you mean {name} << {options}?", "是想写 {name} << {options} 吗？")
NAME_IS_ONE_WORD = Text("A name is one word: {name} << …", "名字不能有空格：{name} << …。")
NAME_COMES_FIRST = Text("NAME << comes first: {name} << {options}.", "名字写在最前面：{name} << {options}。")
QUOTE_THE_NAME = Text(
    'Quote a name with spaces: --ref "{typed}"; give --ref once for each reference.',
    '含空格的名字要加引号：--ref "{typed}"；每张参考图各写一次 --ref。',
)
QUOTE_NOT_CLOSED = Text(
    "A quote on the first line is not closed; the prompt goes on the lines below.",
    "第一行的引号没有成对；提示词写在下面几行。",
)
OPEN_QUOTE = Text("A quote is not closed: {line}.", "引号没有成对：{line}。")
ENDS_IN_BACKSLASH = Text(
    "The first line ends in a backslash: write all options on it.", "第一行以反斜杠结尾；选项请写在同一行。"
)
NEEDS_A_VALUE = Text("{option} needs a value after it.", "{option} 后面要有值。")
TAKES_NO_VALUE = Text("{option} takes no value: leave out {value}.", "{option} 不带值，请去掉 {value}。")
TURNED_OFF_BY = Text("{option} takes no value; {off} turns it off.", "{option} 不带值；{off} 可关闭。")
NO_OPTION = Text("There is no option {option}; %%seedream? lists them.", "没有选项 {option}；%%seedream? 列出全部。")
OPTION_MEANT = Text("There is no option {option}: did you mean {meant}?", "没有选项 {option}，是想写 {meant} 吗？")
OPTION_ELSEWHERE = Text("There is no option {option}. {instead}", "没有选项 {option}。{instead}")
HELP_IS = Text("%%seedream? shows every option.", "%%seedream? 显示全部选项。")
VALUES_OF_OPTIONS = Text(
    "Values of an option are compared with --xy {typed}; --vary is for {{red|blue}} in the prompt.",
    "对比某个选项的不同取值用 --xy {typed}；--vary 用于提示词里的 {{红|蓝}}。",
)
BELONGS_TO_NO_OPTION = Text(
    "{typed} belongs to no option: the prompt goes on the lines below.", "{typed} 不属于任何选项；提示词写在下面几行。"
)
VARIANTS_STAND_IN_PROMPT = Text(
    "--vary takes no value: the variants stand in the prompt, as {{red|blue}}.",
    "--vary 不带值；变体写在提示词里，如 {{红|蓝}}。",
)
EACH_OPTION_HAS_ITS_XY = Text(
    "Each option needs its own --xy: write --xy {typed}.",
    "每个选项前各写一次 --xy，如 --xy {typed}。",
)
COUNT_FROM_ONE = Text("--{option} takes 1 to {most}, not {value}.", "--{option} 应为 1 到 {most}，不能是 {value}。")
SEED_IS_A_NUMBER = Text("--seed takes a whole number, not {value}.", "--seed 应为整数，不能是 {value}。")
BLANK_MISSING = Text("A blank is missing in {typed}: write {meant}.", "{typed} 中间少了空格，应写 {meant}。")
BLANKS_PART_OPTIONS = Text(
    "Options are parted by blanks alone: leave out the comma of {typed}.",
    "选项之间只用空格隔开；去掉 {typed} 里的逗号。",
)
DASHES_MISSING = Text("An option begins with two dashes: {meant}", "选项以两个短横开头：{meant}")
MODEL_UNLISTED = Text(
    "{model} is not a model known here; it is sent as typed. %seedream models lists those that are.",
    "{model} 不在已知模型之列，将照原样发送；%seedream models 列出已知模型。",
)
MODEL_MEANT = Text(
    "There is no model {model}: did you mean {meant}? --no-check sends it as typed.",
    "没有模型 {model}，是想写 {meant} 吗？--no-check 可照原样发送。",
)

# What other picture makers have
NO_SEED = Text(
    "The service takes no seed; the same cell shows the stored pictures again, unbilled.",
    "该服务没有随机种子；重新运行同一单元格会显示已存的图片，不计费。",
)
NO_NEGATIVE = Text(
    "There is no negative prompt: write below what the picture is to leave out.",
    "没有反向提示词；请在提示词里写明不要什么。",
)
RATIO = Text("Did you mean --ratio, such as --ratio 16:9?", "是想写 --ratio 吗？如 --ratio 16:9。")
REFERENCE = Text(
    "A reference picture is named by --ref; how many are drawn, by --images.", "参考图用 --ref，张数用 --images。"
)
COUNT = Text("How many are drawn is --images, such as --images 4.", "张数用 --images，如 --images 4。")
NO_QUALITY = Text(
    "--size 4K draws more pixels, --output-format png loses none (5.0).",
    "--size 4K 像素更多，--output-format png 无损（5.0 系列）。",
)
STYLE_BELOW = Text("Write the style into the prompt below.", "风格写进下面的提示词。")
COMPARED = Text(
    "Looks are compared with --vary and {{red|blue}} in the prompt, or with --xy size=2K,4K.",
    "想对比效果，用 --vary（提示词里写 {{红|蓝}}）或 --xy size=2K,4K。",
)
PRICE_FIRST = Text(
    "--dry-run says what the cell would cost, and sends nothing.", "--dry-run 只告诉这个单元格要花多少，不发送请求。"
)
SAVED_ANYWAY = Text(
    "Every picture is saved; NAME << first on the line names the set.",
    "图片都会自动保存；在行首写 名字 << 给组图起名。",
)
SIZE = Text("Width and height are --size, such as --size 2048x1536.", "宽和高用 --size，如 --size 2048x1536。")
PROMPT_BELOW = Text("The prompt goes on the lines below.", "提示词写在下面几行。")
FORMAT = Text("Did you mean --output-format, or --response-format?", "是想写 --output-format 还是 --response-format？")
VERSION = Text(
    "Which version draws is --model; %seedream models lists them.", "版本由 --model 决定；%seedream models 列出全部。"
)
NO_STEPS = Text(
    "The service has no such setting: the picture follows from the prompt, its references and the model.",
    "该服务没有这个设置；画什么只取决于提示词、参考图和模型。",
)
CHINESE_FOREIGN_OPTIONS = MappingProxyType({
    "--随机种子": NO_SEED,
    **dict.fromkeys(("--反向", "--反向提示词", "--负面", "--负面提示词", "--负向提示词", "--不要"), NO_NEGATIVE),
    **dict.fromkeys(("--宽高比", "--长宽比", "--画幅"), RATIO),
    **dict.fromkeys(("--垫图", "--图片"), REFERENCE),
    **dict.fromkeys(("--数量", "--个数", "--图片数"), COUNT),
    **dict.fromkeys(("--质量", "--画质", "--高清"), NO_QUALITY),
    **dict.fromkeys(("--风格", "--画风"), STYLE_BELOW),
    **dict.fromkeys(("--对比", "--比较"), COMPARED),
    **dict.fromkeys(("--费用", "--价格"), PRICE_FIRST),
    **dict.fromkeys(("--名字", "--名称", "--保存"), SAVED_ANYWAY),
    **dict.fromkeys(("--大小", "--分辨率", "--宽", "--高", "--宽度", "--高度"), SIZE),
    **dict.fromkeys(("--提示词", "--描述"), PROMPT_BELOW),
    "--格式": FORMAT,
    "--版本": VERSION,
    **dict.fromkeys(("--步数", "--采样", "--强度"), NO_STEPS),
})  # fmt: skip
"""The options of other programs by their Chinese names."""
OTHER_OPTIONS = MappingProxyType(
    dict.fromkeys(("--不要水印", "--不加水印", "--不带水印", "--去水印", "--去掉水印", "--关闭水印"), "--无水印")
)
"""Options by other words, whose letters are nearer to another option."""

# Sweeps
SEED_NEEDS_SAMPLE = Text(
    "--seed says which runs of a --sample are drawn. {no_seed}", "--seed 只决定 --sample 抽中哪几次。{no_seed}"
)
SAMPLE_NEEDS_AXES = Text(
    "--sample goes with --vary, --each, --xy or --repeat: it draws some of their runs.",
    "--sample 要和 --vary、--each、--xy 或 --repeat 一起用，只抽画其中几次。",
)
NO_CAROUSEL_OF_RUNS = Text(
    "--show carousel goes without {axis}: a sweep is a grid of its runs.",
    "--show carousel 不能与 {axis} 同用；批量以网格显示。",
)
CROSSED_TWICE = Text("{option} is given twice: once, in --xy, is enough.", "{option} 写了两次，--xy 里写一次就够。")
NO_REPEAT_WITH = Text(
    "{option} goes without --repeat, which draws the takes that are missing.",
    "{option} 不能与 --repeat 同用；--repeat 会补画缺少的几版。",
)

# The lines below
TWO_CELLS = Text(
    "There are two %%seedream lines: keep one, with the prompt below it.",
    "有两行 %%seedream；只留一行，提示词写在它下面。",
)
COMMAND_BELOW = Text(
    "Line {number} of the prompt is a command: give {command} a cell of its own.",
    "提示词第 {number} 行是命令；请把 {command} 放到单独的单元格。",
)
F_STRING = Text(
    "The prompt is a string of Python: leave out {sign} and the quotes at its end. {{names}} are filled in anyway.",
    "提示词写成了 Python 字符串；请去掉 {sign} 和末尾的引号，{{变量}} 本来就会填入。",
)
OPTIONS_BELOW = Text(
    "{typed} stands in the prompt: options go on the %%seedream line.",
    "{typed} 写在了提示词里；选项要写在 %%seedream 那一行。",
)
READS_AS_CODE = Text(
    "Sent as typed, though it reads as Python: {line}. Code goes into a cell of its own.",
    "提示词像 Python 代码（{line}），已原样发送；代码请放到单独的单元格。",
)
WIDE_AS_PLAIN = Text("Typed full-width and read as plain: {typed}.", "全角符号已按半角读取：{typed}。")
NOTHING_TO_FILL_IN = Text(
    "Sent as typed, for there is nothing to fill in: {names}.", "没有可填入的变量，已原样发送：{names}。"
)
GROUP_AS_TYPED = Text(
    "This goes out as typed: {group}. With --vary each variant is a run of its own.",
    "{group} 将原样发送；加 --vary 可每种各画一次。",
)
NOT_FIRST = Text(
    "%%seedream must be the first line of its cell. A name goes after it: %%seedream hero << …",
    "%%seedream 要写在单元格开头；名字写在它后面：%%seedream hero << …",
)

# Variables and references
NOT_A_PICTURE = Text(
    "{name} is {kind}, not a picture: --ref takes a path, a link, a picture or an array.",
    "{name} 是 {kind}，不是图片；--ref 可用路径、链接、图片或数组。",
)
OF_TYPE = Text("of type {kind}", "{kind} 类型")
CANNOT_BE_READ = Text("{expression} cannot be read: {why}", "无法读取 {expression}：{why}")
CALLS_NOTHING = Text("{option} calls nothing. {instead}", "{option} 不调用函数。{instead}")
WITH_UNDERSCORE = Text("{attribute} begins with an underscore. {instead}", "{attribute} 以下划线开头。{instead}")
PAST_THE_END = Text(
    "{index} is past the end of {name}; Python counts from 0.", "{index} 超出 {name} 的范围；Python 从 0 数起。"
)
NO_ITEM = Text(
    "{name} has no item {index}; list({name}) shows what it has.", "{name} 没有 {index}；用 list({name}) 查看有哪些。"
)
TAKES_NO_INDEX = Text(
    "{name} takes no index {index}, and nothing in it is computed. {instead}",
    "{name} 不能用 {index} 取值，其中也不做计算。{instead}",
)
NO_ATTRIBUTE = Text(
    "{name} has no attribute {attribute}; dir({name}) shows what it has.",
    "{name} 没有属性 {attribute}；用 dir({name}) 查看有哪些。",
)
SEE_WHY = Text(
    "{error}. Write {expression} in a cell of its own to see why.", "{error}。单独运行 {expression} 可查看原因。"
)
ASSIGN_FIRST = Text(
    "Write {name} = {expression} in a cell of its own, then {option} {name}.",
    "先在单独的单元格写 {name} = {expression}，再用 {option} {name}。",
)

# In the background
BACKGROUND_WAITED = Text(
    "--bg waited for the pictures: run this way (nbconvert, papermill, Voilà, a script), nothing can appear "
    "after the last cell.",
    "--bg 等画完才返回：用 nbconvert、papermill、Voilà 或脚本运行时，最后一个单元格结束后就不再显示图片。",
)
IN_BACKGROUND = Text(
    "Drawing in the background; this cell says when it is done. %seedream stop ends it.",
    "正在后台生成，完成后在此提示；%seedream stop 可停止。",
)
