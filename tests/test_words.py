"""Every text that a person reads stands once, in both languages, in `seedream_magic/words/`."""

from __future__ import annotations

import ast
import json
import pickle
import re
import string
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from asking import data
from raw_server import RawServer, Reply
from seedream_magic import ApiError, ImageLinkExpired, InvalidRequest, Seedream
from seedream_magic.api.redaction import clean_text
from seedream_magic.words import errors as error_words
from seedream_magic.words.language import choose_language
from seedream_magic.words.text import Sentence, Text, as_stored, from_stored, in_language, join
from service import PICTURE, POST

PACKAGE = Path(__file__).resolve().parent.parent / "seedream_magic"
CATALOGUE = PACKAGE / "words"

HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
HALF_WIDTH = re.compile("[\u3400-\u9fff][,;:!?()]|[,;!?()][\u3400-\u9fff]|[\u3400-\u9fff]\\.(?!\\w)")
TOUCHING = re.compile("[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]")
TWO_WORDS = re.compile(r"(?<![\w.\-/%$#{])[A-Za-z][a-z']+[,;:.]? (?:[a-z']+\b|\{)")


def texts() -> Iterator[tuple[str, Text]]:
    """Every text of the catalogue by its code."""
    for file in sorted(CATALOGUE.glob("*.py")):
        module = import_module(f"seedream_magic.words.{file.stem}") if file.stem != "__init__" else None
        for name, value in vars(module).items() if module else ():
            if isinstance(value, Text):
                yield f"{file.stem}.{name}", value


TEXTS = dict(texts())


