"""`%seedream help`: a screen to begin with, and a page for each topic, in one language."""

from __future__ import annotations

import difflib
import textwrap

from seedream_magic.api.fields import CHINESE_FLAGS, FIELDS, Field
from seedream_magic.errors import InvalidRequest
from seedream_magic.notebook.options import COLUMNS, COMMANDS, OPTIONS, SWEEP_OPTIONS
from seedream_magic.words.carousel import CHINESE, Words

_START = {
    "en": """\
A cell that begins with %%seedream draws the prompt below it.

    %%seedream -n 4 -s 2K -r 16:9
    four seasons of one mountain village

    %%seedream story << -s 2K --ref hero.png
    watercolour, one red fox
    ---
    it wakes in the snow
    ---
    it crosses the frozen river

Go on from a set:
    story = story.redo(1)                 frame 2 anew
    story = story.extend(["it rests"])    one frame more
    night = story[0].vary("at night")     a new set after a frame
    story[0].star()                       mark the best
    %seedream compare story[0] night[0]   side by side
    %seedream export story fox.pdf        hand it over

Compare looks:  --vary with {red|blue} in the prompt
What it costs:  --dry-run before, %seedream after
Earlier runs:   %seedream history fox, %seedream show 1
Trouble:        %seedream doctor, %seedream retry RUN
Without typing: %seedream panel

%seedream help TOPIC: """,
    "zh": """\
以 %%seedream 开头的单元格会画出下面的提示词。

    %%seedream -n 4 -s 2K -r 16:9
    同一座山村的四季

    %%seedream 故事 << -s 2K --ref hero.png
    水彩，一只红狐狸
    ---
    它在雪地里醒来
    ---
    它走过结冰的河

接着画：
    故事 = 故事.redo(1)              重画第 2 帧
    故事 = 故事.extend(["它睡着了"])  再加一帧
    夜 = 故事[0].vary("夜里")         以一帧为参考画新的一组
    故事[0].star()                   标出最好的
    %seedream compare 故事[0] 夜[0]   并排对比
    %seedream export 故事 狐狸.pdf    交付

对比多种画法：--vary，提示词里写 {红|蓝}
费用：        先用 --dry-run 看，之后看 %seedream
以前的图：    %seedream history 狐狸，再用 %seedream show 1
出了问题：    %seedream doctor，%seedream retry RUN
不想打字：    %seedream panel

%seedream help 主题：""",
}
_PAGES = {
    "options": ("选项", "every option of a cell", "单元格的全部选项"),
    "commands": ("命令", "every %seedream command", "全部 %seedream 命令"),
    "sweep": ("批量", "many requests as one grid", "多次请求，一张网格"),
    "references": ("参考图", "what --ref takes", "--ref 可以是什么"),
    "export": ("导出", "files for others", "交付给别人的文件"),
}
"""The topics, each also by its Chinese name, and what it is about."""
_TEXTS = {
    "references": (
        """\
--ref takes, each once or several times:
    hero.png  "two words.png"  art/*.png   files
    https://…                              links, fetched without the key
    hero  hero[2]                          a variable: a set, a frame, a PIL image,
                                           an array, bytes, an open file
    run:ID[2]                              a frame of an earlier run, from 0
References and images together are at most 15. --fit scales what is too large.""",
        """\
--ref 可多次使用，可以是：
    hero.png  "两个 词.png"  art/*.png   文件
    https://…                            链接，获取时不带密钥
    hero  hero[2]                        变量：图组、帧、PIL 图像、数组、字节、打开的文件
    run:ID[2]                            以前某次的一帧，从 0 数起
参考图与生成张数合计不超过 15。--fit 缩小超限的图。""",
    ),
    "export": (
        """\
%seedream export RUN FILE, or images.export("FILE"); the ending says what:
    book.pdf    --layout page, spread or sheet; --page-size A4, A5, square, picture …
    book.html   one page with the originals; prints one to a page
    set.zip     originals, captions, what was asked for
    sheet.jpg   a contact sheet; .png too
    play.gif    the frames one after the other
--title T, --author NAME and --no-captions are for .pdf and .html, which tell nothing
of model, price and run without --with-facts.""",
        """\
%seedream export RUN 文件，或 images.export("文件")，由扩展名决定：
    book.pdf    --layout page（一页一帧）、spread（跨页）、sheet（总览）；--page-size A4、A5、square、picture 等
    book.html   一个网页，内含原图；打印时一页一张
    set.zip     原图、说明、请求内容
    sheet.jpg   总览图，也可用 .png
    play.gif    依次播放各帧
--title、--author、--no-captions 用于 .pdf 和 .html；不加 --with-facts 时不含模型、费用和记录编号。""",
    ),
}


def help_page(topic: str, words: Words) -> str:
    """What `%seedream help TOPIC` shows. Raises `InvalidRequest` for a topic that there is none of."""
    chinese = words is CHINESE
    if not topic:
        named = [names[0] if chinese else name for name, names in _PAGES.items()]
        return _START[words.language] + ("、" if chinese else ", ").join(named)
    wanted = topic.lower().removeprefix("--")
    found = next((name for name, names in _PAGES.items() if wanted in {name, names[0]}), None)
    if found in _TEXTS:
        return _TEXTS[found][chinese]
    of_page = {"options": OPTIONS, "sweep": SWEEP_OPTIONS}.get(found or "", ())
    options = of_page or [option for option in OPTIONS if wanted in _names_of(option)]
    commands = [row for row in COMMANDS if found == "commands" or row[0].split()[1:2] == [wanted]]
    rows = [_entry(option, chinese=chinese) for option in options]
    rows += [(typed, of_chinese if chinese else english) for typed, english, of_chinese in commands]
    if rows:
        return _listed(rows)
    known = [*_PAGES, *(names[0] for names in _PAGES.values()), *(field.name for field in FIELDS)]
    near = difflib.get_close_matches(wanted, known, n=1)
    meant = f"did you mean {near[0]}?" if near else f"{', '.join(_PAGES)}."
    raise InvalidRequest(f"There is no help on {topic[:40]!r}: {meant}")


def _names_of(option: Field) -> set[str]:
    """An option by its long names without hyphens, its Chinese one too."""
    flags = [*option.all_flags, *(name for name, flag in CHINESE_FLAGS.items() if flag in option.all_flags)]
    return {option.name, *(flag.lstrip("-") for flag in flags)}


def _entry(option: Field, *, chinese: bool) -> tuple[str, str]:
    """An option as it is typed, and what it means."""
    if not chinese:
        return option.usage, option.english
    names = [name for name, flag in CHINESE_FLAGS.items() if flag in option.all_flags]
    return f"{' / '.join(names)}  {option.usage}", option.chinese


def _listed(rows: list[tuple[str, str]]) -> str:
    """Rows of what is typed, each with its meaning below it."""
    lines = []
    for typed, meaning in rows:
        lines += [typed, *(f"    {line}" for line in textwrap.wrap(meaning, COLUMNS + 16, break_on_hyphens=False))]
    return "\n".join(lines)
