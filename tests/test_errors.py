"""The error tree, what each error tells, and that it survives a pickle."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import seedream_magic
from asking import run_cell
from seedream_magic import Seedream, errors
from seedream_magic.errors import (
    ApiError,
    ImageInvalid,
    InvalidRequest,
    RateLimited,
    RequestRefused,
    SeedreamInterrupted,
    reason_of,
)

# Each error and the one it is a kind of.
TREE = {
    "SeedreamError": "Exception",
    "InvalidRequest": "SeedreamError",
    "ConfigError": "SeedreamError",
    "MissingKey": "ConfigError",
    "NoConnection": "SeedreamError",
    "OutcomeUnknown": "SeedreamError",
    "ApiError": "SeedreamError",
    **dict.fromkeys(("AuthFailed", "PaymentRequired", "ContentRefused", "ModelNotFound"), "ApiError"),
    **dict.fromkeys(("RateLimited", "ServerFailed", "RequestRefused"), "ApiError"),
    "ResponseBroken": "SeedreamError",
    "ImageError": "SeedreamError",
    **dict.fromkeys(("ImageLinkExpired", "ImageInvalid", "ImageTooLarge", "UnsafeURL"), "ImageError"),
    "SeedreamInterrupted": "KeyboardInterrupt",
}
KINDS = [getattr(seedream_magic, name) for name in TREE]
UNBILLED = {"SeedreamError", "InvalidRequest", "ConfigError", "MissingKey", "NoConnection"}


def test_the_tree() -> None:
    """Every error is public, documented, a kind of its parent; `except Exception` does not swallow Stop; a parameter
    that the service refused is an invalid request too.
    """
    kinds = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and name[0] != "_"}
    assert {name for name, kind in kinds.items() if issubclass(kind, BaseException)} == set(TREE)
    for kind in KINDS:
        assert TREE[kind.__name__] in {base.__name__ for base in kind.__mro__[1:]}
        assert kind.__doc__
    assert not issubclass(SeedreamInterrupted, Exception)
    assert issubclass(RequestRefused, InvalidRequest)


def full(kind: Any) -> Any:
    """An error with every fact set."""
    error = kind("What happened.", hint="What to do.", billed="unknown", request_id="021767540021379abc")
    error.run_id = "20260101-120000-abcdefghij"
    error.saved = (Path("runs/a/01.jpg"), Path("runs/a/02.jpg"))
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_lines(kind: Any) -> None:
    """At most three lines with every fact, one if nothing was sent; IPython shows them in place of a traceback.

    A bare error has its message, what its kind costs, and the advice of its kind, which a hint replaces.
    """
    lines = full(kind).lines()
    assert lines[0].startswith(f"{kind.__name__}: What happened.")
    assert "What to do." in " ".join(lines)
    assert len(lines) == (3 if kind.sent else 1)
    if kind.sent:
        for fact in ("may be billed", "2 pictures in", "20260101-120000-abcdefghij", "021767540021379abc"):
            assert fact in "\n".join(lines)
    else:
        assert lines[0].endswith("Nothing was sent.")
    assert full(kind)._render_traceback_() == lines
    assert kind().lines()
    bare = kind("What happened.")
    assert bare.lines()[1 + kind.sent :] == ([kind.advice()] if kind.advice else [])
    assert not kind.advice or kind.advice() not in "".join(lines)
    costs = {
        "OutcomeUnknown": "unknown",
        "ImageLinkExpired": "yes",
        "UnsafeURL": "yes",
        **dict.fromkeys(UNBILLED, "no"),
    }
    assert bare.billed == costs.get(kind.__name__, bare.billed)


@pytest.mark.parametrize("kind", [InvalidRequest, ApiError, SeedreamInterrupted])
def test_lines_are_lines(kind: Any) -> None:
    """Line ends inside a fact do not make more of them; a single picture is named by its path."""
    error = kind("a\nb\r\nc\u2028d", hint="e\n\nf", billed="yes")
    error.saved = (Path("runs/a/01.jpg"),)
    assert all(len(line.splitlines()) == 1 for line in error.lines())
    assert len(error.lines()) <= 3
    assert not kind.sent or error.lines()[1].endswith(f" Saved: {Path('runs/a/01.jpg')}.")


@pytest.mark.parametrize("take", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_a_copy_keeps_everything(take: Any) -> None:
    """Errors cross process borders whole, with what only some of them have."""
    limited = RateLimited("x", status=429, code="RateLimitExceeded", param="size")
    limited.retry_after = 5.0
    for error in (*map(full, KINDS), limited):
        error.images = ("a set",)
        taken = take(error)
        assert (type(taken), str(taken)) == (type(error), str(error))
        assert vars(taken) == vars(error)


def test_a_copy_leaves_out_what_came_in_place_of_a_picture() -> None:
    """Nobody has looked at those bytes: they are kept with the run, not in pickles."""
    error = ImageInvalid("It is cut off.")
    error.rejected, error.rejected_as = b"CANARY" * 1000, "truncated.jpg"
    pickled = pickle.dumps(error)
    assert b"CANARY" not in pickled
    copied = pickle.loads(pickled)
    assert (copied.rejected, copied.rejected_as, str(copied)) == (b"", "", "It is cut off.")


class Mute(Exception):
    """An exception that fails at printing itself."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError(28, "No space left on device", "/a"), "No space left on device"),
        (ValueError("two\nlines."), "two lines"),
        (OSError(), "OSError"),
        (MemoryError(), "MemoryError"),
        (ValueError(" . "), "ValueError"),
        (Mute(), "Mute"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_text_ends_in_an_empty_reason(fault: Exception, words: str) -> None:
    """The words of who raised it in one line, else the name of the fault."""
    assert reason_of(fault) == words


def test_what_never_sends_a_request_does_not_tell_that_none_was_sent(
    shell: InteractiveShell, seedream: Seedream, tmp_path: Path
) -> None:
    """That is news of what might have sent one: a cell, a retry, a call of Python that draws."""
    shell.user_ns["story"] = seedream.generate("a fox that is marked and handed over")
    quiet = (
        "help nonesuch",
        "show nonesuch",
        "export story fox.nonesuch",
        "history --nonesuch",
        "compare 1",
        "doctor 7",
    )
    for line in (*(f"%seedream {words}" for words in quiet), "story.order()", "story[0].tag('x' * 999)"):
        shown = run_cell(shell, line)[1]
        assert "InvalidRequest" in shown
        assert "Nothing was sent" not in shown
    for line in ("%seedream retry nonesuch", "%%seedream --nonesuch\na fox", "story.redo(7)"):
        assert "Nothing was sent." in run_cell(shell, line)[1]
