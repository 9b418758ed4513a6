"""`%seedream …`: the status of the session, and its commands; those about earlier runs are in `run_commands`."""

from __future__ import annotations

import difflib
import getpass
import os
import re
from collections.abc import Callable, Collection
from contextlib import nullcontext, suppress
from decimal import Decimal
from pathlib import Path

from IPython.display import display

from seedream_magic.api.credentials import find_key, remember_key, store_key_in_keyring
from seedream_magic.api.fields import CHINESE_FLAGS
from seedream_magic.api.prices import OWN, Price, own_price, told_together
from seedream_magic.api.providers import PROVIDERS, find_provider
from seedream_magic.errors import ConfigError, InvalidRequest, MissingKey, reason_of, sends_nothing
from seedream_magic.images.cards import path_text
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.first_line import named_as_typed, split_line
from seedream_magic.notebook.help import help_page
from seedream_magic.notebook.options import FLAGS
from seedream_magic.notebook.picture_commands import compare, gallery
from seedream_magic.notebook.run_commands import continued_run, export, purge, recover, retry, show, show_history
from seedream_magic.view.markup import text_table
from seedream_magic.words import cells
from seedream_magic.words import commands as texts
from seedream_magic.words.carousel import own_words
from seedream_magic.words.language import own_language
from seedream_magic.words.lists import OR, enumeration
from seedream_magic.words.text import chain


def run_command(desk: Desk, line: str) -> None:
    """Run one `%seedream` line. Raises `InvalidRequest` for a command that does not exist."""
    word, rest = [*line.split(maxsplit=1), "", ""][:2]
    if word in texts.HELP_WORDS or (word and texts.HELP_WORDS & {*rest.split()}):
        word, rest = "help", "" if word in texts.HELP_WORDS else word
    command = COMMANDS.get(texts.CHINESE_COMMANDS.get(word, word.lower()))
    typed = {texts.CHINESE_OPTIONS[name]: name for name in _OPTION.findall(rest) if name in texts.CHINESE_OPTIONS}
    if word in texts.CHINESE_COMMANDS:
        typed[f"%seedream {texts.CHINESE_COMMANDS[word]}"] = f"%seedream {word}"
    with named_as_typed(typed), nullcontext() if command is retry else sends_nothing():
        if command is None:
            raise InvalidRequest(_about_unknown(word, desk.settings.trait_names(config=True)))
        command(desk, _OPTION.sub(lambda option: texts.CHINESE_OPTIONS.get(option[0], option[0]), rest.strip()))


_OPTION = re.compile("(?<!\\S)--[\u4e00-\u9fff]+(?![^\\s=])")
"""An option in Chinese."""


def _about_unknown(word: str, settings: Collection[str]) -> str:
    if word.startswith("%%"):  # as `magic.with_body` gives a cell whose %%seedream is not its first line
        return cells.NOT_FIRST()
    if word.startswith("-"):
        return texts.OPTIONS_GO_ELSEWHERE()
    typed = repr(word[:40])
    if word.lower() in texts.STATUS_WORDS:
        return texts.STATUS_ALONE(typed=typed)
    if example := texts.EXAMPLES_OF_A_SET.get(texts.CHINESE_FOR_A_SET.get(word, word.lower())):
        return texts.OF_A_SET(typed=typed, example=example(), word=word.lower())
    other = texts.OTHER_WORDS.get(word.lower())
    if not other and (ways := _written_elsewhere(word, settings)):
        return texts.MEANT_ELSEWHERE(typed=typed, ways=chain(OR, ways))
    meant = other or _nearest(word)
    return texts.COMMAND_MEANT(typed=typed, meant=meant) if meant else texts.NO_COMMAND(typed=typed)


def _nearest(word: str) -> str:
    """The command that is spelled most like a word; none where that is a word for drawing."""
    if word.lower() in texts.DRAW_WORDS:
        return ""
    commands = [name for name in (*COMMANDS, *texts.CHINESE_COMMANDS) if name]
    return next(iter(difflib.get_close_matches(word, commands, n=1, cutoff=0.6 if word.isascii() else 0.5)), "")


