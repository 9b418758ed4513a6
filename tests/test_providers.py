"""The providers' facts, and the addresses that a key may be sent to."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api import credentials
from seedream_magic.api.models import find_model
from seedream_magic.api.providers import DEFAULT_PROVIDER, PROVIDERS, check_base_url, find_provider
from seedream_magic.errors import ConfigError
from seedream_magic.seedream import Seedream
from served import served
from service import PICTURE, POST, picture, whole_answer


def test_the_providers() -> None:
    """Address, variable, model and strictness of each; each model is known, only the demo goes without a key."""
    facts = {
        name: (provider.base_url, provider.key_variables, provider.default_model, provider.strict, provider.needs_key)
        for name, provider in PROVIDERS.items()
    }
    ark, byteplus = "https://ark.cn-beijing.volces.com/api/v3", "https://ark.ap-southeast.bytepluses.com/api/v3"
    assert DEFAULT_PROVIDER == "anyfast"
    assert facts == {
        "anyfast": ("https://www.anyfast.ai/v1", ("ANYFAST_API_KEY",), "doubao-seedream-4-5", False, True),
        "ark": (ark, ("ARK_API_KEY",), "doubao-seedream-4-5-251128", True, True),
        "ark-plan": (
            ark.replace("/v3", "/plan/v3"),
            ("ARK_PLAN_API_KEY", "ARK_API_KEY"),
            "doubao-seedream-5.0-lite",
            True,
            True,
        ),
        "byteplus": (byteplus, ("ARK_API_KEY",), "seedream-4-5-251128", True, True),
        "demo": ("", (), "doubao-seedream-4-5", True, False),
    }
    assert all(find_model(provider.default_model) for provider in PROVIDERS.values())
    assert find_provider(" Ark\n").name == find_provider("方舟").name == "ark"
    assert find_provider("演示").name == "demo"


@pytest.mark.parametrize(("typed", "meant"), [("AnyFats", "anyfast"), ("dem", "demo"), ("", ""), ("x" * 10_000, "")])
def test_other_names(typed: str, meant: str) -> None:
    """All providers are listed, the one that was probably meant is named, and the sentence stays short."""
    with pytest.raises(ConfigError, match="anyfast, ark, ark-plan, byteplus, demo") as caught:
        find_provider(typed)
    assert str(caught.value).endswith(f" Did you mean {meant}?" if meant else "demo.")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        (" https://www.anyfast.ai/v1// \n", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.ai/v1/images/generations/", "https://www.anyfast.ai/v1"),
        *((same, same) for same in ("HTTPS://gateway.example:8443/api", "https://xn--r8jz45g.jp", "http://LOCALHOST",
                                    "http://localhost.:8000", "http://api.localhost", "http://127.8.9.10",
                                    "http://[::1]:8000/v1", "http://[0:0:0:0:0:0:0:1]")),
    ],
)  # fmt: skip
def test_safe_addresses(typed: str, used: str) -> None:
    """Encrypted anywhere, plain http on this machine; slashes and the pasted endpoint are taken off."""
    assert check_base_url(typed) == used


@pytest.mark.parametrize(
    "typed",
    [
        "http://www.anyfast.ai/v1", "http://10.0.0.1", "http://0.0.0.0", "http://[::2]", "http://localhost.evil.example",
        "http://127.0.0.1.evil.example", "http://evil-localhost", "http://2130706433", "http://0x7f000001", "http://127.1",
        "http://127.0.0.1\\@evil.example", "http://１２７.0.0.1", "http://a..localhost", "ftp://127.0.0.1",
        "file:///etc/passwd", "javascript:alert(1)", "//www.anyfast.ai", "www.anyfast.ai/v1", "localhost:8000", "",
        "https:///v1", "https:www.anyfast.ai", "https://www.anyfast.ai/v1?", "https://a.example/v1#", "https://a b/",
        "https://www.anyfast.ai/v1\nX: y", "https://www.anyfast.ai/\x00", "https://host:port", "https://host:99999",
        "https://[::1", "https://[nonsense]", "https://www．anyfast．ai", "https://\ud800", "https://例え.jp",
        "https://a\u2100b", "https://user:SECRET@www.anyfast.ai/v1", "https://:SECRET@www.anyfast.ai",
        "http://user:SECRET@127.0.0.1", "https://user:SECRET@host:99999", "https://user:SECRET@host/?a#b",
        "https://user:SECRET@[::1", "https://user:SECRET@a\u2100b", "ftp://u:SECRET@host", "https://@www.anyfast.ai",
        "https://www.anyfast.ai/v1?key=SECRET", "https://u:SECRET@a b", "https://www.anyfast.ai/v1#SECRET",
    ],
)  # fmt: skip
def test_unsafe_addresses(typed: str) -> None:
    """No plain http, no look-alike of this machine, nothing that can be misread, no password; none is repeated."""
    with pytest.raises(ConfigError) as caught:
        check_base_url(typed)
    (line,) = caught.value.lines()
    assert "SECRET" not in line


@given(
    address=st.text(max_size=40) | st.text(alphabet="htps:/@?#[]\\.%127localhost", max_size=30).map("http://".__add__)
)
@settings(max_examples=150, deadline=None)
def test_any_address(address: str) -> None:
    """It is usable as it is, or a `ConfigError`; what is usable stays so."""
    try:
        used = check_base_url(address)
    except ConfigError:
        return
    assert check_base_url(used) == used
    assert re.match(r"https://|http://([\w.-]+\.)?localhost|http://1|http://\[", used, re.IGNORECASE)
    assert not set(used) & set("@?#\\ \n")


GATEWAY, LOCAL = "https://gateway.example/v1", "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("address", [GATEWAY, LOCAL, "no address at all"])
def test_the_demo_takes_no_address_of_the_environment(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is embedded and free; the others take it in place of their own. Given one of another machine it refuses."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", address)
    assert Seedream("demo").given_base_url == ""
    assert address not in {GATEWAY, LOCAL} or Seedream("ark").given_base_url == address
    monkeypatch.setenv("SEEDREAM_PROVIDER", "demo")
    assert Seedream().given_base_url == ""
    with pytest.raises(ConfigError, match="demo is embedded"):
        Seedream("demo", base_url=GATEWAY)
    assert Seedream("demo", base_url=LOCAL).given_base_url == LOCAL


@pytest.mark.parametrize(
    ("beside", "sent"), [({}, "Bearer demo"), ({"api_key": "sk-of-my-own-demo"}, "Bearer sk-of-my-own-demo")]
)
def test_the_demo_is_sent_no_key_that_was_found(
    beside: dict[str, Any], sent: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the environment, the keyring or what was typed; one that is given beside an address goes there."""
    keyring = ModuleType("keyring")
    vars(keyring)["get_password"] = lambda *_: "sk-of-the-keyring"
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setattr(credentials, "_typed", {})
    credentials.remember_key(PROVIDERS["demo"], "sk-typed")
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-found")
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        Seedream("demo", base_url=f"{server.url}/v1", store=store, **beside).generate("x")
        assert [request.headers["authorization"] for request in server.requests if request.method == "POST"] == [sent]
    embedded = Seedream("demo", **beside)
    assert embedded.key().reveal() == "demo"
    assert "Bearer demo" in embedded.plan("x").curl()
