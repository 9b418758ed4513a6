"""The options of a `%%seedream` cell, the commands of `%seedream`, and the help that lists them in both languages."""

from __future__ import annotations

import keyword
import textwrap
import unicodedata
from functools import partial

from seedream_magic.api.fields import (
    CHECK,
    CHINESE_FLAGS,
    COPY,
    EXTRA,
    FIELDS,
    FRESH,
    MOST_RUNS,
    MOST_TAKES,
    TAKE,
    TIMEOUT,
    Field,
    parse_source,
    parse_word,
)
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.desk import LAYOUTS


def _parse_values(text: str) -> tuple[str, tuple[str, ...]]:
    """See `parse_option_values`."""
    from seedream_magic.sweep.make_axes import parse_option_values  # noqa: PLC0415 - load time: the extension loads this

    return parse_option_values(text)


def parse_name(text: str) -> str:
    """A variable's name, as Python reads it. Raises `InvalidRequest` for what cannot be assigned to."""
    name = unicodedata.normalize("NFKC", text)
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    digit = "it begins with a digit" if name[:1].isdecimal() else "use letters, digits and _"
    why = "it is a word of Python" if keyword.iskeyword(name) else digit
    raise InvalidRequest(f"{text[:40]!r} is no name for a variable: {why}.")


def parse_count(option: str, most: int, text: str) -> int:
    """A whole number, from 1 where it counts something."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.isdecimal() and 1 <= int(plain) <= most:
        return int(plain)
    raise InvalidRequest(f"--{option} takes 1 to {most}, not {text[:40]!r}.")


def parse_seed(text: str) -> int:
    """A whole number."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.removeprefix("-").isdecimal() and len(plain) <= 20:
        return int(plain)
    raise InvalidRequest(f"--seed takes a whole number, not {text[:40]!r}.")


_NAME = Field(
    "name", ("--out",), "bind the set to NAME; the same as NAME << in front", "把图组存入变量 NAME", "NAME", parse_name
)
_PROVIDER = Field(
    "provider",
    ("--provider",),
    f"{', '.join(PROVIDERS)}; for this cell",
    "本单元格的服务商",
    "NAME",
    partial(parse_source, "provider"),
    words=tuple(PROVIDERS),
)
SWEEP_OPTIONS = (
    Field(
        "vary",
        ("--vary",),
        "one run for each variant of {red|blue} in the prompt; several groups are crossed",
        "提示词中的 {红|蓝} 各画一次，多组相乘",
    ),
    Field(
        "each",
        ("--each",),
        "one run for each row of a list, a dict, a data frame or a CSV file; {column} is filled in, of texts {each}",
        "表格（列表、字典、DataFrame 或 CSV）每行画一次，填入 {列名}；文本列表用 {each}",
        "NAME",
        partial(parse_source, "each"),
    ),
    Field(
        "xy",
        ("--xy",),
        "one run for each value of an option, such as size=2K,4K or ref=hero,villain; repeatable",
        "选项的每个值各画一次，如 size=2K,4K；可重复",
        "OPTION=A,B",
        _parse_values,
        repeated=True,
    ),
    Field(
        "repeat",
        ("--repeat",),
        "so many takes of each run; takes that exist are shown",
        "每次请求画几组；已有的直接显示",
        "K",
        partial(parse_count, "repeat", MOST_TAKES),
    ),
    Field(
        "sample",
        ("--sample",),
        "draw so many of all runs, the same ones each time",
        "只抽取其中几次",
        "N",
        partial(parse_count, "sample", MOST_RUNS),
    ),
    Field("seed", ("--seed",), "which ones: another number, another sample; 0", "抽样种子，默认 0", "S", parse_seed),
)
"""What makes a sweep of a cell: many requests in place of one."""
OPTIONS = (
    _NAME,
    *FIELDS,
    FRESH,
    TAKE,
    COPY,
    Field("dry_run", ("--dry-run",), "show the request as JSON and curl; send nothing", "只显示请求，不发送"),
    _PROVIDER,
    EXTRA,
    CHECK,
    TIMEOUT,
    *SWEEP_OPTIONS,
    Field("bg", ("--bg",), "return at once; the set grows while the kernel is free", "后台绘制，不占用内核"),
    Field("quiet", ("--quiet",), "bind, do not show", "不显示图片"),
    Field("raw", ("--raw",), "leave {braces} in the prompt as typed", "不填充 {变量}"),
    Field(
        "show",
        ("--show",),
        "carousel (default) or grid",
        "轮播或网格",
        "LAYOUT",
        partial(parse_word, "show", LAYOUTS),
        words=LAYOUTS,
    ),
)
"""Every option of a cell: the fields that Python takes as keywords, and how the cell is run."""
FLAGS = tuple(flag for option in OPTIONS for flag in option.all_flags)
"""Every option as it may be typed."""

COLUMNS = 60
"""What a notebook of 600 pixels shows in a line; a longer one is broken there, in the middle of a word."""

