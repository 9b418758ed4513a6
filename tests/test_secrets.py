"""The key and the signed links stay where they belong: in a whole run of a real kernel, and in what libraries log."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import pickle
import re
import stat
import subprocess
import sys
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import INHERITED, ROOT
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Raw,
    RawServer,
    Reply,
    Request,
    Reset,
    Scenario,
    json_reply,
    raw_server,
    sse,
)
from seedream_magic import ImageSet, Seedream, SeedreamError
from seedream_magic.api.redaction import redact, redact_http_logs, without_secret
from seedream_magic.images import download
from service import PICTURE, POST, completed, jpeg, picture, stream_head, succeeded, whole_answer

KEY = 'sk-CANARY/3f9c"2b71+\\Zq=='
"""A key that each of the encodings below writes in another way."""
SIGNATURE = "X-Tos-Signature=canary"
COOKIE = "cookie-canary"
NETRC = "netrc-canary"
PROXY = "proxy-canary"
HEADERS = {"x-portkey-api-key": "gateway-key-canary", "X-Tenant": "tenant-canary-3f9c"}
"""What the gateway asks for beside the key; like some, it repeats them when it refuses."""


def encodings(secret: str) -> dict[str, bytes]:
    """The secret as it may turn up in a file: plain, in a URL, in JSON, in base64 wherever it stands in the text."""
    written = {
        "plain": secret.encode(),
        "URL": quote(secret, safe="").encode(),
        "query": quote_plus(secret, safe="/").encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
        "HTML": secret.replace('"', "&quot;").encode(),
    }
    for shift in range(3):
        # Of a group of three bytes that the secret shares with its neighbours, the letters are not its own.
        letters = base64.b64encode(b"\0" * shift + secret.encode())
        written[f"base64 at {shift}"] = letters[4 if shift else 0 : -4]
    # Once more as a notebook writes what a cell has printed.
    return written | {f"{name} in JSON": json.dumps(form.decode())[1:-1].encode() for name, form in written.items()}


def test_the_search_finds_what_it_is_for() -> None:
    """Each encoding of the key is another text, and is found where the key is planted: an empty list would pass too."""
    written = encodings(KEY)
    assert len(set(written.values())) >= 8
    assert all(len(form) > 12 for form in written.values())
    for shift in range(3):
        planted = base64.b64encode(b"." * shift + b"Bearer: " + KEY.encode() + b" and more")
        assert any(form in planted for form in written.values())


@dataclass(frozen=True)
class Machine:
    """A computer of its own for one kernel: home, temporary files, working folder, the process's output."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        home, temporary = self.folder / "home", self.folder / "tmp"
        for made in (home, temporary, self.folder / "work"):
            made.mkdir(parents=True, exist_ok=True)
        (home / ".netrc").write_text(f"machine 127.0.0.1 login {NETRC} password {NETRC}\n")
        (home / ".netrc").chmod(0o600)
        return {name: os.environ[name] for name in INHERITED if name in os.environ} | {
            "HOME": str(home),
            "NETRC": str(home / ".netrc"),
            "TMPDIR": str(temporary),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }

    def files(self) -> dict[Path, bytes]:
        """The bytes of every file on it but the .netrc that was put there."""
        paths = (path for path in self.folder.rglob("*") if path.is_file() and path.name != ".netrc")
        return {path.relative_to(self.folder): path.read_bytes() for path in paths}


COOKIES = {"Set-Cookie": f"session={COOKIE}; Path=/", "X-Request-Id": "id-1"}


def answer(request: Request) -> Behaviour:
    """The first word of the prompt says how the request ends; another one gets its pictures."""
    here = f"http://{request.headers['host']}"
    key, others = request.headers["authorization"].partition(" ")[2], [request.headers.get(n.lower()) for n in HEADERS]
    error = {"code": "AuthenticationError", "message": f"the key {key} is wrong for {others}"}
    begun = stream_head() + succeeded(request, 0) + b'data: {"url": "https://h/?' + SIGNATURE.encode()
    ends: dict[str, Behaviour] = {
        "refused": json_reply({"error": error}, 401, COOKIES),  # some gateways repeat the key that they refuse
        "reset": Reset(),
        "redirect": Reply(307, COOKIES | {"Location": f"https://other.example/?{SIGNATURE}"}),
        "page": Reply(200, COOKIES, b"<html>Log in</html>"),
        "cut": Reset(begun),
        "gone": linked(f"{here}/gone/1"),
        "unsafe": linked("https://10.0.0.1/1"),
        "unknown": linked("https://pictures.example/1"),
        "moved": linked(f"{here}/moved/1"),
    }
    return ends.get(request.json()["prompt"].split()[0]) or whole_answer(request)


