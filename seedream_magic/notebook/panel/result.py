"""The carousel below a panel: an output of its own without any widget, so that it stays in the saved notebook."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from IPython.display import DisplayHandle

from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.panel.home import Home, Latest
from seedream_magic.view.carousel import image_set_bundle

_NOTHING: dict[str, Any] = {"text/html": "", "text/plain": ""}


class Result:
    """Shows the newest set in every place where the panel is displayed."""

    def __init__(self, home: Home) -> None:
        self.images: ImageSet | None = None
        self._bundle = _NOTHING
        self._handle = DisplayHandle(f"seedream-panel-{uuid.uuid4().hex}")
        self._shown: tuple[object, ...] = ()
        self._placed = False
        self._work: Latest[dict[str, Any]] = Latest(home, self._publish)

    def place(self) -> None:
        """Show it here as well, as it stands."""
        self._placed = True
        self._handle.display(self._bundle, raw=True)

    def show(self, images: ImageSet) -> None:
        """Show this set. Its previews are made beside the kernel's own work."""
        self.images = images
        seen = (images.run_id, images.ok, images.failed, images.notes, images.pause, images.state)
        if images.state == "running" and seen == self._shown:
            return  # what is new cannot be seen: a link, the head of the answer, a second
        self._shown = seen
        self._work.do(lambda: image_set_bundle(_said_once(images)))

    def _publish(self, bundle: dict[str, Any]) -> None:
        self._bundle = bundle
        if self._placed:
            self._handle.update(bundle, raw=True)


def _said_once(images: ImageSet) -> ImageSet:
    """The set without the notes that stand in the place of a failed frame already; the panel tells them above, too."""
    said = {str(frame.error) for frame in images.failed}
    return replace(images, notes=tuple(note for note in images.notes if note not in said))
