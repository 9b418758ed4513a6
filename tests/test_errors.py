"""The error tree, what each error tells, and that it survives a pickle."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

import seedream_magic
from seedream_magic import errors
from seedream_magic.errors import (
    ApiError,
    ImageLinkExpired,
    InvalidRequest,
    MissingKey,
    NoConnection,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ResponseBroken,
    SeedreamError,
    SeedreamInterrupted,
    UnsafeURL,
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
    "AuthFailed": "ApiError",
    "PaymentRequired": "ApiError",
    "ContentRefused": "ApiError",
    "ModelNotFound": "ApiError",
    "RateLimited": "ApiError",
    "ServerFailed": "ApiError",
    "RequestRefused": "ApiError",
    "ResponseBroken": "SeedreamError",
    "ImageError": "SeedreamError",
    "ImageLinkExpired": "ImageError",
    "ImageInvalid": "ImageError",
    "ImageTooLarge": "ImageError",
    "UnsafeURL": "ImageError",
    "SeedreamInterrupted": "KeyboardInterrupt",
}


KINDS = [getattr(errors, name) for name in TREE]


@pytest.mark.parametrize(("name", "parent"), TREE.items())
def test_the_tree(name: str, parent: str) -> None:
    """Every error is public, documented and a kind of its parent."""
    kind = getattr(seedream_magic, name)
    assert name in seedream_magic.__all__
    assert kind is getattr(errors, name)
    assert parent in {base.__name__ for base in kind.__mro__[1:]}
    assert kind.__doc__


def test_the_tree_is_whole() -> None:
    """No public error is missing from the table above or from the drawing in the module.

    `except Exception` does not swallow Stop; a parameter that the service refused is an invalid request too.
    """
    public = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, BaseException) and name[0] != "_"
    }
    assert public == set(TREE)
    assert [name for name in TREE if name not in str(errors.__doc__)] == []
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
    """At most five lines with every fact, one if nothing was sent; IPython shows them in place of a traceback.

    A bare error has its message, a word about money, and the advice of its kind, which a hint replaces.
    """
    lines = full(kind).lines()
    assert lines[0].startswith(f"{kind.__name__}: What happened.")
    assert "What to do." in " ".join(lines)
    if kind.sent:
        assert len(lines) == 5
        for fact in ("may be billed", "2 pictures in", "20260101-120000-abcdefghij", "021767540021379abc"):
            assert fact in "\n".join(lines)
    else:
        assert len(lines) == 1
        assert lines[0].endswith("Nothing was sent.")
    assert full(kind)._render_traceback_() == lines
    assert kind().lines()
    bare = kind("What happened.").lines()
    assert len(bare) == 1 + kind.sent + bool(kind.advice)
    if kind.advice:
        assert bare[-1] == kind.advice
        assert kind.advice not in lines


def test_which_errors_were_sent_and_which_advise() -> None:
    """The errors before any request, and the two that only stand for others and so have no advice."""
    assert {kind.__name__ for kind in KINDS if not kind.sent} == {
        *("InvalidRequest", "ConfigError", "MissingKey", "NoConnection"),
    }
    assert {kind.__name__ for kind in KINDS if kind.sent and not kind.advice} == {
        "SeedreamError",
        "SeedreamInterrupted",
    }


@pytest.mark.parametrize("kind", [InvalidRequest, ApiError, SeedreamInterrupted])
def test_lines_are_lines(kind: Any) -> None:
    """Line ends inside a fact do not make more of them."""
    error = kind("a\nb\r\nc\u2028d", hint="e\n\nf")
    assert all(len(line.splitlines()) == 1 for line in error.lines())
    assert len(error.lines()) <= 5


def test_one_saved_picture_is_named() -> None:
    """A single picture by its path."""
    error = SeedreamInterrupted("Stopped.", billed="yes")
    error.saved = (Path("runs/a/01.jpg"),)
    assert f"Saved: {Path('runs/a/01.jpg')}." in error.lines()


@pytest.mark.parametrize(
    ("kinds", "billed"),
    [
        ((SeedreamError, InvalidRequest, MissingKey, NoConnection, ApiError), "no"),
        ((OutcomeUnknown,), "unknown"),
        ((ImageLinkExpired, UnsafeURL), "yes"),
    ],
)
def test_billed_unless_told_otherwise(kinds: tuple[Any, ...], billed: str) -> None:
    """Each kind knows what it costs; who raises it may know better."""
    assert [kind("x").billed for kind in kinds] == [billed] * len(kinds)
    assert [kind("x", billed="unknown").billed for kind in kinds] == ["unknown"] * len(kinds)


@pytest.mark.parametrize("take", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_keeps_everything(kind: Any, take: Any) -> None:
    """Errors cross process borders whole."""
    error = full(kind)
    error.images = ("a set",)
    taken = take(error)
    assert type(taken) is kind
    assert str(taken) == "What happened."
    assert vars(taken) == vars(error)


def test_a_copy_keeps_what_only_some_errors_have() -> None:
    """Status, code, parameter, wait and a bill of its own."""
    limited = RateLimited("x", status=429, code="RateLimitExceeded", param="size")
    limited.retry_after = 5.0
    taken, broken = pickle.loads(pickle.dumps((limited, ResponseBroken("x", billed="yes"))))
    assert (taken.status, taken.code, taken.param, taken.retry_after) == (429, "RateLimitExceeded", "size", 5.0)
    assert broken.billed == "yes"