def linked(address: str) -> Behaviour:
    """An answer with one signed link."""
    return json_reply({"data": [{"url": f"{address}?{SIGNATURE}"}]}, 200, COOKIES)


def moved(request: Request) -> Behaviour:
    """A redirect to a picture, by another signed link."""
    return Reply(302, COOKIES | {"Location": f"http://{request.headers['host']}/picture/1.jpeg?{SIGNATURE}-moved"})


SETUP = """\
import logging, sys
logging.basicConfig(level=logging.DEBUG, handlers=[logging.StreamHandler(), logging.FileHandler("debug.log")])
%load_ext seedream_magic
%xmode Verbose
from seedream_magic.images import download
download.download_pause = lambda attempt: 0.0"""

LAST_ERROR = """\
import pickle
error, told = sys.last_value, []
while error is not None:
    told += [repr(error), str(error), repr(vars(error)), repr(error.args)]
    request = getattr(error, "_request", None)
    told += [] if request is None else [repr(request), str(request.headers.raw)]
    if type(error).__module__ == "seedream_magic.errors":
        told += [*error.lines(), repr(pickle.dumps(error)), repr(getattr(error, "raw", b""))]
    error = error.__cause__ or error.__context__
print(type(sys.last_value).__name__, *told, sep="\\n")"""

CHAINED = """\
from seedream_magic import Seedream, SeedreamError
try:
    Seedream(store="runs").generate("reset it")
except SeedreamError as error:
    raise RuntimeError("mine") from error"""

EXECUTE = """\
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
NotebookClient(book, kernel_name="python3", timeout=120, allow_errors=True, ipython_hist_file="").execute()
nbformat.write(book, sys.argv[1])"""

LEFTOVERS = """\
import os
from pathlib import Path
print(In, Out, _seedream, vars(_seedream), [vars(frame) for frame in _seedream])
print(repr(Seedream()), Seedream().plan("a cat").curl(), Seedream().plan("a cat"))
print(Path("/proc/self/cmdline").read_bytes() if os.name == "posix" and Path("/proc/self/cmdline").exists() else "")
get_ipython().history_manager.writeout_cache()"""

FAILING = {
    "refused": "AuthFailed",
    "reset": "OutcomeUnknown",
    "redirect": "ResponseBroken",
    "page": "ResponseBroken",
    "gone": "ImageLinkExpired",
    "unsafe": "UnsafeURL",
    "unknown": "UnsafeURL",
}


def cells() -> list[str]:
    """Successes, every failure with a look at its error, the error chained by the user's own code, what is left."""
    drawn = ["-n 2 --stream\nfour seasons", "\na cat", "\nmoved cat", "-n 3 --stream\ncut off"]
    failed = [cell for prompt in FAILING for cell in (f"%%seedream\n{prompt} cat", LAST_ERROR)]
    nowhere = [
        "%config SeedreamMagics.base_url = 'https://api.example/v1'",
        "%%seedream --timeout 1\nno way",
        LAST_ERROR,
    ]
    asked = [f"%%seedream {cell}" for cell in drawn]
    return [SETUP, "%seedream", *asked, *failed, CHAINED, LAST_ERROR, LEFTOVERS, *nowhere, LAST_ERROR]


