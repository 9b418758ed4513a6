"""Where machines keep keys: the system's keyring, Colab's secrets, Kaggle's. None of them is there everywhere.

A keyring without a desktop that could ask for its password may not answer at all, nor may a service of the web. So
they are asked on a thread of their own and waited for a few seconds; an answer that comes later serves the next time.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from time import monotonic
from typing import Any

from seedream_magic.api.providers import Provider
from seedream_magic.words import network as texts

KEYRING_SERVICE = "seedream-magic"
SECONDS = 3.0
"""How long a store may take to answer."""
_POLL = 0.1


class _Question(threading.Thread):
    """A question to a store; `answer` is None until it has answered, and where it has nothing."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__(name="seedream-key", daemon=True)
        self._ask = ask
        self.answer: Any = None

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except Exception:  # noqa: BLE001 - no backend, a locked one or a broken one all mean: no key here
            self.answer = None


_unanswered: dict[str, _Question] = {}


def _answer(name: str, ask: Callable[[], Any]) -> Any:
    """What a store answers within the limit, else None. One that has not answered yet is not waited for again."""
    question = _unanswered.get(name)
    if question is None or (question.answer is None and not question.is_alive()):  # none, in vain, or before a fork
        question = _unanswered[name] = _Question(ask)
        question.start()
        until = monotonic() + SECONDS
        while question.is_alive() and monotonic() < until:  # in short waits, so that Stop takes effect on every system
            question.join(_POLL)
    if not question.is_alive():
        _unanswered.pop(name, None)
    return question.answer


def silent_stores() -> tuple[str, ...]:
    """The stores that were asked and have not answered yet, in words."""
    return tuple(dict.fromkeys(name.partition(" of ")[0] for name, one in _unanswered.items() if one.is_alive()))


def from_keyring(provider: Provider) -> str | None:
    """The key that the system's keyring has for a provider."""

    def ask() -> Any:
        keyring = _keyring()
        return keyring.get_password(KEYRING_SERVICE, provider.name) if keyring else None

    found = _answer(texts.KEYRING(provider=provider.name), ask)
    return str(found) if found else None


def keep_in_keyring(provider: Provider, value: str) -> bool:
    """Keep a key in the system's keyring; False where there is none that works, or that answers."""

    def ask() -> bool:
        keyring = _keyring()
        if keyring is not None:
            keyring.set_password(KEYRING_SERVICE, provider.name, value)
        return keyring is not None

    if any(question.is_alive() for question in _unanswered.values()):
        return False
    return bool(_answer(texts.KEYRING_TO_KEEP(provider=provider.name), ask))


def _keyring() -> Any:
    try:
        return importlib.import_module("keyring")
    except Exception:  # noqa: BLE001 - it loads its backends on import, and a broken one may raise anything
        return None


def from_colab(variables: tuple[str, ...]) -> str | None:
    """The first of these secrets that Colab has. It may ask the person first, so it is waited for."""
    if "google.colab" not in sys.modules:
        return None
    try:
        userdata = getattr(sys.modules["google.colab"], "userdata", None) or importlib.import_module(
            "google.colab.userdata"
        )
    except ImportError:  # an older Colab has no secrets
        return None
    return _first(userdata.get, variables)


def from_kaggle(variables: tuple[str, ...]) -> str | None:
    """The first of these secrets that the notebook has been given on Kaggle."""
    if "kaggle_secrets" not in sys.modules and find_spec("kaggle_secrets") is None:
        return None

    def ask() -> str | None:
        client = importlib.import_module("kaggle_secrets").UserSecretsClient()
        return _first(client.get_secret, variables)

    found = _answer(texts.KAGGLE(), ask)
    return str(found) if found else None


def _first(get: Callable[[str], Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            value = get(name)
        except Exception:  # noqa: BLE001, S112 - an absent or withheld secret is no secret; the next may be there
            continue
        if value:
            return str(value)
    return None
