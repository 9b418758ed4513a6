"""`%seedream …`: the status of the session and its commands."""

from __future__ import annotations

import difflib
import getpass
import os
from typing import TYPE_CHECKING

from IPython.display import display

from seedream_magic.api.keys import find_key, remember_key, store_key_in_keyring
from seedream_magic.api.providers import PROVIDERS, find_provider
from seedream_magic.errors import ConfigError, InvalidRequest, MissingKey, plural
from seedream_magic.notebook.help import help_text
from seedream_magic.notebook.run_commands import RUN_COMMANDS, Command

if TYPE_CHECKING:
    from seedream_magic.notebook.magic import SeedreamMagics


def run_command(magics: SeedreamMagics, line: str) -> None:
    """Run one `%seedream` line. Raises `InvalidRequest` for a command that does not exist."""
    word, rest = [*line.split(maxsplit=1), "", ""][:2]
    command = _COMMANDS.get(word.lower())
    if command is None:
        raise InvalidRequest(_about_unknown(word))
    command(magics, rest.strip())


def _status(magics: SeedreamMagics, _: str) -> None:
    """Where the session stands."""
    client = magics.make_client()
    address = client.given_base_url or "embedded, offline"
    try:
        key = f"set, from {find_key(client.provider).source}" if client.provider.needs_key else "not needed"
    except MissingKey as missing:
        key = f"not set. {missing.hint}"
    except ConfigError as unusable:
        key = f"unusable. {unusable}"
    rows = (
        ("provider", f"{client.provider.name} ({address}){'' if client.given_base_url else _unused_address()}"),
        ("key", key),
        *([("headers", ", ".join(client.headers.names))] if client.headers else []),
        ("model", client.model),
        ("store", str(client.store)),
        ("billed", f"{plural(magics.images_billed)} in this session{_free(magics)}{_cost(magics)}"),
        *([("running", _under_way(len(magics.running)))] if magics.running else []),
        *([("reserved", _reserved(magics))] if magics.session.reservations else []),
    )
    print("\n".join(f"{name:<9} {value}" for name, value in rows))  # noqa: T201 - a status is text


def _unused_address() -> str:
    return "; SEEDREAM_BASE_URL is for the others" if os.environ.get("SEEDREAM_BASE_URL") else ""


def _under_way(runs: int) -> str:
    return f"{plural(runs, 'run')} in the background; %seedream stop ends them"


def _reserved(magics: SeedreamMagics) -> str:
    """What all that is under way may bill, also what Python began; it counts against the limits."""
    return f"{plural(magics.session.images_reserved)} at most, by what is under way; that counts in the limits"


def _cost(magics: SeedreamMagics) -> str:
    """What the session cost, where the person has set prices; we know none."""
    priced = {model: count for model, count in magics.session.billed.items() if model in magics.prices}
    if not priced:
        return ""
    try:
        cost = sum(float(magics.prices[model]) * count for model, count in priced.items())
    except (TypeError, ValueError):
        return ", and a price that you set is no number"
    return f", {cost:.2f} by the prices you set"


def _free(magics: SeedreamMagics) -> str:
    """How many of them the demo drew, which is no money."""
    free = magics.session.free.total()
    return f", {free} of them by the demo, free" if free else ""


def _use(magics: SeedreamMagics, name: str) -> None:
    """Take another provider for the session."""
    if not name:
        raise ConfigError(f"%seedream use takes a provider: {', '.join(PROVIDERS)}.")
    chosen = find_provider(name).name
    if magics.shell is not None:  # where a reload of the extension finds it again, as it does what %config sets
        magics.shell.config.SeedreamMagics.provider = chosen
    magics.provider = chosen
    _status(magics, "")


def _key(magics: SeedreamMagics, typed: str) -> None:
    """Ask for the key without showing it."""
    if typed:
        raise InvalidRequest("A key on this line would stay in the notebook: run %seedream key alone and type it then.")
    provider = magics.make_client().provider
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


def _help(_: SeedreamMagics, __: str) -> None:
    """Show every option and command."""
    print(help_text())  # noqa: T201 - help is text


def _models(magics: SeedreamMagics, words: str) -> None:
    """Show what each model takes."""
    from seedream_magic.notebook.models_table import models_bundle  # noqa: PLC0415 - only who asks loads it

    display(models_bundle(magics.make_client().model, words), raw=True)


def _doctor(magics: SeedreamMagics, words: str) -> None:
    """Tell what may be wrong, or what a code of the service means."""
    from seedream_magic.notebook.doctor import doctor  # noqa: PLC0415 - it loads httpx

    print(doctor(magics, words))  # noqa: T201 - a report is text


def _panel(magics: SeedreamMagics, run_id: str) -> None:
    """Open the panel, on an earlier run if one is named."""
    from seedream_magic.notebook.panel_command import open_panel  # noqa: PLC0415 - ipywidgets load with the panel

    open_panel(magics, run_id)


_COMMANDS: dict[str, Command] = {
    "": _status,
    "use": _use,
    "key": _key,
    "models": _models,
    "panel": _panel,
    **RUN_COMMANDS,
    "doctor": _doctor,
    "help": _help,
}


def _about_unknown(word: str) -> str:
    if word.startswith("-"):
        return "Options go on a %%seedream line (two percent signs), with the prompt on the lines below."
    near = difflib.get_close_matches(word, [name for name in _COMMANDS if name], n=1)
    meant = f"did you mean %seedream {near[0]}?" if near else "%seedream help lists them."
    return f"There is no command {word[:40]!r}: {meant} To draw, write %%seedream and the prompt below it."