if TYPE_CHECKING:
    from nbformat import NotebookNode

    Run = tuple[Machine, NotebookNode, RawServer, RawServer]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The machine after the run, the notebook as it was saved, the service and the proxy that the environment names."""
    import nbformat  # takes seconds, which every worker that collects this module would pay

    machine = Machine(tmp_path_factory.mktemp("machine"))
    links: Scenario = {PICTURE: picture, ("GET", "/gone/"): Reply(403, COOKIES), ("GET", "/moved/"): moved}
    with raw_server({POST: answer, **links}) as server, raw_server({("CONNECT", ""): Reply(407, COOKIES)}) as proxy:
        environment = machine.environment | {
            "SEEDREAM_API_KEY": KEY,
            "SEEDREAM_BASE_URL": f"{server.url}/v1",
            "SEEDREAM_STORE": str(machine.folder / "runs"),
            "SEEDREAM_HEADERS": json.dumps(HEADERS),
            "HTTPS_PROXY": proxy.url.replace("//", f"//user:{PROXY}@"),
        }
        path = machine.folder / "work" / "book.ipynb"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells()])
        nbformat.write(book, str(path))
        with (machine.folder / "process.txt").open("w") as output:
            command = [sys.executable, "-c", EXECUTE, path.name]
            subprocess.run(command, check=True, env=environment, cwd=path.parent, stdout=output, stderr=output)
        yield machine, nbformat.read(str(path), 4), server, proxy


def decoded(notebook: NotebookNode) -> bytes:
    """The pictures in the outputs, as bytes."""
    shown = b""
    for cell in notebook.cells:
        for output in cell.outputs:
            data = output.get("data", {})
            texts = re.findall(r"data:image/\w+;base64,([^\"']+)", data.get("text/html", ""))
            shown += b"".join(map(base64.b64decode, (*texts, data.get("image/jpeg", ""))))
    return shown


@pytest.mark.kernel
def test_the_run_goes_as_it_is_written(run: Run) -> None:
    """Each cell ends as its prompt says, the debug log was on, and the key was sent: the searches search something."""
    machine, notebook, server, proxy = run
    outputs = [cell.outputs[-1] for cell in notebook.cells if cell.outputs]
    ends = [output.ename for output in outputs if output.output_type == "error"]
    assert ends == [*FAILING.values(), "RuntimeError", "NoConnection"]
    posts = [request for request in server.requests if request.method == "POST"]
    assert {request.headers["authorization"] for request in posts} == {f"Bearer {KEY}"}
    assert len(posts) == len(FAILING) + 5
    assert proxy.count("CONNECT", "api.example:443") >= 1
    log = (machine.folder / "work/debug.log").read_text()
    assert all(name in log for name in ("httpx", "httpcore.http11", "httpcore.connection", "HTTP Request: GET"))
    assert len(decoded(notebook)) > 1000
    assert len(list(machine.folder.glob("runs/*/*.jpg"))) == 5
    assert b"four seasons" in (machine.folder / "home/ipython/profile_default/history.sqlite").read_bytes()


SECRETS = {"key": KEY, "cookie": COOKIE, ".netrc": NETRC, "proxy": PROXY, **HEADERS}


@pytest.mark.kernel
@pytest.mark.fault("F88")
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_goes_where_it_belongs_alone(run: Run, name: str) -> None:
    """Key and headers with every POST; none in a file, an output, a log or a request for a picture."""
    machine, notebook, server, proxy = run
    searched = machine.files() | {Path("book"): json.dumps(notebook).encode(), Path("shown"): decoded(notebook)}
    forms = encodings(SECRETS[name])
    assert [(form, path) for form, text in forms.items() for path, data in searched.items() if text in data] == []
    requests = [*server.requests, *(proxy.requests if name != "proxy" else ())]
    holding = [request.method for request in requests if any(form in request.head for form in forms.values())]
    posts = [request for request in requests if request.method == "POST"]
    assert holding == (["POST"] * len(posts) if name == "key" or name in HEADERS else [])
    if name in HEADERS:
        assert {request.headers[name.lower()] for request in posts} == {HEADERS[name]}
    assert not any({"cookie", "referer"} & set(request.headers) for request in requests)
    for request in requests:
        if request.method == "GET":
            assert set(request.headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
            assert request.headers["accept-encoding"] == "identity"


@pytest.mark.kernel
def test_signatures_stay_in_files_of_runs_that_lack_pictures(run: Run) -> None:
    """Readable to their owner alone; a run that is complete has dropped them."""
    machine, notebook, _, _ = run
    assert b"canary" not in json.dumps(notebook).encode()
    assert b"canary" not in decoded(notebook)
    holding = [path for path, data in machine.files().items() if SIGNATURE.encode() in data]
    assert holding
    for path in holding:
        assert path.parts[0] == "runs", path
        assert stat.S_IMODE((machine.folder / path).stat().st_mode) == 0o600, path
        record = json.loads((machine.folder / path.parent / "request.json").read_text())
        assert record["state"] in {"partial", "failed"}, path


@pytest.mark.parametrize("prompt", [*FAILING, "nowhere"])
def test_no_frame_and_no_request_of_an_error_holds_the_key(
    store: Path, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debuggers and `%xmode Verbose` print the variables of frames; an error outlives its run in `sys.last_value`."""
    monkeypatch.setattr(download, "download_pause", lambda attempt: 0.0)
    with raw_server({POST: answer, ("GET", "/gone/"): Reply(403)}) as server:
        url = server.url if prompt != "nowhere" else "http://127.0.0.1:9"
        client = Seedream("anyfast", api_key=KEY, base_url=f"{url}/v1", store=store, headers=HEADERS)
        with pytest.raises(SeedreamError) as caught:
            client.generate(f"{prompt} cat", timeout=1 if prompt == "nowhere" else None)  # no pause, no second attempt
    told = list(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    link: BaseException | None = caught.value
    while link is not None:
        request = getattr(link, "_request", None)
        told += [repr(vars(link)), "" if request is None else str(request.headers.raw)]
        assert not isinstance(link, httpx.TransportError) or link.__traceback__ is None  # its frames hold the headers
        link = link.__cause__ or link.__context__
    assert "prompt" in "".join(told)
    for secret in (KEY, *HEADERS.values()):
        assert [name for name, form in encodings(secret).items() if form.decode() in "".join(told)] == []


def test_the_message_is_put_together_before_it_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """Arguments are objects, and a record that cannot be printed shows none of them; other loggers are left alone."""
    redact_http_logs()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx").info('%s %s "%s"', "GET", httpx.URL(f"https://h/a?{SIGNATURE}"), "HTTP/1.1 200 OK")
        logging.getLogger("httpx").info("%d", SIGNATURE)
        logging.getLogger("mine").info("https://h/?%s", SIGNATURE)
    shown = ['GET https://h/a?… "HTTP/1.1 200 OK"', "(a record that cannot be printed)", f"https://h/?{SIGNATURE}"]
    assert caplog.messages == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("what is this? nobody knows", None),
        ("[(b'Content-Type', b'image/jpeg'), (b'X-Request-Id', b'id-1')]", None),
        ("GET https://h/a?b=c HTTP/1.1", "GET https://h/a?… HTTP/1.1"),
        ("[(b'Set-Cookie', b'a=b; Path=/'), (b'Date', b'x')]", "[(b'Set-Cookie', '…'), (b'Date', b'x')]"),
        ("[(b'Location', b\"/it's?c\"), (b'Date', b'x')]", "[(b'Location', '…'), (b'Date', b'x')]"),
        (r"[('authorization', 'Bearer \'x y\''), ('a', 'b')]", "[('authorization', '…'), ('a', 'b')]"),
        ("{'x-api-key': 'k', 'Proxy-Authorization': 'Basic abc'}", "{'x-api-key': '…', 'Proxy-Authorization': '…'}"),
        ("Authorization: Bearer abc def\r\nDate: x", "Authorization: …\r\nDate: x"),
        ("sent Bearer abc.def, then more", "sent Bearer …, then more"),
        ("proxy http://user:word@h:1/ used", "proxy http://…@h:1/ used"),
    ],
)
def test_what_identifies_somebody_is_taken_out_and_nothing_else(text: str, shown: str | None) -> None:
    """Queries, users in addresses, and the values of headers that are secret."""
    assert redact(text) == (shown or text)


