"""`%seedream doctor`: what may be wrong, with the fix. Sends nothing unless `--probe` asks."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from seedream_magic import database, library
from seedream_magic.api.credentials import find_key
from seedream_magic.api.key_stores import SECONDS, silent_stores
from seedream_magic.api.models import MAXIMUM_IMAGES, find_model, ids_meant
from seedream_magic.errors import ConfigError, reason_of
from seedream_magic.images.aside import END_FILE, find_rescued
from seedream_magic.images.record import Record, read_record
from seedream_magic.images.response import raw_files
from seedream_magic.images.store import SPACE_IN_RESERVE, SPACE_PER_IMAGE, free_bytes
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.doctor_network import certificate_findings, network_findings, proxy_findings
from seedream_magic.notebook.finding import NEWEST, Finding, explain, last_failures, report, to_install
from seedream_magic.recover import find_unfinished
from seedream_magic.seedream import Seedream
from seedream_magic.version import __version__
from seedream_magic.words import doctor as texts
from seedream_magic.words.commands import KEY_FROM
from seedream_magic.words.lists import enumeration
from seedream_magic.words.text import join

DISTRIBUTION = "seedream-magic"

_UNWRITABLE = re.compile("readonly|read-only|permission|denied|full|no space|unable to open|not a directory")
_NO_DATABASE = re.compile("not a database")
"""What SQLite and the system say where a file cannot be made or written, and of a file of another kind."""


def doctor(desk: Desk, words: str) -> dict[str, str]:
    """The report, or the explanation of a code of the service or a status of HTTP, as a mimebundle.

    Raises `InvalidRequest` for a code it does not know. Without `--probe` no connection is made; with it, one without a
    key that asks for nothing.
    """
    if words in {"", "--probe"}:
        return report(list(findings(desk, ask=bool(words))))
    return explain(words)


def findings(desk: Desk, *, ask: bool) -> Iterator[Finding]:
    """All that is looked at, in order; `ask` makes the one connection."""
    yield from _versions()
    yield _front_end(desk.shell)
    try:
        seedream = desk.client()
    except ConfigError as error:
        yield Finding("bad", "settings", join(error.message, error.hint), texts.CORRECT_SETTINGS())
        return
    yield _provider(seedream)
    yield _key(seedream)
    if seedream.headers:
        yield Finding("ok", "headers", texts.HEADERS_SENT(names=enumeration(seedream.headers.names)))
    yield _store(seedream.store)
    made = library.history(seedream.store)  # it is in the library from now on
    yield _library()
    lacking = find_unfinished(seedream.store)
    yield _runs(len(made), lacking)
    yield from _aside([entry.folder for entry in made])
    yield from _kept([entry.folder for entry in made if entry.state != "stopped"], lacking)  # cut off by the person
    yield from proxy_findings(seedream.given_base_url)
    yield from certificate_findings()
    yield from network_findings(seedream.given_base_url, ask=ask)
    yield from last_failures([read_record(entry.folder) or Record(entry.folder, {}) for entry in made[:NEWEST]])


def _versions() -> list[Finding]:
    """Every package of the extension's metadata beside its tested floor; one finding for all that are fine."""
    needed = requirements()
    misfits = [_misfit(each) for each in needed]
    fine = [f"{each.name} {version(each.name)}" for each, fault in zip(needed, misfits, strict=True) if not fault]
    ours = [f"{name} {own}" for name, own in (("python", platform.python_version()), ("seedream_magic", __version__))]
    found = Finding("ok", "versions", enumeration([*ours, *fine]))
    return (
        [found, *filter(None, misfits)]
        if needed
        else [found, Finding("look", "versions", texts.UNREGISTERED(), texts.INSTALL_FOLDER())]
    )


def requirements() -> list[Requirement]:
    """What the package's metadata asks for, and the kernel of its `lab` extra; empty where it is not installed."""
    try:
        needed = map(Requirement, requires(DISTRIBUTION) or ())
    except PackageNotFoundError:
        return []
    return [
        each
        for each in needed
        if each.marker is None or each.marker.evaluate({"extra": "lab" if each.name == "ipykernel" else ""})
    ]


