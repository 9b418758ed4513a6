"""The folder of runs: whole files or none, for their owner only, also where the disk fails at any step."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from seedream_magic import ConfigError, Frame, ImageSet, Seedream
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.images.aside import find_rescued
from seedream_magic.images.durable import write_durably
from seedream_magic.images.record import read_record
from seedream_magic.images.response import RESPONSE_FILE, bring_lines_back
from seedream_magic.images.run_folder import RunFolder
from seedream_magic.images.store import begin_run
from seedream_magic.images.verify import PictureFacts
from served import check_store, received, record
from service import jpeg

FACTS = PictureFacts("image/jpeg", "jpg", 64, 48)
LINK = "https://example.com/a/1.jpeg?X-Tos-Date=1&X-Tos-Signature=canary"


def plan(images: int = 2) -> Plan:
    request, _ = make_request(Ask("四季", {"images": images}), model="doubao-seedream-4-5")
    return Plan(request, PROVIDERS["anyfast"], "https://www.anyfast.ai/v1")


@pytest.fixture
def run(store: Path) -> RunFolder:
    return begin_run(store, plan(), client_request_id="our-id")


def image_set(run: RunFolder, *frames: Frame, state: str = "done") -> ImageSet:
    facts: dict[str, Any] = {"state": state, "outcome": "billed", "expected": 2}
    return ImageSet(plan().request, "anyfast", run.run_id, run.folder, frames, **facts)


def saved(run: RunFolder, index: int) -> Frame:
    path, digest = run.save_picture(index, jpeg(index), FACTS, source=LINK)
    return Frame(index, "四季", path, 64, 48, digest)


def test_run_ids_sort_as_the_runs_began_and_never_meet(tmp_path: Path) -> None:
    """UTC time and ten characters, of which some tell the microsecond; a store and its parents are made."""
    folder = tmp_path / "new" / "also new" / "runs"
    names = [begin_run(folder, plan(), client_request_id="our-id").run_id for _ in range(20)]
    assert names == sorted(set(names)) == sorted(path.name for path in folder.iterdir())
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[a-z2-7]{10}", name) for name in names)
    facts = json.loads((folder / names[0] / "request.json").read_text())
    told = {"state": "sending", "outcome": "unknown", "provider": "anyfast", "expected": 2, "run_id": names[0]}
    told |= {"body": plan().body, "base_url": "https://www.anyfast.ai/v1", "client_request_id": "our-id"}
    assert told.items() <= facts.items()
    check_store(folder)


@pytest.mark.fault("F103")
@pytest.mark.parametrize("place", ["file", "file/runs", "x" * 300, "nul\0", "a/runs"])
def test_a_store_that_cannot_be_is_told_before_anything_is_sent(place: str, tmp_path: Path) -> None:
    """A file, below one, too long a name, links in a circle: with its path, and where to name another."""
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        begin_run(tmp_path / place, plan(), client_request_id="x")
    assert "SEEDREAM_STORE" in caught.value.hint


def failing(real: Callable[..., Any], code: int, *, on: int) -> Callable[..., Any]:
    """`real`, whose n-th call and every later one fails."""
    calls = 0

    def call(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= on:
            raise OSError(code, os.strerror(code))
        return real(*args, **options)

    return call


@pytest.mark.parametrize(("form", "images", "needed"), [("url", 4, 4 * 25 + 64), ("b64_json", 1, 25 + 33 + 64)])
def test_a_disk_without_room_is_told(
    form: str, images: int, needed: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 MiB for each picture that may come, in base64 its text as well, and 64 MiB in reserve."""
    asked = replace(plan(images), request=replace(plan(images).request, response_format=form))
    for free, enough in ((needed * 2**20 - 1, False), ((needed + 1) * 2**20, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        with nullcontext() if enough else pytest.raises(ConfigError, match=f"may need {needed} MiB"):
            assert begin_run(store, asked, client_request_id="x").folder.is_dir()


def test_a_picture_is_kept_as_it_came_with_its_facts(run: RunFolder, store: Path, tmp_path: Path) -> None:
    """Original bytes, readable as any file; the sidecar has no signature; a link in their place is not followed."""
    os.umask(mask := os.umask(0o022))
    (tmp_path / "outside").write_bytes(b"untouched")
    (run.folder / "01.jpg").symlink_to(tmp_path / "outside")
    path, digest = run.save_picture(0, jpeg(), FACTS, source=LINK)
    assert (path, path.is_symlink()) == (run.folder / "01.jpg", False)
    assert (path.read_bytes(), (tmp_path / "outside").read_bytes()) == (jpeg(), b"untouched")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert json.loads((run.folder / "01.json").read_text()) == {
        "file": "01.jpg",
        "sha256": digest,
        "bytes": len(jpeg()),
        "media_type": "image/jpeg",
        "width": 64,
        "height": 48,
        "source": "https://example.com/a/1.jpeg",
    }
    assert digest == hashlib.sha256(jpeg()).hexdigest()
    check_store(store)


def test_what_the_service_sends_is_kept_line_by_line_without_base64(run: RunFolder, store: Path) -> None:
    """Base64 would be each picture a second time; its length and digest tell which one it was."""
    entry = {"data": [{"url": LINK}, {"b64_json": "AAAA"}], "words": "四季\u2028"}
    run.record({"object": entry})
    run.record({"object": {"n": 2}})
    kept = entry | {"data": [{"url": LINK}, {"b64_json": "(4 characters of base64, sha256 63c1dd951ffedf6f)"}]}
    assert received(store) == [{"object": kept}, {"object": {"n": 2}}]
    check_store(store)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_line_that_does_not_fit_leaves_no_half_of_it(
    call: str, run: RunFolder, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full disks in the middle of a line: those before it stay whole, and so do those after it."""
    real = os.write
    run.record({"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(os.fsync, errno.ENOSPC, on=1))
        if call == "write":
            half = failing(lambda descriptor, data: real(descriptor, bytes(data)[:5]), errno.ENOSPC, on=2)
            patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            run.record({"n": 2})
    run.record({"n": 3})
    bring_lines_back(run.folder)
    assert received(store) == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_file_is_whole_or_as_it_was(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step fails, the old bytes stand alone; it is synced before it has its name, its folder afterwards."""
    path, steps = tmp_path / "file", Mock(fsync=Mock(wraps=os.fsync), replace=Mock(wraps=os.replace))
    with monkeypatch.context() as patch:
        for name in ("fsync", "replace"):
            patch.setattr(os, name, getattr(steps, name))
        write = os.write
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:7]))
        write_durably(path, jpeg(), mode=0o600)
    assert [name for name, *_ in steps.mock_calls] == ["fsync", "replace", "fsync"]
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(getattr(os, call), errno.EIO, on=1))
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            write_durably(path, b"new", mode=0o600)
    assert path.read_bytes() == jpeg()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are others there")
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_a_record_of_the_answer_that_is_no_file_is_not_written(kind: str, tmp_path: Path, run: RunFolder) -> None:
    """A store of a stranger's cannot make us write into a file outside, nor wait for ever; the end is written."""
    outside, place = tmp_path / "outside", run.folder / "response.jsonl"
    if kind != "dangling link":
        outside.write_bytes(b"untouched\n")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(outside)
    run.record({"n": 1})
    aside = find_rescued(run.run_id, [RESPONSE_FILE])
    assert aside is not None
    assert json.loads(aside.read_bytes()) == {"n": 1}
    run.conclude(image_set(run, saved(run, 0), saved(run, 1)), None)
    ended = read_record(run.folder)
    assert ended is not None
    assert ended.state == "done"
    assert not outside.exists() if kind == "dangling link" else outside.read_bytes() == b"untouched\n"
    assert place.is_symlink() == ("link" in kind)


