"""What each option of a cell means, and what is wrong with a name."""

from __future__ import annotations

from seedream_magic.words.text import Text

NAME = Text("bind the set to NAME; the same as NAME << in front", "把组图存入这个变量")
DRY_RUN = Text("show the request as JSON and curl; send nothing", "只显示请求，不发送")
PROVIDER = Text("{names}; for this cell", "本单元格的服务商：{names}")
VARY = Text(
    "one run for each variant of {{red|blue}} in the prompt; several groups are crossed",
    "提示词中的 {{红|蓝}} 各画一次，多组相乘",
)
EACH = Text(
    "one run for each row of a list, a dict, a data frame or a CSV file; {{column}} is filled in, {{each}} where "
    "rows are texts",
    "表格（列表、字典、DataFrame 或 CSV）每行画一次，填入 {{列名}}；文本列表用 {{each}}",
)
XY = Text(
    "one run for each value of an option, such as size=2K,4K or ref=hero,villain; repeatable",
    "选项的每个值各画一次，如 size=2K,4K；可重复",
)
REPEAT = Text("how many takes of each run; takes that exist are shown", "每次请求画几版；已有的直接显示")
SAMPLE = Text("draw only so many of the runs, the same ones each time", "只抽取其中几次")
SEED = Text("which ones --sample draws: another number, other runs; default 0", "抽样种子，默认 0")
BG = Text("return at once; the set grows while the kernel is free", "后台绘制，不占用内核")
QUIET = Text("bind the set, do not show it", "只存入变量，不显示图片")
RAW = Text(
    "the prompt as typed: {{braces}} stay, nothing in it is refused as a slip",
    "提示词原样发送：不填充 {{变量}}，不查笔误",
)
SHOW = Text("carousel (default) or grid", "轮播或网格")

# Fields of a request.
FRESH = Text("pay again for a request that is in the store", "重新生成并计费，不用已存的结果")
TAKE = Text("the K-th set made of this request", "此请求的第 K 版")
COPY = Text("copy a set that another store has into this one", "把其他存储里的组图复制过来")
EXTRA = Text("further body fields, sent as they are; null leaves one out", "附加请求字段，null 去掉字段")
CHECK = Text("send although the model's limits say no", "不检查模型限制")
TIMEOUT = Text("limit of the whole call in seconds", "整个调用的时限（秒）")
IMAGES = Text("how many: 1-15, or auto: the model decides", "张数：1-15，或 auto（由模型决定）")
MODEL = Text("model id", "模型 id")
SIZE = Text("1K, 2K, 4K or WIDTHxHEIGHT", "尺寸：1K、2K、4K 或宽x高")
RATIO = Text("with a preset size: its pixels at W:H", "比例，如 16:9")
REFS = Text(
    "reference image, repeatable: path, glob, https link, run:ID[K], or a variable of the notebook",
    "参考图，可重复：路径、通配符、链接、run:ID[K] 或变量",
)
FIT = Text("scale references that are over the limits", "缩小超限的参考图")
STREAM = Text("receive pictures one by one; default for sets", "逐张接收，组图默认开启")
WATERMARK = Text("the API's AI mark; default on", "水印，默认开启")
RESPONSE_FORMAT = Text("url (default) or b64_json", "返回链接或 base64")
OUTPUT_FORMAT = Text("jpeg or png (5.0 models)", "图片格式（5.0 系列）")
BACKGROUND = Text("opaque or transparent (5.0 Pro, Flash)", "背景：不透明或透明（5.0 Pro、Flash）")
LAYER_DECOMPOSITION = Text("take one --ref apart into layers (5.0 Pro, Flash)", "把参考图拆成图层")
WEB_SEARCH = Text("let the model search the web (5.0 lite)", "联网搜索（5.0 lite）")
OPTIMIZE_PROMPT = Text("standard or fast (4.0, 5.0 Pro)", "提示词优化模式（4.0、5.0 Pro）")
