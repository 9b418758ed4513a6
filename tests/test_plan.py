"""A plan says what will be sent and where, to a person and to a shell."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from requesting import made
from seedream_magic import InvalidRequest, Seedream
from seedream_magic.api.plan import Plan, call_text
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.api.redaction import clean_text
from seedream_magic.session import Session

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


def test_a_plan_on_its_own_is_one_line() -> None:
    """Whom it asks, what it may bill, whether it is stored."""
    plan = plan_for("a fox", images=4)
    assert repr(plan) == "<Plan anyfast doubao-seedream-4-5: up to 4 images, not stored>"
    assert repr(replace(plan_for("a fox"), stored="2026")) == (
        "<Plan anyfast doubao-seedream-4-5: up to 1 image, stored as 2026>"
    )


STEERING = "\u202egnp.exe\u2066\u200b\x1b]0;x\x07\x9b31m\u2028end"
"""What turns the words that follow around, hides, or is obeyed by a terminal."""


def test_nothing_that_steers_a_terminal_is_printed(tmp_path: Path) -> None:
    """In a cell and a call for a shell it stands written out, and says the same."""
    seedream = Seedream("demo", store=tmp_path / f"st{STEERING[:9]}")
    plan = seedream.plan("x", extra={"a": STEERING})
    odd = replace(plan, request=replace(plan.request, model=STEERING))
    told = [repr(seedream), repr(odd), plan.cell(), plan.curl(), clean_text(STEERING)]
    told += [str(InvalidRequest(STEERING)), call_text("show", STEERING)]
    assert not [text for text in told if not text.replace("\n", "").isprintable()]
    with pytest.raises(InvalidRequest, match="model takes"):
        seedream.plan("x", model="m\u202e")
    assert json.loads(shlex.split(plan.cell())[shlex.split(plan.cell()).index("--extra") + 1]) == {"a": STEERING}


def test_a_plan_tells_its_price(store: Path) -> None:
    """By the list of the service that it asks, by the person's own before that; nothing where it is stored."""
    ark = Seedream("ark", api_key="k", store=store)
    ark.session = Session()
    plan = ark.plan("a fox", images=4)
    assert ": up to 4 images, ¥1.00 by the list price of 2026-09, not stored>" in repr(plan)
    assert plan.price is not None
    assert (float(plan.price.amount), plan.price.currency) == (1.0, "¥")
    assert replace(plan, stored="2026").price is None
    ark.session.prices = {plan.request.model: 0.2}
    assert "up to 4 images, 0.80 by the prices you set, not stored>" in repr(ark.plan("a fox", images=4))
    assert ark.plan("a fox", images=4) == plan


@pytest.mark.skipif(SHELL is None, reason="no POSIX shell here")
@pytest.mark.parametrize(
    "prompt",
    ["it's a 'fox' \"\"", "two\nlines\r\n\n", "$SEEDREAM_API_KEY ${HOME} $(id) `id` %s", "back\\slash\\n \\",
     "! !! #x ; & | > < * ? [a] {b} ~", "四季\u2028b 🦊", "@file", "\x00\x01\x1b"],
)  # fmt: skip
def test_curl_in_a_shell(prompt: str) -> None:
    """A shell reads the same request out of it, whatever prompt and address hold, and fills in only the key."""
    plan = plan_for(prompt, base_url="https://host/a&b;c'd")
    *words, body = arguments(plan.curl())
    head = ["-H", "Authorization: Bearer sk-test", "-H", "Content-Type: application/json", "-d"]
    assert words == ["-X", "POST", "https://host/a&b;c'd/images/generations", *head]
    assert list(json.loads(body).items()) == list(plan.request.body.items())


def test_curl_reads_like_the_documentation() -> None:
    """The prompt stands in its own script, the key as a variable; the events of a stream show as they come."""
    command = plan_for("四季", images="auto", size="2K", stream=False, watermark=False).curl()
    assert command.startswith("curl -X POST https://www.anyfast.ai/v1/images/generations \\\n  -H ")
    assert '"Authorization: Bearer $SEEDREAM_API_KEY"' in command
    assert '"prompt": "四季"' in command
    assert "curl -N " in plan_for("a fox", images=4).curl()
    assert "curl -N " in plan_for("a fox", extra={"stream": True}).curl()
