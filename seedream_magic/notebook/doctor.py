"""`%seedream doctor`: what may be wrong, in English and Chinese, with the fix. Sends nothing unless `--probe` asks."""

from __future__ import annotations

import os
import platform
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
from seedream_magic.errors import ConfigError, MissingKey, plural
from seedream_magic.images.durable import END_FILE, find_rescued
from seedream_magic.images.record import Record, read_record
from seedream_magic.images.response import raw_files
from seedream_magic.images.store import SPACE_IN_RESERVE, SPACE_PER_IMAGE, free_bytes
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.doctor_network import certificate_findings, network_findings, proxy_findings
from seedream_magic.notebook.finding import NEWEST, Finding, explain, finding_lines, last_failures, to_install
from seedream_magic.recover import find_unfinished
from seedream_magic.seedream import Seedream
from seedream_magic.version import __version__
from seedream_magic.words.text import Text

DISTRIBUTION = "seedream-magic"

_UNWRITABLE = ("readonly", "read-only", "permission", "denied", "full", "no space", "unable to open", "not a directory")
"""What SQLite and the system say where a file cannot be made or written."""
_UNREGISTERED = Finding(
    "look",
    "versions",
    Text(
        "seedream-magic runs from a folder that pip does not know: the oldest tested versions cannot be looked up.",
        "seedream-magic 从文件夹直接运行，pip 未登记，无法核对最低版本。",
    ),
    Text("Run pip install . in its folder.", "在其文件夹中运行 pip install .。"),
)


def doctor(desk: Desk, words: str) -> str:
    """The report, or the explanation of one code of the service. Raises `InvalidRequest` for a code it does not know.

    Without `--probe` no connection is made; with it, one without a key that asks for nothing.
    """
    if words in {"", "--probe"}:
        return finding_lines(list(findings(desk, ask=bool(words))))
    return explain(words)


def findings(desk: Desk, *, ask: bool) -> Iterator[Finding]:
    """All that is looked at, in order; `ask` makes the one connection."""
    yield from _versions()
    yield _front_end(desk.shell)
    try:
        seedream = desk.client()
    except ConfigError as error:
        fix = Text(
            "Correct it: %seedream use NAME, %config SeedreamMagics, or the SEEDREAM_… variable; then ask again.",
            "用 %seedream use、%config SeedreamMagics 或 SEEDREAM_… 环境变量改正，再运行一次。",
        )
        yield Finding("bad", "settings", f"{error} {error.hint}".strip(), fix)
        return
    yield _provider(seedream)
    yield _key(seedream)
    if seedream.headers:
        yield Finding("ok", "headers", f"{', '.join(seedream.headers.names)} go with each request · 随请求发送")
    yield _store(seedream.store)
    made = library.history(seedream.store)  # it is in the library from now on
    yield _library()
    lacking = find_unfinished(seedream.store)
    yield _runs(len(made), lacking)
    yield from _aside([entry.folder for entry in made])
    yield from _kept([entry.folder for entry in made], lacking)
    yield from proxy_findings(seedream.given_base_url)
    yield from certificate_findings()
    yield from network_findings(seedream.given_base_url, ask=ask)
    yield from last_failures([read_record(entry.folder) or Record(entry.folder, {}) for entry in made[:NEWEST]])


def _versions() -> list[Finding]:
    """Every package of the extension's metadata beside its tested floor; one finding for all that are fine."""
    needed = requirements()
    misfits = [_misfit(each) for each in needed]
    fine = [f"{each.name} {version(each.name)}" for each, fault in zip(needed, misfits, strict=True) if not fault]
    python = f"python {platform.python_version()}, seedream_magic {__version__}"
    found = Finding("ok", "versions", ", ".join([python, *fine]))
    return [found, *filter(None, misfits)] if needed else [found, _UNREGISTERED]


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
        return Finding("ok", "front end", "IPython in a terminal: sets are printed as paths · 终端：图组以路径列出")
    return Finding("ok", "front end", _kernel_of(shell.user_ns, os.environ))


def _kernel_of(namespace: Mapping[str, object], environment: Mapping[str, str]) -> str:
    if "google.colab" in sys.modules:
        return "Google Colab"
    if "__vsc_ipynb_file__" in namespace:
        return "VS Code"
    if "ipykernel" not in sys.modules:
        return "IPython without a kernel"
    server = _command_of(environment.get("JPY_PARENT_PID", ""))
    if "JPY_SESSION_NAME" in environment:  # Jupyter's server names the notebook to its kernels
        found = {"jupyter-notebook": "Jupyter Notebook", "jupyter-lab": "JupyterLab", "jupyterlab": "JupyterLab"}
        return next((name for word, name in found.items() if word in server), "JupyterLab or Jupyter Notebook")
    return "a Jupyter kernel without a server (nbconvert, papermill, a console)"


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
        return Finding(mark, "versions", Text(f"{name} is not installed.", f"未安装 {name}。"), fix)
    except (InvalidVersion, TypeError):  # of metadata that is damaged
        found = Version("0")
    for limit in needed.specifier:
        if limit.contains(found, prereleases=True):
            continue
        if limit.operator == ">=":
            text = Text(
                f"{name} {found} is older than {limit.version}, the oldest that is tested.",
                f"{name} {found} 低于经过测试的最低版本 {limit.version}。",
            )
            return Finding("bad", "versions", text, fix)
        text = Text(
            f"{name} {found} is newer than what is tested (below {limit.version}).",
            f"{name} {found} 高于经过测试的版本（应低于 {limit.version}）。",
        )
        return Finding("look", "versions", text, fix)
    return None


