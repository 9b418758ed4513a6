"""A store that a stranger has made hostile, and a process of its own that opens it by one command after the other.

write_hostile_store(store, outside, link="http://127.0.0.1:9/x.jpg")  # -> the runs, by what is wrong with each
python hostile.py STORE OUTSIDE  < statements, a JSON list  > what came of each, a JSON list
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

LARGE = 3 * 2**30
CHAIN = 200
"""Runs that go on from one another."""
MEMORY = 2_500 * 2**20
"""Bytes of address space: a bare shell with the extension has less than half, a sparse file read whole does not fit."""
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.\u2066"
STEERING = ("\x1b]", "\x1b[", "\x9b", "\x07", "\u202e", "\u2066")
"""What no command prints of them."""
FACTS: dict[str, Any] = {
    "state": "done",
    "outcome": "billed",
    "provider": "anyfast",
    "base_url": "https://api.example/v1",
    "began": "2026-05-04T12:00:00+00:00",
    "expected": 2,
    "body": {"model": "doubao-seedream-4-5", "prompt": "x", "size": "2048x2048"},
    "seconds": 12.25,
    "usage": {"generated_images": 2},
    "frames": [{"file": "01.jpg"}, {"file": "02.jpg"}],
}
SETUP = """
from IPython.display import display
from seedream_magic import Panel, Seedream, export_dataset, light_table
client = Seedream()
"""
Change = Callable[[Path], object]


def run_id(number: int) -> str:
    """The ids sort as the numbers."""
    return f"20260504T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-abcdefghij"


def sparse(path: Path, size: int = LARGE) -> None:
    """A file of 3 GiB that takes no room."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def facts(**changed: Any) -> Change:
    """Other values in the record."""

    def change(folder: Path) -> None:
        record = json.loads((folder / "request.json").read_text())
        record |= changed
        (folder / "request.json").write_text(json.dumps(record))

    return change


def raw_facts(name: str, text: str) -> Change:
    """A field of the record with a value that no Python value has."""

    def change(folder: Path) -> None:
        record = (folder / "request.json").read_text()
        (folder / "request.json").write_text(f'{{"{name}": {text}, {record[1:]}' if name else text)

    return change


def lines(*values: Any) -> Change:
    """The answer's objects."""
    head = {"raw": "response.raw", "status": 200, "codings": ""}
    texts = [value if isinstance(value, str) else json.dumps({"object": value}) for value in values]
    return lambda folder: (folder / "response.jsonl").write_text("\n".join([json.dumps(head), *texts]) + "\n")


