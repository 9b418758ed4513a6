"""`%seedream …`: the status of the session and its commands, those about earlier runs below."""

from __future__ import annotations

import difflib
import getpass
import json
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.display import display

from seedream_magic.api.credentials import find_key, remember_key, store_key_in_keyring
from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import OWN, Price, bill_text, told_together
from seedream_magic.api.providers import PROVIDERS, find_provider
from seedream_magic.errors import ConfigError, InvalidRequest, MissingKey, SeedreamInterrupted, plural
from seedream_magic.notebook.cell import split_line, value_of
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.options import help_text
from seedream_magic.words import one_line

if TYPE_CHECKING:
    from seedream_magic.images.image_set import ImageSet
    from seedream_magic.seedream import Seedream

_LONGEST_NUMBER = 3
"""Digits that are the number of a row; more are the beginning of a run's id."""


def run_command(desk: Desk, line: str) -> None:
    """Run one `%seedream` line. Raises `InvalidRequest` for a command that does not exist."""
    word, rest = [*line.split(maxsplit=1), "", ""][:2]
    command = COMMANDS.get(word.lower())
    if command is None:
        raise InvalidRequest(_about_unknown(word))
    command(desk, rest.strip())


def _about_unknown(word: str) -> str:
    if word.startswith("-"):
        return "Options go on a %%seedream line (two percent signs), with the prompt on the lines below."
    near = difflib.get_close_matches(word, [name for name in COMMANDS if name], n=1)
    meant = f"did you mean %seedream {near[0]}?" if near else "%seedream help lists them."
    return f"There is no command {word[:40]!r}: {meant} To draw, write %%seedream and the prompt below it."


def _status(desk: Desk, _: str) -> None:
    """Where the session stands."""
    client, session = desk.client(), desk.session
    address = client.given_base_url or "embedded, offline"
    unused = not client.given_base_url and os.environ.get("SEEDREAM_BASE_URL")
    try:
        key = f"set, from {find_key(client.provider).source}" if client.provider.needs_key else "not needed"
    except MissingKey as missing:
        key = f"not set. {missing.hint}"
    except ConfigError as unusable:
        key = f"unusable. {unusable}"
    free, runs, reserved = session.free.total(), len(session.background), session.images_reserved
    of_demo = f", {free} of them by the demo, free" if free else ""
    others = "; SEEDREAM_BASE_URL is for the others" if unused else ""
    rows = {
        "provider": f"{client.provider.name} ({address}){others}",
        "key": key,
        "headers": ", ".join(client.headers.names) if client.headers else "",
        "model": client.model,
        "store": str(client.store),
        "billed": f"{plural(session.images_billed)} in this session{of_demo}{_cost(desk)}",
        "running": f"{plural(runs, 'run')} in the background; %seedream stop ends them" if runs else "",
        "reserved": f"{plural(reserved)} at most, by what is under way; that counts in the limits"
        if session.reservations
        else "",
    }
    print("\n".join(f"{name:<9} {value}" for name, value in rows.items() if value))  # noqa: T201 - a status is text


def _cost(desk: Desk) -> str:
    """What the session cost, by the prices that the person has set and by list prices; empty where none is known."""
    prices, paid = desk.session.prices, desk.session.paid
    own = [Price(Decimal(str(prices[one.model])) * one.images, "", OWN) for one in paid if one.model in prices]
    costs = told_together([*own, *(one.listed for one in paid if one.listed and one.model not in prices)])
    unpriced = sum(one.images for one in paid if one.model not in prices and one.listed is None)
    rest = f", {plural(unpriced)} without a known price" if unpriced else ""
    return f", {costs}{rest}" if costs else ""


def _use(desk: Desk, name: str) -> None:
    """Take another provider for the session."""
    if not name:
        raise ConfigError(f"%seedream use takes a provider: {', '.join(PROVIDERS)}.")
    chosen = find_provider(name).name
    # A reload of the extension finds it in the shell's configuration again, as it does what %config sets.
    desk.shell.config.SeedreamMagics.provider = desk.settings.provider = chosen
    _status(desk, "")


def _key(desk: Desk, typed: str) -> None:
    """Ask for the key without showing it."""
    if typed:
        raise InvalidRequest("A key on this line would stay in the notebook: run %seedream key alone and type it then.")
    provider = desk.client().provider
    if not provider.needs_key:
        raise ConfigError(f"{provider.name} needs no key: first %seedream use anyfast, then %seedream key.")
    try:
        value = getpass.getpass(f"API key for {provider.name}: ")
    except (EOFError, NotImplementedError) as exc:
        raise ConfigError("There is nobody here to type a key: set SEEDREAM_API_KEY instead.") from exc
    if not value.strip():
        raise ConfigError("No key was typed; nothing has changed.")
    key = remember_key(provider, value)
    kept = "in memory and in the keyring" if store_key_in_keyring(provider, key) else "in memory, for this session"
    first = find_key(provider)
    print(f"The key for {provider.name} is kept {kept}.")  # noqa: T201 - a confirmation is text
    if first.source != key.source and first.reveal() != key.reveal():
        print(f"Note: the key from {first.source} comes first as long as it is set.")  # noqa: T201 - see above


