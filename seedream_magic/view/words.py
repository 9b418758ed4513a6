"""What the output says about a set, in the language of its prompt: what arrived, what was billed, how long it took."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seedream_magic.api.codes import find_code
from seedream_magic.errors import SeedreamError
from seedream_magic.images.image_set import Frame, ImageSet

CLIPPED_AT = 500

_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Words:
    """The words of the output in one language.

    `controls` are those that only the script shows: of a button its word, or word and name. `copies` are such buttons
    too; each copies what stands in a figure's data of the same key. `change` is an example of a variation.
    """

    language: str
    original: str
    waiting: str
    missing: str
    failed: str
    lacking: str
    frame: str
    comma: str
    stopped: str
    arrived: str
    billed: str
    at_least: str
    nothing: str
    maybe: str
    replayed: str
    demo: str
    seconds: str
    change: str
    controls: Mapping[str, str | tuple[str, str]]
    copies: Mapping[str, tuple[str, str]]


ENGLISH = Words(
    language="en",
    original="original",
    waiting="waiting",
    missing="This frame did not arrive.",
    failed="failed",
    lacking="missing",
    frame="Frame {number}",
    comma=", ",
    stopped="stopped",
    arrived="{ok} of {total}",
    billed="{count} billed",
    at_least="at least {count} billed",
    nothing="nothing billed",
    maybe="may be billed",
    replayed="replayed, nothing billed",
    demo=" (demo, free)",
    seconds="{seconds} s",
    change="warmer",
    controls={
        "previous": ("‹", "Previous frame"),
        "next": ("›", "Next frame"),
        "full": "Full size",
        "grid": "Grid",
        "compare": "Compare",
        "slider": "Slider",
        "divider": "Divider",
        "download": "Download",
        "copy": "Copy:",
        "fit": "Fit",
        "actual": "100 %",
        "close": "Close",
        "copied": "Copied",
        "frames": "Frames",
        "preview": "The original cannot be opened from here; this is its preview.",
        "seconds": "s",
    },
    copies={
        "path": ("path", "Copy path"),
        "ref": ("--ref", "Copy --ref"),
        "prompt": ("prompt", "Copy prompt"),
        "redo": ("redo", "Copy redo"),
        "vary": ("vary", "Copy vary"),
    },
)
CHINESE = Words(
    language="zh",
    original="原文件",
    waiting="等待中",
    missing="这一帧没有送达。",
    failed="失败",
    lacking="缺失",
    frame="第 {number} 帧",
    comma="，",
    stopped="已停止",
    arrived="{ok} / {total} 张",
    billed="计费 {count}",
    at_least="至少计费 {count}",
    nothing="未计费",
    maybe="可能计费",
    replayed="取自本地（replayed），未计费",
    demo="（演示，免费）",
    seconds="{seconds} 秒",
    change="更温暖",
    controls={
        "previous": ("‹", "上一帧"),
        "next": ("›", "下一帧"),
        "full": "放大",
        "grid": "宫格",
        "compare": "对比",
        "slider": "滑动对比",
        "divider": "分界线",
        "download": "下载",
        "copy": "复制：",
        "fit": "适应窗口",
        "actual": "100 %",
        "close": "关闭",
        "copied": "已复制",
        "frames": "所有帧",
        "preview": "此处打不开原文件，这是预览。",
        "seconds": "秒",
    },
    copies={
        "path": ("路径", "复制路径"),
        "ref": ("--ref", "复制 --ref"),
        "prompt": ("提示词", "复制提示词"),
        "redo": ("重画", "复制重画"),
        "vary": ("变体", "复制变体"),
    },
)


def words_for(prompt: str) -> Words:
    """Chinese where the prompt has Chinese characters, English otherwise."""
    return CHINESE if _CJK.search(prompt) else ENGLISH


def title_of(images: ImageSet) -> str:
    """What stands above a set: the prompt, or of a storyboard the style that its frames share, where it has one."""
    board = images.request.storyboard
    return board.style if board and board.style.strip() else images.prompt


def caption_of(frame: Frame, images: ImageSet) -> str:
    """The frame's own prompt; empty in a set whose frames all have the prompt that stands above them."""
    return "" if len(images) > 1 and frame.prompt == images.prompt else frame.prompt


def asked(images: ImageSet) -> int:
    return max(len(images.frames), images.expected or 0)


def progress(images: ImageSet, words: Words) -> str:
    ok, total = len(images.ok), asked(images)
    if words is ENGLISH and ok == total:
        return plural(ok)
    return words.arrived.format(ok=ok, total=plural(total) if words is ENGLISH else total)


def billed(images: ImageSet, words: Words) -> str:
    """What the run cost in images; empty while it runs. A stopped run may have cost more than what arrived."""
    if images.replayed:
        return words.replayed
    if images.state == "running":
        return ""
    if not images.billed:
        return words.nothing if images.outcome in {"not_sent", "rejected"} else words.maybe
    count = plural(images.billed) if words is ENGLISH else f"{images.billed} 张"
    sure = images.state == "done" or images.usage is not None
    told = (words.billed if sure else words.at_least).format(count=count)
    return told + words.demo if images.provider == "demo" else told


def told(images: ImageSet) -> tuple[str, ...]:
    """The sentences below a set: its notes, and the pause it is in."""
    return (*images.notes, images.pause) if images.pause else images.notes


def plural(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"


def seconds(images: ImageSet, words: Words) -> str:
    digits = 1 if images.seconds < 9.95 else 0
    return words.seconds.format(seconds=f"{images.seconds:.{digits}f}")


def error_name(error: SeedreamError) -> str:
    """The service's own code where it gave one, else our name of the error."""
    code = getattr(error, "code", "")
    return one_line(code, 80) if isinstance(code, str) and code else type(error).__name__


def error_text(error: SeedreamError) -> str:
    """What an error says beside its name."""
    return str(error).removeprefix(f"{error_name(error)}: ")


def explained(error: SeedreamError, words: Words) -> tuple[str, str]:
    """What an error says and what to do; in Chinese for a code of the service that is known, else as it came.

    What to do that is said of this one error (of a gateway on the way, of a pause) stays as it came in Chinese too.
    """
    code = find_code(error_name(error)) if words is CHINESE else None
    if code is None:
        return error_text(error), error.hint or error.advice
    return code.cause.chinese, code.fix.chinese if error.hint in {"", code.fix.english} else error.hint


def one_line(text: str, longest: int) -> str:
    return clipped(" ".join(text.split()), longest)


def clipped(text: str, longest: int = CLIPPED_AT) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
