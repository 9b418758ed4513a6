"""The commands of `%seedream` that are about an earlier run: history, show, recover, retry, export, purge."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display

from seedream_magic.api.providers import PROVIDERS
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.record import find_record
from seedream_magic.notebook.variables import value_of

if TYPE_CHECKING:
    from seedream_magic.notebook.magic import SeedreamMagics

Command = Callable[["SeedreamMagics", str], None]


def _history(magics: SeedreamMagics, words: str) -> None:
    """Show the runs of the store that hold these words."""
    from seedream_magic.view.history_table import history_table  # noqa: PLC0415 - thumbnails load Pillow

    display(history_table(magics.front_door().history(words or None), words=words), raw=True)


def _show(magics: SeedreamMagics, run_id: str) -> None:
    """Show the set of an earlier run."""
    run_id = named_run(magics, run_id, "show")
    magics.show_set(_door_of(magics, run_id).show(run_id))


def _recover(magics: SeedreamMagics, run_id: str) -> None:
    """Download what is missing of earlier runs."""
    recovered = magics.front_door().recover(named_run(magics, run_id, "recover") if run_id else None)
    for images in recovered:
        magics.show_set(images)
    found = sum(len(images.ok) for images in recovered)
    runs = "1 run" if len(recovered) == 1 else f"{len(recovered)} runs"
    told = f"{runs} looked at, {counted(found)} on disk." if recovered else "Nothing is left to download."
    print(f"{told} Nothing was sent.")  # noqa: T201 - a summary is text


def _retry(magics: SeedreamMagics, run_id: str) -> None:
    """Ask anew for the failed frames of a run."""
    from seedream_magic.iterate import plan_retry  # noqa: PLC0415 - it loads httpx

    run_id = named_run(magics, run_id, "retry")
    door = _door_of(magics, run_id)
    lacking, images = len(door.show(run_id).ok), door.recover(run_id)[0]  # what was made already is not paid again
    if brought := len(images.ok) - lacking:
        print(f"Downloaded {counted(brought)} that the run had made; that bills nothing.")  # noqa: T201 - said before
    if brought and images.complete:
        magics.show_set(images)
        return
    plan = plan_retry(door, run_id)
    paid = "That is what it may bill." if door.provider.needs_key else "The demo bills nothing."
    bill = "Stored: nothing is billed." if plan.stored else paid
    print(f"Asking anew for {counted(plan.request.images_at_most)}. {bill}")  # noqa: T201 - said before
    magics.run_plan(door, plan)


def _stop(magics: SeedreamMagics, _: str) -> None:
    """Stop the runs in the background."""
    stopped = magics.running.stop()
    runs = "1 run" if stopped == 1 else f"{stopped} runs"
    told = f"{runs} stopped. Pictures that have come are kept." if stopped else "No run is under way in the background."
    print(told)  # noqa: T201 - a summary is text


def _export(magics: SeedreamMagics, words: str) -> None:
    """Write the set of an earlier run to one file."""
    run_id, path = [*words.split(maxsplit=1), "", ""][:2]
    path = path.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1]
    if not path:
        raise InvalidRequest(
            "%seedream export takes the id of a run and a file: .html, .zip, .gif or .jpg, by its ending."
        )
    target = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
    written = magics.front_door().show(named_run(magics, run_id, "export")).export(target)
    print(f"Written: {written}")  # noqa: T201 - a confirmation is text


def _purge(magics: SeedreamMagics, run_id: str) -> None:
    """Delete a run and its pictures."""
    door, named = magics.front_door(), named_run(magics, run_id, "purge")
    free = any(entry.provider == "demo" for entry in door.history(named))
    gone = door.purge(named)
    files = "1 file" if gone.files == 1 else f"{gone.files} files"
    bill = "" if free else " What it billed stays billed."
    told = f"Run {gone.run_id} is deleted: {files}, {gone.size / 1e6:.1f} MB.{bill}"
    print(told)  # noqa: T201 - a confirmation is text


def named_run(magics: SeedreamMagics, text: str, command: str) -> str:
    """The run that a line names: an id, the beginning or end of one, `latest`, a folder, or a set of the notebook."""
    text = text.strip().strip("\"'{}$")
    if not text:
        raise InvalidRequest(f"%seedream {command} takes a run: its id, latest, or a variable that holds a set.")
    if text == "latest":
        door = magics.front_door()
        entries = door.history()
        if not entries:
            raise InvalidRequest(f"There is no run in {door.store} yet: draw with %%seedream first.")
        return str(entries[0].run_id)
    try:
        value = value_of(text, magics.shell.user_ns if magics.shell else {})
    except InvalidRequest:  # no variable: then it is the id, or a part of one
        value = text
    return getattr(value, "run_id", None) or Path(str(value)).name


def _door_of(magics: SeedreamMagics, run_id: str) -> Any:
    """The front door of the run's own provider: to go on from it by the session's could pay another.

    The session's where the record names none that is known: it shows the run, and refuses to go on from it.
    """
    door = magics.front_door()
    made_by = str(find_record(door.store, run_id).facts.get("provider"))
    return magics.front_door(made_by) if made_by in PROVIDERS else door


def counted(images: int) -> str:
    """Images in words."""
    return "1 image" if images == 1 else f"{images} images"


RUN_COMMANDS: dict[str, Command] = {
    "history": _history,
    "show": _show,
    "recover": _recover,
    "retry": _retry,
    "stop": _stop,
    "export": _export,
    "purge": _purge,
}
