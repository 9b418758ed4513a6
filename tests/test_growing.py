"""What a growing set costs to show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.notebook.display import Output
from seedream_magic.view import pictures
from service import encoded, noise


def growth(folder: Path, count: int, images: int | str) -> Iterator[ImageSet]:
    """A set from its beginning to its end, of pictures that fill whatever room a preview has."""
    request, _ = make_request(Ask("x", {"images": images}), model="doubao-seedream-4-5")
    expected = None if images == "auto" else count
    value = ImageSet(request=request, provider="anyfast", run_id="r", folder=folder, expected=expected)
    yield value
    data = encoded(noise(200, 200).resize((1000, 1000)), "JPEG")
    for index in range(count):
        path = folder / f"{index + 1:02d}.jpg"
        path.write_bytes(data + bytes([index]))
        value = value.with_frame(Frame(index, "x", path, 2048, 2048, f"{folder.name} {index}"))
        yield value
    yield value.finished(None, named=set(range(count)))


def bytes_shown(values: Iterator[ImageSet]) -> list[int]:
    """Of each output that the front end gets while these are shown."""
    output = Output()
    with capture_output() as captured:
        for value in values:
            output.show(value)
    bundles = [vars(one).get("_kwargs", vars(one))["data"] for one in captured.outputs]
    return [len(json.dumps(bundle)) for bundle in bundles]


@pytest.mark.parametrize(("count", "images"), [(4, 4), (15, 15), (12, "auto")])
def test_all_updates_have_three_times_the_bytes_of_the_last_output(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, images: int | str
) -> None:
    """However many pictures come. Each file is decoded once, or twice where the model decides how many come."""
    decoded: list[Any] = []
    decode = pictures.decode

    def counted(*arguments: Any) -> Any:
        decoded.append(arguments)
        return decode(*arguments)

    monkeypatch.setattr(pictures, "decode", counted)
    sizes = bytes_shown(growth(tmp_path, count, images))
    assert len(sizes) == count + 2
    assert sum(sizes) <= 3 * max(sizes)
    assert len(decoded) <= (count if images == count else 2 * count)
