"""What a growing set costs to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.images.image_set import Frame, ImageSet, cards_of
from seedream_magic.view import pictures
from seedream_magic.view.carousel import set_bundle
from service import jpeg


def test_each_picture_of_an_open_set_is_encoded_twice_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model decides how many come: once while it grows, once at the end, however many there are."""
    encoded: list[int] = []
    encode = pictures.encode_within

    def counted(*arguments: Any) -> Any:
        encoded.append(1)
        return encode(*arguments)

    monkeypatch.setattr(pictures, "encode_within", counted)
    pictures.preview_of.cache_clear()
    request, _ = make_request(Ask("x", {"images": "auto"}), model="doubao-seedream-4-5")
    images = ImageSet(request=request, provider="anyfast", run_id="r", folder=tmp_path, expected=None)
    for index in range(12):
        path = tmp_path / f"{index + 1:02d}.jpg"
        path.write_bytes(jpeg(index))
        images = images.with_frame(Frame(index, "x", path, 2048, 2048, f"{index}"))
        set_bundle(cards_of(images))
    set_bundle(cards_of(images.finished(None, named=set(range(12)))))
    assert 12 <= len(encoded) <= 24
