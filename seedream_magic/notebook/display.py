"""How a growing set is shown: one output of the notebook that is updated, or lines in a terminal.

Not every front end applies updates: Jupyter console, qtconsole and plain clients show displays only. So a run that has
ended is shown by a display once more. JupyterLab 4.6, nbclassic 1.3 and nbclient 0.10 (measured) and the Jupyter
extension of VS Code (read) add an output for each display, also under a known display id, and nothing in the protocol
takes a single output away. Hence:

* Where the set is all that its cell shows, the cell is cleared with the same stroke (`clear_output(wait=True)`): one
  output, everywhere and in the saved notebook. A console, which cannot clear, would open the contact sheet in a window
  and print nothing beside it; so the text goes before, where a notebook shows no more than its `text/html` of nothing.
* Where the cell shows more, which must not be lost, or has ended (`--bg`), the growing output is updated in its place
  for the front ends that apply updates; the further display, for the others, is emptied at once by an update, which
  those others ignore.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, clear_output

from seedream_magic.errors import SeedreamError, SeedreamInterrupted, reason_of
from seedream_magic.images.image_set import ImageSet, cards_of
from seedream_magic.notebook.cell_outputs import CellOutputs
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
from seedream_magic.words.settings import NOT_DRAWN_HERE

if TYPE_CHECKING:
    from seedream_magic.sweep.sweep import Sweep

_BYTES_PER_SECOND = 300_000
"""Of an output that grows. A server of Jupyter lets a million pass, and a grid may have as much."""


@cache
def _nothing() -> dict[str, Any]:
    """An output that shows nothing."""
    from seedream_magic.view.markup import NOTHING  # noqa: PLC0415 - load time: nothing is shown before a request leaves

    return {"text/html": str(NOTHING), "text/plain": ""}


class Display(Protocol):
    """Shows the values of one set, or of one sweep, one after the other."""

    @property
    def rest(self) -> float:
        """Seconds after a value in which no further one is wanted."""

    def show(self, images: ImageSet | Sweep) -> None:
        """Show this value in place of the one before."""

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        """Show what ended a run that no cell waits for."""

    def clear(self) -> None:
        """Show nothing any more: the run failed before it had anything to show."""


def display_for(
    shell: InteractiveShell,
    *,
    layout: str,
    quiet: bool = False,
    cell: CellOutputs | None = None,
    background: bool = False,
) -> Display:
    """The display that fits the front end; `quiet` shows nothing.

    `cell` is given where the set grows; without, it is there already. For a run in the `background` previews are made
    beside the kernel's loop, which is free meanwhile.
    """
    if quiet:
        return _Quiet()
    if in_terminal(shell):
        from seedream_magic.notebook.terminal import Lines  # noqa: PLC0415 - a notebook never needs it

        return Lines(background=background)
    return BackgroundOutput(layout, cell) if background else Output(layout, cell)


def in_terminal(shell: InteractiveShell) -> bool:
    """Whether cells are typed in IPython's own terminal, without a kernel."""
    module = sys.modules.get("IPython.terminal.interactiveshell")  # to import it would load prompt_toolkit in a kernel
    return module is not None and isinstance(shell, module.TerminalInteractiveShell)


def ends_with_cells(shell: InteractiveShell) -> bool:
    """Whether what runs the cells ends with the last of them: nbconvert, papermill, `ipython script.ipy`.

    A kernel is not told so. But it is told with each cell whether somebody can be asked, which is so in every front end
    but those, and Voilà, whose page takes no output any more once it is made.
    """
    if in_terminal(shell):
        return not getattr(shell.parent, "interact", True)
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)()
    return not parent.get("content", {}).get("allow_stdin", True)


