"""Where a growing set is shown: one output of the notebook that is updated, or lines in a terminal."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Protocol

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.view.carousel import element, image_set_bundle, plain_text


class Display(Protocol):
    """Shows the values of one set, one after the other."""

    def show(self, images: ImageSet) -> None:
        """Show this value in place of the one before."""

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        """Show what ended a run that no cell waits for."""

    def clear(self) -> None:
        """Show nothing any more: the run failed before it had anything to show."""


def display_for(shell: InteractiveShell, *, layout: str, quiet: bool) -> Display:
    """The display that fits the front end; `quiet` shows nothing."""
    if quiet:
        return _Nothing()
    return _Lines() if isinstance(shell, TerminalInteractiveShell) else _Output(layout)


class _Nothing:
    def show(self, images: ImageSet) -> None:
        """Bind only, as asked."""

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        """Even so a run that nobody waits for has to say that it failed."""
        print("\n".join(error.lines()), file=sys.stderr)  # noqa: T201 - there is no cell that could fail

    def clear(self) -> None:
        """There is nothing to clear."""


class _Output:
    """One output through a display handle; plain HTML, so that it stays in the saved notebook without a kernel."""

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._handle: DisplayHandle | None = None
        self._shown: tuple[object, ...] = ()

    def show(self, images: ImageSet) -> None:
        seen = (images.ok, images.failed, images.notes, images.pause, images.state)
        if images.state == "running" and seen == self._shown:
            return  # what is new cannot be seen: a link, the head of the answer, a second
        self._shown = seen
        self._publish(self._bundle(images))

    def _bundle(self, images: ImageSet) -> dict[str, Any]:
        try:
            return image_set_bundle(images, show=self._layout)
        except Exception as exc:  # noqa: BLE001 - what cannot be drawn must not cost the set, which is paid for
            text = f"{plain_text(images)}\nThe pictures cannot be drawn here ({type(exc).__name__}: {exc})."
            return {"text/html": str(element("pre", {}, text)), "text/plain": text}

    def _publish(self, bundle: dict[str, Any]) -> None:
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        lines = tuple(error.lines())
        if error.images is not None and len(error.images):
            told = replace(error.images, notes=(*error.images.notes, *lines))
            self.show(replace(told, state="stopped" if isinstance(error, SeedreamInterrupted) else "done"))
            return
        text = element("pre", {}, "\n".join(lines))
        self._publish({"text/html": str(text), "text/plain": "\n".join(lines)})

    def clear(self) -> None:
        if self._handle is not None:
            empty: dict[str, Any] = {"text/html": "", "text/plain": ""}
            self._handle.update(empty, raw=True)


class _Lines:
    """A progress line that is written over while the run lasts, then the numbered paths."""

    _written = False

    def show(self, images: ImageSet) -> None:
        if images.state != "running":
            self.clear()
            print(plain_text(images))  # noqa: T201 - a terminal's output is its text
        elif sys.stdout.isatty():
            asked = images.expected or "?"
            print(f"\r{len(images.ok)} of {asked} pictures, {images.seconds:.0f} s ", end="", flush=True)  # noqa: T201 - see above
            self._written = True

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        if error.images is not None and len(error.images):
            self.show(replace(error.images, state="done"))
        self.clear()
        print("\n".join(error.lines()))  # noqa: T201 - see above

    def clear(self) -> None:
        if self._written:
            print("\r" + " " * 40 + "\r", end="", flush=True)  # noqa: T201 - see above
            self._written = False