def _provider(seedream: Seedream) -> Finding:
    meant = ids_meant(seedream.model, seedream.provider.name) if seedream.provider.needs_key else ()
    if meant and seedream.provider.strict and not seedream.model.startswith("ep-"):
        names = " / ".join(meant[:2])
        text = Text(
            f"{seedream.provider.name} documents no model {seedream.model[:80]}; its own: {names}.",
            f"{seedream.provider.name} 没有名为 {seedream.model[:80]} 的模型，相近的是 {names}。",
        )
        fix = Text(
            f'%config SeedreamMagics.model = "{meant[0]}" or SEEDREAM_MODEL; %seedream models --live asks for all.',
            f'%config SeedreamMagics.model = "{meant[0]}" 或 SEEDREAM_MODEL；%seedream models --live 可查询全部。',
        )
        return Finding("look", "provider", text, fix)
    unchecked = "" if find_model(seedream.model) else " (not in the table: not checked · 不检查)"
    address = seedream.given_base_url or "embedded"
    if not seedream.given_base_url and os.environ.get("SEEDREAM_BASE_URL"):
        address += " (SEEDREAM_BASE_URL is for the other providers · 不使用 SEEDREAM_BASE_URL)"
    return Finding("ok", "provider", f"{seedream.provider.name}, {address}, {seedream.model}{unchecked}")


def _key(seedream: Seedream) -> Finding:
    names = " / ".join(("SEEDREAM_API_KEY", *seedream.provider.key_variables))
    if not seedream.provider.needs_key:
        return Finding("ok", "key", "the demo needs none, and none is sent to it · 演示服务无需密钥，也不发送密钥")
    try:
        found = f"set, from {find_key(seedream.provider).source} · 已设置"
    except MissingKey as error:
        text = Text(str(error), f"没有 {seedream.provider.name} 的密钥。")
    except ConfigError as error:
        text = Text(str(error), "密钥含有空格、换行或非法字符。")
    else:
        return _unheard() or Finding("ok", "key", found)
    fix = Text(
        f"Set {names}, or type it after %seedream key. To draw without a key: %seedream use demo.",
        f"设置 {names}，或运行 %seedream key 输入；无密钥可用 %seedream use demo。",
    )
    if silent_stores():
        text = Text(text.english, f"{text.chinese}密钥环 {SECONDS:g} 秒内没有应答。")
        fix = Text(f"{_UNLOCK.english} Or else: {fix.english}", f"{_UNLOCK.chinese}或者：{fix.chinese}")
    return Finding("bad", "key", text, fix)


_UNLOCK = Text(
    "Unlock the keyring, or turn it off with PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring.",
    "解锁系统密钥环，或用 PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring 停用。",
)


def _unheard() -> Finding | None:
    """That a store of keys was asked and has not answered."""
    silent = " / ".join(silent_stores())
    text = Text(f"{silent} did not answer within {SECONDS:g} s.", f"密钥环 {SECONDS:g} 秒内没有应答。")
    return Finding("look", "key", text, _UNLOCK) if silent else None


def _store(store: Path) -> Finding:
    place = next(folder for folder in (store, *store.parents) if os.path.lexists(folder))
    fix = Text(
        "Name another folder: SEEDREAM_STORE or %config SeedreamMagics.store.",
        "换一个文件夹：SEEDREAM_STORE 或 %config SeedreamMagics.store。",
    )
    try:
        with tempfile.TemporaryFile(dir=place):
            free = free_bytes(place)
    except NotADirectoryError:
        text = Text(f"{store} cannot be made: {place} is a file.", f"无法创建 {store}：{place} 是文件。")
        return Finding("bad", "store", text, fix)
    except OSError as exc:
        why = exc.strerror or str(exc)
        return Finding("bad", "store", Text(f"{store} cannot be written ({why}).", f"无法写入 {store}（{why}）。"), fix)
    if free is None:
        return Finding("ok", "store", f"{store}, its disk does not say how much is free · 磁盘未报告剩余空间")
    new = "" if place == store else "; it is made with the first run · 首次运行时创建"
    return _scarce(store, free, fix) or Finding("ok", "store", f"{store}, {free / 2**30:.1f} GiB free{new}")


