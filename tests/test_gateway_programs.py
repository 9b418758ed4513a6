"""Real gateways between this client and a service: the service's count of POSTs beside what the person reads.

A picture, sets with and without a stream, errors, references, through LiteLLM's and Portkey's own programs.

Skipped where the programs are not installed: `make gateways` installs them and runs this.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_programs import (
    FAILED,
    KEY,
    Program,
    Service,
    litellm,
    missing,
    portkey,
)
from raw_server import RawServer
from seedream_magic import ImageSet, Seedream, SeedreamError
from seedream_magic.api import gateways
from seedream_magic.errors import RequestRefused, ServerFailed
from served import check_store
from service import bodies, jpeg, whole_answer

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}"),
    pytest.mark.xdist_group("gateways"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateways")


@pytest.fixture(scope="module")
def stock(folder: Path) -> Iterator[Program]:
    """LiteLLM as it comes."""
    with litellm(folder, Service()) as program:
        yield program


@pytest.fixture(scope="module")
def dropping(folder: Path) -> Iterator[Program]:
    """LiteLLM that drops what it does not take."""
    with litellm(folder, Service(), drop_params=True) as program:
        yield program


@pytest.fixture(scope="module")
def gate(folder: Path) -> Iterator[Program]:
    """Portkey without a retry setting."""
    with portkey(folder, Service()) as program:
        yield program


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "_HISTORIES", {})


def opened(program: Program, store: Path) -> Seedream:
    """A client that goes through the gateway."""
    return Seedream("anyfast", api_key=KEY, base_url=program.base_url, store=store, headers=program.headers)


def drawn(seedream: Seedream, **options: Any) -> ImageSet | SeedreamError:
    """The set of a request, or its error."""
    try:
        return seedream.generate("a fox", **options)
    except SeedreamError as error:
        return error


def told(server: RawServer, result: ImageSet | SeedreamError, *, posts: int) -> str:
    """What a person reads of it, once the service's count is as expected."""
    assert server.posts == posts
    return "\n".join(result.notes if isinstance(result, ImageSet) else result.lines())


def test_litellm_as_it_comes(stock: Program, store: Path) -> None:
    """It refuses our `response_format`; with what the hint says, a picture and a set come, each asked for once."""
    seedream = opened(stock, store)
    with stock.service.answering(whole_answer) as server:
        refused = drawn(seedream, images=4)
        assert isinstance(refused, RequestRefused)
        text = told(server, refused, posts=0)
        assert "Not billed." in text
        advised = """--no-stream --extra '{"response_format": null, "num_retries": 0}' (in Python"""
        assert advised in text
        assert "add stream=False, extra={'response_format'" in seedream.plan("a fox", images=4).warnings[0]
        left_out = {"response_format": None, "num_retries": 0}
        images = drawn(seedream, images=4, stream=False, extra=left_out)
        assert isinstance(images, ImageSet)
        assert (len(images.ok), images.billed) == (4, 4)
        told(server, images, posts=1)
        assert isinstance(drawn(seedream, extra=left_out), ImageSet)
        assert server.posts == 2
    check_store(store)


def test_litellm_and_a_failure(dropping: Program, store: Path) -> None:
    """Nine POSTs for one; three with `num_retries: 0`, which is told as well."""
    with dropping.service.answering(FAILED) as server:
        error = drawn(opened(dropping, store))
        assert isinstance(error, ServerFailed)
        assert error.code == "InternalServiceError"
        assert "up to 9 times" in told(server, error, posts=9)
    with dropping.service.answering(FAILED) as server:
        text = told(server, drawn(opened(dropping, store), extra={"num_retries": 0}), posts=3)
        assert "up to 3 times" in text
        assert "--extra" not in text


def test_portkey_and_sets(gate: Program, store: Path) -> None:
    """Streamed it breaks down over the answer; unstreamed one of four comes without the reference, and why."""
    seedream = opened(gate, store)
    with gate.service.answering(whole_answer) as server:
        text = told(server, drawn(seedream, images=4), posts=1)
        assert "4 images may be billed" in text
        assert "draw again with --no-stream (in Python stream=False)." in text
    with gate.service.answering(whole_answer) as server:
        images = drawn(seedream, images=4, stream=False, refs=jpeg(1), watermark=False)
        text = told(server, images, posts=1)
        assert all(name in text for name in ("Portkey dropped", "image", "sequential_image_generation", "watermark"))
        assert "One of the 4 images" in text
        assert not {"image", "watermark"} & set(bodies(server.requests)[0])
        assert "drops image" in seedream.plan("a hen", refs=jpeg(1)).warnings[0]


def test_the_demo_behind_litellm(dropping: Program, store: Path) -> None:
    """The embedded service gives its pictures through a gateway as it does alone; its links are signed and fetched."""
    command = [sys.executable, "-m", "seedream_magic.demo", "--port", str(dropping.service.port), "--delay", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            assert demo.stdout.readline().strip() == f"{dropping.service.url}/v1"
            images = drawn(opened(dropping, store), images=2, stream=False, size="2K", refs=jpeg(1, (512, 512)))
        finally:
            demo.terminate()
    assert isinstance(images, ImageSet)
    assert (len(images.ok), images.notes) == (2, ())
    assert images.usage is not None
    assert images.usage["input_images"] == 1