def fields(words: str) -> set[str]:
    """The names of the facts in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name not in {None, "own_run"}}


def faults(text: Text) -> Iterator[str]:
    """What is wrong with a text."""
    english, chinese = (re.sub(r"\{[^}]*\}", "", words) for words in (text.english, text.chinese))
    if fields(text.english) != fields(text.chinese):
        yield "one language names facts that the other does not"
    if not text.english.strip() or HAN.search(english):
        yield "its English is none"
    if not HAN.search(chinese) and TWO_WORDS.search(english):
        yield "its Chinese is none"
    chinese = chinese.replace("宽x高", "宽")  # as it is typed
    if HALF_WIDTH.search(chinese):
        yield "a sign of half width beside a Chinese letter"
    if TOUCHING.search(chinese):
        yield "no blank between Chinese and Latin letters"
    if re.search(r"\{\w+:[a-z]{2}", text.chinese):
        yield "an English plural in Chinese"


def test_a_text_is_whole_in_both_languages() -> None:
    """Of the same facts; Chinese with its own letters and signs, English without them; none stands twice."""
    found = [f"{code}: {fault}" for code, text in TEXTS.items() for fault in faults(text)]
    assert not found, "\n".join(found)
    twice = [code for code, text in TEXTS.items() if [*TEXTS.values()].count(text) > 1]
    assert not twice


OTHER_WORDS = {
    "组图": "图组", "逐张接收": "流式", "网格": "宫格", "分镜": "故事板", "跨页": "对开", "总览": "拼图",
    "图库": "取自本地|已在本地", "运行": "条记录|次记录", "版": "第几组|第 K 组", "标头": "请求头", "比例": "宽高比",
    "重新生成": r"--fresh[^，。；]*重画|--重画", "衍生": "复制变体|这个变体", "图注": "中文说明", "图片墙": "画廊",
    "补下载": "只取回|可取回",
}  # fmt: skip
"""The word for a thing, and what it is not called."""
IN_CONTEXT = {"Frames", "Options", "set", "{first}, {then}"}
"""English that is two things: a column and a strip, a button and a heading, the unit of a batch, two ways to list."""


def test_chinese_has_one_word_for_each_thing() -> None:
    """As `words/__init__.py` lists them; and one Chinese for each English, wherever it is said."""
    wrong = [
        f"{code}: {found[0]}, which is {word}"
        for code, text in TEXTS.items()
        for word, others in OTHER_WORDS.items()
        if (found := re.search(others, text.chinese))
    ]
    assert not wrong, "\n".join(wrong)
    assert all(word in (CATALOGUE / "__init__.py").read_text("utf-8") for word in OTHER_WORDS)
    said: dict[str, set[str]] = {}
    for text in TEXTS.values():
        said.setdefault(text.english, set()).add(text.chinese)
    assert not {english: ways for english, ways in said.items() if len(ways) > 1 and english not in IN_CONTEXT}


# Literals that no person reads as our words, by module: patterns of what others say or write, SQL, a style sheet.
NOT_READ = {
    "notebook/panel/key_entry.py": r"^%seedream key ",  # what is run
    "api/client.py": r"^Bearer ",
    "api/credentials.py": r"^<|not pickled",  # what Python shows of them
    "api/network_errors.py": r"^not yet valid$|^Connect call failed$",  # what TLS and asyncio say
    "api/live_models.py": r"^Bearer ",
    "api/redaction.py": r"^\(a record that cannot",  # for who debugs
    "api/retry.py": r"^A decision needs",  # for who calls it
    "api/refusal.py": r"[\\\[?]",  # patterns
    "api/gateways.py": r"also failed$|无可用|用户额度|^Invalid model|^Budget has",  # what gateways write
    "api/plan.py": r"^<Plan |^stored as |^not stored$|^curl |^-H ",  # Python's and the shell's
    "api/request.py": r"has no attribute",  # Python's words
    "api/references/reference.py": r"^<Reference ",  # what Python shows of it
    "seedream.py": r"^<Seedream ",
    "images/cards.py": r"^%seedream |^  # ",  # what is typed
    "api/codes.py": r"[\\(|]|^(input|output) (text|image)$|^may |^includes |^(API key|via Model|service enc)|^\{\} the",
    # what the service says
    "images/record.py": r"^Literal",
    "images/response.py": r"characters of base64|, no\.",  # what the record has in place of a picture
    "history.py": r"^SELECT ",
    "library.py": r"^SELECT ",
    "images/image_set.py": r"^(<(Frame|ImageSet)|%seedream) ",  # what Python shows of them, what is typed
    "__init__.py": r"^module \{\} has no",  # Python's words
    "api/fields.py": r"^--",  # options as they are typed in Chinese
    "api/values.py": r"^\S{1,6}$",  # shapes and values as well
    "api/shapes.py": r"no error|成功",  # what gateways write
    "database.py": r"^(CREATE|SELECT|INSERT|UPDATE|DELETE|max\()|^no such $",
    "batch/mapping.py": r"^<|^, of them \{\} not sent again",  # what Python shows of a batch
    "demo/__main__.py": r"^  curl |^\{\"model",  # what is typed
    "demo/jobs.py": r"",  # what the service answers
    "demo/service.py": r"",  # the same
    "demo/canvas.py": r"^[0-9a-f ]+$",
    "demo/landscape.py": r"^\w+ (\{\}|woods)$",  # what a random number is for
    "demo/painter.py": r"",  # shapes
    "demo/prompts.py": r"",  # what the demo understands
    "notebook/actions.py": r"^%seedream ",
    "view/lettering.py": r"",  # names of fonts
    "images/search.py": r"",  # what is typed to search by
    "sweep/make_axes.py": r"^vary \{\}$",  # axes as code names them
    "sweep/sweep.py": r"^<Sweep ",  # what Python shows of it
    "view/markup.py": r"^padding:",
    "view/page.py": r"^(default-src|light dark|<)",  # what a browser reads
    # metadata of a file, in English always
    "view/provenance.py": r"^<\?xpacket|^\n   <dc:|^Generated by AI\nModel:|^\n(Date|Prompt):",
}


def sentences(source: str, not_read: str = "^$") -> Iterator[str]:
    """The literals of a module that read as a sentence, each with its line: two words or more, or Chinese letters.

    Not docstrings, nor patterns, nor what the log says to who debugs.
    """
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"re.compile", "LOG.debug", "word_set"}:
            skipped.update(id(inner) for inner in ast.walk(node))
        elif isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in skipped:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            skipped.update(map(id, parts))
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            text = isinstance(node, ast.JoinedStr) or isinstance(node.value, str)
            if text and (HAN.search(words) or TWO_WORDS.search(words)) and not re.search(not_read, words):
                yield f"{node.lineno}: {words[:80]!r}"


def test_no_sentence_stands_outside_the_catalogue() -> None:
    """Each module takes what a person reads from `words/`."""
    sources = {file.relative_to(PACKAGE).as_posix(): file for file in PACKAGE.rglob("*.py")}
    found = {
        name: [*sentences(file.read_text("utf-8"), NOT_READ.get(name, "^$"))]
        for name, file in sources.items()
        if not name.startswith("words/")
    }
    wrong = [f"{name}:{line}" for name, lines in found.items() for line in lines]
    assert not wrong, "\n".join(wrong)


NOT_LISTED_FOR_PEOPLE = {
    "history.py", "library.py",  # SQL
    "images/index.py", "view/grid_sheet.py",  # what a record and a file hold, in no language
    "api/encoding.py", "api/refusal.py", "demo/jobs.py",  # what HTTP and the service say
    "sweep/make_axes.py",  # a label, which code names
    "api/gateways.py",  # Python
    "notebook/options.py",  # both languages beside one another
}  # fmt: skip


def test_what_is_listed_has_the_commas_of_the_language() -> None:
    """`enumeration` and `Words.listed` set names and values in a row; a comma joins what no person reads."""
    joined = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if '", ".join(' in file.read_text("utf-8") and file.parent != CATALOGUE
    }
    assert joined <= NOT_LISTED_FOR_PEOPLE


def test_every_text_is_told_with_its_facts() -> None:
    """A call of a text of the catalogue names the facts that stand in it, and no others."""
    wrong = []
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        known = dict(imported(tree))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
                continue
            called = ast.unparse(node.func).removesuffix(".in_language")
            module, _, name = called.rpartition(".")
            code = f"{known[module]}.{name}" if module in known else known.get(called, "")
            if code in TEXTS and {keyword.arg for keyword in node.keywords} != fields(
                TEXTS[code].english + TEXTS[code].chinese
            ):
                wrong.append(f"{file.relative_to(PACKAGE)}:{node.lineno} {called}")
    assert not wrong, "\n".join(wrong)


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What a module names of the catalogue: a module of it, or the code of a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("seedream_magic.words"):
            area = node.module.removeprefix("seedream_magic.words").lstrip(".")
            for name in node.names:
                yield name.asname or name.name, f"{area}.{name.name}".lstrip(".")


LEFT = Text("{left:picture} of {name} left.", "{name} 还有 {left} 张。")


def test_a_sentence_is_told_in_the_language_of_who_reads() -> None:
    """A number of things is counted as English does; a sentence within another follows it into the other language."""
    assert [LEFT(left=left, name="a") for left in (1, 2)] == ["1 picture of a left.", "2 pictures of a left."]
    both = join(LEFT(left=1, name="a {b}"), "", "The service's own.", error_words.NOT_BILLED())
    assert both == "1 picture of a {b} left. The service's own. Not billed."
    assert in_language(both, "zh") == "a {b} 还有 1 张。The service's own. 未计费。"
    assert in_language("As it came.", "zh") == "As it came."
    choose_language("zh")
    assert LEFT(left=1, name="a") == "a 还有 1 张。"
    assert ApiError("No.", request_id="7").lines()[1:] == [
        "未计费。",
        "可凭请求 id 向服务商客服了解详情。（请求 id 7）",
    ]
    assert InvalidRequest("坏。").lines() == ["InvalidRequest: 坏。未发送请求。"]


def test_a_record_holds_what_was_said_and_not_in_which_language() -> None:
    """Its JSON is read in today's language; what it cannot say anew is read as it was said, made harmless."""
    said = join(error_words.SAVED(count=3, folder="runs"), "A\x1b[31m gateway's.", error_words.NOT_BILLED())
    stored = json.loads(json.dumps(as_stored(said)))
    assert from_stored(stored, clean_text) == "Saved: 3 pictures in runs. A [31m gateway's. Not billed."
    choose_language("zh")
    assert from_stored(stored, clean_text) == "已保存 3 张图片：runs。A [31m gateway's. 未计费。"
    odds: tuple[dict[str, object], ...] = (
        {"code": "runs.NO_SUCH_TEXT"},
        {"facts": {"count": {}}},
        {"facts": []},
        {"code": "os.path"},
        {"code": 1},
    )
    for odd in odds:
        assert from_stored({**stored, **odd}, clean_text) == clean_text(said), odd
    assert from_stored("An old\x00note.", clean_text) == "An old note."
    assert as_stored(LEFT(left=1, name="a")) == "a 还有 1 张。"


