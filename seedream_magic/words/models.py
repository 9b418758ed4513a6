"""The table of models."""

from __future__ import annotations

from seedream_magic.words.text import Text

SIZES = Text("sizes", "尺寸")
PIXELS = Text("pixels", "像素")
SET = Text("set", "组图")
STREAM = Text("stream", "逐张")
REFERENCES = Text("refs", "参考图")
FORMATS = Text("formats", "格式")
TAKES = Text("takes", "支持")
IDS = Text("model ids", "模型 id")
NONE = Text("none", "无")
CURRENT = Text("← this session", "← 当前")
UNCHECKED = Text("not checked", "不检查")
SETS_OF = Text("sets of {images}", "组图 {images}")
NO_SETS = Text("no sets", "不支持组图")
STREAMS = Text("streams", "逐张接收")
NO_STREAM = Text("does not stream", "不支持逐张接收")
TAKES_REFERENCES = Text("references: {count}", "参考图：{count} 张")
TAKES_NO_REFERENCES = Text("no references", "不支持参考图")
SOURCE = Text(
    "The facts are those of BytePlus' API page and ByteDance's SDKs as of August 2026.",
    "依据 BytePlus 接口文档与字节跳动 SDK，2026 年 8 月。",
)
TOGETHER = Text(
    "References and images of one call together: at most {most}. Other ids (ep-…) are sent unchecked.",
    "一次调用中参考图与张数合计不超过 {most}；其他 id（ep-…）不检查，直接发送。",
)
NO_LINE = Text("No line has {words}; here are all.", "没有匹配 {words} 的行，以下为全部。")
LISTED = Text("{provider} lists {count:model} that draw for this key.", "{provider} 列出此密钥可用的 {count} 个模型。")