def _written_elsewhere(word: str, settings: Collection[str]) -> list[str]:
    """How an option of a cell, or a setting of the notebook, is written that was typed as a command."""
    if language := texts.LANGUAGE_WORDS.get(word.lower()):
        return [f'%config SeedreamMagics.language = "{language}"']
    option = CHINESE_FLAGS.get(f"--{word}", f"--{word.lower()}")
    as_option = [f"%%seedream {option}"] if option in FLAGS else []
    setting = option.removeprefix("--")
    return as_option + ([f"%config SeedreamMagics.{setting} = …"] if setting in settings else [])


def _status(desk: Desk, _: str) -> None:
    """Where the session stands."""
    client, session = desk.client(), desk.session
    try:
        needed = client.provider.needs_key
        key = texts.KEY_FROM(source=find_key(client.provider).source) if needed else texts.KEY_NOT_NEEDED()
    except MissingKey as missing:
        key = texts.KEY_NOT_SET(hint=missing.hint)
    except ConfigError as unusable:
        key = texts.KEY_UNUSABLE(why=unusable.message)
    free, runs = session.free.total(), len(session.background)
    unused = not client.given_base_url and os.environ.get("SEEDREAM_BASE_URL")
    provider = texts.PROVIDER_AND_OTHERS if unused else texts.PROVIDER_AT
    billed = [texts.IN_SESSION(images=session.images_billed), *([texts.OF_DEMO(images=free)] if free else [])]
    rows = [
        (texts.PROVIDER, provider(provider=client.provider.name, address=client.given_base_url or texts.EMBEDDED())),
        (texts.KEY, key),
        (texts.HEADERS, enumeration(client.headers.names) if client.headers else ""),
        (texts.MODEL, client.model),
        (texts.STORE, path_text(client.store)),
        (texts.BILLED, own_words().comma.join([*billed, *_costs(desk)])),
        (texts.TODAY, _today(desk)),
        (texts.RUNNING, texts.IN_BACKGROUND(runs=runs) if runs else ""),
        (texts.RESERVED, texts.RESERVED_AT_MOST(images=session.images_reserved) if session.reservations else ""),
    ]
    print("\n".join(text_table([(name(), value) for name, value in rows if value])))  # noqa: T201 - a status is text


def _today(desk: Desk) -> str:
    """What counts against the limit of the day by now; empty where none is set."""
    allowed, client = desk.settings.max_images_per_day, desk.client()
    if allowed is None:
        return ""
    of_demo = not client.provider.needs_key
    counted = desk.limits.images_today(client.store, free=of_demo)
    return (texts.ALL_NOTEBOOKS_DEMO if of_demo else texts.ALL_NOTEBOOKS)(images=counted, allowed=allowed)


def _costs(desk: Desk) -> list[str]:
    """What the session cost, by the prices that the person has set and by list prices; nothing where none is known."""
    prices, paid = desk.session.prices, desk.session.paid
    set_prices = [(one, own_price(one.model, prices)) for one in paid]
    own = [Price(Decimal(str(price)) * one.images, "", OWN) for one, price in set_prices if price is not None]
    listed = [one.listed for one, price in set_prices if price is None and one.listed]
    costs = told_together([*own, *listed])
    unpriced = sum(one.images for one, price in set_prices if price is None and one.listed is None)
    if not costs:
        return []
    return [costs, *([texts.UNPRICED(images=unpriced)] if unpriced else [])]


def _use(desk: Desk, name: str) -> None:
    """Take another provider for the session."""
    if not name:
        raise ConfigError(texts.USE_TAKES(names=enumeration(PROVIDERS)))
    chosen = find_provider(name).name
    # A reload of the extension finds it in the shell's configuration again, as it does what %config sets.
    desk.shell.config.SeedreamMagics.provider = desk.settings.provider = chosen
    _status(desk, "")