def placed(name: str, make: Callable[[Path], object]) -> Change:
    """Something else in the place of a file."""

    def change(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        make(path)

    return change


def link_to(target: Path, path: Path) -> None:
    """A link at this path."""
    path.symlink_to(target)


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def write_hostile_store(store: Path, outside: Path, link: str, picture: Callable[[int], bytes]) -> dict[str, str]:
    """The ids of the runs by what is wrong with each; nobody may read what lies `outside`, or ask for `link`."""
    outside.mkdir()
    secret = outside / run_id(86_000)
    _write_run(secret, "the canary outside", picture(200), picture(201))
    (outside / "canary.txt").write_text("canary")
    made = {}
    for number, (name, change) in enumerate(_hostilities(secret, link).items()):
        folder = store / run_id(number)
        _write_run(folder, f"hostile {name}", picture(2 * number), picture(2 * number + 1))
        change(folder)
        made[name] = folder.name
    made |= _write_families(store, picture, len(made))
    linked = store / run_id(80_000)
    linked.symlink_to(secret)
    made["a run folder that is a link"] = linked.name
    goes_on = {"kind": "redo", "run_id": linked.name, "places": [0]}
    _write_run(store / run_id(80_001), "goes on from a link", picture(7), lineage=goes_on)
    made["a parent that is a link"] = run_id(80_001)
    (store / "references").symlink_to(outside)
    _age(store, young=store / made["deep JSON"])
    return made


def _age(store: Path, *, young: Path) -> None:
    """A day ago, as of a store that was got from somewhere; one run that cannot be read is new.

    What is new and cannot be read is read again by each command, for it may be half copied.
    """
    for path in (*store.rglob("*"), store):
        if young not in (path, path.parent):
            os.utime(path, (time.time() - 86_400,) * 2, follow_symlinks=False)


def _write_run(folder: Path, prompt: str, *pictures: bytes, **changed: Any) -> None:
    folder.mkdir(parents=True, mode=0o700)
    body = FACTS["body"] | {"prompt": prompt}
    frames = [{"file": f"{place:02d}.jpg"} for place in range(1, len(pictures) + 1)]
    record = FACTS | {"body": body, "frames": frames, "expected": max(1, len(frames))} | changed
    (folder / "request.json").write_text(json.dumps(record))
    for place, data in enumerate(pictures, 1):
        (folder / f"{place:02d}.jpg").write_bytes(data)


def _write_families(store: Path, picture: Callable[[int], bytes], first: int) -> dict[str, str]:
    """Chains of thousands, and circles."""
    for number in range(CHAIN):
        lineage = {"kind": "redo", "run_id": run_id(10_000 + number - 1), "places": [number % 17]} if number else None
        folder = store / run_id(10_000 + number)
        _write_run(folder, "a chain", *([picture(number % 5)] if number % 100 == 0 else []), lineage=lineage)
    circle = [run_id(first + number) for number in range(1, 4)]
    for name, before in zip(circle, [circle[-1], *circle], strict=False):
        lineage = {"kind": "extend", "run_id": before, "places": [1]}
        _write_run(store / name, "a circle", picture(1), lineage=lineage)
    itself = run_id(first)
    _write_run(store / itself, "itself", picture(2), lineage={"kind": "redo", "run_id": itself, "places": [0]})
    ends = {"the begin": 10_000, "the end": 10_000 + CHAIN - 1}
    chains = {f"{name} of a long chain": run_id(number) for name, number in ends.items()}
    return {**chains, "a circle": circle[0], "goes on from itself": itself}


def _hostilities(secret: Path, link: str) -> dict[str, Change]:
    deep = "[" * 100_000 + "]" * 100_000
    nested: Any = "x"
    for _ in range(400):
        nested = {"a": [nested]}
    wild: tuple[Any, ...] = (7, "x", [1], {"a": 1}, None, True, 1.5)
    reference = {"source": str(secret / "01.jpg"), "file": "references/canary.txt", "sha256": "0" * 64}
    made = {
        "nothing wrong": lambda folder: None,
        "a sparse picture": lambda folder: sparse(folder / "01.jpg"),
        "a sparse picture with a sidecar": both(
            placed("01.json", lambda path: path.write_text(json.dumps({"sha256": "0" * 64, "bytes": LARGE}))),
            lambda folder: sparse(folder / "01.jpg"),
        ),
        "a sparse file of another name": both(
            facts(frames=[{"file": "01.jpg", "sha256": "0" * 64}] * 2),
            placed("01.jpg", lambda path: sparse(path.with_name("mine.jpg"))),
        ),
        "a sparse record": lambda folder: sparse(folder / "request.json"),
        "a sparse answer": both(facts(state="answering", frames=[]), lambda folder: sparse(folder / "response.jsonl")),
        "an answer of a gigabyte": both(
            facts(state="answering", frames=[]),
            lambda folder: sparse(folder / "response.jsonl", 2**30 - 1),
        ),
        "a sparse body": both(facts(state="answering", frames=[]), lambda folder: sparse(folder / "response.raw")),
        "sparse marks": lambda folder: sparse(folder / "marks.json"),
        "a sparse sidecar": lambda folder: sparse(folder / "01.json"),
        "a sparse lock": both(facts(state="answering", frames=[]), lambda folder: sparse(folder / ".running")),
        "deep JSON": raw_facts("", deep),
        "a deep field": raw_facts("usage", "[" * 50_000 + "]" * 50_000),
        "a nested body": facts(body={"prompt": "deep", "model": "m", "extra": nested}),
        "a nested usage": facts(usage=nested, frames=nested, notes=[nested], error=nested),
        "a nested answer": both(
            facts(state="answering", frames=[]), lines('{"object": ' + deep + "}", {"data": [nested, nested]})
        ),
        "huge numbers": raw_facts("expected", "9" * 5000),
        "huge floats": facts(seconds=1e400, expected=1e300, usage={"generated_images": 10**30, "total_tokens": 1e308}),
        "no numbers": raw_facts("usage", '{"generated_images": NaN, "total_tokens": -Infinity}'),
        "huge sides": placed("01.json", lambda path: path.write_text('{"sha256": 7, "width": 1e999, "height": -5}')),
        "huge marks": lambda folder: (
            (folder / "marks.json").write_text(
                json.dumps({"frames": {"0": {"star": 7, "tags": [nested] * 50, "note": "n" * 10**6}}, "picks": 7})
            )
            and None
        ),
        "marks of everywhere": lambda folder: (
            (folder / "marks.json").write_text(
                json.dumps({"picks": {"0": {"run_id": f"../outside/{secret.name}", "index": 0, "newest": "9"}}})
            )
            and None
        ),
        "escapes": both(
            facts(
                provider="anyfast",
                notebook=ESCAPES,
                notes=[ESCAPES] * 1000,
                body={"prompt": f"escapes {ESCAPES}", "model": ESCAPES, "size": ESCAPES},
                frames=[{"error": "ContentRefused", "message": ESCAPES, "hint": ESCAPES, "code": ESCAPES}] * 3,
                references=[{"source": ESCAPES, "file": ESCAPES, "media_type": ESCAPES}],
                error={"error": "ContentRefused", "message": ESCAPES},
                storyboard={"style": ESCAPES, "frames": [ESCAPES, ESCAPES]},
            ),
            placed(
                "marks.json",
                lambda path: path.write_text(json.dumps({"frames": {"0": {"tags": [ESCAPES], "note": ESCAPES}}})),
            ),
        ),
        "another's provider": facts(provider=ESCAPES),
        "a thousand notes": facts(notes=["note " + "n" * 10_000] * 1000),
        "a long prompt": facts(body={"prompt": "long " * 10**6, "model": "m" * 10**6}),
        "a long storyboard": facts(storyboard={"style": "s" * 10**6, "frames": ["f" * 10**4] * 1000}),
        "many frames": facts(frames=[{"file": "01.jpg"}] * 100_000, expected=2**31),
        "many places": facts(lineage={"kind": "extend", "run_id": run_id(0), "places": list(range(100_000))}),
        "a thousand places": facts(
            lineage={"kind": "extend", "run_id": run_id(0), "places": [999]},
            storyboard={"style": "s", "frames": ["f" * 10**4] * 1000},
        ),
        "a record with names over lines": facts(
            lineage={"kind": "redo", "run_id": f"{run_id(0)}\n", "places": [0]},
            frames=[{"file": "01.jpg\n../../canary"}, {"file": str(secret / "01.jpg")}],
        ),
        "files with names over lines": lambda folder: (
            [(folder / name).write_text("x") for name in ("01.jpg\n", "a\nb.png", "\x1b[2J.jpg")] and None
        ),
        "a thousand files": lambda folder: [(folder / f"{number}.png").write_text("") for number in range(1000)],
        "links in the answer": both(
            facts(state="answering", frames=[]), lines({"data": [{"url": link}, {"url": f"file://{secret}/01.jpg"}]})
        ),
        "references elsewhere": facts(
            references=[reference, {"source": link, "url": link, "file": "../canary.txt"}],
            body=FACTS["body"] | {"prompt": "references", "image": ["references/canary.txt", link]},
        ),
        "no references": facts(references=[7, None, {"file": 7, "width": "x", "url": 7, "sha256": 7}] * 100),
        "a linked lock": both(
            facts(state="answering", frames=[]), placed(".running", lambda path: path.symlink_to(secret / "canary"))
        ),
        "a process of anybody's": facts(
            state="answering", frames=[], process={"host": os.uname().nodename, "pid": -1, "lock": 7}
        ),
        "a linked raw folder": placed("raw", lambda path: path.symlink_to(secret)),
        "a picture that is none": placed("01.jpg", lambda path: path.write_bytes(b"\xff\xd8" + bytes(1000))),
    }
    for number, value in enumerate(wild):
        made[f"wrong types, {number}"] = facts(**dict.fromkeys([*FACTS, "notes", "references", "storyboard"], value))
        body = dict.fromkeys(("model", "prompt", "size", "image", "n", "sequential_image_generation_options"), value)
        made[f"a wrong body, {number}"] = facts(
            body=body,
            frames=[value, {"file": value, "sha256": value, "error": value, "message": value}],
            usage={"generated_images": value},
            lineage={"kind": value, "run_id": run_id(0), "places": [value]},
            storyboard={"style": value, "frames": [value, value]},
            process={"pid": value, "host": value},
            given_up=[value],
        )
        made[f"a wrong answer, {number}"] = both(
            facts(state="answering", frames=[]),
            lines({"data": [value, {"url": value, "b64_json": value, "error": value}], "error": value, "id": value}),
        )
    for file in ("request.json", "response.jsonl", "01.json", "marks.json", "01.jpg", "response.raw"):
        unfinished = facts(state="answering", frames=[]) if file.startswith("response") else facts()
        target = secret / (file if file in {"request.json", "01.jpg"} else "request.json")
        made |= {
            f"a pipe as {file}": both(unfinished, placed(file, os.mkfifo)),
            f"a link as {file}": both(unfinished, placed(file, partial(link_to, target))),
            f"a folder as {file}": both(unfinished, placed(file, Path.mkdir)),
            f"a circle of links as {file}": both(unfinished, placed(file, lambda path: path.symlink_to(path))),
        }
    return made


def refusing() -> Any:
    """The API and every server of pictures: what is sent is refused, and billed nothing; what is asked for is told."""
    import httpx

    class Refusing(httpx.AsyncBaseTransport):
        asked: ClassVar[list[str]] = []

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method != "POST":
                self.asked.append(str(request.url))
            return httpx.Response(400, json={"error": {"code": "InvalidParameter", "message": "no"}}, request=request)

    return Refusing()


def main(store: Path, outside: Path) -> None:
    """Carry out the statements, and say what came of each."""
    import resource
    import traceback

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    from seedream_magic import Seedream, SeedreamError

    settings = Config()
    settings.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=settings)
    transport = refusing()
    inspect.unwrap(Seedream.__init__).__kwdefaults__["transport"] = transport
    assert shell.run_cell("%load_ext seedream_magic").success
    shell.run_cell(SETUP)
    statements = json.load(sys.stdin)
    read: list[str] = []

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            read.append(str(arguments[1]))
            return
        if event != "open" or not isinstance(arguments[0], str) or not arguments[0].startswith(str(store.parent)):
            return
        careful = isinstance(arguments[2], int) and arguments[2] & os.O_NOFOLLOW
        path = arguments[0]
        real = str(Path(os.path.realpath(Path(path).parent), Path(path).name))
        if (real if careful else os.path.realpath(path)).startswith(str(outside)):
            read.append(path)

    sys.addaudithook(audit)
    setattr(os, "fsync", lambda _: None)  # noqa: B010 - of thousands of files, which no power cut is to spare
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told = []
    for name, statement in statements:
        began, read[:], transport.asked[:] = time.monotonic(), [], []
        with capture_output() as captured:
            error = shell.run_cell(statement).error_in_exec
        texts = [captured.stdout, captured.stderr, *(str(output.data.get("text/plain")) for output in captured.outputs)]
        untyped = error is not None and not isinstance(error, SeedreamError)
        lines = (
            [line for line in traceback.format_tb(error.__traceback__) if "seedream_magic" in line] if untyped else []
        )
        said = "".join(texts) + ("" if error is None else f"{error}")
        told.append(
            {
                "name": name,
                "error": "" if error is None else f"{type(error).__name__}: {error}"[:300],
                "untyped": "".join([*lines[-4:], repr(error)[:500]]) if untyped else "",
                "said": said[:2000],
                "size": sum(len(str(output.data)) for output in captured.outputs) + len(captured.stdout),
                "steers": any(sign in said for sign in STEERING),
                "read": [*read, *transport.asked],
                "seconds": round(time.monotonic() - began, 2),
            }
        )
    json.dump(told, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # what was begun in the background is not waited for


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
