"""A name of Python that is none of ours is told in the reader's language, with the one that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from seedream_magic.errors import InvalidRequest
from seedream_magic.words import program as texts

Given = ParamSpec("Given")
Result = TypeVar("Result")


class NoSuchKeyword(InvalidRequest, TypeError):
    """A keyword that a function does not take: a `TypeError`, as Python's own protocols expect it."""


class MissingValue(InvalidRequest, TypeError):
    """A value that a function needs and did not get: a `TypeError` as well."""


def no_such_name(of: str, typed: str, names: Iterable[str]) -> str:
    """The sentence that `of` has no such name, with that one of its `names` which looks like it."""
    names = list(names)
    meant = texts.OTHER_KEYWORDS.get(typed)
    near = [meant] if meant in names else difflib.get_close_matches(typed, names, n=1)
    return texts.NAME_MEANT(of=of, typed=typed, meant=near[0]) if near else texts.NO_NAME(of=of, typed=typed)


def check_keywords(of: str, keywords: Iterable[str], names: Sequence[str]) -> None:
    """Refuse a keyword that a function does not have. An async one calls it: wrapped, it would not be known for async
    by programs that ask whether to await what it gives.
    """
    unknown = next((name for name in keywords if name not in names), None)
    if unknown is not None:
        raise NoSuchKeyword(no_such_name(of, unknown, names))


def takes_keywords(*further: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Decorate a function to refuse keywords that it does not have, and calls without a value that it needs; `further`
    are the keywords of its `**options`.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        defined: Any = function
        code, of = defined.__code__, f"{defined.__qualname__.removesuffix('.__init__')}()"
        names = (*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *further)
        needed = code.co_varnames[: code.co_argcount - len(defined.__defaults__ or ())]

        @wraps(function)
        def call(*values: Given.args, **keywords: Given.kwargs) -> Result:
            check_keywords(of, keywords, names)
            missing = next((name for name in needed[len(values) :] if name not in keywords), None)
            if missing is not None:
                raise MissingValue(texts.NEEDS(of=of, name=missing))
            return function(*values, **keywords)

        return call

    return decorate


class NameHints:
    """A base for values: whoever misspells one of their attributes is told which one was meant."""

    if not TYPE_CHECKING:  # a type checker knows the attributes there are

        def __getattr__(self, name: str) -> NoReturn:
            kind = type(self).__name__
            names = [] if name.startswith("_") else [known for known in dir(self) if not known.startswith("_")]
            raise AttributeError(no_such_name(kind, name, names), name=name, obj=self)
