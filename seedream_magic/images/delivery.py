"""What a run downloads: the pictures of its answer, to frames on disk, and the links among its references, to bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from seedream_magic.api.connection import Client
from seedream_magic.api.events import Picture
from seedream_magic.api.references.reference import MAXIMUM_BYTES, Reference, short
from seedream_magic.errors import (
    ImageError,
    ImageInvalid,
    ImageLinkExpired,
    ImageTooLarge,
    InvalidRequest,
    SeedreamError,
    UnsafeURL,
    advice_of,
    reason_of,
)
from seedream_magic.images.download import PARALLEL_DOWNLOADS, Purpose, check, decode, download, fetch, link_expiry
from seedream_magic.images.image_set import Frame
from seedream_magic.images.received import Received
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.images.verify import PictureFacts
from seedream_magic.words import pictures as texts
from seedream_magic.words.text import Text, join

_REFERENCE_HINTS: dict[type[SeedreamError], Text] = {
    ImageInvalid: texts.ANOTHER_OR_SAVE,
    ImageLinkExpired: texts.WORKING_OR_SAVE,
    ImageTooLarge: texts.SMALLER_OR_FIT,
    InvalidRequest: texts.PICTURE_ITSELF,
    UnsafeURL: texts.OWN_HTTPS,
}


@dataclass(frozen=True)
class Delivery:
    """What became of a picture: its frame, and the notes that its set is to carry about it."""

    frame: Frame
    notes: tuple[str, ...] = ()


async def deliver(
    picture: Picture,
    run: RunFolder,
    http: Client,
    slots: asyncio.Semaphore,
    *,
    prompt: str,
    allow_loopback: bool,
    body: Received | None = None,
) -> Delivery:
    """The frame of this picture: saved, or with the error that prevented it. Raises nothing but a Stop.

    A Stop is raised only as long as the picture is not whole in memory; after that it is saved first. `slots` limits
    how many are downloaded at once; a picture that came in the answer itself waits for none. `body` are its bytes
    where they were taken out of the answer.
    """
    try:
        (path, sha256, facts), doubt = await _saved(picture, run, http, slots, body, allow_loopback=allow_loopback)
        frame = Frame(picture.index, prompt, path, facts.width, facts.height, sha256)
        notes = [texts.KEPT_THOUGH(number=picture.index + 1, why=doubt)] if doubt else []
        if path.parent != run.folder:
            notes.append(texts.KEPT_ELSEWHERE(folder=path.parent))
        return Delivery(frame, tuple(notes))
    except SeedreamError as error:
        kept = await in_thread(_keep, run, picture, error)
        error.hint = _picture_hint(error, picture, run, kept)
        _release_bytes(error)
        return Delivery(Frame(picture.index, prompt, error=error))
    except Exception as exc:  # noqa: BLE001 - a full disk, a fault of this program: it is this frame's alone
        words = texts.NOT_SAVED(why=reason_of(exc))
        lost = ImageError(words, hint=texts.MAKE_ROOM() if picture.url else texts.CAME_WITHOUT_LINK())
        lost.__cause__ = exc
        return Delivery(Frame(picture.index, prompt, error=lost))


async def _saved(
    picture: Picture,
    run: RunFolder,
    http: Client,
    slots: asyncio.Semaphore,
    body: Received | None,
    *,
    allow_loopback: bool,
) -> tuple[tuple[Path, str, PictureFacts], str]:
    """The path, the SHA-256 and the facts of the picture, and the doubt that is left; checked and saved in one go."""

    def save(data: bytes, facts: PictureFacts) -> tuple[Path, str, PictureFacts]:
        return *run.save_picture(picture.index, data, facts, source=picture.url or ""), facts

    def save_base64(text: str) -> tuple[Path, str, PictureFacts]:
        return save(*(decode(text) if body is None else check(body.take())))

    if picture.b64_json is not None:
        try:
            return await in_thread(save_base64, picture.b64_json), ""
        except SeedreamError:
            if picture.url is None:
                raise
        raise_if_stopped()
    async with slots:
        return await download(http, picture.url or "", save, allow_loopback=allow_loopback)


def _keep(run: RunFolder, picture: Picture, error: SeedreamError) -> Path | None:
    """The file with what came in a picture's place; None where nothing came, or no disk takes it."""
    if isinstance(error, ImageError) and error.rejected:
        return run.keep_rejected(picture.index, error.rejected, error.rejected_as)
    text = (picture.b64_json or "").encode("utf-8", "surrogatepass")
    return run.keep_rejected(picture.index, text, "b64") if text else None


def _release_bytes(error: BaseException | None) -> None:
    """Drop the picture's bytes from an error, which lives as long as its set: tracebacks hold all local variables."""
    while error is not None:
        error.__traceback__ = None
        if isinstance(error, ImageError):
            error.rejected = b""
        error = error.__cause__ or error.__context__


def _picture_hint(error: SeedreamError, picture: Picture, run: RunFolder, kept: Path | None) -> str:
    """What to do about a picture that could not be saved; what costs nothing comes first."""
    where = texts.WHAT_CAME_IS_KEPT(path=kept) if kept else ""
    if not picture.url:
        return where or error.hint or texts.CAME_WITHOUT_LINK()
    if isinstance(error, ImageTooLarge):
        return where or texts.SAME_LIMIT(path=run.folder / "response.jsonl")
    if isinstance(error, ImageLinkExpired):
        ends = link_expiry(picture.url)
        over = ends is not None and ends <= datetime.now(UTC)
        return "" if over else texts.MAY_BE_SERVED_AGAIN()
    advice = join(error.hint, texts.THEN_RECOVER()) if error.hint else advice_of(error)
    return join(advice, where)


async def fetch_references(
    references: Iterable[Reference], http: Client, *, allow_loopback: bool
) -> tuple[Reference, ...]:
    """The references with the bytes behind their links, each judged as a file of the same bytes is.

    They are fetched here because the service gives a link 10 s, and one that has expired costs a request. Raises
    `InvalidRequest` for a link that cannot be read; the others are then not waited for.
    """
    slots = asyncio.Semaphore(PARALLEL_DOWNLOADS)

    async def complete(reference: Reference) -> Reference:
        async with slots:
            return await _fetch_reference(reference, http, allow_loopback=allow_loopback)

    tasks = [asyncio.create_task(complete(reference)) for reference in references]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fetch_reference(reference: Reference, http: Client, *, allow_loopback: bool) -> Reference:
    if reference.data or reference.url is None:
        return reference
    from seedream_magic.api.references.make_references import read_fetched  # noqa: PLC0415 - loads more of Pillow

    # --fit scales when a request is planned, so that the plan says what will be sent; a link is fetched after that.
    # Bytes over the limit could only be refused, so no more than the limit is fetched.
    purpose = Purpose(partial(read_fetched, reference), lambda complete: complete, MAXIMUM_BYTES)
    try:
        complete, _ = await fetch(http, reference.url, purpose, allow_loopback=allow_loopback)
    except ImageError as exc:
        words = texts.REFERENCE_NOT_FETCHED(name=short(reference.source), why=exc.message)
        raise InvalidRequest(words, hint=_reference_hint(exc)) from exc
    except InvalidRequest as exc:
        exc.hint = _reference_hint(exc)
        raise
    return complete


def _reference_hint(error: SeedreamError) -> str:
    if error.hint:
        return join(error.hint, texts.OR_SAVE())
    return _REFERENCE_HINTS.get(type(error), texts.LATER_OR_SAVE)()