_HEAD = """\
%%seedream [NAME <<] [options]
the prompt, in Chinese or English,
with {variables} filled in from the notebook

Draws with Seedream and shows the pictures as they land.
The last set is always `_seedream`.
用 Seedream 作画，图片到一张显示一张；
最近一组总在 `_seedream` 里。

A set (-n) is one request whose pictures know each other;
a sweep (--vary, --each, --xy, --repeat) is many requests,
shown as one grid. -n 4 --vary: 4 pictures per variant.
A value - leaves a hole; with --vary \\{ \\| \\} are the signs.
组图（-n）是一次请求，各张相互关联；批量（--vary 等）是
多次请求，以网格显示。值 - 表示跳过。

A line --- splits the prompt into a storyboard: the shared
style first, then one part for each frame.
单独一行 --- 把提示词分为分镜：
第一段是共同风格，其后每段一帧。
"""
_EXAMPLES = """\
Examples · 示例

    %%seedream
    a lighthouse in fog, watercolour

    %%seedream seasons << -n 4 -s 2K -r 16:9
    four seasons of one mountain village, flat illustration

    %%seedream 四季 << -n 4 --no-watermark
    同一座山村的四季，扁平插画

    %%seedream story << -s 2K --ref hero.png --bg
    watercolour, one red fox
    ---
    it wakes in the snow
    ---
    it crosses the frozen river

    %%seedream kites << --vary --xy size=2K,4K
    a {red|blue|green} kite over {the sea|a city}

    %%seedream --each animals.csv --dry-run
    {animal}在{place}，水彩

    %%seedream --dry-run -n auto
    一组关于{主题}的插图

Then · 然后

    seasons[0].image    seasons[0].path
    seasons.failed      seasons.folder
    kites["red", "the sea", "2K"]       kites.retry()
"""
COMMANDS = (
    ("%seedream", "provider, key, model, store, images billed so far and their price", "当前状态与费用"),
    ("%seedream use PROVIDER", f"the session's provider: {', '.join(PROVIDERS)}", "切换服务商"),
    ("%seedream key", "type the key, hidden; kept in memory", "输入密钥，仅存于内存"),
    (
        "%seedream models [--live] [WORDS]",
        "what models take: sizes, sets, references, formats; --live asks the provider what this key may use",
        "各模型支持的参数；--live 向服务商查询此密钥可用的模型",
    ),
    ("%seedream panel [RUN]", "draw with buttons and fields in place of a cell", "图形面板"),
    (
        "%seedream history [WORDS] [--here] [--starred]",
        "earlier runs, found by words, a date, a state; --here: of this store only; --starred: with a starred picture",
        "所有笔记本的历史记录，可按词、日期、状态查找；--here 只查当前存储；--starred 只列有星标的",
    ),
    (
        "%seedream show RUN",
        "the set of an earlier run, by its id or its row in the history",
        "按编号或历史记录的行号显示以前的一组",
    ),
    (
        "%seedream gallery [WORDS] [--starred] [--since DATE]",
        "all pictures of all notebooks as a wall, found by words, a star, a date",
        "所有笔记本的图片墙，可按词、星标、日期筛选",
    ),
    (
        "%seedream compare FRAME …",
        "two to nine pictures of any runs side by side, zoomed together: story[2] run:ID[0]",
        "并排对比任意记录的二至九张图片",
    ),
    ("%seedream recover [RUN]", "download what earlier runs lack; bills nothing", "补下载缺失的图片，不计费"),
    (
        "%seedream retry RUN [--each]",
        "ask anew for the failed frames of a run; bills those. --each: one request for each",
        "重新生成失败的帧，按张计费；--each 逐张请求",
    ),
    ("%seedream stop", "stop runs in the background; what has come is kept", "停止后台绘制，已到的图片保留"),
    (
        "%seedream export RUN PATH [--title T] [--no-captions] [--with-facts]",
        "one file for others: .pdf (--layout page, spread or sheet, --page-size, --author), .html, .zip, .gif or .jpg",
        "导出为一个文件，格式由扩展名决定；PDF 可选版式、纸张和作者",
    ),
    (
        "%seedream purge RUN [--even-starred]",
        "delete a run and its pictures; asks first. RUN: its full id, a variable, or latest. Starred ones stay",
        "从磁盘删除一次记录及其图片，删除前询问；需完整编号、变量或 latest；有星标的须加 --even-starred",
    ),
    (
        "%seedream library [--scan FOLDER …]",
        "the stores that are known, and how many runs each has; --scan takes in those below a folder",
        "已知的存储及其记录数；--scan 收录某文件夹下的存储",
    ),
    (
        "%seedream doctor [--probe]",
        "what is wrong, and the fix; --probe tries the network",
        "体检；--probe 检测网络",
    ),
    ("%seedream doctor CODE", "an error code of the service: cause, fix, bill", "解释服务端错误码"),
    (
        "%seedream help [TOPIC]",
        "a screen to begin with; TOPIC: options, sweep, export, an option …",
        "入门一屏；主题：选项、批量、导出、某个选项等",
    ),
)
"""Every command as it is typed, and what it does in both languages."""


def help_text() -> str:
    """Every option and command, what it means in English and in Chinese, and examples in both. At most 60 columns."""
    options = [(option.usage, option.english, chinese_meaning(option)) for option in OPTIONS]
    parts = ("Options · 选项\n", *map(_entry, options), "\nCommands · 命令\n", *map(_entry, COMMANDS))
    return "\n".join((_HEAD, *parts, "", _EXAMPLES))


def chinese_meaning(option: Field) -> str:
    """What an option means in Chinese, and as what it can be typed there."""
    names = [name for name, flag in CHINESE_FLAGS.items() if flag in option.all_flags]
    return f"{option.chinese}（{'、'.join(names)}）"


def _entry(entry: tuple[str, str, str]) -> str:
    """What is typed, and below it what it does: in one language, then in the other."""
    typed, english, chinese = entry
    meaning = (*textwrap.wrap(english, COLUMNS - 6, break_on_hyphens=False), chinese)
    return "\n".join((f"  {typed}", *(f"      {line}" for line in meaning)))