PLANTED = st.text("abcXYZ0189-_./+=%&~", min_size=12, max_size=40).map(lambda text: f"CANARY{text}")
PLACES = (
    "GET https://host/path?X-Tos-Signature={} HTTP/1.1",
    "GET https://host/path?a=b&c={}",
    "return_value=(b'HTTP/1.1', 302, b'Found', [(b'Location', b'/next?x={}'), (b'Set-Cookie', b's={}; Path=/')])",
    "Headers({{'authorization': 'Bearer {}'}})",
    "[(b'Authorization', b'Bearer {}')]",
    "authorization: Basic {}",
    "Cookie: a=b; c={}",
    "http://user:{}@proxy",
)


@given(PLANTED, st.sampled_from(PLACES), st.text(max_size=20), st.text(max_size=20))
def test_a_planted_secret_does_not_pass(secret: str, place: str, before: str, after: str) -> None:
    """In every place where the libraries print one, whatever stands around it; twice is as good as once."""
    if "@proxy" in place:
        secret = secret.replace("/", "")  # a slash ends the user of an address
    text = redact(f"{before} {place.replace('{}', secret)} {after}")
    assert "CANARY" not in text
    assert redact(text) == text


LONG, SHORT = "sk-CANARY-3f9c2b71", "k3yZq"
LINKED = {
    "in the query": (LONG, "/picture/{index}.jpeg?key={key}&size=1"),
    "in the path": (LONG, "/keys/{key}/{index}.jpeg"),
    "a short one in the query": (SHORT, "/picture/{index}.jpeg?key={key}"),
    "a short one in the path": (SHORT, "/keys/{key}/{index}.jpeg"),
}


