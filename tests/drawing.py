"""A plan carried out without a client: for tests that give a pace, a transport or a key of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import uuid4

from seedream_magic.api.credentials import Key
from seedream_magic.api.plan import Plan
from seedream_magic.images.image_set import ImageSet
from seedream_magic.images.store import begin_run
from seedream_magic.run import Run


async def generate(plan: Plan, key: Key, *, store: Path, **settings: Any) -> AsyncGenerator[ImageSet, None]:
    """The values of the run; `settings` are those of `Run`."""
    run = Run(plan, key, begin_run(store, plan, client_request_id=str(uuid4()), key=key), **settings)
    async with aclosing(run.values()) as growing:
        async for images in growing:
            yield images
