"""Reference images that are links, brought here: the service gives a link 10 s, and an expired one costs a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from seedream_magic.api.connection import Client
from seedream_magic.api.reference import Reference
from seedream_magic.errors import ImageError, InvalidRequest
from seedream_magic.images.download import download


async def bring_references(
    references: Iterable[Reference], client: Client, *, allow_loopback: bool
) -> tuple[Reference, ...]:
    """The references with the bytes behind their links. Raises `InvalidRequest` for a link that cannot be read."""

    async def brought(reference: Reference) -> Reference:
        if reference.data or reference.url is None:
            return reference
        from seedream_magic.api.references import fetched  # noqa: PLC0415 - Pillow loads when it is used

        try:
            data, _ = await download(client, reference.url, allow_loopback=allow_loopback)
        except ImageError as exc:
            raise InvalidRequest(f"The reference {reference.source} could not be fetched: {exc}") from exc
        return fetched(reference, data)

    return tuple(await asyncio.gather(*map(brought, references)))
