"""The cells that go on from a frame of a set: they find its run and work in any cell, in a fresh kernel as well."""

from __future__ import annotations

import os

from seedream_magic.api.cell_text import call_text
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.store import DEFAULT_FOLDER
from seedream_magic.session import home


def redo_cell(images: ImageSet, place: int, **asked: str | None) -> str:
    """The cell that draws the frame at this index anew; `asked` are further arguments of `redo`, None for none."""
    return _cell(images, ".redo", place, **asked)


def vary_cell(images: ImageSet, place: int, prompt: str) -> str:
    """The cell that draws a set of its own after the frame at this index."""
    return _cell(images, f"[{place}].vary", prompt)


def _cell(images: ImageSet, method: str, *values: str | int, **asked: str | None) -> str:
    """The provider is always named: another one would be paid."""
    client = call_text("Seedream", images.provider, store=_store(images), base_url=_base_url(images))
    shown = call_text(".show", images.run_id)
    return f"from seedream_magic import Seedream\n{client}{shown}{call_text(method, *values, **asked)}"


def _store(images: ImageSet) -> str | None:
    """The store as `Seedream` takes it, None for its default."""
    store, here = images.folder.parent.absolute(), home()
    if store == here / DEFAULT_FOLDER and not os.environ.get("SEEDREAM_STORE"):
        return None
    return str(store.relative_to(here) if store.is_relative_to(here) else store)


def _base_url(images: ImageSet) -> str | None:
    """The address that was given in Python for the run's own provider; the demo's is another one in each kernel.

    That of another provider's client, by which the set is shown, would get a key that is not for it.
    """
    client = images.client
    if client is None or client.provider.name != images.provider or not client.provider.base_url:
        return None
    known = (client.provider.base_url, os.environ.get("SEEDREAM_BASE_URL"))
    return None if client.given_base_url in known else str(client.given_base_url)
