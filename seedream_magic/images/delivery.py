"""From a picture that the service has named to a frame on disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seedream_magic.api.connection import Client
from seedream_magic.api.events import Picture
from seedream_magic.errors import ImageError, ImageLinkExpired, ImageTooLarge, SeedreamError
from seedream_magic.images.download import decode, download, link_expiry
from seedream_magic.images.image_set import Frame
from seedream_magic.images.store import RunFolder
from seedream_magic.images.threads import in_thread, raise_if_stopped
from seedream_magic.images.verify import PictureFacts

_RECOVER = "%seedream recover brings it while its link lives."


@dataclass(frozen=True)
class Delivery:
    """What became of a picture: its frame, and the notes that its set is to carry about it."""

    frame: Frame
    notes: tuple[str, ...] = ()


async def deliver(
    picture: Picture, run: RunFolder, http: Client, slots: asyncio.Semaphore, *, prompt: str, allow_loopback: bool
) -> Delivery:
    """The frame of this picture: saved, or with the error that kept it from being. Never raises but for a Stop.

    A Stop is raised only while nothing of the picture is whole here: what is in memory is saved first. `slots` limits
    how many are downloaded at once; a picture that came in the answer itself waits for none.
    """
    try:
        data, facts, doubt = await _bytes(picture, http, slots, allow_loopback=allow_loopback)
        path, sha256 = await in_thread(run.save_picture, picture.index, data, facts, source=picture.url or "")
        frame = Frame(picture.index, prompt, path, facts.width, facts.height, sha256)
        notes = [f"Picture {picture.index + 1} was kept, for it decodes whole, though {doubt}."] if doubt else []
        if path.parent != run.folder:
            notes.append(f"The run's folder takes no more: what came since is kept in {path.parent}.")
        return Delivery(frame, tuple(notes))
    except SeedreamError as error:
        kept = await in_thread(_keep, run, picture, error)
        error.hint = _hint(error, picture, run, kept)
        _let_go_of_bytes(error)
        return Delivery(Frame(picture.index, prompt, error=error))
    except Exception as exc:  # noqa: BLE001 - a full disk, a fault of this program: it is this frame's alone
        words = f"The picture was made but could not be saved: {getattr(exc, 'strerror', None) or exc}."
        lost = ImageError(words, hint=f"Make room; then {_RECOVER}" if picture.url else _NO_LINK)
        lost.__cause__ = exc
        return Delivery(Frame(picture.index, prompt, error=lost))


async def _bytes(
    picture: Picture, http: Client, slots: asyncio.Semaphore, *, allow_loopback: bool
) -> tuple[bytes, PictureFacts, str]:
    if picture.b64_json is not None:
        try:
            return *(await in_thread(decode, picture.b64_json)), ""
        except SeedreamError:
            if picture.url is None:
                raise
        raise_if_stopped()
    async with slots:
        return await download(http, picture.url or "", allow_loopback=allow_loopback)


def _keep(run: RunFolder, picture: Picture, error: SeedreamError) -> Path | None:
    """The file with what came in a picture's place; None where nothing came, or no disk takes it."""
    if isinstance(error, ImageError) and error.rejected:
        return run.keep_rejected(picture.index, error.rejected, error.rejected_as)
    text = (picture.b64_json or "").encode("utf-8", "surrogatepass")
    return run.keep_rejected(picture.index, text, "b64") if text else None


def _let_go_of_bytes(error: BaseException | None) -> None:
    """An error lives as long as its set, and the frames of tracebacks hold on to all that they had in hand."""
    while error is not None:
        error.__traceback__ = None
        if isinstance(error, ImageError):
            error.rejected = b""
        error = error.__cause__ or error.__context__


_NO_LINK = "It came without a link, so that it cannot be fetched again."


def _hint(error: SeedreamError, picture: Picture, run: RunFolder, kept: Path | None) -> str:
    """What to do about a picture that is not here; what costs nothing comes first."""
    what = f"What came in its place is kept in {kept}." if kept else ""
    if not picture.url:
        return what or error.hint or _NO_LINK
    if isinstance(error, ImageTooLarge):
        where = run.folder / "response.jsonl"
        again = "%seedream recover would meet the same limit"
        return what or f"{again}; its link, in {where}, can be opened by hand till it ends, mostly 24 h after the run."
    if isinstance(error, ImageLinkExpired):
        ends = link_expiry(picture.url)
        over = ends is not None and ends <= datetime.now(UTC)
        return "" if over else f"It may be served again: {_RECOVER} %seedream retry asks for another, which bills."
    advice = f"{error.hint} Then {_RECOVER}" if error.hint else error.advice
    return f"{advice} {what}".strip()
