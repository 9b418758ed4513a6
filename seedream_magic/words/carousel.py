"""The words beside pictures: on a carousel, a grid, a gallery, a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seedream_magic.words.language import Language, language_of, own_language


@dataclass(frozen=True)
class Words:
    """The words of an output in one language.

    `waiting`, `missing` and `failed` name the state of a place without a picture; `not_arrived` says it as a sentence.
    `starred` and `rejected` are marks of a picture, `take` says which of several drawings of a frame it is.
    `variation` is an example of a prompt for one. `interrupted` is the state of a set whose kernel ended in the middle,
    `resume` what to do then; `until` says of an output that grows when it was true, `last_sign` the same of one that
    does not any more. `controls` are the words that only the script shows: of a button its
    word, or word and name. `copies` are such buttons too; each copies the text that a figure has under the same key.
    """

    language: Language
    original: str
    waiting: str
    missing: str
    failed: str
    starred: str
    rejected: str
    take: str
    not_arrived: str
    frame: str
    comma: str
    stopped: str
    interrupted: str
    resume: str
    until: str
    last_sign: str
    arrived: str
    billed: str
    at_least_billed: str
    nothing_billed: str
    may_be_billed: str
    replayed: str
    demo: str
    seconds: str
    variation: str
    controls: Mapping[str, str | tuple[str, str]]
    copies: Mapping[str, str]


ENGLISH = Words(
    language="en",
    original="original",
    waiting="waiting",
    not_arrived="This frame did not arrive.",
    failed="failed",
    missing="missing",
    starred="starred",
    rejected="rejected",
    take="take {number} of {total}",
    frame="Frame {number}",
    comma=", ",
    stopped="stopped",
    interrupted="interrupted, {saved} saved",
    resume=(
        "Run the cell again: pictures that the service had made are fetched first, which bills nothing; then only what "
        "is missing is asked for. %seedream recover {run} only fetches."
    ),
    until="As of {moment} this was under way. If nothing has come since, it was interrupted. {resume}",
    last_sign="The last sign of it came at {moment}. {resume}",
    arrived="{ok} of {total}",
    billed="{count} billed",
    at_least_billed="at least {count} billed",
    nothing_billed="nothing billed",
    may_be_billed="may be billed",
    replayed="replayed, nothing billed",
    demo=" (demo: stock landscapes, free)",
    seconds="{seconds} s",
    variation="warmer",
    controls={
        "previous": ("‹", "Previous frame"),
        "next": ("›", "Next frame"),
        "full": "Full size",
        "grid": "Grid",
        "compare": "Compare",
        "slider": "Slider",
        "divider": "Divider",
        "download": "Download",
        "more": ("⋯", "More"),
        "picture": "Copy picture",
        "refused": "The page may not copy it.",
        "fit": "Fit",
        "actual": "100 %",
        "close": "Close",
        "copied": "Copied",
        "frames": "Frames",
        "preview": "The original cannot be opened from here; this is its preview.",
        "seconds": "s",
    },
    copies={
        "path": "Copy path",
        "ref": "Copy --ref",
        "prompt": "Copy prompt",
        "redo": "Copy redo",
        "vary": "Copy vary",
        "export": "Copy export",
    },
)
CHINESE = Words(
    language="zh",
    original="原文件",
    waiting="等待中",
    not_arrived="这一帧没有送达。",
    failed="失败",
    missing="缺失",
    starred="已加星标",
    rejected="已弃用",
    take="第 {number} 次，共 {total} 次",
    frame="第 {number} 帧",
    comma="，",
    stopped="已停止",
    interrupted="已中断，已保存 {saved} 张",
    resume=(
        "重新运行该单元格：先取回服务已生成的图片（不计费），再只请求缺少的。%seedream recover {run} 只取回，不再请求。"
    ),
    until="截至 {moment} 仍在生成。若此后没有新内容，说明已中断。{resume}",
    last_sign="最后一次更新：{moment}。{resume}",
    arrived="{ok} / {total} 张",
    billed="计费 {count}",
    at_least_billed="至少计费 {count}",
    nothing_billed="未计费",
    may_be_billed="可能计费",
    replayed="取自本地（replayed），未计费",
    demo="（演示：内置风景画，免费）",
    seconds="{seconds} 秒",
    variation="更温暖",
    controls={
        "previous": ("‹", "上一帧"),
        "next": ("›", "下一帧"),
        "full": "放大",
        "grid": "宫格",
        "compare": "对比",
        "slider": "滑动对比",
        "divider": "分界线",
        "download": "下载",
        "more": ("⋯", "更多"),
        "picture": "复制图片",
        "refused": "此页面不允许复制。",
        "fit": "适应窗口",
        "actual": "100 %",
        "close": "关闭",
        "copied": "已复制",
        "frames": "所有帧",
        "preview": "此处打不开原文件，这是预览。",
        "seconds": "秒",
    },
    copies={
        "path": "复制路径",
        "ref": "复制 --ref",
        "prompt": "复制提示词",
        "redo": "复制重画",
        "vary": "复制变体",
        "export": "复制导出",
    },
)

LANGUAGES = {words.language: words for words in (ENGLISH, CHINESE)}


def words_for(prompt: str) -> Words:
    """The words beside the pictures of a prompt: in the language that is told, else in that of the prompt."""
    return LANGUAGES[language_of(prompt)]


def own_words() -> Words:
    """The words of what belongs to no picture: in the language that is told, else in English."""
    return LANGUAGES[own_language()]
