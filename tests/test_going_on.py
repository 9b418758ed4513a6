"""The cells that go on from a set pair no provider's key with another one's address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seedream_magic import ImageSet, Seedream
from seedream_magic.images.image_set import origin_of


def test_an_address_is_named_for_its_own_provider_only(tmp_path: Path) -> None:
    """A set that another provider's client shows goes on at the address of the provider that made it."""
    client = Seedream("anyfast", base_url="https://gateway.example/v1", store=tmp_path)
    made = ImageSet(client.plan("x").request, "anyfast", "20261122T101500Z-aaaaaaaaaa", tmp_path / "r", client=client)
    assert 'base_url="https://gateway.example/v1"' in origin_of(made).redo_cell(0)
    assert "base_url" not in origin_of(replace(made, provider="ark")).redo_cell(0)
    assert "base_url" not in origin_of(replace(made, client=Seedream("anyfast", store=tmp_path))).redo_cell(0)
    assert "base_url" not in origin_of(replace(made, client=None)).redo_cell(0)