class Output:
    """A growing set in one output; plain HTML, so that it stays in the saved notebook without a kernel.

    A cell shows values with `show`. A panel makes their bundles beside the kernel's own work and hands each to
    `update`; it shows the output where it is displayed itself, with `display`.
    """

    def __init__(self, layout: str = "carousel", cell: CellOutputs | None = None) -> None:
        self._layout, self._cell = layout, cell
        self._handle = DisplayHandle()
        self._displayed = False
        self._visible: tuple[object, ...] = ()
        self.bundle: dict[str, Any] = {}
        # The pictures in the bundle that was made last, and in the one that was taken last: some are dropped between.
        self._made: frozenset[Path] = frozenset()
        self._sent: frozenset[Path] = frozenset()

    def show(self, images: ImageSet | Sweep) -> None:
        """Show this value in place of the one before, if it looks different."""
        if self.is_news(images):
            self._make(lambda: self.bundle_of(images), final=images.state != "running")

    @property
    def rest(self) -> float:
        """By the size of what was shown: a server drops outputs that come too fast."""
        return len(self.bundle.get("text/html", "")) / _BYTES_PER_SECOND

    def is_news(self, images: ImageSet | Sweep) -> bool:
        """Whether a value looks different from the last one that was asked about: a new link or second does not."""
        before, self._visible = self._visible, _look_of(images)
        return self._visible != before

    def bundle_of(self, images: ImageSet | Sweep) -> dict[str, Any]:
        """The set, or the sweep, as a mimebundle."""
        # What draws it loads Pillow, and is loaded when there is something to show: the request has left by then.
        from seedream_magic.view.carousel import plain_text, set_bundle  # noqa: PLC0415 - see above

        try:
            if not isinstance(images, ImageSet):
                from seedream_magic.sweep.sweep import grid_of  # noqa: PLC0415 - see above
                from seedream_magic.view.grid import grid_bundle  # noqa: PLC0415 - see above

                return grid_bundle(grid_of(images))
            cards = cards_of(images)
            self._made = frozenset(card.picture for card in cards.pictures if card.picture)
            return set_bundle(cards, show=self._layout, sent=self._sent)
        except Exception as exc:  # noqa: BLE001 - what cannot be drawn must not cost the set, which is paid for
            words = plain_text(cards_of(images)) if isinstance(images, ImageSet) else repr(images)
            why = f"{type(exc).__name__}: {reason_of(exc)}"
            return _text_bundle(f"{words}\n{NOT_DRAWN_HERE(why=why)}")

    def display(self) -> None:
        """Show it here as well, as it stands."""
        if self._cell is not None:
            self._cell.own_ids.add(self._handle.display_id)
        self._handle.display(self.bundle or _nothing(), raw=True)
        self._displayed = True

    def update(self, bundle: dict[str, Any]) -> None:
        """Show this bundle in all places where the output is displayed."""
        self._take(bundle)
        if self._displayed:
            self._handle.update(bundle, raw=True)

    def _take(self, bundle: dict[str, Any]) -> None:
        self.bundle, self._sent = bundle, self._made

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        lines = tuple(error.lines())
        if error.images is not None and len(error.images):
            noted = replace(error.images, notes=(*error.images.notes, *lines))
            self.show(replace(noted, state="stopped" if isinstance(error, SeedreamInterrupted) else "done"))
            return
        self._make(lambda: _text_bundle("\n".join(lines)), final=True)

    def clear(self) -> None:
        if not self._displayed:
            return
        if self._cell is not None and self._cell.alone:
            clear_output()
        else:
            self.update(_nothing())

    def _make(self, make: Callable[[], dict[str, Any]], *, final: bool) -> None:
        """Make a bundle and show it."""
        self._publish(make(), final=final)

    def _publish(self, bundle: dict[str, Any], *, final: bool) -> None:
        if not self._displayed:
            self._take(bundle)
            self.display()
        elif final and self._cell is not None and self._cell.alone:
            if "image/jpeg" in bundle:
                self._display_beside(_nothing() | {"text/plain": bundle["text/plain"]})
            clear_output(wait=True)
            self._take(bundle)
            self.display()
        else:
            self.update(bundle)
            if final and self._cell is not None and self._cell.updates:
                kinds = ("text/html", "text/plain")
                self._display_beside({kind: bundle[kind] for kind in kinds}).update(_nothing(), raw=True)

    def _display_beside(self, bundle: dict[str, Any]) -> DisplayHandle:
        """A further display of the same cell."""
        handle = DisplayHandle()
        if self._cell is not None:
            self._cell.own_ids.add(handle.display_id)
        handle.display(bundle, raw=True)
        return handle


def _text_bundle(text: str) -> dict[str, Any]:
    """Text as it is."""
    from seedream_magic.view.markup import element  # noqa: PLC0415 - as above

    return {"text/html": str(element("pre", {}, text)), "text/plain": text}


def _look_of(value: ImageSet | Sweep) -> tuple[object, ...]:
    """What of a value is seen."""
    if not isinstance(value, ImageSet):
        return (value.state, *(_look_of(images) if images else None for images in value.sets))
    return (value.run_id, value.ok, value.failed, value.notes, value.pause, value.state, value.replayed)


class BackgroundOutput(Output):
    """The output of a run that no cell waits for: its bundles are made in a thread, the newest one is shown.

    The first is shown at once, for it has to be an output of the cell that began the run.
    """

    def __init__(self, layout: str = "carousel", cell: CellOutputs | None = None) -> None:
        super().__init__(layout, cell)
        self._bundles: Latest[tuple[dict[str, Any], bool]] = Latest(KernelLoop(), self._receive)

    def _make(self, make: Callable[[], dict[str, Any]], *, final: bool) -> None:
        if self._displayed:
            self._bundles.do(lambda: (make(), final))
        else:
            super()._make(make, final=final)

    def _receive(self, made: tuple[dict[str, Any], bool]) -> None:
        bundle, final = made
        self._publish(bundle, final=final)


class _Quiet:
    """Shows nothing, as asked, but the error of a run that no cell waits for."""

    rest = 0.0

    def show(self, images: ImageSet | Sweep) -> None: ...

    def fail(self, error: SeedreamError | SeedreamInterrupted) -> None:
        print("\n".join(error.lines()), file=sys.stderr)  # noqa: T201 - there is no cell that could fail

    def clear(self) -> None: ...
