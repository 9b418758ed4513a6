"""`%seedream help` and the language of what a person reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run, run_cell
from seedream_magic import InvalidRequest
from seedream_magic.api.fields import CHINESE_FLAGS
from seedream_magic.notebook.cell import parse_cell
from seedream_magic.notebook.help import help_page
from seedream_magic.notebook.options import COMMANDS, OPTIONS, usage_of
from seedream_magic.words.clip import text_width
from seedream_magic.words.commands import (
    CHINESE_COMMANDS,
    CHINESE_FOR_A_SET,
    CHINESE_OPTIONS,
    EXAMPLES_OF_A_SET,
    OTHER_WORDS,
)
from seedream_magic.words.language import Language, language_around, told_language

HAN = re.compile("[\u4e00-\u9fff]")


def test_the_first_screen_is_one_screen_of_one_language() -> None:
    """At most 32 lines of 80 columns, its cells can be pasted, and it names redo, vary, extend, compare and export."""
    english, chinese = help_page("", "en"), help_page("", "zh")
    for page in (english, chinese):
        lines = page.splitlines()
        assert len(lines) <= 32
        assert all(len(line) + len(HAN.findall(line)) <= 80 for line in lines)
        assert all(word in page for word in ("redo", "vary", "extend", "compare", "export"))
        cells = re.findall(r"^    %%seedream(.*)\n    (.*)$", page, re.MULTILINE)
        assert next(parse_cell(line, body).name for line, body in cells) is None
    assert not HAN.search(english)
    assert HAN.search(chinese)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_option_and_command_has_its_help(language: Language) -> None:
    """In the page of all, and by its name alone."""
    options, commands = help_page("options", language), help_page("commands", language)
    for option in OPTIONS:
        names = [name for name, flag in CHINESE_FLAGS.items() if flag in option.all_flags] if language == "zh" else []
        assert all(name in options for name in (*names, option.flag))
        assert usage_of(option.usage, language) in help_page(option.flag, language)
    for typed, *_ in COMMANDS:
        assert usage_of(typed, language) in commands
    pages = commands + help_page("export", language)
    named = dict(reversed((*CHINESE_COMMANDS.items(), *CHINESE_OPTIONS.items()))) if language == "zh" else {}
    assert all(name in pages for name in {meant: name for name, meant in named.items()}.values())
    assert bool(HAN.search(options)) is (language == "zh")
    assert len(options.splitlines()) <= 40
    assert all(text_width(line) <= 80 for line in options.splitlines())
    assert language == "en" or not re.search(r"\b(RUN|PATH|NAME|TOPIC|WORDS|FOLDER)\b", commands + options)


def test_a_topic_that_is_none_names_one() -> None:
    with pytest.raises(InvalidRequest, match=r"did you mean export\?"):
        help_page("exprot", "en")
    assert "2K" in help_page("尺寸", "zh")
    assert help_page("costs", "en") == help_page("cost", "en")


@pytest.mark.parametrize("word", sorted(EXAMPLES_OF_A_SET))
def test_what_a_set_is_asked_for_is_explained(shell: InteractiveShell, word: str) -> None:
    """People look for it in the help, and type it as a command."""
    page = help_page(word, "en")
    assert f".{word}(" in page
    assert max(map(text_width, page.splitlines())) <= 85
    refused = run_cell(shell, f"%seedream {word} story 1")[1]
    assert f".{word}(" in refused
    assert f"%seedream help {word}" in refused


@pytest.mark.parametrize(("word", "method"), sorted(CHINESE_FOR_A_SET.items()))
def test_what_a_set_is_asked_for_has_a_chinese_name(shell: InteractiveShell, word: str, method: str) -> None:
    """The nearest command by its letters is another one: 重试 is none of 重画."""
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    refused = run_cell(shell, f"%seedream {word} 故事")[1]
    assert f".{method}(" in refused
    assert f"%seedream help {word}" in refused
    assert "story" not in refused
    assert f".{method}(" in help_page(word, "zh")


def test_the_topics_are_listed_and_words_of_other_programs_understood(shell: InteractiveShell) -> None:
    assert "storyboard" in help_page("topics", "en")
    assert "did you mean %seedream purge?" in run_cell(shell, "%seedream delete story")[1]
    for command in ("draw a fox", "画图", "生成 一只狐狸"):  # the nearest command by its letters is another one
        refused = run_cell(shell, f"%seedream {command}")[1]
        assert "To draw, write %%seedream" in refused
        assert "did you mean" not in refused
    for command in ("cost", "花费", "账单"):
        assert "%seedream alone tells what was billed" in run_cell(shell, f"%seedream {command}")[1]
    for typed, set_by in (
        ("size 3K", "Write %%seedream --size or %config SeedreamMagics.size = …"),
        ("尺寸 3K", "Write %%seedream --size or %config SeedreamMagics.size = …"),
        ("ref hero", "Write %%seedream --ref."),
        ("lang zh", '%config SeedreamMagics.language = "zh"'),
        ("语言 中文", '%config SeedreamMagics.language = "zh"'),
        ("English", '%config SeedreamMagics.language = "en"'),
        ("max_images_per_run 4", "%config SeedreamMagics.max_images_per_run = …"),
    ):
        assert set_by in run_cell(shell, f"%seedream {typed}")[1]
    commands = {row[0].split()[-1 if row[0] == "%seedream" else 1] for row in COMMANDS}
    assert {CHINESE_COMMANDS.get(meant, meant) for meant in OTHER_WORDS.values()} <= commands


@pytest.mark.parametrize(
    "topic", ["费用", "价格", "分镜", "故事板", "历史", "导出", "参考图", "批量", "命令", "对比", "组图", "重画"]
)
def test_a_topic_has_its_page_in_chinese(shell: InteractiveShell, topic: str) -> None:
    """As people call it, and the commands by the names that the help gives them."""
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    error, page, _ = run_cell(shell, f"%seedream help {topic}")
    assert error is None
    assert HAN.search(page)
    assert max(map(text_width, page.splitlines())) <= 80


def test_an_option_of_the_doctor_is_no_code(shell: InteractiveShell) -> None:
    """What begins with a dash is an option, and there is one."""
    assert "has no option '--network': it takes --probe." in run_cell(shell, "%seedream doctor --network")[1]
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    assert "%seedream 体检 没有选项 '--联网'" in run_cell(shell, "%seedream 体检 --联网")[1]


@pytest.mark.parametrize(
    ("asked", "page"),
    [("--help", ""), ("-h", ""), ("history --help", "history"), ("export -h", "export"), ("历史 --帮助", "历史")],
)
def test_a_command_is_asked_for_its_help_as_in_other_programs(shell: InteractiveShell, asked: str, page: str) -> None:
    """It is not run, and no other option is taken for the one that was meant."""
    assert run(shell, f"%seedream {asked}") == run(shell, f"%seedream help {page}")
    assert run(shell, f"%seedream {asked}")[0] is None


def test_the_commands_have_chinese_names(shell: InteractiveShell) -> None:
    """And their options; another word names the one that was probably meant."""
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    assert run(shell, "%seedream 历史 --本地 ") == run(shell, "%seedream history --here")
    assert "是想写 %seedream 历史 吗" in run_cell(shell, "%seedream 历吏")[1]
    assert "是想写 %seedream 历史记录 吗" in run_cell(shell, "%seedream 历史记")[1]


def test_the_docstring_of_the_magic_is_of_one_language(shell: InteractiveShell) -> None:
    """`%%seedream?` asks for it each time: it follows the setting."""
    for language in ("en", "zh"):
        shell.run_cell(f"%config SeedreamMagics.language = '{language}'")
        told = shell.object_inspect("%%seedream")["docstring"]
        assert "--response-format" in told
        assert bool(HAN.search(told)) is (language == "zh")


def test_the_language_is_that_of_the_setting_the_variable_or_the_system(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order; where none names one, pictures speak the language of their prompt and the rest English.

    That of the system is found once: a cell that sets LANG for another program does not switch it.
    """
    assert told_language() is None
    assert not HAN.search(run(shell, "%seedream help")[1])
    assert "计费" in run_cell(shell, "%%seedream\n一只狐狸")[2][-1]["data"]["text/html"]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert told_language() is None
    language_around.cache_clear()
    assert told_language() == "zh"
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert told_language() == "zh"
    monkeypatch.setenv("SEEDREAM_LANG", "en")
    assert told_language() == "en"
    shell.run_cell("%config SeedreamMagics.language = 'zh'")
    assert HAN.search(run(shell, "%seedream help")[1])
    html = shell.run_cell("_seedream").result._repr_html_()
    assert "计费" in html
    shell.run_cell("%config SeedreamMagics.language = 'en'")
    assert not HAN.search(shell.run_cell("_seedream").result._repr_html_().replace("一只狐狸", ""))


