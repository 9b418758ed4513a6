"""What is written of a run can be read: whatever the service says, and whatever is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run
from raw_server import RawServer, Reply, Request, raw_server
from seedream_magic import ImageError, InvalidRequest, Seedream
from seedream_magic.words.requests import EXTRA_TOO_DEEP, TOO_MUCH_TEXT
from served import client, served
from service import PICTURE, POST, link, picture


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"inner": value}
    return value


def reporting(usage: str) -> Any:
    """An answer with one picture and this usage."""

    def answer(request: Request) -> Reply:
        text = f'{{"data": [{{"url": "{link(request, 0)}"}}], "usage": {usage}}}'
        return Reply(200, {"Content-Type": "application/json"}, text.encode())

    return answer


@pytest.mark.parametrize(
    "usage",
    [
        f'{{"generated_images": 1, "deep": {json.dumps(nested(150))}}}',
        f'{{"generated_images": 1, "deep": {"[" * 400}{"]" * 400}}}',
        f'{{"generated_images": 1, "long": "{"y! " * 6_000_000}"}}',
    ],
    ids=["nested", "lists", "huge"],
)
def test_usage_of_any_size_leaves_the_record_readable(usage: str, tmp_path: Path) -> None:
    """The count that is billed stands in it; the rest is in the answer as it came. The same call sends nothing."""
    with served({POST: reporting(usage), PICTURE: picture}, tmp_path) as server:
        drawn = client(server, tmp_path).generate("a quiet harbour")
        again = client(server, tmp_path).generate("a quiet harbour")
    assert (again.run_id, again.replayed, again.billed) == (drawn.run_id, True, 1)
    assert (again.folder / "request.json").stat().st_size < 100_000
    assert usage.encode() in (again.folder / "response.raw").read_bytes()


def test_links_beside_a_deep_usage_are_found_after_a_failed_download(tmp_path: Path) -> None:
    """The line of the answer can be read as well: `recover` fetches the picture, and nothing is billed."""
    up: list[bool] = []
    usage = f'{{"generated_images": 1, "deep": {json.dumps(nested(150))}}}'
    scenario = {POST: reporting(usage), PICTURE: lambda request: picture(request) if up else Reply(404)}
    with served(scenario, tmp_path) as server:
        seedream = client(server, tmp_path)
        with pytest.raises(ImageError) as failed:
            seedream.generate("a harbour at night")
        run_id = str(failed.value.run_id)
        (tmp_path / run_id / "response.raw").unlink()
        up.append(True)
        (recovered,) = seedream.recover(run_id)
        assert recovered.complete


@pytest.mark.parametrize("levels", [120, 500, 50_000])
def test_extra_nested_too_deep_is_refused(levels: int, tmp_path: Path) -> None:
    """Before anything is sent or written, by what is to be done."""
    seedream = Seedream("demo", store=tmp_path / "runs")
    with pytest.raises(InvalidRequest, match="90"):
        seedream.generate("a mill", extra={"workflow": nested(levels)})
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("levels", [120, 500, 50_000])
def test_a_cell_refuses_it_too(shell: InteractiveShell, levels: int) -> None:
    text = '{"a":' * levels + "1" + "}" * levels
    error, _ = run(shell, f"%%seedream --extra '{text}'\na mill")
    assert isinstance(error, InvalidRequest)
    assert str(error).startswith(EXTRA_TOO_DEEP(most=90))


@pytest.fixture
def unasked(tmp_path: Path) -> Any:
    with raw_server({}) as server:
        yield server
        assert server.posts == 0


@pytest.mark.parametrize(
    ("prompt", "extra"),
    [("四" * 3_000_000, {}), ("a mill", {"mask": "data:image/png;base64," + "A" * 17 * 2**20})],
    ids=["prompt", "extra"],
)
def test_a_request_too_long_for_its_record_is_refused(
    prompt: str, extra: dict[str, Any], unasked: RawServer, tmp_path: Path
) -> None:
    """It would be paid for and not be found again; also with check=False, and as a storyboard."""
    seedream = client(unasked, tmp_path / "runs")
    for check in (True, False):
        with pytest.raises(InvalidRequest) as raised:
            seedream.generate(prompt, extra=extra, check=check)
        assert str(raised.value).startswith(TOO_MUCH_TEXT(most=12))
    assert not [*tmp_path.glob("runs/*")]
