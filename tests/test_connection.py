"""Which proxy is in the way, told without its user, and what to do about a certificate that is not trusted."""

from __future__ import annotations

import pytest

from seedream_magic.api.connection import certificate_hint, proxy_for, reason

API = "https://api.example/v1/images/generations"


@pytest.mark.fault("F08")
@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, API, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://somebody:canary@proxy.example:3128"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://somebody:can@ary@proxy.example:3128/"}, API, "proxy.example:3128"),
        ({"HTTPS_PROXY": "somebody:canary@proxy.example"}, API, "proxy.example"),
        ({"ALL_PROXY": "socks5://[::1]:1080"}, API, "[::1]:1080"),
        ({"ALL_PROXY": "http://all.example:1", "HTTPS_PROXY": "http://one.example:2"}, API, "one.example:2"),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, API, ""),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, "http://127.0.0.1:1/v1", "proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example"}, API, ""),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}, API, ""),
        ({"HTTPS_PROXY": ""}, API, ""),
    ],
)
def test_the_proxy_that_the_environment_names(
    variables: dict[str, str], url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host and port, for errors: neither user nor password, whatever signs are in it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.fault("F06")
@pytest.mark.parametrize(
    ("told", "dated"),
    [
        ("certificate verify failed: certificate has expired", True),
        ("certificate verify failed: certificate is not yet valid", True),
        ("certificate verify failed: self-signed certificate", False),
        ("certificate verify failed: Hostname mismatch", False),
    ],
)
def test_a_certificate_out_of_its_time_tells_what_time_it_is_here(told: str, *, dated: bool) -> None:
    """Mostly it is this machine's clock that is wrong; and in no case is looking away offered."""
    hint = certificate_hint(told)
    assert ("clock says 20" in hint) is dated
    assert "clock" in hint
    assert hint.endswith("the certificate is never left unchecked.")


def test_a_fault_without_words_is_told_by_its_name() -> None:
    """And one with words without the stop at their end, for they stand in a sentence of ours."""
    assert reason(TimeoutError()) == "TimeoutError"
    assert reason(OSError("It broke.")) == "It broke"
    assert len(reason(ValueError("x" * 5000))) == 120