def _front_end(shell: InteractiveShell) -> Finding:
    """The front end in which cells are typed, as far as a kernel can know."""
    if isinstance(shell, TerminalInteractiveShell):
        return Finding("ok", "front_end", texts.TERMINAL())
    return Finding("ok", "front_end", _kernel_of(shell.user_ns, os.environ))


def _kernel_of(namespace: Mapping[str, object], environment: Mapping[str, str]) -> str:
    if "google.colab" in sys.modules:
        return "Google Colab"
    if "__vsc_ipynb_file__" in namespace:
        return "VS Code"
    if "ipykernel" not in sys.modules:
        return texts.NO_KERNEL()
    server = _command_of(environment.get("JPY_PARENT_PID", ""))
    if "JPY_SESSION_NAME" in environment:  # Jupyter's server names the notebook to its kernels
        found = {"jupyter-notebook": "Jupyter Notebook", "jupyter-lab": "JupyterLab", "jupyterlab": "JupyterLab"}
        return next((name for word, name in found.items() if word in server), texts.LAB_OR_NOTEBOOK())
    return texts.NO_SERVER()


def _command_of(process: str) -> str:
    """The command line of a process, where the system shows it (Linux)."""
    try:
        return Path("/proc", str(int(process)), "cmdline").read_bytes().decode("utf-8", "replace")
    except (ValueError, OSError):
        return ""


def _misfit(needed: Requirement) -> Finding | None:
    """What is wrong with the version that is installed: too old is bad, too new and no kernel are worth a look."""
    name, fix = needed.name, to_install(f"{needed.name}{needed.specifier}")
    try:
        found = Version(version(name))
    except PackageNotFoundError:
        mark: Literal["look", "bad"] = "look" if needed.marker else "bad"
        return Finding(mark, "versions", texts.NOT_INSTALLED(name=name), fix)
    except (InvalidVersion, TypeError):  # of metadata that is damaged
        found = Version("0")
    for limit in needed.specifier:
        if limit.contains(found, prereleases=True):
            continue
        if limit.operator == ">=":
            return Finding("bad", "versions", texts.TOO_OLD(name=name, found=found, limit=limit.version), fix)
        return Finding("look", "versions", texts.TOO_NEW(name=name, found=found, limit=limit.version), fix)
    return None


def _provider(seedream: Seedream) -> Finding:
    meant = ids_meant(seedream.model, seedream.provider.name) if seedream.provider.needs_key else ()
    name, model = seedream.provider.name, seedream.model[:80]
    if meant and seedream.provider.strict and not model.startswith("ep-"):
        text = texts.NO_SUCH_MODEL(provider=name, model=model, names=" / ".join(meant[:2]))
        return Finding("look", "provider", text, texts.CHOOSE_MODEL(model=meant[0]))
    if find_model(model) is None:
        model = texts.NOT_IN_TABLE(model=model)
    address: str = seedream.given_base_url or texts.EMBEDDED()
    if not seedream.given_base_url and os.environ.get("SEEDREAM_BASE_URL"):
        address = texts.ADDRESS_FOR_OTHERS()
    return Finding("ok", "provider", enumeration((name, address, model)))


def _key(seedream: Seedream) -> Finding:
    if not seedream.provider.needs_key:
        return Finding("ok", "key", texts.NEEDS_NO_KEY())
    try:
        found = KEY_FROM(source=find_key(seedream.provider).source)
    except ConfigError as error:
        fix: str = texts.SET_KEY(names=" / ".join(("SEEDREAM_API_KEY", *seedream.provider.key_variables)))
        fix = texts.OR_ELSE(first=texts.UNLOCK(), then=fix) if silent_stores() else fix
        return Finding("bad", "key", error.message, fix)
    if silent := " / ".join(silent_stores()):
        return Finding("look", "key", texts.SILENT_STORE(store=silent, seconds=f"{SECONDS:g}"), texts.UNLOCK())
    return Finding("ok", "key", found)


