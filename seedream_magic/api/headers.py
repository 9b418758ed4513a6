"""Headers that a gateway asks for beside those of the API: its own key, a route, a tenant. Masked like the key."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from seedream_magic.api.providers import Provider
from seedream_magic.api.redaction import remember_secret
from seedream_magic.errors import ConfigError

VARIABLE = "SEEDREAM_HEADERS"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, 5.6.2."""
_OURS = frozenset({
    "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
    "expect", "host", "idempotency-key", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "x-client-request-id",
})  # fmt: skip
"""What says how the request travels, what its body is, whose it is and which: never a gateway's to change."""
_HINT = 'It is a JSON object of names and texts, such as {"x-portkey-provider": "volcengine"}.'


class Headers:
    """Further headers of the POST. Every way of printing, copying or storing them shows their names at the most.

    Raises `ConfigError`, which repeats no value, for what cannot be sent as a header or is not a gateway's to set.
    """

    __slots__ = ("_values", "source")

    def __init__(self, values: Mapping[str, str], source: str) -> None:
        complaint = _complaint(values)
        if complaint:
            raise ConfigError(f"{source}: {complaint}", hint=_HINT)
        self._values = {name: value.strip() for name, value in values.items()}
        self.source = source
        for name, value in self._values.items():
            remember_secret(value, header=name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the headers, as they were given."""
        return tuple(self._values)

    def reveal(self) -> dict[str, str]:
        """The headers themselves."""
        return dict(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"<headers {', '.join(self.names) or 'none'}>"

    def __copy__(self) -> Headers:
        return self

    def __deepcopy__(self, _: object) -> Headers:
        return self

    def __reduce__(self) -> tuple[type[Headers], tuple[dict[str, str], str]]:
        if self._values:
            raise TypeError("headers that may hold a key are not pickled")
        return Headers, ({}, self.source)


class MaskedDict(dict[str, Any]):
    """A dictionary that prints its names only: a setting is shown by `%config`."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: …' for name in self)}}}"


def chosen_headers(provider: Provider, given: Mapping[str, str] | None = None) -> Headers:
    """The headers that go with requests to a provider: the given ones, else those of `SEEDREAM_HEADERS`.

    None go to the demo, whatever is set. Raises `ConfigError` for what is no object of names and printable ASCII.
    """
    if not provider.needs_key:
        return NO_HEADERS
    if given is not None:
        return Headers(given, "headers")
    if not os.environ.get(VARIABLE, "").strip():
        return NO_HEADERS
    parsed = _parsed()
    if not parsed:
        raise ConfigError(f"{VARIABLE} is no JSON.", hint=_HINT)
    return Headers(parsed[0], VARIABLE)


def _parsed() -> tuple[Any, ...]:
    """The value of the variable, nothing where it is no JSON; its text stays out of the frames and causes of errors."""
    try:
        return (json.loads(os.environ[VARIABLE]),)
    except (ValueError, RecursionError):
        return ()


def _complaint(values: object) -> str:
    """What is wrong with the headers, "" if nothing. A name that is none may be a value, and is not repeated."""
    if not isinstance(values, Mapping):
        return "what is given is no object of names and texts."
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in values):
        return "a name in it is no name of a header (letters, digits and - without spaces)."
    lower = [name.lower() for name in values]
    if ours := sorted({*lower} & _OURS):
        return f"{_listed(ours)} cannot be set there; the key, the type and the way of the request are its own."
    if len({*lower}) < len(lower):
        return "a name is in it twice."
    if unusable := [name for name, value in values.items() if not _is_value(value)]:
        return f"the value of {_listed(unusable)} is no text of printable ASCII characters in one line."
    return ""


def _is_value(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[ -~]+", value) is not None and bool(value.strip())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name[:60] for name in names)


NO_HEADERS = Headers({}, "")