def _help(_: Desk, __: str) -> None:
    """Show every option and command."""
    print(help_text())  # noqa: T201 - help is text


def _models(desk: Desk, words: str) -> None:
    """Show what each model takes."""
    from seedream_magic.notebook.models_table import models_bundle  # noqa: PLC0415 - load time, see `desk`

    display(models_bundle(desk.client().model, words), raw=True)


def _library(_: Desk, text: str) -> None:
    """Say which stores are known; take in those below folders."""
    from seedream_magic import database, library  # noqa: PLC0415 - load time, see `desk`

    file, folders = database.library_file(), _folders_to_scan(text)
    if file is None:
        raise ConfigError(
            "The library is turned off: SEEDREAM_LIBRARY is empty.", hint="Unset it, or name a file with it."
        )
    if problem := database.problem():
        raise ConfigError(f"The library {file} cannot be used: {problem}.", hint="%seedream doctor says what to do.")
    for folder in folders:
        found = library.scan([folder])
        lines = [f"Taken in: {store}, {plural(runs, 'run')}" for store, runs in found.items()]
        print("\n".join(lines or [f"There is no store in {folder}."]))  # noqa: T201 - a list is text
    known = library.counts()
    lines = [f"  {plural(runs, 'run'):>10}  {store}{_whether_away(store)}" for store, runs in known.items()]
    none = ["  no store yet; what is drawn, or --scan FOLDER, takes them in"]
    print("\n".join([f"The library {file} knows:", *(lines or none)]))  # noqa: T201 - see above


def _folders_to_scan(text: str) -> list[Path]:
    """The folders that `--scan` names. Raises `InvalidRequest` for what is none."""
    try:
        words = split_line(text)
    except InvalidRequest as exc:
        raise InvalidRequest(f"A quote is not closed in {one_line(text, 60)}.") from exc
    if words and words[0] != "--scan":
        raise InvalidRequest(f"%seedream library takes --scan and folders, not {words[0][:40]!r}.")
    if words and not words[1:]:
        raise InvalidRequest("%seedream library --scan takes the folders to look for stores in.")
    folders = [Path(os.path.realpath(os.path.expanduser(word))) for word in words[1:]]  # noqa: PTH111 - Path's own raises where there is no such user
    if missing := next((folder for folder in folders if not folder.is_dir()), None):
        raise InvalidRequest(f"There is no folder {missing}.")
    return folders


def _whether_away(store: Path) -> str:
    return "" if store.is_dir() else " (not there now)"


def _doctor(desk: Desk, words: str) -> None:
    """Say what may be wrong, or what a code of the service means."""
    from seedream_magic.notebook.doctor import doctor  # noqa: PLC0415 - load time, see `desk`

    print(doctor(desk, words))  # noqa: T201 - a report is text


def _panel(desk: Desk, text: str) -> None:
    """Open the panel, on an earlier run if one is named."""
    client = desk.client()
    images = _continued_run(desk, text, "panel") if text else None
    try:
        from seedream_magic.notebook.panel import Panel  # noqa: PLC0415 - load time, see `desk`
    except ImportError as exc:
        raise ConfigError(f"The panel cannot be loaded ({exc}).", hint='%pip install "ipywidgets>=7.7.1"') from exc
    display(Panel(images, client=client))


def _stop(desk: Desk, _: str) -> None:
    """Stop the runs in the background."""
    stopped = desk.session.background.stop()
    kept = f"{plural(stopped, 'run')} stopped. Pictures that have come are kept."
    print(kept if stopped else "No run is under way in the background.")  # noqa: T201 - a summary is text


def _history(desk: Desk, text: str) -> None:
    """Show the runs of which all that was typed is true, of every store or of this one."""
    from seedream_magic.images.history_rows import MAXIMUM_ROWS, history_bundle  # noqa: PLC0415 - load time, see `desk`

    words, given = _without_flags(text, "history", "--here")
    client, here = desk.client(), "--here" in given
    entries = client.history(words or None, here=here)
    desk.rows = tuple(entry.run_id for entry in entries[:MAXIMUM_ROWS])
    display(history_bundle(entries, words=words, store=client.store, here=here), raw=True)


