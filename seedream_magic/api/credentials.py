"""What identifies the caller to a provider: the API key, and the further headers that a gateway asks for.

Both come in wrappers that never print, copy or pickle their values; `reveal` is called where a request is sent.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from seedream_magic.api.key_stores import (
    SECONDS,
    from_colab,
    from_kaggle,
    from_keyring,
    keep_in_keyring,
    silent_stores,
)
from seedream_magic.api.providers import Provider
from seedream_magic.api.redaction import remember_secret
from seedream_magic.errors import ConfigError, MissingKey
from seedream_magic.words import network as texts
from seedream_magic.words.lists import AND, OR, enumeration
from seedream_magic.words.text import chain

_AROUND = re.compile(r"""^[\s"']*(?:(?:authorization\s*:\s*)?bearer\s+)?|[\s"']+$""", re.IGNORECASE)
"""What is copied with a key: the header that it stands in, quotes."""


class Key:
    """An API key. Raises `ConfigError`, which does not repeat it, for a text that can be none."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = _AROUND.sub("", value)
        self.source = source
        if not re.fullmatch(r"[!-~]+", self._value):
            raise ConfigError(texts.KEY_MALFORMED(source=source))

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied")


_typed: dict[str, Key] = {}
"""Keys that were typed in this process, by the provider's name."""


def find_key(provider: Provider, given: str | None = None) -> Key:
    """The first key there is: given, environment, keyring, Colab's and Kaggle's secrets, typed. Raises `MissingKey`.

    A provider that needs no key gets a constant, never one that was found.
    """
    variables = ("SEEDREAM_API_KEY", *provider.key_variables)
    if given is not None and given.strip():
        return Key(given, "api_key")
    if not provider.needs_key:
        return Key("demo", texts.THE_DEMO())
    for variable in variables:
        if os.environ.get(variable, "").strip():
            return Key(os.environ[variable], variable)
    for source, value in _stored(provider, variables):
        if value:
            return Key(value, source)
    if provider.name in _typed:
        return _typed[provider.name]
    silent = silent_stores()
    unheard = texts.NO_KEY_STORES_SILENT(provider=provider.name, stores=chain(AND, silent), seconds=SECONDS)
    hint = texts.ENTER_KEY(variables=chain(OR, variables))
    raise MissingKey(unheard if silent else texts.NO_KEY(provider=provider.name), hint=hint)


def _stored(provider: Provider, variables: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """What each of the machine's stores has, asked in turn."""
    yield texts.THE_KEYRING(), from_keyring(provider)
    yield texts.COLAB_SECRETS(), from_colab(variables)
    yield texts.KAGGLE_SECRETS(), from_kaggle(variables)


def remember_key(provider: Provider, value: str) -> Key:
    """Keep a typed key in memory for this process. Raises `ConfigError` if it cannot be one."""
    _typed[provider.name] = Key(value, "%seedream key")
    return _typed[provider.name]


def store_key_in_keyring(provider: Provider, key: Key) -> bool:
    """Keep the key in the system's keyring; False where there is none that works."""
    return keep_in_keyring(provider, key.reveal())


HEADERS_VARIABLE = "SEEDREAM_HEADERS"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, 5.6.2."""
_OWN_HEADERS = frozenset({
    "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
    "expect", "host", "idempotency-key", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "x-client-request-id",
})  # fmt: skip
"""Headers that this client sets itself: how the request travels, what its body is, whose it is and which one."""


class Headers:
    """Further headers of the POST, for a gateway: its own key, a route, a tenant. They print as their names only.

    Raises `ConfigError`, which repeats no value, for what cannot be sent as a header or is not a gateway's to set.
    """

    __slots__ = ("_values", "source")

    def __init__(self, values: Mapping[str, str], source: str) -> None:
        if complaint := _complaint(values):
            raise ConfigError(texts.HEADERS_OF(source=source, what=complaint), hint=texts.HEADERS_HINT())
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
    """A dictionary that prints its names only, for the setting that `%config` shows."""

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
    if not os.environ.get(HEADERS_VARIABLE, "").strip():
        return NO_HEADERS
    parsed = _headers_variable()
    if not parsed:
        raise ConfigError(texts.HEADERS_NO_JSON(variable=HEADERS_VARIABLE), hint=texts.HEADERS_HINT())
    return Headers(parsed[0], HEADERS_VARIABLE)


def _headers_variable() -> tuple[Any, ...]:
    """The value of the variable, () where it is no JSON; its text stays out of the frames and causes of errors."""
    try:
        return (json.loads(os.environ[HEADERS_VARIABLE]),)
    except (ValueError, RecursionError):
        return ()


def _complaint(values: object) -> str:
    """What is wrong with the headers, "" if nothing. A name that is not one may be a value, and is not repeated."""
    if not isinstance(values, Mapping):
        return texts.HEADERS_NO_OBJECT()
    if not all(isinstance(name, str) and _HEADER_NAME.fullmatch(name) for name in values):
        return texts.HEADER_NAME()
    lower = [name.lower() for name in values]
    if own := sorted({*lower} & _OWN_HEADERS):
        return texts.HEADER_IS_OURS(names=enumeration(name[:60] for name in own))
    if len({*lower}) < len(lower):
        return texts.HEADER_TWICE()
    if unusable := [name for name, value in values.items() if not _is_header_value(value)]:
        return texts.HEADER_VALUE(names=enumeration(name[:60] for name in unusable))
    return ""


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[ -~]+", value) is not None and bool(value.strip())


NO_HEADERS = Headers({}, "")
