"""The words of a sweep's grid beside those of its sets."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words import commands, models
from seedream_magic.words.text import Text

PLANNED = Text("to send", "将发送")
STORED = Text("in the library", "已在图库")
RUNNING = Text("under way", "生成中")
INCOMPLETE = Text("incomplete", "不完整")
SENT_BEFORE = Text("sent before", "此前已发送")
SKIPPED = Text("skipped", "已跳过")
SAVED = Text("saved", "已保存")
RUNS = Text("{runs:run}", "{runs} 次运行")
RUNS_DONE = Text("{done} of {runs:run} done", "完成 {done} / {runs}")
COUNTED = Text("{count} {state}", "{count} 次{state}")
SMALL_PREVIEWS = Text(
    "The more pictures, the smaller and fewer their previews; the originals are on disk.",
    "图片多，预览因此较小、较少；原图都在磁盘上。",
)
RUNS_NOT_SHOWN = Text("{count:more run|more runs} not shown here.", "另有 {count} 次运行未在此显示。")
MORE_OF_RUN = Text("{count} more: %seedream show {run}", "另有 {count} 张：%seedream show {run}")
RESUME = Text(
    "Run the cell again: what is there is shown from the store, only the rest is asked for.",
    "请重新运行该单元格：已有的取自图库，只请求其余的。",
)
WITHOUT_FRAME = Text("{file} is without frame {number} of {cell}: {why}", "{file} 缺 {cell} 的第 {number} 帧：{why}")
PREVIEWS_ONLY = Text(
    "{file} has previews only: its originals are more than 150 MB together. A .zip takes them.",
    "{file} 只有预览：原图合计超过 150 MB，请导出为 .zip。",
)

# What axes are called; a name that is a person's own stays
VARY = Text("vary", "变体")
EACH = Text("each", "逐行")
TAKE = Text("take", "第几版")
SAMPLE = Text("sample", "抽样")
SIZE = Text("size", "尺寸")
RATIO = Text("ratio", "比例")
IMAGES = Text("images", "张数")
WATERMARK = Text("watermark", "水印")
BACKGROUND = Text("background", "背景")
_AXES = VARY, EACH, TAKE, SAMPLE, SIZE, RATIO, commands.MODEL, IMAGES, models.REFERENCES, WATERMARK, BACKGROUND
AXES = MappingProxyType({text.english: text for text in _AXES})
"""What axes are called, by their names in code, which are English; a name that is a person's own stays."""

# What a button does
DETAILS = Text("Details", "详情")
RETRY = Text("Retry", "重试")
PREVIOUS = Text("Previous cell", "上一格")
NEXT = Text("Next cell", "下一格")
COPY_RETRY = Text("Copy retry", "复制重试")


def axis_word(name: str) -> str:
    """What a sentence calls an axis: "size", "尺寸"; a name that is a person's own stays."""
    word, _, number = name.partition(" ")
    return " ".join(filter(None, (AXES[word](), number))) if word in AXES else name
