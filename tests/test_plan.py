"""A plan says what will be sent and where, to a person and to a shell."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from asks import made
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS

# In place of the program: prints its arguments, each ended by NUL.
CURL = """curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n"""
SHELL = shutil.which("sh")


def plan_for(prompt: str, *, base_url: str = "https://www.anyfast.ai/v1", **asked: Any) -> Plan:
    return Plan(made(prompt, **asked), PROVIDERS["anyfast"], base_url)


def arguments(command: str) -> list[str]:
    """What a shell gives to curl."""
    assert SHELL is not None
    run = subprocess.run(
        [SHELL, "-c", CURL + command], env={"SEEDREAM_API_KEY": "sk-test"}, capture_output=True, check=True, timeout=20
    )
    assert run.stderr == b""
    return run.stdout.decode().split("\0")[:-1]


def test_url_and_body() -> None:
    """The endpoint follows the base URL; the body is the request's."""
    plan = plan_for("a fox")
    assert plan.url == "https://www.anyfast.ai/v1/images/generations"
    assert plan.body == plan.request.body


def test_a_plan_on_its_own_is_one_line() -> None:
    """Whom it asks, what it may bill, whether it is stored."""
    plan = plan_for("a fox", images=4)
    assert repr(plan) == "<Plan anyfast doubao-seedream-4-5: up to 4 images, not stored>"
    assert repr(replace(plan_for("a fox"), stored="2026")) == (
        "<Plan anyfast doubao-seedream-4-5: up to 1 image, stored as 2026>"
    )


@pytest.mark.skipif(SHELL is None, reason="no POSIX shell here")
@pytest.mark.parametrize(
    "prompt",
    [
        "a fox", "it's a 'fox'", 'a "fox"', "two\nlines\r\n\n", "$SEEDREAM_API_KEY ${HOME} $(id) `id`",
        "back\\slash\\n \\", "! !! #x ; & | > < * ? [a] {b} ~", "四季", "a\u2028b 🦊", "@file", "-n", "\x00\x01\x1b",
        "%s%d\t", "''\"'\"''", "x" * 10_000,
    ],
)  # fmt: skip
def test_curl_in_a_shell(prompt: str) -> None:
    """A shell reads the same request out of it, whatever the prompt holds, and fills in only the key."""
    plan = plan_for(prompt)
    *words, body = arguments(plan.curl())
    assert words == [
        "-X", "POST", plan.url,
        "-H", "Authorization: Bearer sk-test",
        "-H", "Content-Type: application/json",
        "-d",
    ]  # fmt: skip
    assert json.loads(body) == plan.body
    assert list(json.loads(body)) == list(plan.body)


@pytest.mark.skipif(SHELL is None, reason="no POSIX shell here")
def test_curl_of_a_stream_is_unbuffered() -> None:
    """Events show as they come, also where an extra field asks for the stream."""
    assert arguments(plan_for("a fox", images=4).curl())[0] == "-N"
    assert arguments(plan_for("a fox", extra={"stream": True}).curl())[0] == "-N"
    assert arguments(plan_for("a fox").curl())[0] == "-X"


@pytest.mark.skipif(SHELL is None, reason="no POSIX shell here")
def test_curl_quotes_the_address() -> None:
    """An address is one word for the shell."""
    assert "https://host/a&b;c'd/images/generations" in arguments(plan_for("x", base_url="https://host/a&b;c'd").curl())


def test_curl_reads_like_the_documentation() -> None:
    """The prompt stands in its own script, and the key as a variable."""
    command = plan_for("四季", images="auto", size="2K", stream=False, watermark=False).curl()
    assert command.startswith("curl -X POST https://www.anyfast.ai/v1/images/generations \\\n  -H ")
    assert '"Authorization: Bearer $SEEDREAM_API_KEY"' in command
    assert '"prompt": "四季"' in command
