"""Reference images that are links, brought here: the service gives a link 10 s, and an expired one costs a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

from seedream_magic.api.connection import Client
from seedream_magic.api.references.limits import MAXIMUM_BYTES, short
from seedream_magic.api.references.reference import Reference
from seedream_magic.errors import (
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    InvalidRequest,
    SeedreamError,
    UnsafeURL,
)
from seedream_magic.images.download import PARALLEL_DOWNLOADS, Wanted, fetch

_one_at_a_time = threading.Lock()
"""To read a reference, in a thread, Python's warnings are turned off for the whole process; two would mix that up."""
_SAVE = "or save the picture and give its path."
_WHAT_TO_DO: dict[type[SeedreamError], str] = {
    ImageInvalid: f"Link to another one, {_SAVE}",
    ImageLinkExpired: f"Give a link that works, {_SAVE}",
    ImageTooLarge: "Link to a smaller one, or save the picture and give its path with --fit, which scales it down.",
    InvalidRequest: f"A link has to give the picture itself, not a page that shows it; {_SAVE}",
    UnsafeURL: f"Give the picture's own https link, to a public host and without a port, {_SAVE}",
}


async def fetch_references(
    references: Iterable[Reference], http: Client, *, allow_loopback: bool
) -> tuple[Reference, ...]:
    """The references with the bytes behind their links, each judged as a file of the same bytes is.

    Raises `InvalidRequest` for a link that cannot be read; the others are then not waited for.
    """
    slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

    async def limited(reference: Reference) -> Reference:
        async with slots:
            return await _fetched(reference, http, allow_loopback=allow_loopback)

    tasks = [asyncio.create_task(limited(reference)) for reference in references]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fetched(reference: Reference, http: Client, *, allow_loopback: bool) -> Reference:
    if reference.data or reference.url is None:
        return reference
    from seedream_magic.api.references.make_references import fetched  # noqa: PLC0415 - Pillow loads when it is used

    # --fit scales when a request is planned, so that the plan tells what will be sent; a link is fetched after that.
    # What is over the limit could only be refused, so no more is fetched.
    def read(data: bytes) -> Reference:
        with _one_at_a_time:
            return fetched(reference, data)

    try:
        complete, _ = await fetch(http, reference.url, Wanted(read, MAXIMUM_BYTES), allow_loopback=allow_loopback)
    except ImageError as exc:
        words = f"The reference {short(reference.source)} could not be fetched. {exc}"
        raise InvalidRequest(words, hint=_what_to_do(exc)) from exc
    except InvalidRequest as exc:
        exc.hint = _what_to_do(exc)
        raise
    return complete


def _what_to_do(fault: SeedreamError) -> str:
    if fault.hint:
        return f"{fault.hint} Or save the picture and give its path."
    return _WHAT_TO_DO.get(type(fault), f"Run it again later, {_SAVE}")