def _scarce(store: Path, free: int, other: Text) -> Finding | None:
    """That the disk has no room for a set of fifteen, as a run asks for it before it sends."""
    images = max(0, (free - SPACE_IN_RESERVE) // SPACE_PER_IMAGE)
    if images >= MAXIMUM_IMAGES:
        return None
    most = f"at most {images} images a run" if images else "too little to draw"
    chinese_most = f"每次最多 {images} 张" if images else "不足以生成图片"
    needed = f"{SPACE_IN_RESERVE // 2**20} MiB and {SPACE_PER_IMAGE // 2**20} MiB an image"
    chinese_needed = f"{SPACE_IN_RESERVE // 2**20} MiB，另加每张 {SPACE_PER_IMAGE // 2**20} MiB"
    text = Text(
        f"The disk of {store} has {free // 2**20} MiB left: {most} (a run asks for {needed}).",
        f"{store} 所在磁盘剩余 {free // 2**20} MiB：{chinese_most}（每次需预留 {chinese_needed}）。",
    )
    fix = Text(f"Make room there. Or else: {other.english}", f"清理该磁盘，或{other.chinese}")
    return Finding("look" if images else "bad", "store", text, fix)


def _library() -> Finding:
    """The index of all stores: without it each is one for itself."""
    file = database.library_file()
    if file is None:
        return Finding("-", "library", "turned off, SEEDREAM_LIBRARY is empty · 已关闭（SEEDREAM_LIBRARY 为空）")
    if why := database.problem():
        text = Text(
            f"{file} cannot be used ({why}): sets of other stores are not found, and may be paid for again.",
            f"无法使用 {file}（{why}）：查不到其他存储里的图组，可能重复付费。",
        )
        return Finding("look", "library", text, _library_fix(why))
    known = library.counts()
    stores, runs = plural(len(known), "store"), plural(sum(known.values()), "run")
    chinese = f"{len(known)} 个存储，{sum(known.values())} 条记录"
    return Finding("ok", "library", f"{file}: {stores}, {runs} · {chinese}")


def _library_fix(why: str) -> Text:
    another = Text("Name another file: SEEDREAM_LIBRARY.", "用 SEEDREAM_LIBRARY 指定另一个文件。")
    if why in {database.ANOTHERS, database.NO_FILE} or "not a database" in why:
        return another
    if why == database.NEWER:
        return Text(
            f"Update seedream-magic: %pip install -U {DISTRIBUTION}. Or else: {another.english}",
            f"更新 seedream-magic：%pip install -U {DISTRIBUTION}，或{another.chinese}",
        )
    if "locked" in why:
        return Text(
            "Another program has it open for writing: ask again, or close that program.",
            "另一个程序正在写入：稍后再试，或关闭该程序。",
        )
    if any(word in why.casefold() for word in _UNWRITABLE):
        return Text(
            f"Make the file and its folder writable, and room on its disk. Or else: {another.english}",
            f"使该文件及其文件夹可写，并清理磁盘，或{another.chinese}",
        )
    return Text(
        "Delete or rename it; it is made anew, and %seedream library --scan FOLDER takes in the stores.",
        "删除或重命名该文件，会自动重建；用 %seedream library --scan FOLDER 重新收录存储。",
    )


def _runs(made: int, lacking: Sequence[Record]) -> Finding:
    if not lacking:
        none = "none yet · 尚无记录"
        return Finding("ok", "runs", f"{made}, nothing is left to download · 没有可补下载的图片" if made else none)
    newest = ", ".join(record.run_id for record in lacking[:-3:-1]) + (" …" if len(lacking) > 2 else "")
    text = Text(
        f"Pictures that were made are missing in {len(lacking)} of {plural(made, 'run')}: {newest}.",
        f"{made} 次中有 {len(lacking)} 次缺少已生成的图片：{newest}。",
    )
    fix = Text("%seedream recover fetches them and bills nothing.", "%seedream recover 可补下载，不计费。")
    return Finding("look", "runs", text, fix)


def _aside(folders: Sequence[Path]) -> Iterator[Finding]:
    """The runs whose end their folders did not take."""
    aside = [path for folder in folders if (path := find_rescued(folder.name, [END_FILE]))]
    if aside:
        runs = plural(len(aside), "run")
        text = Text(
            f"The store did not take how {runs} ended: it is kept in {aside[0].parent}.",
            f"存储未能写入 {len(aside)} 次的结束状态，已另存于 {aside[0].parent}。",
        )
        fix = Text(
            "Make the store writable, with room; then %seedream recover puts it there. Nothing is billed.",
            "使存储可写并有空间，再运行 %seedream recover 写回，不计费。",
        )
        yield Finding("look", "runs", text, fix)


def _kept(folders: Sequence[Path], lacking: Sequence[Record]) -> Iterator[Finding]:
    """The answers whose bytes are kept, for something in them could not be read."""
    downloads = {record.folder for record in lacking}
    kept = [folder for folder in folders if folder not in downloads and raw_files(folder)]
    if kept:
        runs = plural(len(kept), "run")
        text = Text(
            f"An answer that could not be read to its end is kept in {runs}, the newest {kept[0].name}.",
            f"{len(kept)} 次的应答未能完整读取，原始数据已保留，最近一次是 {kept[0].name}。",
        )
        fix = Text(
            f"%seedream recover {kept[0].name} reads it again, as a newer version may; it bills nothing.",
            f"%seedream recover {kept[0].name} 会重新读取（新版本可能读得懂），不计费。",
        )
        yield Finding("look", "answers", text, fix)
