"""The words beside the pictures of a set, and in which language an output says its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedream_magic.words import lists
from seedream_magic.words.language import Language, language_of, own_language
from seedream_magic.words.text import Text, chain, in_language

# Of a frame
WAITING = Text("waiting", "等待中")
MISSING = Text("missing", "缺失")
FAILED = Text("failed", "失败")
NOT_ARRIVED = Text("This frame did not arrive.", "这一帧没有送达。")
FRAME = Text("Frame {number}", "第 {number} 帧")
ORIGINAL = Text("original", "原文件")
STARRED = Text("starred", "已加星标")
REJECTED = Text("rejected", "已弃用")
TAKE = Text("take {number} of {total}", "第 {number} 版，共 {total} 版")
VARIATION = Text("warmer", "更温暖")
"""An example of a prompt for a variation."""

# Of a set
OF = Text("{part} of {total}", "{part} / {total}")
ALL_CAME = Text("{count:image}", "{count} 张")
SOME_CAME = Text("{count} of {total:image}", "{count} / {total} 张")
STOPPED = Text("stopped", "已停止")
INTERRUPTED = Text("interrupted, {saved} saved", "已中断，已保存 {saved} 张")
"""Its kernel ended in the middle."""
RESUME = Text(
    "Run the cell again: what was made is fetched, which bills nothing; then only what is missing is asked for. "
    "%seedream recover {run} only fetches.",
    "重新运行该单元格：先取回已生成的图片（不计费），再只请求缺少的。%seedream recover {run} 只补下载，不再请求。",
)
UNTIL = Text(
    "As of {moment} this was under way. If nothing has come since, it was interrupted. {resume}",
    "截至 {moment} 仍在生成。若此后没有新内容，说明已中断。{resume}",
)
LAST_SIGN = Text("The last sign of it came at {moment}. {resume}", "最后一次更新：{moment}。{resume}")
BILLED = Text("{images:image} billed", "计费 {images} 张")
AT_LEAST_BILLED = Text("at least {images:image} billed", "至少计费 {images} 张")
NOTHING_BILLED = Text("nothing billed", "未计费")
MAY_BE_BILLED = Text("may be billed", "可能计费")
REPLAYED = Text("replayed, nothing billed", "取自图库，未计费")
DRAWN_FREE = Text("{images:image}, free (demo)", "{images} 张，免费（演示）")
AT_LEAST_DRAWN_FREE = Text("at least {images:image}, free (demo)", "至少 {images} 张，免费（演示）")
DEMO = Text("free (demo)", "免费（演示）")
TOKENS = Text("{tokens:token}", "{tokens:,} token")
SECONDS = Text("{seconds} s", "{seconds} 秒")

# The text of an output, where no HTML is read
RUN = Text("run {run}", "运行 {run}")
NO_PROMPT = Text("(no prompt)", "（无提示词）")
MORE_NOTES = Text("{last} (and {more:more note})", "{last}（另有 {more} 条）")
MORE_LINES = Text("… and {more:more line}", "…另有 {more} 行")
MORE_FAILED = Text("{first} (and {more} more)", "{first}（另有 {more} 个）")
MORE_PICTURES = Text("… and {more} more", "…另有 {more} 张")

# What a button does
PREVIOUS = Text("Previous frame", "上一帧")
NEXT = Text("Next frame", "下一帧")
FULL_SIZE = Text("Full size", "放大")
GRID = Text("Grid", "网格")
COMPARE = Text("Compare", "对比")
SLIDER = Text("Slider", "滑动对比")
DIVIDER = Text("Divider", "分界线")
DOWNLOAD = Text("Download", "下载")
MORE = Text("More", "更多")
FIT = Text("Fit", "适应窗口")
CLOSE = Text("Close", "关闭")
FRAMES = Text("Frames", "所有帧")
COPY = Text("Copy", "复制")
COPIED = Text("Copied", "已复制")
COPY_PICTURE = Text("Copy picture", "复制图片")
COPY_PATH = Text("Copy path", "复制路径")
COPY_REFERENCE = Text("Copy --ref", "复制 --ref")
COPY_PROMPT = Text("Copy prompt", "复制提示词")
COPY_REDO = Text("Copy redo", "复制重画")
COPY_VARY = Text("Copy vary", "复制衍生")
COPY_EXPORT = Text("Copy export", "复制导出")
NOT_COPIED = Text("The page may not copy it.", "此页面不允许复制。")
PREVIEW_ONLY = Text("The original cannot be opened from here; this is its preview.", "此处打不开原文件，这是预览。")

Shown = Text | str | tuple[Text | str, Text]
"""What a script shows: a word, or of a button its word or sign and its name."""


@dataclass(frozen=True)
class Words:
    """What an output says of its own, in its language: `words(WAITING)`."""

    language: Language

    def __call__(self, text: Text, /, **facts: object) -> str:
        return text.in_language(self.language, **facts)

    def each(self, shown: Mapping[str, Shown]) -> dict[str, Any]:
        """What a script shows, by the names that it knows."""
        return {
            name: [self._told(part) for part in parts] if isinstance(parts, tuple) else self._told(parts)
            for name, parts in shown.items()
        }

    def _told(self, part: Text | str) -> str:
        return self(part) if isinstance(part, Text) else part

    def listed(self, items: Sequence[str]) -> str:
        """Names or values in a row."""
        return in_language(chain(lists.ITEMS, items), self.language)

    @property
    def comma(self) -> str:
        """What stands between phrases."""
        return self(lists.COMMA, first="", then="")


ENGLISH, CHINESE = Words("en"), Words("zh")
_WORDS: Mapping[Language, Words] = {words.language: words for words in (ENGLISH, CHINESE)}


def words_in(language: Language) -> Words:
    """The words of an output in this language."""
    return _WORDS[language]


def words_for(prompt: str) -> Words:
    """The words beside the pictures of a prompt: in the language that is told, else in that of the prompt."""
    return _WORDS[language_of(prompt)]


def words_for_most(prompts: Iterable[str]) -> Words:
    """The words beside pictures of several prompts: those of the most of them; of none, those of no picture."""
    languages = [language_of(prompt) for prompt in prompts] or [own_language()]
    return CHINESE if languages.count("zh") * 2 > len(languages) else ENGLISH


def own_words() -> Words:
    """The words of what belongs to no picture: in the language that is told, else in English."""
    return _WORDS[own_language()]