@pytest.mark.skipif(os.name == "nt", reason="links are others there")
def test_references_and_what_is_rejected_go_into_no_folder_that_is_a_link(
    tmp_path: Path, store: Path, run: RunFolder
) -> None:
    """Nothing is written or removed outside of the store: it is told before anything is sent, or kept elsewhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    old = outside / ".0.part"
    old.write_bytes(b"somebody's")
    os.utime(old, (0, 0))
    (run.folder / "raw").symlink_to(outside)
    kept = run.keep_rejected(0, b"<html>", "bin")
    assert kept is not None
    assert kept.read_bytes() == b"<html>"
    (store / "references").symlink_to(outside)
    with pytest.raises(ConfigError, match="cannot be written"):
        Seedream("anyfast", api_key="k", store=store).generate("x", refs=jpeg(0, (64, 64)))
    assert [*outside.iterdir()] == [old]


@pytest.mark.parametrize("torn", ["", '{"obj'])
def test_signatures_go_when_every_picture_is_saved(torn: str, run: RunFolder, store: Path) -> None:
    """Also in JSON within a text; host and path stay. A torn line or a folder that has gone stops no end."""
    run.record({"object": {"data": [{"url": LINK}, {"url": LINK}]}})
    run.record({"object": {"content": json.dumps({"url": LINK}).replace("/", r"\/")}})
    with (run.folder / "response.jsonl").open("a") as file:
        file.write(torn)
    images = image_set(run, saved(run, 0), saved(run, 1))
    run.conclude(images, None)
    assert record(store)["state"] == "done"
    if not torn:
        assert b"canary" not in b"".join(path.read_bytes() for path in run.folder.iterdir())
        assert received(store)[0]["object"]["data"][0] == {"url": "https://example.com/a/1.jpeg"}
        check_store(store)
    shutil.rmtree(run.folder)
    run.conclude(images, None)
    assert not run.folder.exists()
