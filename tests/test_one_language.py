"""Everything that a person reads in a notebook is in one language: that of the setting."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import join_runs, run_cell

HAN = re.compile("[\u3400-\u9fff]")
NEVER_WORDS = re.compile(
    r"`[^`]*`|https?://\S+|\S*/\S+|--?[\w-]+|[\w.]*[_.\d][\w.-]*|%{1,2}\w+(?: [a-z]+)?|\{[^{}]*\}|\"[^\"]*\"|'[^']*'"
)
"""Code, links, paths, options, ids, file names, commands, what stands in braces or in quotes."""
ENGLISH = re.compile(r"(?<![\w-])[a-z]{2,} [a-z]{2,}\b(?![-\w])|[a-z]{3,}\.$")
OF_OTHERS = re.compile(
    r"(?:python|brotli|filelock|httpx|ipython|ipywidgets|nest-asyncio|packaging|pillow|platformdirs|tqdm|truststore)"
    r"|jpeg png|curl|The request failed because"
)
"""Versions of packages, formats, what a dry run shows to be pasted, the service's words."""

LINES = [
    "%seedream", "%seedream use demo", "%seedream use", "%seedream use nobody", "%seedream key",
    "%seedream key sk-1", "%seedream models", "%seedream models zebra", "%seedream history",
    "%seedream history 2020", "%seedream show latest", "%seedream show 9", "%seedream show zebra",
    "%seedream recover", "%seedream retry latest", "%seedream stop", "%seedream retry",
    "%seedream retry 1 --all", "%seedream gallery --since never", "%seedream gallery --x", "%seedream compare",
    "%seedream compare zebra", "%seedream compare pair[0] pair[1]", "%seedream export",
    "%seedream export pair a.xyz", "%seedream export pair a.zip", "%seedream purge latest", "%seedream purge",
    "%seedream library", "%seedream library scan", "%seedream library --scan",
    "%seedream library --scan nowhere", "%seedream doctor", "%seedream doctor zebra", "%seedream doctor 429",
    "%seedream doctor 503", "%seedream doctor ServerOverloaded", "%seedream help", "%seedream help zebra",
    "%seedream histroy", "%seedream zebra", "%seedream -n 4", "%seedream panel zebra",
    *(f"%seedream help {topic}" for topic in ("options", "commands", "sweep", "references", "export", "size")),
    "%config SeedreamMagics.max_images_per_day = 3\n%seedream", "%config SeedreamMagics.max_images_per_day = None",
]  # fmt: skip
CELLS = [
    ("--dry-run", "{}"), ("--dry-run -n 4 -r 16:9 -s 2K", "{}"), ("-n 0", "{}"), ("-n 16", "{}"), ("-s 5K", "{}"),
    ("-s 16:9", "{}"), ("-s 100x100", "{}"), ("-s 9000x9000", "{}"), ("-r 17:1", "{}"), ("-r x", "{}"),
    ("-m ''", "{}"), ("--take 0", "{}"), ("--timeout -5", "{}"), ("--show x", "{}"), ("--extra 7", "{}"),
    ('--extra \'{"size": 1}\' -s 2K', "{}"), ("--sise 2K", "{}"), ("--seed 7", "{}"), ("--steps 7", "{}"),
    ("--width 7", "{}"), ("--watermark off", "{}"), ("--stream=yes", "{}"), ("-n", "{}"), ("'x", "{}"),
    ("hero <", "{}"), ("print <<", "{}"), ("4x <<", "{}"), ("for <<", "{}"), ("pair << --out other", "{}"),
    ("--provider nobody", "{}"), ("--ref nowhere.png", "{}"), ("--ref zebra", "{}"), ("--ref pair[9]", "{}"),
    ("--ref pair.zebra", "{}"), ("--ref zebra()", "{}"), ("--ref four", "{}"), ("--ref a b.png", "{}"),
    ("-m doubao-sedream-4-5", "{}"), ("-m doubao-seedream-5-0-pro-260628 -n 2", "{}"), ("--sample 3", "{}"),
    ("--vary --show carousel", "{{a|b}} {}"), ("--vary --dry-run", "{{a|b}} {}"), ("--xy size=2K", "{}"),
    ("--repeat 2 --fresh", "{}"), ("", ""), ("", "---\n---"), ("", "f'{}'"), ("", "-n 4\n{}"),
    ("", "%seedream help\n{}"), ("--dry-run", "{{zebra}} {}"), ("--dry-run", "print('{}')"),
    ("--quiet", "{}, refuse 1"), ("", "{}"), ("-n 2 --bg", "{}"),
]  # fmt: skip
PROMPTS = {"en": "a fox in the snow", "zh": "雪地里的狐狸"}


def texts_of(shell: InteractiveShell, cell: str) -> list[str]:
    """The lines that a cell shows, as text and as HTML."""
    _, printed, outputs = run_cell(shell, cell)
    shown = [printed]
    for output in outputs:
        data = output["data"]
        page = re.sub(r"(?s)<(style|script)\b.*?</\1>|<!--.*?-->", "", data.get("text/html", ""))
        shown += [data.get("text/plain", ""), html.unescape(re.sub(r"<[^>]+>", "\n", page))]
    return [line for text in shown for line in text.splitlines() if line.strip()]


def in_other_language(line: str, language: str) -> bool:
    """Whether a line has words of the other language: Chinese letters, or two English words in a row."""
    if language == "en":
        return bool(HAN.search(line))
    return bool(ENGLISH.search(NEVER_WORDS.sub("§", line))) and not OF_OTHERS.search(line)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_a_notebook_says_is_in_the_language_of_the_setting(
    ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch, store: Path, language: str
) -> None:
    """Every command, topic of the help, a dry run, many cells that fail, a set that is drawn, by the demo."""
    monkeypatch.setenv("SEEDREAM_LANG", language)
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    monkeypatch.setattr("seedream_magic.api.key_stores._keyring", lambda: None)
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    ip.run_cell("%load_ext seedream_magic\nfour = 4")
    wrong = [
        f"%%seedream?: {line}"
        for line in ip.object_inspect("%%seedream")["docstring"].splitlines()
        if in_other_language(line, language)
    ]
    prompt = PROMPTS[language]
    none = [
        "%seedream history",
        "%seedream history --here --starred",
        "%seedream gallery",
        "%seedream gallery --starred",
    ]
    first = [*none, f"%%seedream\n{prompt} 0", "%seedream", "%seedream doctor", "%seedream key", "%seedream use demo"]
    drawn = f"%%seedream pair << -n 2\n{prompt}"
    cells = [f"%%seedream {line}\n{body.format(f'{prompt} {number}')}" for number, (line, body) in enumerate(CELLS)]
    for cell in (*first, drawn, *LINES, *cells, "%unload_ext seedream_magic"):
        other = [line for line in texts_of(ip, cell) if in_other_language(line, language)]
        wrong += [f"{cell!r}: {line[:240]}" for line in other]
    join_runs()
    assert not wrong, "\n".join(dict.fromkeys(wrong))
