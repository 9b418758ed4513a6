"""The code in an output, which sanitizers must take away whole."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from seedream_magic.view.markup import script, style_sheet

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
