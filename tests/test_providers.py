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
from seedream_magic.api.providers import DEFAULT_PROVIDER, PROVIDERS, check_base_url, find_provider, is_loopback
from seedream_magic.errors import ConfigError
from seedream_magic.seedream import Seedream
from served import served
from service import PICTURE, POST, picture, whole_answer


@pytest.mark.parametrize(
    ("name", "base_url", "variables", "model", "strict"),
    [
        ("anyfast", "https://www.anyfast.ai/v1", ("ANYFAST_API_KEY",), "doubao-seedream-4-5", False),
        ("ark", "https://ark.cn-beijing.volces.com/api/v3", ("ARK_API_KEY",), "doubao-seedream-4-5-251128", True),
        ("byteplus", "https://ark.ap-southeast.bytepluses.com/api/v3", ("ARK_API_KEY",), "seedream-4-5-251128", True),
        ("demo", "", (), "doubao-seedream-4-5", True),
    ],
)
def test_the_providers(
    name: str,
    base_url: str,
    variables: tuple[str, ...],
    model: str,
    strict: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """Address, variable, model and strictness of each; only the demo goes without a key."""
    provider = find_provider(name)
    assert (provider.base_url, provider.key_variables, provider.default_model) == (base_url, variables, model)
    assert (provider.strict, provider.needs_key) == (strict, name != "demo")


def test_every_default_is_usable() -> None:
    """The default provider exists; each default model is known and each address is safe."""
    assert DEFAULT_PROVIDER == "anyfast"
    for provider in PROVIDERS.values():
        assert find_model(provider.default_model) is not None
        assert not provider.base_url or check_base_url(provider.base_url) == provider.base_url


@pytest.mark.parametrize("typed", ["ark", " Ark ", "ARK\n"])
def test_names_in_any_case(typed: str) -> None:
    """Blanks and capitals do not matter."""
    assert find_provider(typed).name == "ark"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anyfst", "anyfast"), ("AnyFats", "anyfast"), ("byteplus2", "byteplus"), ("arc", "ark"), ("dem", "demo"),
        ("", ""), ("openai", ""), ("x" * 10_000, ""),
    ],
)  # fmt: skip
def test_other_names(typed: str, meant: str) -> None:
    """All providers are listed, the one that was probably meant is named, and the sentence stays short."""
    with pytest.raises(ConfigError, match="anyfast, ark, byteplus, demo") as caught:
        find_provider(typed)
    assert str(caught.value).endswith(f" Did you mean {meant}?" if meant else "demo.")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("https://www.anyfast.ai/v1", "https://www.anyfast.ai/v1"),
        (" https://www.anyfast.ai/v1/ \n", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.ai/v1///", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.ai/v1/images/generations", "https://www.anyfast.ai/v1"),
        ("https://www.anyfast.ai/v1/images/generations/", "https://www.anyfast.ai/v1"),
        ("HTTPS://gateway.example:8443/api", "HTTPS://gateway.example:8443/api"),
        ("https://xn--r8jz45g.jp", "https://xn--r8jz45g.jp"),
        ("https://127.0.0.1:9/v1", "https://127.0.0.1:9/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://localhost.:8000", "http://localhost.:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[0:0:0:0:0:0:0:1]"),
    ],
)
def test_safe_addresses(typed: str, used: str) -> None:
    """Encrypted anywhere, plain http on this machine; slashes and the pasted endpoint are taken off."""
    assert check_base_url(typed) == used


@pytest.mark.parametrize(
    "typed",
    [
        "http://www.anyfast.ai/v1", "http://10.0.0.1", "http://0.0.0.0", "http://192.168.1.1", "http://[::2]",
        "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://evil-localhost", "http://2130706433",
        "http://0x7f000001", "http://127.1", "http://127.0.0.1\\@evil.example", "http://１２７.0.0.1", "http://127。0。0。1",
        "ftp://127.0.0.1", "file:///etc/passwd", "ws://localhost", "javascript:alert(1)", "//www.anyfast.ai",
        "www.anyfast.ai/v1", "localhost:8000", "", " ", "https://", "https:///v1", "https:www.anyfast.ai", "https://www.anyfast.ai/v1?key=1",
        "https://www.anyfast.ai/v1?", "https://www.anyfast.ai/v1#", "https://www.anyfast.ai/v1#a", "https://a b/",
        "https://www.anyfast.ai/v1\nX: y", "https://www.anyfast.ai/\x00", "https://www.anyfast.ai/\x7f", "https://host:port",
        "https://host:99999", "https://host:-1", "https://[::1", "https://[nonsense]", "https://www．anyfast．ai",
        "https://ａnyfast.ai", "https://\ud800", "https://例え.jp", "https://a\u2100b",
    ],
)  # fmt: skip
def test_unsafe_addresses(typed: str) -> None:
    """No other address gets a key: no plain http, no look-alike of this machine, nothing that can be misread."""
    with pytest.raises(ConfigError) as caught:
        check_base_url(typed)
    assert len(caught.value.lines()) == 1


@pytest.mark.parametrize(
    "typed",
    [
        "https://user:SECRET@www.anyfast.ai/v1", "https://SECRET@www.anyfast.ai", "https://:SECRET@www.anyfast.ai",
        "http://user:SECRET@127.0.0.1", "http://user:SECRET@evil.example", "https://user:SECRET@host:99999",
        "https://user:SECRET@host/?a#b", "https://user:SECRET@[::1", "https://user:SECRET@a\u2100b", "ftp://u:SECRET@host",
        "https://:@www.anyfast.ai", "https://@www.anyfast.ai", "https://www.anyfast.ai/v1?key=SECRET",
        "https://u:SECRET@a b", "https://www.anyfast.ai/v1#SECRET",
    ],
)  # fmt: skip
def test_passwords_in_addresses(typed: str) -> None:
    """A name or password is refused wherever it stands, and not repeated."""
    with pytest.raises(ConfigError) as caught:
        check_base_url(typed)
    assert "SECRET" not in caught.value.lines()[0]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LocalHost.", True), ("127.0.0.1", True), ("127.255.255.254", True), ("::1", True),
        ("0.0.0.0", False), ("128.0.0.1", False), ("::", False), ("localhost.localdomain", False), ("", False),
        ("127", False), ("api.localhost", True), ("a.b.LocalHost.", True), ("notlocalhost", False),
        ("localhost.example", False), (".localhost", False), ("a..localhost", False),
    ],
)  # fmt: skip
def test_loopback(host: str, local: bool) -> None:  # noqa: FBT001 - a row of the table
    """Only this machine's own names and addresses."""
    assert is_loopback(host) is local


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


@pytest.mark.parametrize("address", [GATEWAY, LOCAL, "http://[::1]:9/v1", "no address at all"])
def test_the_demo_takes_no_address_of_the_environment(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is embedded and free: an address in the environment is another provider's, also one of this machine."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", address)
    assert Seedream("demo").given_base_url == ""
    monkeypatch.setenv("SEEDREAM_PROVIDER", "demo")
    assert Seedream().given_base_url == ""


@pytest.mark.parametrize(("provider", "address"), [("anyfast", GATEWAY), ("ark", LOCAL)])
def test_the_others_take_the_address_of_the_environment(
    provider: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of their own."""
    monkeypatch.setenv("SEEDREAM_BASE_URL", address)
    assert Seedream(provider).given_base_url == address


def test_an_address_given_to_the_demo_is_refused() -> None:
    """Who names one of another machine expects it to be used: the sentence says that the demo is embedded."""
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