def _store(store: Path) -> Finding:
    place = next(folder for folder in (store, *store.parents) if os.path.lexists(folder))
    try:
        with tempfile.TemporaryFile(dir=place):
            free = free_bytes(place)
    except NotADirectoryError:
        return Finding("bad", "store", texts.STORE_IS_A_FILE(store=store, place=place), texts.OTHER_STORE())
    except OSError as exc:
        text = texts.STORE_NOT_WRITTEN(store=store, why=reason_of(exc))
        return Finding("bad", "store", text, texts.OTHER_STORE())
    if free is None:
        return Finding("ok", "store", texts.STORE_OF_UNKNOWN_SIZE(store=store))
    told = texts.STORE_FREE if place == store else texts.STORE_FREE_NEW
    return _scarce(store, free) or Finding("ok", "store", told(store=store, free=f"{free / 2**30:.1f}"))


def _scarce(store: Path, free: int) -> Finding | None:
    """That the disk has no room for a set of fifteen, as a run asks for it before it sends."""
    images = max(0, (free - SPACE_IN_RESERVE) // SPACE_PER_IMAGE)
    if images >= MAXIMUM_IMAGES:
        return None
    left, reserve, each = free // 2**20, SPACE_IN_RESERVE // 2**20, SPACE_PER_IMAGE // 2**20
    fix = texts.OR_ELSE(first=texts.MAKE_ROOM(), then=texts.OTHER_STORE())
    if images:
        text = texts.DISK_SCARCE(store=store, free=left, images=images, reserve=reserve, each=each)
        return Finding("look", "store", text, fix)
    return Finding("bad", "store", texts.DISK_FULL(store=store, free=left, reserve=reserve, each=each), fix)


def _library() -> Finding:
    """The index of all stores: without it each is one for itself."""
    file = database.library_file()
    if file is None:
        return Finding("-", "library", texts.LIBRARY_OFF())
    if why := database.problem():
        return Finding("look", "library", texts.LIBRARY_UNUSABLE(file=file, why=why), _library_fix(why))
    known = library.counts()
    return Finding("ok", "library", texts.LIBRARY_KNOWS(file=file, stores=len(known), runs=sum(known.values())))


def _library_fix(why: str) -> str:
    if why in {database.ANOTHERS(), database.NO_FILE()} or _NO_DATABASE.search(why):
        return texts.OTHER_LIBRARY()
    if why == database.NEWER():
        return texts.OR_ELSE(first=texts.UPDATE(what=DISTRIBUTION), then=texts.OTHER_LIBRARY())
    if "locked" in why:
        return texts.LIBRARY_LOCKED()
    if _UNWRITABLE.search(why.casefold()):
        return texts.OR_ELSE(first=texts.MAKE_WRITABLE(), then=texts.OTHER_LIBRARY())
    return texts.MAKE_LIBRARY_ANEW()


def _runs(made: int, lacking: Sequence[Record]) -> Finding:
    if not lacking:
        return Finding("ok", "runs", texts.NOTHING_LEFT(runs=made) if made else texts.NO_RUN())
    newest = enumeration([*(record.run_id for record in lacking[:-3:-1]), *["…"] * (len(lacking) > 2)])
    text = texts.PICTURES_MISSING(lacking=len(lacking), runs=made, newest=newest)
    return Finding("look", "runs", text, texts.RECOVER_FETCHES())


def _aside(folders: Sequence[Path]) -> Iterator[Finding]:
    """The runs whose end their folders did not take."""
    aside = [path for folder in folders if (path := find_rescued(folder.name, [END_FILE]))]
    if aside:
        text = texts.ENDS_ASIDE(runs=len(aside), folder=aside[0].parent)
        yield Finding("look", "runs", text, texts.RECOVER_PUTS_BACK())


def _kept(folders: Sequence[Path], lacking: Sequence[Record]) -> Iterator[Finding]:
    """The answers whose bytes are kept, for something in them could not be read."""
    downloads = {record.folder for record in lacking}
    kept = [folder for folder in folders if folder not in downloads and raw_files(folder)]
    if kept:
        text = texts.ANSWERS_KEPT(runs=len(kept), newest=kept[0].name)
        yield Finding("look", "answers", text, texts.RECOVER_READS(run=kept[0].name))
