"""The cells that go on from a set pair no provider's key with another one's address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seedream_magic import ImageSet, Seedream
from seedream_magic.view.going_on import redo_cell


def test_an_address_is_named_for_its_own_provider_only(tmp_path: Path) -> None:
    """A set that another provider's client shows goes on at the address of the provider that made it."""
    client = Seedream("anyfast", base_url="https://gateway.example/v1", store=tmp_path)
    made = ImageSet(client.plan("x").request, "anyfast", "20261122T101500Z-aaaaaaaaaa", tmp_path / "r", client=client)
    assert 'base_url="https://gateway.example/v1"' in redo_cell(made, 0)
    assert "base_url" not in redo_cell(replace(made, provider="ark"), 0)
    assert "base_url" not in redo_cell(replace(made, client=Seedream("anyfast", store=tmp_path)), 0)
    assert "base_url" not in redo_cell(replace(made, client=None), 0)
