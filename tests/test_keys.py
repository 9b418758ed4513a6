"""Where a key comes from, and that it never shows."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kernel import ROOT, running_kernel
from seedream_magic.api import credentials, key_stores
from seedream_magic.api.credentials import Key, find_key, remember_key, store_key_in_keyring
from seedream_magic.api.key_stores import KEYRING_SERVICE
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import ConfigError, MissingKey

CANARY = "sk-CANARY-3f9c0123456789"
ANYFAST, ARK, BYTEPLUS = (PROVIDERS[name] for name in ("anyfast", "ark", "byteplus"))


@pytest.fixture(autouse=True)
def no_other_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's keyring nor a key that another test typed."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials, "_typed", {})
    monkeypatch.setattr(key_stores, "_unanswered", {})


def install_keyring(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    """A module named keyring with just these functions."""
    module = ModuleType("keyring")
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, "keyring", module)


def install_colab(monkeypatch: pytest.MonkeyPatch, **secrets: str) -> None:
    """Colab's module, whose secrets raise where there is none."""
    package, userdata = ModuleType("google.colab"), ModuleType("google.colab.userdata")
    vars(userdata)["get"] = secrets.__getitem__
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)


def install_kaggle(monkeypatch: pytest.MonkeyPatch, **secrets: str) -> None:
    """Kaggle's module, whose secrets raise where there is none."""
    module = ModuleType("kaggle_secrets")
    vars(module)["UserSecretsClient"] = type("Client", (), {"get_secret": lambda _, name: secrets[name]})
    monkeypatch.setitem(sys.modules, "kaggle_secrets", module)


def broken(*_: object) -> str:
    raise RuntimeError("No recommended backend was available.")


def test_sources_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, own variable, provider's variable, keyring, Colab, Kaggle, typed: each stands in when those before are
    gone.
    """
    remember_key(ANYFAST, "typed")
    install_kaggle(monkeypatch, ANYFAST_API_KEY="kaggle")
    install_colab(monkeypatch, ANYFAST_API_KEY="colab")
    install_keyring(monkeypatch, get_password=lambda service, user: f"{service}/{user}")
    monkeypatch.setenv("ANYFAST_API_KEY", "provider")
    monkeypatch.setenv("SEEDREAM_API_KEY", "own")
    found = [find_key(ANYFAST, "given"), find_key(ANYFAST)]
    removals: list[Callable[[], None]] = [
        lambda: monkeypatch.delenv("SEEDREAM_API_KEY"),
        lambda: monkeypatch.delenv("ANYFAST_API_KEY"),
        lambda: monkeypatch.setitem(sys.modules, "keyring", None),
        lambda: monkeypatch.delitem(sys.modules, "google.colab"),
        lambda: monkeypatch.delitem(sys.modules, "kaggle_secrets"),
    ]
    for remove in removals:
        remove()
        found.append(find_key(ANYFAST))
    assert [(key.reveal(), key.source) for key in found] == [
        ("given", "api_key"),
        ("own", "SEEDREAM_API_KEY"),
        ("provider", "ANYFAST_API_KEY"),
        (f"{KEYRING_SERVICE}/anyfast", "the keyring"),
        ("colab", "Colab secrets"),
        ("kaggle", "Kaggle secrets"),
        ("typed", "%seedream key"),
    ]


@pytest.mark.parametrize("provider", [ARK, BYTEPLUS])
def test_a_key_is_its_providers(monkeypatch: pytest.MonkeyPatch, provider: Any) -> None:
    """ByteDance's variable serves both its clouds, and nobody else gets that key, nor one typed for another."""
    monkeypatch.setenv("SEEDREAM_API_KEY", " \t")  # what is empty hides no other source
    monkeypatch.setenv("ARK_API_KEY", f"\t{CANARY} \r\n")  # blanks come along when a key is pasted
    assert find_key(provider, "").reveal() == CANARY
    remember_key(ARK, CANARY)
    with pytest.raises(MissingKey):
        find_key(ANYFAST)


def test_a_missing_key_names_every_way() -> None:
    """The error says where a key is looked for, and how to go without."""
    with pytest.raises(MissingKey) as caught:
        find_key(ARK)
    (line,) = caught.value.lines()
    assert all(word in line for word in ("SEEDREAM_API_KEY", "ARK_API_KEY", "%seedream key", "%seedream use demo"))


def broken_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose import fails."""
    folder = Path("broken")
    folder.mkdir()
    (folder / "keyring.py").write_text("raise RuntimeError('no bus')")
    monkeypatch.setattr(sys, "path", [str(folder.absolute()), *sys.path])
    monkeypatch.delitem(sys.modules, "keyring")


NOTHING: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a keyring without a backend": lambda patch: install_keyring(patch, get_password=broken),
    "no key in the keyring": lambda patch: install_keyring(patch, get_password=lambda *_: None),
    "a keyring that cannot be imported": broken_keyring,
    "Colab without the secret": install_colab,
    "Colab with an empty secret": lambda patch: install_colab(patch, SEEDREAM_API_KEY=""),
    "Kaggle without the secret": install_kaggle,
    "Kaggle without its client": lambda patch: patch.setitem(
        sys.modules, "kaggle_secrets", ModuleType("kaggle_secrets")
    ),
    "an old Colab": lambda patch: patch.setitem(sys.modules, "google.colab", ModuleType("google.colab")),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_source_that_gives_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is not there, withheld, locked or broken means: look further."""
    NOTHING[name](monkeypatch)
    with pytest.raises(MissingKey):
        find_key(ANYFAST)


