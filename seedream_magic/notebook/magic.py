"""How the extension is loaded: `%%seedream` and `%seedream` become known to a shell.

What they do is loaded when they are first used, so that `%load_ext` takes no time that anybody feels.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from seedream_magic.loading import uncollected
from seedream_magic.notebook.comm import register_actions, unregister_actions
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.settings import Settings
from seedream_magic.notebook.tab import register_completion, unregister_completion

_TYPED_MAGIC = re.compile(r"\s*(?:%%|％[%％]|%％)[ \t]?seedream(?![a-z0-9_])", re.IGNORECASE)
_TYPED_COMMAND = re.compile(r"[%％][ \t]?seedream(?![a-z0-9_])", re.IGNORECASE)
_ASSIGNED_MAGIC = re.compile(r"\s*[^\W\d]\w*\s*=\s*[%％]{2}\s?seedream(?![a-z0-9_])", re.IGNORECASE)


def _help_text() -> str:
    from seedream_magic.notebook.options import help_text  # noqa: PLC0415 - load time

    return help_text()


@magics_class
class SeedreamMagics(Magics, Settings):
    """Settings of the notebook; each stands for an option that a cell does not give. None leaves it to the rest."""

    def __init__(self, shell: InteractiveShell, **settings: Any) -> None:
        super().__init__(shell, **settings)
        before = _find_magics(shell)
        self.desk: Desk = Desk(shell, self, before.desk.session if before else None)

    @no_var_expand
    @line_cell_magic("seedream")  # type: ignore[arg-type] # IPython types its decorators for functions without self
    def seedream(self, line: str, cell: str | None = None) -> None:
        """Draw the prompt below, or run a command; `getdoc` is its help."""
        if cell is None:
            with uncollected():
                from seedream_magic.notebook.commands import run_command  # noqa: PLC0415 - load time

            run_command(self.desk, line)
        else:
            with uncollected():
                from seedream_magic.notebook.draw import draw_cell  # noqa: PLC0415 - load time

            draw_cell(self.desk, line, cell)

    # `%%seedream?` asks for it: in the language of now, and loaded when it is asked for.
    seedream.getdoc = _help_text  # type: ignore[assignment] # IPython types its decorators for functions without self


def with_body(lines: list[str]) -> list[str]:
    """Make of a cell that was meant to be drawn one that is.

    A cell of one line `%%seedream …` gets an empty body: without one IPython answers, and points the wrong way.
    Full-width signs in front of the name, as a Chinese keyboard types them, are plain ones, and a blank parts it from
    Chinese right behind it; so in a command. Comments above a cell go. Where code stands above it, or `name =` before
    it, which IPython takes for a fault of Python, the command says so.
    """
    first = next((place for place, line in enumerate(lines) if line.strip() and line.lstrip()[:1] != "#"), len(lines))
    if first < len(lines) and _TYPED_MAGIC.match(lines[first]):
        lines = [_plain(_TYPED_MAGIC, "%%seedream", lines[first]), *lines[first + 1 :]]
    elif _is_misplaced(lines[first:]):
        return ["%seedream %%seedream\n"]
    elif not "".join(lines[first : first + 1]).startswith("%%"):
        return _with_plain_commands(lines)
    filled_lines = [line for line in lines if line.strip()]
    if (
        len(filled_lines) == 1
        and re.match(r"%%seedream(\s|$)", filled_lines[0])
        and not filled_lines[0].rstrip().endswith("?")
    ):
        return [filled_lines[0].rstrip("\n") + "\n", "\n"]
    return lines


def _plain(typed: re.Pattern[str], name: str, line: str) -> str:
    """A line whose magic is named as IPython knows it; a line that does not begin with it stays as it is."""
    match = typed.match(line)
    if match is None:
        return line
    rest = line[match.end() :]
    if rest.strip() == "？":
        return f"{name}?{rest[-1:].strip('？')}"
    return f"{name}{'' if rest[:1].isascii() else ' '}{rest}"


def _with_plain_commands(lines: list[str]) -> list[str]:
    """Lines whose commands IPython knows: it takes no `％seedream 历史`, and `%seedream历史` for another magic."""
    plain = [_plain(_TYPED_COMMAND, "%seedream", line) for line in lines]
    for place, typed in enumerate(lines):
        if typed != plain[place] and _parsed(lines[:place]) is None:  # in a string, or in brackets
            plain[place] = typed
    return plain


def _parsed(lines: list[str]) -> list[ast.stmt] | None:
    """The statements of Python in lines, commands such as %load_ext among them; None where these are not whole."""
    try:
        return ast.parse("".join(re.sub(r"^[%％!].*", "pass", line) for line in lines)).body
    except (SyntaxError, ValueError):
        return None


def _is_misplaced(lines: list[str]) -> bool:
    """Whether code that is whole stands above a line `%%seedream`, which is in no string of it then."""
    if not lines or lines[0].startswith("%%"):
        return False
    if _ASSIGNED_MAGIC.match(lines[0]):
        return True
    place = next((place for place, line in enumerate(lines) if _TYPED_MAGIC.match(line)), 0)
    return place > 0 and bool(_parsed(lines[:place]))


# IPython passes over such a transform while a cell is still being typed (`TransformerManager.check_complete`, 7.17 and
# later). With a body already there, Enter after the first line would run the cell in a terminal.
with_body.has_side_effects = True  # type: ignore[attr-defined] # functions take attributes; mypy does not know it


def register(shell: InteractiveShell) -> None:
    """Make `%%seedream` and `%seedream` known to a shell; again after a reload, with fresh settings."""
    _take_out(shell)
    magics = SeedreamMagics(shell)
    shell.register_magics(magics)
    magics.desk.open()
    register_actions(magics.desk)
    register_completion(shell)
    shell.input_transformers_cleanup.insert(0, with_body)


def unregister(shell: InteractiveShell) -> None:
    """Take the magics out again. Runs in the background go on: they are paid for, and their pictures are saved."""
    _take_out(shell)
    magics = _find_magics(shell)
    runs = len(magics.desk.session.background) if magics else 0
    if runs:
        from seedream_magic.words.commands import RUNS_GO_ON  # noqa: PLC0415 - load time

        print(RUNS_GO_ON(runs=runs))  # noqa: T201 - who unloads it sees them nowhere else


def _find_magics(shell: InteractiveShell) -> SeedreamMagics | None:
    """The magics that a shell had last, also after they were taken out: their session is the shell's."""
    magics: SeedreamMagics | None = shell.magics_manager.registry.get(SeedreamMagics.__name__)
    return magics


def _take_out(shell: InteractiveShell) -> None:
    magics = _find_magics(shell)
    if magics is not None:
        magics.desk.close()
        unregister_actions(magics.desk)
    unregister_completion(shell)
    cleanup = shell.input_transformers_cleanup
    cleanup[:] = [transform for transform in cleanup if getattr(transform, "__name__", "") != with_body.__name__]
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("seedream", None)
    name = SeedreamMagics.__name__
    shell.configurables[:] = [each for each in shell.configurables if type(each).__name__ != name]