def shown(images: ImageSet, seedream: Seedream, folder: Path) -> str:
    """All that a person sees, saves or sends of a set."""
    page, packed = (images.export(folder / f"set.{ending}") for ending in ("html", "zip"))
    with zipfile.ZipFile(packed) as archive:
        files = [archive.read(name).decode("latin-1") for name in archive.namelist()]
    errors = [line for frame in images.failed if frame.error for line in frame.error.lines()]
    return "\n".join([
        repr(images), str(images), *images.notes, *errors, *map(repr, seedream.history()), *files,
        page.read_text("utf-8"), json.dumps(images._repr_mimebundle_()), *map(repr, images),
    ])  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("key", "path"), LINKED.values(), ids=LINKED)
def test_a_link_that_holds_the_key(key: str, path: str, tmp_path: Path, *, stream: bool) -> None:
    """Recorded to the letter while its picture is missing, shown nowhere, gone when all are saved, masked in usage."""
    store, here = tmp_path / "store", threading.Event()
    usage = {"generated_images": 2, "account": f"Bearer {key}", "by": [{key: 1}]} if key == LONG else None

    def links(request: Request) -> list[str]:
        return [f"http://{request.headers['host']}{path.format(index=index, key=key)}" for index in range(2)]

    def answer(request: Request) -> Behaviour:
        if not stream:
            return json_reply({"data": [{"url": url} for url in links(request)], "usage": usage})
        name = "image_generation.partial_succeeded"
        events = [sse(name, {"type": name, "image_index": at, "url": url}) for at, url in enumerate(links(request))]
        return Reply(200, EVENT_STREAM, b"".join(events) + completed(2))

    def served(request: Request) -> Behaviour:
        index = int(request.path.partition("?")[0].rpartition("/")[2].partition(".")[0])
        gone = index == 1 and not here.is_set()
        return Reply(404) if gone or key not in request.path else Reply(200, {}, jpeg(index))

    with raw_server({POST: answer, PICTURE: served, ("GET", "/keys/"): served}) as server:
        seedream = Seedream("anyfast", api_key=key, base_url=f"{server.url}/v1", store=store)
        images = seedream.generate("x", images=2, stream=stream)
        assert [frame.ok for frame in images] == [True, False]
        kept = images.folder / "response.jsonl"
        assert path.format(index=1, key=key) in kept.read_text()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        holders = {file.name for file in store.rglob("*") if file.is_file() and key in file.read_text("latin-1")}
        assert holders <= {"response.jsonl", "response.raw"}
        assert key not in shown(images, seedream, tmp_path)
        here.set()
        (images,) = seedream.recover()
        assert [frame.ok for frame in images] == [True, True]
    if usage and not stream:
        masked = {"generated_images": 2, "account": "Bearer (key)", "by": [{"(key)": 1}]}
        assert json.loads((images.folder / "request.json").read_text())["usage"] == masked
    assert key not in shown(images, seedream, tmp_path)
    assert not [file for file in store.rglob("*") if file.is_file() and key in file.read_text("latin-1")]


def repeats(before: bytes, after: bytes = b"\r\n\r\n") -> Callable[[Request], Behaviour]:
    """A server that repeats the key in what is no HTTP, or no JSON."""
    return lambda request: Raw(before + request.headers["authorization"].encode() + after)


