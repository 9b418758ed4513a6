"""A call or an attribute that is none of ours is told in the reader's language, with the one that was meant."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import CO_VARARGS
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from seedream_magic.errors import InvalidRequest
from seedream_magic.words import program as texts
from seedream_magic.words.lists import enumeration

Given = ParamSpec("Given")
Result = TypeVar("Result")


class NoSuchKeyword(InvalidRequest, TypeError):
    """A keyword that a function does not take: a `TypeError`, as Python's own protocols expect it."""


class WrongArguments(InvalidRequest, TypeError):
    """A call that lacks an argument, or has too many without a keyword."""


class NoSuchAttribute(InvalidRequest, AttributeError):
    """An attribute that a value does not have: an `AttributeError`, as `hasattr` expects it."""

    could_send = False


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
    """Decorate a function to refuse keywords that it does not have; `further` are those of its `**options`."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        defined: Any = function
        code, of = defined.__code__, f"{defined.__qualname__.removesuffix('.__init__')}()"
        by_place = code.co_varnames[: code.co_argcount]
        names = (*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *further)
        most = math.inf if code.co_flags & CO_VARARGS else len(by_place)
        needed = by_place[: code.co_argcount - len(defined.__defaults__ or ())]

        @wraps(function)
        def call(*values: Given.args, **keywords: Given.kwargs) -> Result:
            check_keywords(of, keywords, names)
            lacking = next((name for name in needed[len(values) :] if name not in keywords), None)
            if lacking is not None:
                raise WrongArguments(texts.ARGUMENT_LACKS(of=of, name=lacking))
            if len(values) > most:
                named = enumeration([name for name in by_place if name != "self"])
                raise WrongArguments(texts.WRITE_KEYWORDS(of=of, names=named, keyword=names[len(by_place)]))
            return function(*values, **keywords)

        return call

    return decorate


KIN: dict[str, tuple[type, str]] = {}
"""By the name of a class, another one in which its readers look for an attribute of it, and how that is reached."""


class NameHints:
    """A base for values: whoever misspells one of their attributes is told which one was meant."""

    if not TYPE_CHECKING:  # a type checker knows the attributes there are

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):  # Python's protocols and front ends ask for many that nobody has typed
                raise AttributeError(name, name=name, obj=self)
            kind = type(self).__name__
            other, reached = KIN.get(kind, (object, ""))
            if hasattr(other, name) or name in getattr(other, "__dataclass_fields__", ()):
                raise NoSuchAttribute(texts.NAME_MEANT(of=kind, typed=name, meant=f"{reached}.{name}"))
            raise NoSuchAttribute(no_such_name(kind, name, [known for known in dir(self) if not known.startswith("_")]))
