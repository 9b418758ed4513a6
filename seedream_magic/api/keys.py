"""Where the API key comes from, in a wrapper that never shows it."""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Any, NoReturn

from seedream_magic.api.providers import Provider
from seedream_magic.errors import ConfigError, MissingKey

KEYRING_SERVICE = "seedream-magic"


class Key:
    """An API key. Every way of printing, copying or storing it is masked; `reveal` is called once, for the header."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = value.strip()
        self.source = source
        if not re.fullmatch(r"[!-~]+", self._value):
            raise ConfigError(f"The key from {source} holds a space, a line break or a letter that no key has.")

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied")


_typed: dict[str, Key] = {}


def find_key(provider: Provider, given: str | None = None) -> Key:
    """The first key there is: given, environment, keyring, Colab secrets, typed. Raises `MissingKey`.

    A provider that needs no key gets a constant, never one that was found.
    """
    variables = ("SEEDREAM_API_KEY", *provider.key_variables)
    if given is not None and given.strip():
        return Key(given, "api_key")
    if not provider.needs_key:
        return Key("demo", "the demo")
    for variable in variables:
        if os.environ.get(variable, "").strip():
            return Key(os.environ[variable], variable)
    for source, value in (("the keyring", _from_keyring(provider)), ("Colab secrets", _from_colab(variables))):
        if value:
            return Key(value, source)
    if provider.name in _typed:
        return _typed[provider.name]
    raise MissingKey(
        f"No API key for {provider.name}.",
        hint=f"Run %seedream key, or set {' or '.join(variables)}. "
        "Without a key: %seedream use demo, in Python Seedream('demo').",
    )


def remember_key(provider: Provider, value: str) -> Key:
    """Keep a typed key in memory for this process. Raises `ConfigError` if it cannot be one."""
    _typed[provider.name] = Key(value, "%seedream key")
    return _typed[provider.name]


def store_key_in_keyring(provider: Provider, key: Key) -> bool:
    """Keep the key in the system's keyring, if there is one that works."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(KEYRING_SERVICE, provider.name, key.reveal())
    except Exception:  # noqa: BLE001 - every backend fails in its own way, and none may stop the session
        return False
    return True


def _keyring() -> Any:
    try:
        return importlib.import_module("keyring")
    except Exception:  # noqa: BLE001 - it loads its backends on import, and a broken one may raise anything
        return None


def _from_keyring(provider: Provider) -> str | None:
    keyring = _keyring()
    try:
        value = keyring.get_password(KEYRING_SERVICE, provider.name) if keyring else None
    except Exception:  # noqa: BLE001 - no backend, a locked one or a broken one all mean: no key here
        return None
    return str(value) if value else None


def _from_colab(variables: tuple[str, ...]) -> str | None:
    if "google.colab" not in sys.modules:
        return None
    try:
        userdata = getattr(sys.modules["google.colab"], "userdata", None) or importlib.import_module(
            "google.colab.userdata"
        )
    except ImportError:  # an older Colab has no secrets
        return None
    for variable in variables:
        try:
            value = userdata.get(variable)
        except Exception:  # noqa: BLE001, S112 - an absent or withheld secret is no secret; the next may be there
            continue
        if value:
            return str(value)
    return None