def picture_of_the_key(request: Request) -> Behaviour:
    return json_reply({"data": [{"b64_json": request.headers["authorization"]}]})


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REPEATING: dict[str, Any] = {
    "no HTTP": {POST: repeats(b"")},
    "a status that is none": {POST: repeats(b"HTTP/1.1 ")},
    "a header that is none": {POST: repeats(b"HTTP/1.1 200 OK\r\n")},
    "a chunk that is none": {POST: repeats(CHUNKED)},
    "a page": {POST: repeats(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")},
    "JSON that is cut": {POST: repeats(b'HTTP/1.1 200 OK\r\n\r\n{"data": [{"url": "')},
    "a picture that is none": {POST: picture_of_the_key},
    "events that are none": {POST: repeats(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"x": "')},
    "a task that is none": {
        POST: json_reply({"task_id": "t-1"}, 202, {"Location": "/v1/tasks/t-1"}), ("GET", "/v1/tasks/"): repeats(b"")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REPEATING)
def test_no_error_and_nothing_behind_it_repeats_the_key(name: str, store: Path) -> None:
    """Not in the words of the libraries whose exceptions are its causes, nor in a traceback, a pickle or a record."""
    with raw_server(REPEATING[name]) as server:
        with pytest.raises(SeedreamError) as caught:
            Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store).generate("a fox", timeout=3)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    error: BaseException | None = caught.value
    told = [repr(pickle.dumps(error)), *traceback.format_exception(error), *caught.value.lines()]
    while error is not None:
        told += [repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    told += [file.read_text("utf-8", "replace") for file in store.rglob("*") if file.is_file()]
    assert KEY not in "\n".join(told)


def holds_key(data: bytes) -> bool:
    """Whether bytes hold the key as it is, in UTF-16 or in base64, also where they are packed."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    written = [*encodings(KEY).values(), *(KEY.encode(name) for name in ("utf-16-le", "utf-16-be"))]
    return any(form in data for form in written)


def odd_answer(**more: Any) -> bytes:
    """An answer whose shape nobody knows, which is kept as it came."""
    return json.dumps({"odd": KEY, "data": [{"weird": KEY}], **more}).encode()


JSON_HEAD = {"Content-Type": "application/json"}
IN_OTHER_FORMS: dict[str, Scenario] = {
    "packed": {POST: Reply(200, {**JSON_HEAD, "Content-Encoding": "gzip"}, gzip.compress(odd_answer()))},
    "UTF-16": {POST: Reply(200, JSON_HEAD, odd_answer().decode().encode("utf-16"))},
    "base64": {POST: json_reply({"data": [{"b64_json": base64.b64encode(f"<p>.{KEY}.</p>".encode()).decode()}]})},
    "base64 in a refusal": {
        POST: json_reply({"error": {"message": f"not {base64.b64encode(KEY.encode()).decode()}"}}, 400)
    },
    "UTF-16 for a picture": {POST: whole_answer, PICTURE: Reply(200, {}, f"<html>{KEY}".encode("utf-16"))},
    "base64 for a picture": {POST: whole_answer, PICTURE: Reply(200, {}, b"<p>" + base64.b64encode(KEY.encode()))},
}


@pytest.mark.parametrize("form", IN_OTHER_FORMS)
def test_the_key_is_kept_in_no_other_form(form: str, store: Path) -> None:
    """Nor told, where a service that repeats it packs its answer, or writes it in UTF-16 or in base64."""
    with raw_server(IN_OTHER_FORMS[form]) as server:
        seedream = Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store)
        with pytest.raises(SeedreamError) as caught:
            seedream.generate(f"the key as {form}")
    files = [file for file in store.rglob("*") if file.is_file()]
    assert files
    assert [file.name for file in files if holds_key(file.read_bytes())] == []
    assert not holds_key("\n".join([*traceback.format_exception(caught.value), *caught.value.lines()]).encode())


def test_a_packed_answer_without_its_key_is_read_again(store: Path) -> None:
    """The plain bytes that stay are read whatever the head of the answer says of them."""
    packed = gzip.compress(odd_answer(data=[{"b64_json": base64.b64encode(jpeg(1)).decode()[:-8] + "!"}]))
    with raw_server({POST: Reply(200, {**JSON_HEAD, "Content-Encoding": "gzip"}, packed)}) as server:
        seedream = Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", store=store)
        with pytest.raises(SeedreamError):
            seedream.generate("packed, with the key beside a picture")
    (raw,) = store.rglob("response.raw")
    assert json.loads(raw.read_bytes())["odd"] == "(key)"


def test_a_picture_in_base64_keeps_its_bytes() -> None:
    """Of an original no byte is ours to change, whatever its metadata say."""
    inside = base64.b64encode(jpeg(1) + KEY.encode()).decode()
    assert without_secret(json.dumps({"b64_json": inside}), KEY) == json.dumps({"b64_json": inside})
