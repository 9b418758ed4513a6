"""Requests made in one call, without a client or a service."""

from __future__ import annotations

from typing import Any

import pytest

from seedream_magic import Storyboard
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import InvalidRequest

SEEDREAM_3_0 = "doubao-seedream-3-0-t2i-250415"
SEEDREAM_4_0 = "doubao-seedream-4-0-250828"
SEEDREAM_4_5 = "doubao-seedream-4-5"
LITE = "doubao-seedream-5-0-lite-260128"
PRO = "dola-seedream-5-0-pro-260628"
FLASH = "doubao-seedream-5-0-flash-260915"
ENDPOINT = "ep-20260101-abcde"
CUT_OUT = Reference("cut-out.png", "image/png", b"\x89PNG", 600, 600)


def made_with_warnings(
    prompt: str | Storyboard = "a fox",
    *,
    model: str = SEEDREAM_4_5,
    references: tuple[Reference, ...] = (),
    strict: bool = False,
    check: bool = True,
    **values: Any,
) -> tuple[ImageRequest, tuple[str, ...]]:
    """The request and its warnings."""
    return make_request(Ask(prompt, values, check=check), model=model, references=references, strict=strict)


def made(prompt: str | Storyboard = "a fox", **asked: Any) -> ImageRequest:
    """The request."""
    return made_with_warnings(prompt, **asked)[0]


def refusal_of(prompt: Any = "a fox", **asked: Any) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(InvalidRequest) as caught:
        made(prompt, **asked)
    return str(caught.value)


def verdict(**asked: Any) -> str:
    """`sent`, `warned` or `refused`."""
    try:
        _, warnings = made_with_warnings(**asked)
    except InvalidRequest:
        return "refused"
    return "warned" if warnings else "sent"
