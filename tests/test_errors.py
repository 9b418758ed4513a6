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


@pytest.mark.parametrize(("name", "parent"), TREE.items())
def test_the_tree(name: str, parent: str) -> None:
    """Every error is public, documented and a kind of its parent."""
    kind = getattr(seedream_magic, name)
    assert name in seedream_magic.__all__
    assert kind is getattr(errors, name)
    assert parent in {base.__name__ for base in kind.__mro__[1:]}
    assert kind.__doc__


def test_the_tree_is_whole() -> None:
    """No public error stands outside the table above, nor outside the drawing in the module."""
    public = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, BaseException) and name[0] != "_"
    }
    assert public == set(TREE)
    assert [name for name in TREE if name not in str(errors.__doc__)] == []


def test_an_interrupt_is_no_exception() -> None:
    """`except Exception` in a notebook does not swallow Stop."""
    assert not issubclass(SeedreamInterrupted, Exception)


def test_a_parameter_refused_by_the_service() -> None:
    """It is both the service's refusal and an invalid request."""
    assert issubclass(RequestRefused, ApiError)
    assert issubclass(RequestRefused, InvalidRequest)


def full(kind: Any) -> Any:
    """An error with every fact set."""
    error = kind("What happened.", hint="What to do.", billed="unknown", request_id="021767540021379abc")
    error.run_id = "20260101-120000-abcdefghij"
    error.saved = (Path("runs/a/01.jpg"), Path("runs/a/02.jpg"))
    return error


KINDS = [getattr(errors, name) for name in TREE]


@pytest.mark.parametrize("kind", KINDS)
def test_lines(kind: Any) -> None:
    """At most five lines with every fact in them; one line where nothing was sent."""
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


def test_what_was_not_sent() -> None:
    """These errors come before any request; the service's own refusal does not."""
    unsent = {name for name in TREE if not getattr(errors, name).sent}
    assert unsent == {"InvalidRequest", "ConfigError", "MissingKey", "NoConnection"}


@pytest.mark.parametrize("kind", KINDS)
def test_lines_of_a_bare_error(kind: Any) -> None:
    """Without further facts there is the message, a word about money, and what helps against all of the kind."""
    assert len(kind("What happened.").lines()) == 1 + kind.sent + bool(kind.advice)
    assert kind().lines()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.advice])
def test_a_hint_stands_in_place_of_the_advice(kind: Any) -> None:
    """What fits the case is better than what fits the kind; one of the two is always there once it was sent."""
    assert kind("x").lines()[-1] == kind.advice
    assert kind.advice not in kind("x", hint="What to do.").lines()


def test_what_was_sent_ends_with_what_to_do() -> None:
    """Every error that can have cost something; the two that stand for many others leave it to those."""
    without = {kind.__name__ for kind in KINDS if kind.sent and not kind.advice}
    assert without == {"SeedreamError", "SeedreamInterrupted"}


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
    ("kind", "billed"),
    [
        (SeedreamError, "no"),
        (InvalidRequest, "no"),
        (MissingKey, "no"),
        (NoConnection, "no"),
        (ApiError, "no"),
        (OutcomeUnknown, "unknown"),
        (ImageLinkExpired, "yes"),
        (UnsafeURL, "yes"),
    ],
)
def test_billed_unless_told_otherwise(kind: Any, billed: str) -> None:
    """Each kind knows what it costs; who raises it may know better."""
    assert kind("x").billed == billed
    assert kind("x", billed="unknown").billed == "unknown"


@pytest.mark.parametrize("kind", KINDS)
def test_ipython_shows_the_lines(kind: Any) -> None:
    """In place of a traceback."""
    error = full(kind)
    assert error._render_traceback_() == error.lines()


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


def test_public_names_are_listed() -> None:
    """`dir` shows what can be imported, and nothing else can."""
    assert set(seedream_magic.__all__) <= set(dir(seedream_magic))
    assert seedream_magic.__all__ == sorted(seedream_magic.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        seedream_magic.nonsense  # noqa: B018 - the look-up is the test