def _without_flags(text: str, command: str, *flags: str) -> tuple[str, set[str]]:
    """The line without its options, and those; raises `InvalidRequest` for one that the command does not have."""
    words = text.split()
    given = {word for word in words if word.startswith("--")}
    for word in given.difference(flags):
        near = difflib.get_close_matches(word, flags, n=1)
        meant = f"did you mean {near[0]}?" if near else f"it takes {', '.join(flags)}."
        raise InvalidRequest(f"%seedream {command} has no option {word[:40]!r}: {meant}")
    return " ".join(word for word in words if word not in given), given


def _show(desk: Desk, text: str) -> None:
    """Show the set of an earlier run."""
    desk.show_set(desk.client().show(_run_id(desk, text, "show")))


def _recover(desk: Desk, text: str) -> None:
    """Download what is missing of earlier runs."""
    growing = desk.display()
    run_id = _run_id(desk, text, "recover") if text else None
    try:
        recovered = desk.client().recover(run_id, on_change=growing.show)
    finally:
        growing.clear()
    for images in recovered:
        desk.show_set(images)
    found = sum(len(images.ok) for images in recovered)
    looked_at = f"{plural(len(recovered), 'run')} looked at, {plural(found)} on disk."
    print(f"{looked_at if recovered else 'Nothing is left to download.'} Nothing was billed.")  # noqa: T201 - a summary is text


def _retry(desk: Desk, words: str) -> None:
    """Ask anew for the failed frames of a run; with `--each` in one request for each."""
    from seedream_magic.continuation import plan_retry  # noqa: PLC0415 - load time, see `desk`

    run, given = _without_flags(words, "retry", "--each")
    before, client = _continued_run(desk, run, "retry"), desk.client()
    images = client.recover(before.run_id)[0]  # what was made already is not paid again
    downloaded = len(images.ok) - len(before.ok)
    if downloaded:
        print(f"Downloaded {plural(downloaded)} that the run had made; that bills nothing.")  # noqa: T201 - said before
    # A variable that the line names its run by holds the mended set afterwards.
    variable = run.strip("{}$")
    name = variable if variable.isidentifier() and hasattr(desk.variables.get(variable), "run_id") else None
    if downloaded and images.complete:
        desk.show_set(images, name=name)
        return
    if given:
        _retry_each(desk, client, before.run_id, name=name)
        return
    plan = plan_retry(client, before.run_id)
    desk.session.refuse(plan)
    print(_announcement(client, plan))  # noqa: T201 - said before
    desk.run(client, plan, name=name)


def _retry_each(desk: Desk, client: Seedream, run_id: str, *, name: str | None) -> None:
    """Ask for the missing frames of a run one by one, from where an earlier `--each` has come to."""
    from seedream_magic.continuation import missing_places, newest_of, plan_next_frame  # noqa: PLC0415 - load time

    images = client.show(newest_of(client.store, run_id))
    plan, missing = plan_next_frame(client, images), len(missing_places(images))
    if plan is None:
        print("Every frame is there: nothing is sent, nothing billed.")  # noqa: T201 - said in place of a run
        desk.show_set(images, name=name)
        return
    desk.session.refuse(plan)
    bill = bill_text(missing, plan.price and plan.price.times(missing))
    paid = f"Together they may bill {bill}." if client.provider.needs_key else "The demo bills nothing."
    requests = "1 request" if missing == 1 else f"{missing} requests, one after the other"
    print(f"{_announcement(client, plan)}\nThis is the first of {requests}. {paid}")  # noqa: T201 - said before
    desk.run(client, plan, name=name, further=partial(plan_next_frame, client))


def _announcement(client: Seedream, plan: Plan) -> str:
    """What a retry will send, and what that may bill. The words are a record's: a person reads them first."""
    asking = f"Asking anew for {plural(plan.request.images_at_most)}."
    if plan.stored:
        return f"{asking} Stored: nothing is billed."
    may_bill = f"That is what it may bill: {plan.price}." if plan.price else "That is what it may bill."
    paid = may_bill if client.provider.needs_key else "The demo bills nothing."
    text = json.dumps(plan.short_body, ensure_ascii=False, indent=2)
    body = "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)
    address = client.given_base_url or "embedded"
    return "\n".join((f"To {client.provider.name} ({address}):", body, *plan.warnings, f"{asking} {paid}"))


def _export(desk: Desk, words: str) -> None:
    """Write the set of an earlier run to one file."""
    run, path = [*words.split(maxsplit=1), "", ""][:2]
    path = path.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1]
    if not path:
        raise InvalidRequest(
            "%seedream export takes the id of a run and a file: .html, .zip, .gif or .jpg, by its ending."
        )
    target = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
    written = desk.client().show(_run_id(desk, run, "export")).export(target)
    print(f"Written: {written}")  # noqa: T201 - a confirmation is text