def _key(desk: Desk, typed: str) -> None:
    """Ask for the key of the provider, or of one that is named, without showing it.

    With --if-missing only where there is none: so runs the cell that a panel has made, with all others of its notebook.
    """
    words = typed.split()
    typed = " ".join(word for word in words if word != "--if-missing")
    if typed and typed not in PROVIDERS:
        raise InvalidRequest(texts.KEY_ALONE())
    provider = find_provider(typed) if typed else desk.client().provider
    if not provider.needs_key:
        raise ConfigError(texts.NEEDS_NO_KEY(provider=provider.name))
    if "--if-missing" in words:
        with suppress(MissingKey, ConfigError):  # there is none, or one that cannot be used
            there = texts.KEY_IS_THERE(provider=provider.name, source=find_key(provider).source)
            print(there)  # noqa: T201 - see below
            return
    try:
        value = getpass.getpass(texts.ASK_KEY(provider=provider.name))
    except (EOFError, NotImplementedError) as exc:
        raise ConfigError(texts.NOBODY_TYPES()) from exc
    if not value.strip():
        raise ConfigError(texts.NO_KEY_TYPED())
    key = remember_key(provider, value)
    kept = texts.KEY_IN_KEYRING if store_key_in_keyring(provider, key) else texts.KEY_IN_MEMORY
    first = find_key(provider)
    print(kept(provider=provider.name))  # noqa: T201 - a confirmation is text
    if first.source != key.source and first.reveal() != key.reveal():
        print(texts.OTHER_KEY_FIRST(source=first.source))  # noqa: T201 - see above
    for panel in list(desk.panels):
        panel.look_for_key()


def _help(_: Desk, topic: str) -> None:
    """Show a screen to begin with, or the page of a topic."""
    print(help_page(topic, own_language()))  # noqa: T201 - help is text


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
        raise ConfigError(texts.LIBRARY_OFF(), hint=texts.UNSET_LIBRARY())
    if problem := database.problem():
        raise ConfigError(texts.LIBRARY_UNUSABLE(file=file, why=problem), hint=texts.DOCTOR_KNOWS())
    for folder in folders:
        found = library.scan([folder])
        taken = [texts.TAKEN_IN(store=store, runs=runs) for store, runs in found.items()]
        print("\n".join(taken or [texts.NO_STORE_IN(folder=folder)]))  # noqa: T201 - a list is text
    known = library.counts()
    lines = [texts.RUNS_IN(runs=runs, store=_whether_away(store)) for store, runs in known.items()]
    indented = [f"  {line}" for line in lines or [texts.NO_STORE_YET()]]
    print("\n".join([texts.LIBRARY_KNOWS(file=file), *indented]))  # noqa: T201 - see above


def _folders_to_scan(text: str) -> list[Path]:
    """The folders that `--scan` names. Raises `InvalidRequest` for what is none."""
    words = split_line(text)
    if words and words[0] != "--scan":
        raise InvalidRequest(texts.LIBRARY_TAKES(typed=repr(words[0][:40])))
    if words and not words[1:]:
        raise InvalidRequest(texts.SCAN_TAKES())
    folders = [Path(os.path.realpath(os.path.expanduser(word))) for word in words[1:]]  # noqa: PTH111 - Path's own raises where there is no such user
    if missing := next((folder for folder in folders if not folder.is_dir()), None):
        raise InvalidRequest(texts.NO_FOLDER(folder=missing))
    return folders


def _whether_away(store: Path) -> str:
    return str(store) if store.is_dir() else texts.NOT_THERE(store=store)


def _doctor(desk: Desk, words: str) -> None:
    """Say what may be wrong, or what a code of the service means."""
    if words.startswith("-") and words != "--probe":
        raise InvalidRequest(texts.NO_OPTION(command="doctor", typed=repr(words[:40]), options="--probe"))
    from seedream_magic.notebook.doctor import doctor  # noqa: PLC0415 - load time, see `desk`

    display(doctor(desk, words), raw=True)


def _panel(desk: Desk, text: str) -> None:
    """Open the panel, on an earlier run if one is named."""
    from seedream_magic.notebook.display import in_terminal  # noqa: PLC0415 - load time, see `desk`

    if in_terminal(desk.shell):
        raise ConfigError(texts.PANEL_NEEDS_NOTEBOOK(), hint=texts.DRAW_IN_CELL())
    client = desk.client()
    images = continued_run(desk, text, "panel") if text else None
    try:
        from seedream_magic.notebook.panel import Panel  # noqa: PLC0415 - load time, see `desk`
    except ImportError as exc:
        why = texts.PANEL_NOT_LOADED(why=reason_of(exc))
        raise ConfigError(why, hint='%pip install "ipywidgets>=7.7.1"') from exc
    display(Panel(images, client=client))


def _stop(desk: Desk, _: str) -> None:
    """Stop the runs in the background."""
    stopped = desk.session.background.stop()
    print(texts.STOPPED(runs=stopped) if stopped else texts.NOTHING_RUNS())  # noqa: T201 - a summary is text


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
