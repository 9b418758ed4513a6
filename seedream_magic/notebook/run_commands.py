"""The commands of `%seedream` that are about an earlier run: history, show, recover, retry, export, purge."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display

from seedream_magic.errors import InvalidRequest, plural
from seedream_magic.images.record import find_record
from seedream_magic.notebook.variables import value_of

if TYPE_CHECKING:
    from seedream_magic.api.plan import Plan
    from seedream_magic.images.image_set import ImageSet
    from seedream_magic.notebook.magic import SeedreamMagics

Command = Callable[["SeedreamMagics", str], None]


def _history(magics: SeedreamMagics, words: str) -> None:
    """Show the runs of the store that hold these words."""
    from seedream_magic.view.history_table import history_table  # noqa: PLC0415 - thumbnails load Pillow

    display(history_table(magics.make_client().history(words or None), words=words), raw=True)


def _show(magics: SeedreamMagics, run_id: str) -> None:
    """Show the set of an earlier run."""
    magics.show_set(magics.make_client().show(named_run(magics, run_id, "show")))


def _recover(magics: SeedreamMagics, run_id: str) -> None:
    """Download what is missing of earlier runs."""
    growing = magics.new_display()
    named = named_run(magics, run_id, "recover") if run_id else None
    try:
        recovered = magics.make_client().recover(named, on_change=growing.show)
    finally:
        growing.clear()
    for images in recovered:
        magics.show_set(images)
    found = sum(len(images.ok) for images in recovered)
    looked_at = f"{plural(len(recovered), 'run')} looked at, {plural(found)} on disk."
    print(f"{looked_at if recovered else 'Nothing is left to download.'} Nothing was billed.")  # noqa: T201 - a summary is text


def _retry(magics: SeedreamMagics, words: str) -> None:
    """Ask anew for the failed frames of a run; with `--each` in one request for each."""
    from seedream_magic.planning import plan_retry  # noqa: PLC0415 - it loads httpx

    named = [word for word in words.split() if word != "--each"]
    shown, client = shown_run(magics, " ".join(named), "retry"), magics.make_client()
    images = client.recover(shown.run_id)[0]  # what was made already is not paid again
    if brought := len(images.ok) - len(shown.ok):
        print(f"Downloaded {plural(brought)} that the run had made; that bills nothing.")  # noqa: T201 - said before
    name = _variable(magics, named)
    if brought and images.complete:
        magics.show_set(images, name=name)
        return
    if len(named) < len(words.split()):
        _retry_each(magics, client, shown.run_id, name=name)
        return
    plan = plan_retry(client, shown.run_id)
    magics.session.refuse(plan)
    print(_sent(client, plan))  # noqa: T201 - said before
    magics.run_plan(client, plan, name=name)


def _variable(magics: SeedreamMagics, words: list[str]) -> str | None:
    """The variable that a line names its run by: it holds the mended set afterwards."""
    held = magics.shell.user_ns if magics.shell else {}
    name = " ".join(words).strip("{}$")
    return name if name.isidentifier() and hasattr(held.get(name), "run_id") else None


def _retry_each(magics: SeedreamMagics, client: Any, run_id: str, *, name: str | None) -> None:
    """Ask for the missing frames of a run one by one, from where an earlier `--each` has come to."""
    from seedream_magic.planning import missing_places, newest_of, plan_next_frame  # noqa: PLC0415 - it loads httpx

    images: ImageSet = client.show(newest_of(client.store, run_id))
    plan, missing = plan_next_frame(client, images), len(missing_places(images))
    if plan is None:
        print("Every frame is there: nothing is sent, nothing billed.")  # noqa: T201 - said in place of a run
        magics.show_set(images, name=name)
        return
    magics.session.refuse(plan)
    paid = f"Together they may bill {plural(missing)}." if client.provider.needs_key else "The demo bills nothing."
    requests = "1 request" if missing == 1 else f"{missing} requests, one after the other"
    print(f"{_sent(client, plan)}\nThis is the first of {requests}. {paid}")  # noqa: T201 - said before
    magics.run_plan(client, plan, name=name, further=partial(plan_next_frame, client))


def _sent(client: Any, plan: Plan) -> str:
    """What a retry will send, and what that may bill. The words are a record's: they are shown before they are sent."""
    asking = f"Asking anew for {plural(plan.request.images_at_most)}."
    if plan.stored:
        return f"{asking} Stored: nothing is billed."
    paid = "That is what it may bill." if client.provider.needs_key else "The demo bills nothing."
    text = json.dumps(plan.short_body, ensure_ascii=False, indent=2)
    body = "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)
    address = client.given_base_url or "embedded"
    return "\n".join((f"To {client.provider.name} ({address}):", body, *plan.warnings, f"{asking} {paid}"))


def _stop(magics: SeedreamMagics, _: str) -> None:
    """Stop the runs in the background."""
    stopped = magics.running.stop()
    kept = f"{plural(stopped, 'run')} stopped. Pictures that have come are kept."
    print(kept if stopped else "No run is under way in the background.")  # noqa: T201 - a summary is text


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
    written = magics.make_client().show(named_run(magics, run_id, "export")).export(target)
    print(f"Written: {written}")  # noqa: T201 - a confirmation is text


def _purge(magics: SeedreamMagics, run_id: str) -> None:
    """Delete a run and its pictures."""
    client, named = magics.make_client(), named_run(magics, run_id, "purge")
    free = any(entry.provider == "demo" for entry in client.history(named))
    gone = client.purge(named)
    bill = "" if free else " What it billed stays billed."
    size = f"{plural(gone.files, 'file')}, {gone.size / 1e6:.1f} MB"
    print(f"Run {gone.run_id} is deleted: {size}.{bill}")  # noqa: T201 - a confirmation is text


def named_run(magics: SeedreamMagics, text: str, command: str) -> str:
    """The run that a line names: an id, the beginning or end of one, `latest`, a folder, or a set of the notebook."""
    text = text.strip().strip("\"'{}$")
    if not text:
        raise InvalidRequest(f"%seedream {command} takes a run: its id, latest, or a variable that holds a set.")
    if text == "latest":
        client = magics.make_client()
        entries = client.history()
        if not entries:
            raise InvalidRequest(f"There is no run in {client.store} yet: draw with %%seedream first.")
        return str(entries[0].run_id)
    try:
        value = value_of(text, magics.shell.user_ns if magics.shell else {})
    except InvalidRequest:  # no variable: then it is the id, or a part of one
        value = text
    return getattr(value, "run_id", None) or Path(str(value)).name


def shown_run(magics: SeedreamMagics, text: str, command: str) -> ImageSet:
    """The run that a line names, to go on from: refused where another provider made it than the session's."""
    from seedream_magic.planning import refuse_other_provider  # noqa: PLC0415 - it loads httpx

    client, run_id = magics.make_client(), named_run(magics, text, command)
    record = find_record(client.store, run_id)
    refuse_other_provider(client, record.run_id, str(record.facts.get("provider")))
    images: ImageSet = client.show(record.run_id)
    return images


RUN_COMMANDS: dict[str, Command] = {
    "history": _history,
    "show": _show,
    "recover": _recover,
    "retry": _retry,
    "stop": _stop,
    "export": _export,
    "purge": _purge,
}