def _purge(desk: Desk, text: str) -> None:
    """Delete a run and its pictures, asked first where somebody can answer; elsewhere by its full id alone.

    A part of an id, or a number, is none: it may mean another run tomorrow.
    """
    from seedream_magic.images.claims import is_live_in  # noqa: PLC0415 - load time
    from seedream_magic.images.purge import look_at  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.view.markup import text_within  # noqa: PLC0415 - load time

    client, run_id = desk.client(), _run_id(desk, text, "purge", numbers=False)
    found = look_at(client.store, run_id, live=is_live_in(client.store / run_id))
    words = f'"{text_within(found.prompt, 60)}"' if found.prompt else "its words cannot be read"
    of_it = f"{words}, {plural(found.pictures, 'picture')}, {found.size / 1e6:.1f} MB, in {client.store}"
    answer = _answer(desk, f"Delete run {run_id} for good ({of_it})? 删除？[y/N] ")
    if answer is None and text.strip("\"'") != run_id:
        hint = f"%seedream purge {run_id} deletes it ({of_it})."
        raise InvalidRequest("Nobody can answer here, so a run is deleted by its full id alone.", hint=hint)
    if answer is not None and answer.strip().lower() not in {"y", "yes", "是"}:
        print("Nothing is deleted.")  # noqa: T201 - a confirmation is text
        return
    gone, free = client.purge(run_id), found.provider == "demo"
    bill = "" if free else " What it billed stays billed."
    size = f"{plural(gone.files, 'file')}, {gone.size / 1e6:.1f} MB"
    print(f"Run {gone.run_id} is deleted: {size}.{bill}")  # noqa: T201 - a confirmation is text


def _answer(desk: Desk, question: str) -> str | None:
    """What the person at this notebook or terminal answers, "" if nothing; None where there is nobody."""
    in_terminal = getattr(desk.shell, "kernel", None) is None
    if in_terminal and not (sys.stdin and sys.stdin.isatty()):  # a script: its next line is no answer
        return None
    try:
        return input(question)
    except NotImplementedError:  # a front end without a field for it; nbconvert, papermill
        return None
    except EOFError:
        return ""
    except KeyboardInterrupt as exc:
        raise SeedreamInterrupted("Stopped at the question: nothing was done.") from exc


def _run_id(desk: Desk, text: str, command: str, *, numbers: bool = True) -> str:
    """The run that a line names: an id, the beginning or end of one, `latest`, a folder, or a set of the notebook;
    with `numbers` also its row in the history shown last. `latest` is this store's.
    """
    text = text.strip().strip("\"'{}$#")
    if not text:
        row = " its row in the history," if numbers else ""
        raise InvalidRequest(f"%seedream {command} takes a run: its id,{row} latest, or a variable that holds a set.")
    if numbers and text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        return _run_of_row(desk, int(text), command)
    if text == "latest":
        client = desk.client()
        entries = client.history(here=True)
        if not entries:
            raise InvalidRequest(f"There is no run in {client.store} yet: draw with %%seedream first.")
        return entries[0].run_id
    try:
        value = value_of(text, desk.variables)
    except InvalidRequest:  # no variable: then it is the id, or a part of one
        value = text
    return getattr(value, "run_id", None) or Path(str(value)).name


def _run_of_row(desk: Desk, number: int, command: str) -> str:
    """The run in this row, counted from 1, of the history that the notebook has shown last."""
    if not desk.rows:
        again = f"%seedream history numbers the runs, then %seedream {command} {number}"
        raise InvalidRequest(f"{number} is a row of the history shown last, and none with rows has been: {again}.")
    if not 1 <= number <= len(desk.rows):
        raise InvalidRequest(f"There is no row {number}: the history shown last has {plural(len(desk.rows), 'row')}.")
    return desk.rows[number - 1]


def _continued_run(desk: Desk, text: str, command: str) -> ImageSet:
    """The run that a line names, to go on from: refused where another provider made it than the session's."""
    from seedream_magic.planning import refuse_other_provider  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.replay import find_run  # noqa: PLC0415 - load time, see `desk`

    client, run_id = desk.client(), _run_id(desk, text, command)
    record = find_run(client.store, run_id)
    refuse_other_provider(client, record.run_id, str(record.facts.get("provider")))
    return client.show(record.run_id)


COMMANDS: dict[str, Callable[[Desk, str], None]] = {
    "": _status,
    "use": _use,
    "key": _key,
    "models": _models,
    "panel": _panel,
    "history": _history,
    "show": _show,
    "recover": _recover,
    "retry": _retry,
    "stop": _stop,
    "export": _export,
    "purge": _purge,
    "library": _library,
    "doctor": _doctor,
    "help": _help,
}
