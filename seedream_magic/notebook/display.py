"""Where a growing set is shown: one output of the notebook that is updated, or lines in a terminal.

Not every front end hears updates: Jupyter console, qtconsole and plain clients take displays only. So a run that has
ended is shown by a display once more. JupyterLab 4.6, nbclassic 1.3 and nbclient 0.10 (measured) and the Jupyter
extension of VS Code (read) add an output for each display, also under a known display id, and nothing in the protocol
takes a single output away. Hence:

* Where the set is all that its cell shows, the cell is cleared with the same stroke (`clear_output(wait=True)`): one
  output, everywhere and in the saved notebook. A console, which cannot clear, would open the contact sheet in a window
  and print nothing beside it; so the text goes before, where a notebook shows no more than an empty `text/html`.
* Where the cell shows more, which must not be lost, or has ended (`--bg`), the growing output is updated in its place
  for those that hear updates; the further display, for the others, is emptied at once by an update that these do not
  hear.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Protocol

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, clear_output
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from seedream_magic.errors import SeedreamError, SeedreamInterrupted
from seedream_magic.images.image_set import ImageSet
from seedream_magic.notebook.cell_watch import CellWatch
from seedream_magic.view.carousel import element, image_set_bundle, plain_text

_EMPTY: dict[str, Any] = {"text/html": "", "text/plain": ""}


class Display(Protocol):
    """Shows the values of one set, one after the other."""

    def show(self, images: ImageSet) -> None:
        """Show this value in place of the one before."""

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        """Show what ended a run that no cell waits for."""

    def clear(self) -> None:
        """Show nothing any more: the run failed before it had anything to show."""


def display_for(shell: InteractiveShell, *, layout: str, quiet: bool, cell: CellWatch | None = None) -> Display:
    """The display that fits the front end; `quiet` shows nothing.

    `cell` is given where what is shown at the end is to stay; without, it is taken away again or does not grow.
    """
    if quiet:
        return _Nothing()
    return _Lines() if isinstance(shell, TerminalInteractiveShell) else _Output(layout, cell)


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

    def __init__(self, layout: str, cell: CellWatch | None) -> None:
        self._layout, self._cell = layout, cell
        self._handle: DisplayHandle | None = None
        self._shown: tuple[object, ...] = ()

    def show(self, images: ImageSet) -> None:
        seen = (images.ok, images.failed, images.notes, images.pause, images.state)
        if seen == self._shown:
            return  # what is new cannot be seen: a link, the head of the answer, a second
        self._shown = seen
        self._publish(self._bundle(images), final=images.state != "running")

    def _bundle(self, images: ImageSet) -> dict[str, Any]:
        try:
            return image_set_bundle(images, show=self._layout)
        except Exception as exc:  # noqa: BLE001 - what cannot be drawn must not cost the set, which is paid for
            text = f"{plain_text(images)}\nThe pictures cannot be drawn here ({type(exc).__name__}: {exc})."
            return {"text/html": str(element("pre", {}, text)), "text/plain": text}

    def _publish(self, bundle: dict[str, Any], *, final: bool) -> None:
        if self._handle is None:
            self._handle = self._display(bundle)
        elif final and self._is_alone():
            if "image/jpeg" in bundle:
                self._display({"text/html": "", "text/plain": bundle["text/plain"]})
            clear_output(wait=True)
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)
            if final and self._cell is not None and self._cell.updates:
                kinds = ("text/html", "text/plain")
                self._display({kind: bundle[kind] for kind in kinds}).update(_EMPTY, raw=True)

    def _display(self, bundle: dict[str, Any]) -> DisplayHandle:
        handle = DisplayHandle()
        if self._cell is not None:
            self._cell.own_ids.add(handle.display_id)
        handle.display(bundle, raw=True)
        return handle

    def _is_alone(self) -> bool:
        """Whether the cell has put out nothing else, and nothing waits to be sent."""
        sys.stdout.flush()
        sys.stderr.flush()
        return self._cell is not None and self._cell.alone

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        lines = tuple(error.lines())
        if error.images is not None and len(error.images):
            told = replace(error.images, notes=(*error.images.notes, *lines))
            self.show(replace(told, state="stopped" if isinstance(error, SeedreamInterrupted) else "done"))
            return
        text = element("pre", {}, "\n".join(lines))
        self._publish({"text/html": str(text), "text/plain": "\n".join(lines)}, final=True)

    def clear(self) -> None:
        if self._handle is None:
            return
        self._handle.update(_EMPTY, raw=True)
        if self._is_alone():
            clear_output(wait=True)  # the error that follows takes its place


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
