"""`%seedream …`: the status of the session, and its commands; those about earlier runs are in `run_commands`."""

from __future__ import annotations

import difflib
import getpass
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from IPython.display import display

from seedream_magic.api.credentials import find_key, remember_key, store_key_in_keyring
from seedream_magic.api.prices import OWN, Price, own_price, told_together
from seedream_magic.api.providers import PROVIDERS, find_provider
from seedream_magic.errors import ConfigError, InvalidRequest, MissingKey, plural, reason_of
from seedream_magic.images.cards import path_text
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.first_line import split_line
from seedream_magic.notebook.help import help_page
from seedream_magic.notebook.picture_commands import compare, gallery
from seedream_magic.notebook.run_commands import continued_run, export, purge, recover, retry, show, show_history
from seedream_magic.words import cells
from seedream_magic.words.carousel import own_words


def run_command(desk: Desk, line: str) -> None:
    """Run one `%seedream` line. Raises `InvalidRequest` for a command that does not exist."""
    word, rest = [*line.split(maxsplit=1), "", ""][:2]
    command = COMMANDS.get(word.lower())
    if command is None:
        raise InvalidRequest(_about_unknown(word))
    command(desk, rest.strip())


def _about_unknown(word: str) -> str:
    if word.startswith("%%"):  # as `magic.with_body` gives a cell whose %%seedream is not its first line
        return cells.NOT_FIRST()
    if word.startswith("-"):
        return "Options go on a %%seedream line (two percent signs), with the prompt on the lines below."
    near = difflib.get_close_matches(word, [name for name in COMMANDS if name], n=1)
    meant = f"did you mean %seedream {near[0]}?" if near else "%seedream help lists them."
    return f"There is no command {word[:40]!r}: {meant} To draw, write %%seedream and the prompt below it."


def _status(desk: Desk, _: str) -> None:
    """Where the session stands."""
    client, session = desk.client(), desk.session
    address = client.given_base_url or "embedded, offline: it paints stock landscapes"
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
        "store": path_text(client.store),
        "billed": f"{plural(session.images_billed)} in this session{of_demo}{_cost(desk)}",
        "today": _today(desk),
        "running": f"{plural(runs, 'run')} in the background; %seedream stop ends them" if runs else "",
        "reserved": f"{plural(reserved)} at most, by what is under way; that counts in the limits"
        if session.reservations
        else "",
    }
    print("\n".join(f"{name:<9} {value}" for name, value in rows.items() if value))  # noqa: T201 - a status is text


def _today(desk: Desk) -> str:
    """What counts against the limit of the day by now; empty where none is set."""
    allowed, client = desk.settings.max_images_per_day, desk.client()
    if allowed is None:
        return ""
    of_demo = not client.provider.needs_key
    counted = plural(desk.images_today(client.store, free=of_demo))
    drawn = f"{counted}{' of the demo' if of_demo else ''} in all notebooks"
    return f"{drawn}; max_images_per_day allows {allowed}"


def _cost(desk: Desk) -> str:
    """What the session cost, by the prices that the person has set and by list prices; empty where none is known."""
    prices, paid = desk.session.prices, desk.session.paid
    set_prices = [(one, own_price(one.model, prices)) for one in paid]
    own = [Price(Decimal(str(price)) * one.images, "", OWN) for one, price in set_prices if price is not None]
    listed = [one.listed for one, price in set_prices if price is None and one.listed]
    costs = told_together([*own, *listed])
    unpriced = sum(one.images for one, price in set_prices if price is None and one.listed is None)
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


def _help(_: Desk, topic: str) -> None:
    """Show a screen to begin with, or the page of a topic."""
    print(help_page(topic, own_words()))  # noqa: T201 - help is text


def _models(desk: Desk, words: str) -> None:
    """Show what each model takes, or with --live those that the key may use."""
    from seedream_magic.notebook.models_table import live_bundle, models_bundle  # noqa: PLC0415 - load time, see `desk`

    client, typed = desk.client(), words.split()
    if "--live" not in typed:
        display(models_bundle(client.model, words), raw=True)
        return
    from seedream_magic.api.live_models import ask_models  # noqa: PLC0415 - it loads httpx

    listed = ask_models(client.base_url, client.key(), client.headers, client.transport)
    sought = " ".join(word for word in typed if word != "--live")
    display(live_bundle(client.model, client.provider.name, listed, sought), raw=True)


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
    words = split_line(text)
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

    display(doctor(desk, words), raw=True)


def _panel(desk: Desk, text: str) -> None:
    """Open the panel, on an earlier run if one is named."""
    from seedream_magic.notebook.display import in_terminal  # noqa: PLC0415 - load time, see `desk`

    if in_terminal(desk.shell):
        raise ConfigError("The panel needs a notebook, in a browser or VS Code.", hint="Here a %%seedream cell draws.")
    client = desk.client()
    images = continued_run(desk, text, "panel") if text else None
    try:
        from seedream_magic.notebook.panel import Panel  # noqa: PLC0415 - load time, see `desk`
    except ImportError as exc:
        raise ConfigError(
            f"The panel cannot be loaded ({reason_of(exc)}).", hint='%pip install "ipywidgets>=7.7.1"'
        ) from exc
    display(Panel(images, client=client))


def _stop(desk: Desk, _: str) -> None:
    """Stop the runs in the background."""
    stopped = desk.session.background.stop()
    kept = f"{plural(stopped, 'run')} stopped. Pictures that have come are kept."
    print(kept if stopped else "No run is under way in the background.")  # noqa: T201 - a summary is text


COMMANDS: dict[str, Callable[[Desk, str], None]] = {
    "": _status,
    "use": _use,
    "key": _key,
    "models": _models,
    "panel": _panel,
    "history": show_history,
    "show": show,
    "compare": compare,
    "gallery": gallery,
    "recover": recover,
    "retry": retry,
    "stop": _stop,
    "export": export,
    "purge": purge,
    "library": _library,
    "doctor": _doctor,
    "help": _help,
}
