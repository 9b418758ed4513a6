"""The code in an output, which sanitizers must take away whole."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from seedream_magic.view.markup import script, style_sheet, text_lines

VIEW = files("seedream_magic.view")
CODE = [file.name for file in VIEW.iterdir() if file.name.endswith((".css", ".js"))]


@pytest.mark.parametrize("name", CODE)
def test_code_is_one_comment(name: str) -> None:
    """Of a tag that became text, what stands in it is a comment of HTML, which ends where the code ends."""
    html = script(name) if name.endswith(".js") else style_sheet(name)
    code = re.fullmatch(r"<(script|style)>(<!--\n(?s:.*)\n(//)?-->)</\1>", html)
    assert code
    assert re.findall(r"<!--|--!?>|^-?>|<!-$", code[2]) == ["<!--", "-->"]
    assert "<script" not in code[2]
    assert not re.search(r"\n\s*\n", html)


@pytest.mark.parametrize("columns", range(12, 40))
def test_no_line_begins_or_ends_with_a_wrong_sign(columns: int) -> None:
    """A bracket stays with what it holds, a comma with what is before it, an option and a {column} in one piece."""
    text = "参考图（运行 20261129T1618）：填入 {列名}，可写“图注”（--参考图、--无图注），有《名字》的……都行。"
    lines = text_lines(text, columns)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert not any(line[-1] in "（《“" for line in lines)
    assert not any(line[0] in "）》”，、。：；" for line in lines)
    assert all(line.count("{") == line.count("}") for line in lines)
    assert not any(line.endswith(("--", "--无", "--参", "--参考")) for line in lines)