def test_an_old_run_speaks_the_language_of_whoever_opens_it(seedream: Seedream, server: RawServer) -> None:
    """Its notes, the error of a picture that did not come and what to do, in text and on its cards."""
    server._scenario = {POST: lambda request: data(request, 0, 1), PICTURE: lambda request: Reply(404)}
    with pytest.raises(ImageLinkExpired, match="no longer served"):
        seedream.generate("一只狐狸 by a lake", images=3, stream=False)
    (run_id,) = [entry.run_id for entry in seedream.history()]
    english = seedream.show(run_id)
    assert english.notes[-1] == f"The service made 2 of 3 images; %seedream retry {run_id} asks for the rest."
    assert "图片链接已无法访问（HTTP 404）。" in english._repr_html_(), "beside a Chinese prompt"
    choose_language("zh")
    chinese = seedream.show(run_id)
    assert chinese.notes[-1] == f"服务只生成了 3 张中的 2 张；%seedream retry {run_id} 可补齐其余。"
    error = chinese[0].error
    assert error is not None
    assert error.lines() == [
        "ImageLinkExpired: 图片链接已无法访问（HTTP 404）。",
        "已生成的会计费；没有重复请求。",
        f"链接有效期内，%seedream recover {run_id} 也许能补下载；%seedream retry {run_id} 会重新请求并计费。",
    ]
    choose_language("en")
    assert "link is no longer served (HTTP 404)." in seedream.show(run_id)._repr_html_()


def test_a_pickled_sentence_is_one_still() -> None:
    """Errors cross processes with what they said."""
    said = error_words.SAVED_ONE(path="a.jpg")
    again = pickle.loads(pickle.dumps(said))
    assert isinstance(again, Sentence)
    assert (again, in_language(again, "zh")) == (said, "已保存：a.jpg。")


def test_sentences_stand_apart_as_each_language_sets_them() -> None:
    """No blank beside a sign of full width; dots at the end of an English sentence are none."""
    name = Text("A name is one word: {name} << …", "名字不能有空格：{name} << …")
    assert join(name(name="my_set"), error_words.NOTHING_SENT()) == "A name is one word: my_set << … Nothing was sent."
    choose_language("zh")
    assert join(name(name="my_set"), error_words.NOTHING_SENT()) == "名字不能有空格：my_set << …未发送请求。"