def test_storing_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whether the key was kept, and never stops."""
    kept: list[tuple[str, ...]] = []
    assert store_key_in_keyring(ANYFAST, Key(CANARY, "test")) is False
    install_keyring(monkeypatch, set_password=broken)
    assert store_key_in_keyring(ANYFAST, Key(CANARY, "test")) is False
    install_keyring(monkeypatch, set_password=lambda *entry: kept.append(entry))
    assert store_key_in_keyring(ANYFAST, Key(CANARY, "test")) is True
    assert kept == [(KEYRING_SERVICE, "anyfast", CANARY)]


@pytest.mark.parametrize("value", ["", " ", "a b", "a\r\nX-Header: b", "a\x00b", "a\x7fb", "a\tb", "密钥", "\ud800"])
def test_what_no_key_can_be(value: str) -> None:
    """Nothing that breaks a header becomes a key, and the refusal does not repeat it."""
    with pytest.raises(ConfigError, match="test") as caught:
        Key(CANARY + value if value.strip() else value, "test")
    assert CANARY not in "\n".join(caught.value.lines())


def test_a_key_never_shows() -> None:
    """Neither its beginning nor its end, in any way of printing it."""
    key = Key(CANARY, "SEEDREAM_API_KEY")
    shown = [repr(key), str(key), f"{key}", f"{key!r:>80}", "%s" % key, f"{[key]}", ascii(key), str({"key": key})]  # noqa: UP031 - one more way
    assert all("CANARY" not in text and "6789" not in text for text in shown)
    assert "SEEDREAM_API_KEY" in repr(key)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, bytes, list])
def test_a_key_cannot_be_taken_along(take: Any) -> None:
    """Nothing that stores or copies objects gets hold of it, and what it raises does not show it."""
    with pytest.raises(TypeError) as caught:
        take(Key(CANARY, "test"))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


class Silent:
    """A store of keys that answers when it is released, and how often it was asked."""

    def __init__(self) -> None:
        self.release, self.asked = threading.Event(), 0

    def __call__(self, *_: object) -> str:
        self.asked += 1
        self.release.wait(30)
        return CANARY


@pytest.mark.parametrize("store", ["the keyring", "Kaggle's secrets"])
def test_a_store_that_does_not_answer_is_left(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, asked once and not waited for again; what it says later serves the next time. Typed keys work."""
    monkeypatch.setattr(key_stores, "SECONDS", 0.2)
    silent = Silent()
    if store == "the keyring":
        install_keyring(monkeypatch, get_password=silent, set_password=silent)
    else:
        client = type("Client", (), {"get_secret": silent})
        monkeypatch.setitem(sys.modules, "kaggle_secrets", SimpleNamespace(UserSecretsClient=client))
    try:
        for _ in range(2):
            with pytest.raises(MissingKey, match=f"No API key for anyfast; {store} did not answer within"):
                find_key(ANYFAST)
        assert (silent.asked, key_stores.silent_stores()) == (1, (store,))
        if store == "the keyring":
            assert store_key_in_keyring(ANYFAST, Key(CANARY, "test")) is False
            assert silent.asked == 1
        assert find_key(ARK, "given").reveal() == "given"
        remember_key(ANYFAST, "typed")
        assert find_key(ANYFAST).reveal() == "typed"
    finally:
        silent.release.set()
    for question in list(key_stores._unanswered.values()):
        question.join(10)
    assert find_key(ANYFAST).reveal() == CANARY
    assert key_stores.silent_stores() == ()


SILENT_KEYRING = """
import sys, threading
def get_password(*_):
    print("asked", file=sys.__stdout__, flush=True)
    open("asked", "w").close()
    threading.Event().wait()
set_password = get_password
"""


@pytest.mark.kernel
def test_stop_and_the_limit_work_while_a_keyring_is_silent(tmp_path: Path) -> None:
    """In a real kernel, with a package that never answers, as keyring does without a desktop: Stop ends the waiting,
    without it the limit does, with the reason; the kernel goes on.
    """
    (tmp_path / "keyring.py").write_text(SILENT_KEYRING)
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "SEEDREAM_LIBRARY": ""}
    with running_kernel(environment=environment, directory=tmp_path) as kernel:
        assert kernel.run("%load_ext seedream_magic").ename is None
        kernel.start("%%seedream\na boat")
        until = time.monotonic() + 20
        while not (tmp_path / "asked").exists() and time.monotonic() < until:
            time.sleep(0.01)
        kernel.interrupt()
        kernel.wait_idle(20)
        assert kernel.result.ename == "KeyboardInterrupt", kernel.result
        said = kernel.run("%%seedream\na boat")
        assert said.ename == "MissingKey"
        assert "the keyring did not answer within 3 s" in (said.evalue or "")
        report = kernel.run("%seedream doctor").outputs[0].text
        assert "\nWrong\n  key: No API key" in report
        assert "PYTHON_KEYRING_BACKEND" in report
        assert kernel.run("%seedream use demo").ename is None
