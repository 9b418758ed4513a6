"""The words of a gallery."""

from __future__ import annotations

from seedream_magic.words.text import Text

COUNT = Text("{pictures:picture} of {runs:run}", "共 {pictures:,} 张图片，来自 {runs:,} 次运行")
NOT_SAVED = Text(
    "Previews of the newest {saved} are saved here; the others are read from their files.",
    "这里只保存最新 {saved} 张的预览，其余从文件读取。",
)
NOT_LISTED = Text(
    "{left:,} earlier are not listed here: narrow down with words, --starred or --since DATE.",
    "另有更早的 {left:,} 张未列出：可加关键词、--starred 或 --since 日期缩小范围。",
)
NONE_FITS = Text(
    "No picture fits. %seedream gallery alone shows all.", "没有符合的图片。只输入 %seedream gallery 可显示全部。"
)

GALLERY = Text("Gallery", "图片墙")
KEYWORDS = Text("Words", "关键词")
EVERY_MODEL = Text("Every model", "全部模型")
EVERY_NOTEBOOK = Text("Every notebook", "全部笔记本")
STARRED_ONLY = Text("Starred only", "只看星标")
PREVIOUS = Text("Previous picture", "上一张")
NEXT = Text("Next picture", "下一张")
FRAME = Text("frame {number}", "第 {number} 帧")
NOT_OPENED = Text("The original cannot be opened from here.", "此处打不开原文件。")
OPEN_SET = Text("the set", "打开该组")
AS_REFERENCE = Text("as a reference", "用作参考图")
ADD_STAR = Text("star it", "加星标")