@pytest.mark.parametrize(
    ("told", "language"),
    [
        ('{"userLocale":"zh-cn","osLocale":"en-us","resolvedLanguage":"en","locale":"zh-cn"}', "zh"),
        ('{"locale":"zh-tw","availableLanguages":{"*":"zh-tw"}}', "zh"),
        ('{"userLocale":"en-us"}', "en"),
        ('{"userLocale":"fr"}', None),  # read by nobody here: the pictures speak the language of their prompt
        ('["zh-cn"]', "en"),  # not as it is known: the system's
        pytest.param("[" * 99_999, "en", id="deep"),
        ("zh-cn", "en"),
    ],
)
def test_a_kernel_of_vs_code_speaks_its_language(
    monkeypatch: pytest.MonkeyPatch, told: str, language: Language | None
) -> None:
    """Its kernels inherit what it tells its own extensions."""
    monkeypatch.setenv("VSCODE_NLS_CONFIG", told)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert told_language() == language


@pytest.mark.parametrize(
    ("settings", "language"),
    [
        (
            '{\n    // Language locale\n    // "locale": "en",\n    "locale": "zh_CN",\n}',
            "zh",
        ),
        ('{"displayLanguagePrompt": false, "locale": "zh_TW"}', "zh"),
        ('{"locale": "en"}', "en"),
        ('{"locale": "default"}', None),
        ("{}", None),
    ],
)
def test_a_kernel_of_jupyterlab_speaks_the_language_that_was_chosen_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: str, language: Language | None
) -> None:
    """The server's settings lie in its user's home folder, which its kernels share; a terminal's IPython does not."""
    folder = tmp_path / "lab" / "user-settings" / "@jupyterlab" / "translation-extension"
    folder.mkdir(parents=True)
    (folder / "plugin.jupyterlab-settings").write_text(settings, encoding="utf-8")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    assert told_language() is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "fox.ipynb"))
    language_around.cache_clear()
    assert told_language() == language


@pytest.mark.parametrize("kind", ["pipe", "folder", "huge", "no text"])
def test_what_lies_in_place_of_jupyterlab_s_settings_names_no_language(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Nor is it waited for: each first message of a kernel asks for the language."""
    file = tmp_path / "@jupyterlab" / "translation-extension" / "plugin.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    if kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes in folders here")
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"\n" * 2**21 if kind == "huge" else b"\xff\xfe")
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "fox.ipynb"))
    language_around.cache_clear()
    assert told_language() is None
