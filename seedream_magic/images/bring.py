"""From a picture that the service has named to a frame on disk."""

from __future__ import annotations

from seedream_magic.api.connection import Client
from seedream_magic.api.events import Picture
from seedream_magic.errors import ImageError, SeedreamError
from seedream_magic.images.download import decode, download
from seedream_magic.images.image_set import Frame
from seedream_magic.images.store import Run
from seedream_magic.images.verify import PictureFacts

_RECOVER = "%seedream recover brings it while its link lives."


async def bring(picture: Picture, run: Run, client: Client, *, prompt: str, allow_loopback: bool) -> Frame:
    """The frame of this picture: saved, or with the error that kept it from being. Never raises but for a Stop."""
    try:
        data, facts = await _bytes(picture, client, allow_loopback=allow_loopback)
        path, sha256 = run.save_picture(picture.index, data, facts, source=picture.url or "")
        return Frame(picture.index, prompt, path, facts.width, facts.height, sha256)
    except SeedreamError as error:
        kept = picture.b64_json and run.keep_base64(picture.index, picture.b64_json)
        if kept:
            error.hint = " ".join(filter(None, (error.hint, f"What came in its place is kept in {kept}.")))
        return Frame(picture.index, prompt, error=error)
    except Exception as exc:  # noqa: BLE001 - a full disk, a fault of this program: it is this frame's alone
        words = f"The picture was made but could not be saved: {getattr(exc, 'strerror', None) or exc}."
        lost = ImageError(words, hint=f"Make room; then {_RECOVER}" if picture.url else "")
        lost.__cause__ = exc
        return Frame(picture.index, prompt, error=lost)


def told_elsewhere(frame: Frame, run: Run) -> str:
    """The note that a set carries where the store has refused a picture that was saved all the same, else ""."""
    if frame.path is None or frame.path.parent == run.folder:
        return ""
    return f"The run's folder takes no more: what came since is kept in {frame.path.parent}."


async def _bytes(picture: Picture, client: Client, *, allow_loopback: bool) -> tuple[bytes, PictureFacts]:
    if picture.b64_json is not None:
        try:
            return decode(picture.b64_json)
        except SeedreamError:
            if picture.url is None:
                raise
    return await download(client, picture.url or "", allow_loopback=allow_loopback)
