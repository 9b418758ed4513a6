"""`%seedream doctor`: broken set-ups are told with their fix, nothing is sent unasked, and every code is explained."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run_cell
from proxy_server import Tunnel, tls_service
from raw_server import Drip, Hang, Raw, RawServer, Reply, json_reply, raw_server
from seedream_magic import ApiError, InvalidRequest
from seedream_magic.api.codes import CODES, codes_like
from seedream_magic.api.probe import probe
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.notebook import doctor
from seedream_magic.notebook.finding import NAMES, explain
from seedream_magic.words.clip import text_width
from seedream_magic.words.language import choose_language
from service import PICTURE, POST, first_picture, picture, whole_answer

HEAD = ("HEAD", "/")


@pytest.fixture
def shell(ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch, store: Path) -> InteractiveShell:
    """A shell with the extension loaded, a key and a store, so that nothing is wrong."""
    monkeypatch.setattr("seedream_magic.api.credentials._typed", {})
    monkeypatch.setattr("seedream_magic.api.key_stores._keyring", lambda: None)
    monkeypatch.setenv("SEEDREAM_API_KEY", "sk-CANARY")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    assert ip.run_cell("%load_ext seedream_magic").success
    return ip


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks up a name or connects fails the test."""

    def forbidden(*_: object, **__: object) -> Any:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)


def said(shell: InteractiveShell, line: str = "%seedream doctor") -> str:
    """What the line shows as text; it fits one screen of a terminal and is no error; as HTML it is no wider."""
    error, printed, outputs = run_cell(shell, line)
    assert error is None, printed
    (bundle,) = (output["data"] for output in outputs)
    text: str = bundle["text/plain"]
    assert len(text.splitlines()) <= 48
    assert all(text_width(words) <= 80 or " " not in words.strip() for words in text.splitlines())
    assert "<table" not in bundle["text/html"]
    assert "nowrap" not in bundle["text/html"]
    assert "CANARY" not in text + bundle["text/html"]
    return text


GROUPS = {"Wrong": "bad", "To look at": "look", "Fine": "ok", "Not looked at": "-"}
ENGLISH_NAMES = {text.english.rstrip(":"): name for name, text in NAMES.items()}


def marks(report: str) -> dict[str, list[tuple[str, str]]]:
    """By the name of each thing, the mark and the words of all that is told of it, on one line."""
    mark, found = "", dict[str, list[tuple[str, str]]]()
    name = ""
    for line in report.splitlines()[1:]:
        if line in GROUPS:
            mark = GROUPS[line]
        elif line.startswith("  ") and line[2] != " ":
            name, _, words = line.strip().partition(":")
            found.setdefault(ENGLISH_NAMES[name], []).append((mark, words.strip()))
        elif line:
            told, words = found[ENGLISH_NAMES[name]].pop()
            found[ENGLISH_NAMES[name]].append((told, f"{words} {line.strip()}".strip()))
    return found


def told(report: str, name: str) -> str:
    """The mark of one thing and all that is told of it."""
    found = marks(report)
    assert name in found, f"{name} is not in\n{report}"
    return "\n".join(f"{mark} {words}" for mark, words in found[name])


def no_key(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("SEEDREAM_API_KEY")


def bad_key(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("SEEDREAM_API_KEY", "sk-CANARY with a space")


def store_is_a_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("")
    patch.setenv("SEEDREAM_STORE", str(folder / "file" / "runs"))


def disk_with(free: int) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def patched(_: Path, patch: pytest.MonkeyPatch) -> None:
        usage = shutil.disk_usage
        patch.setattr(shutil, "disk_usage", lambda path: usage(path)._replace(free=free))

    return patched


def unknown_provider(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("SEEDREAM_PROVIDER", "anyfats")


def package(name: str, version: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """Metadata of a package in front of the installed one."""

    def patched(folder: Path, patch: pytest.MonkeyPatch) -> None:
        found = folder / "site" / f"{name}-{version}.dist-info"
        found.mkdir(parents=True)
        (found / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        patch.syspath_prepend(str(found.parent))

    return patched


def library_that_is(text: bytes | str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """Its file with this content: bytes, or a database on which this was executed."""

    def patched(_: Path, __: pytest.MonkeyPatch) -> None:
        file = Path(os.environ["SEEDREAM_LIBRARY"])
        file.parent.mkdir()
        if isinstance(text, bytes):
            file.write_bytes(text)
        else:
            with contextlib.closing(sqlite3.connect(file)) as connection:
                connection.executescript(text)

    return patched


def library_says(why: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    return lambda _, patch: patch.setattr("seedream_magic.database.problem", lambda: why)


def library_is_a_folder(_: Path, __: pytest.MonkeyPatch) -> None:
    Path(os.environ["SEEDREAM_LIBRARY"]).mkdir(parents=True)


def socks_proxy(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HTTPS_PROXY", "socks5://me:sk-CANARY@proxy.example:1080")
    patch.setattr("seedream_magic.notebook.doctor_network.find_spec", lambda _: None)


def variables(**values: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def patched(folder: Path, patch: pytest.MonkeyPatch) -> None:
        for name, value in values.items():
            patch.setenv(name, value.replace("FOLDER", str(folder)))

    return patched


def silent_keyring(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("SEEDREAM_API_KEY")
    patch.setattr("seedream_magic.api.key_stores.SECONDS", 0.1)
    patch.setattr("seedream_magic.api.key_stores._unanswered", {})
    patch.setattr("seedream_magic.api.key_stores._keyring", lambda: threading.Event().wait())


RAW = "http://me:can#CANARY@h:1"
BROKEN = [
    (no_key, "bad", "key", "SEEDREAM_API_KEY / ANYFAST_API_KEY", "没有密钥可用"),
    (silent_keyring, "bad", "key", "No API key for anyfast; the keyring did not answer within 3 s.", "解锁系统密钥环"),
    (
        variables(SEEDREAM_PROVIDER="ark", SEEDREAM_MODEL="doubao-seedream-4.5"),
        *("look", "provider", "its own: doubao-seedream-4-5-251128", "没有名为doubao-seedream-4.5的模型"),
    ),
    (bad_key, "bad", "key", "a space", "设置SEEDREAM_API_KEY"),
    (store_is_a_file, "bad", "store", "is a file", "是文件"),
    (disk_with(70 * 2**20), "bad", "store", "70 MiB left: too little to draw", "不足以生成图片"),
    (disk_with(170 * 2**20), "look", "store", "at most 4 images a run", "每次最多4张"),
    (unknown_provider, "bad", "settings", "Did you mean anyfast?", "环境变量"),
    (package("Pillow", "11.0.0"), "bad", "versions", 'pip install "pillow>=12.3"', "低于经过测试的最低版本"),
    (package("tqdm", "unknown"), "bad", "versions", 'pip install "tqdm>=4.66.3"', "低于经过测试的最低版本"),
    (package("httpx", "1.0.1"), "look", "versions", "newer than what is tested", "高于经过测试的版本"),
    (library_that_is("PRAGMA user_version = 9"), "look", "library", "a newer version", "pipinstall-Useedream-magic"),
    (library_that_is("CREATE TABLE x (y)"), "look", "library", "another program's", "用SEEDREAM_LIBRARY指定另一个"),
    (library_that_is(b"my novel"), "look", "library", "Name another file: SEEDREAM_LIBRARY", "查不到其他存储里的组图"),
    (library_is_a_folder, "look", "library", "no file of this user", "指定另一个文件"),
    (library_says("database is locked"), "look", "library", "Another program has it open", "另一个程序正在写入"),
    (library_says("attempt to write a readonly database"), "look", "library", "folder writable", "可写"),
    (library_says("disk I/O error"), "look", "library", "Delete or rename it", "删除或重命名该文件"),
    (socks_proxy, "bad", "proxy", 'pip install "httpx[socks]"', "需要额外的组件"),
    (variables(HTTPS_PROXY=RAW), "bad", "proxy", "HTTPS_PROXY holds a user or password", "代理："),
    (variables(ALL_PROXY="http://me:CANARY"), "bad", "proxy", "ALL_PROXY is not the address of a proxy", "代理："),
    (variables(all_proxy="socks4://h:1"), "bad", "proxy", "all_proxy names a kind of proxy", "代理："),
    (variables(HTTPS_PROXY="http://me:x@CANARY@h:1"), "look", "proxy", "a raw @", "未转义的@"),
    (
        variables(NO_PROXY="[::1,x,10.0.0.0/99"),
        "look",
        "proxy",
        "NO_PROXY has entries that are not hosts",
        "[::1、10.0.0.0/99",
    ),
    (variables(SSL_CERT_FILE="FOLDER/gone.pem"), "bad", "TLS", "and there is no such file", "证书："),
    (variables(SSL_CERT_DIR="FOLDER"), "bad", "TLS", "which holds no certificates", "证书："),
    (
        variables(REQUESTS_CA_BUNDLE="/x.pem"),
        "look",
        "TLS",
        "REQUESTS_CA_BUNDLE is set, and not read",
        "写入SSL_CERT_FILE",
    ),
]


@pytest.mark.parametrize(("damage", "mark", "name", "english", "chinese"), BROKEN)
def test_a_broken_set_up_is_told_with_its_fix(  # noqa: PLR0917 - a row of the table
    shell: InteractiveShell,
    no_network: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: Callable[[Path, pytest.MonkeyPatch], None],
    mark: str,
    name: str,
    english: str,
    chinese: str,
) -> None:
    """One thing is marked, the first of the report, in one language, with what to do; all else is fine; nothing is
    looked up or sent.
    """
    damage(tmp_path, monkeypatch)
    report = said(shell)
    found = marks(report)
    assert next(iter(found)) == name
    assert english in told(report, name)
    assert told(report, name).count("-> ") == 1
    assert [each for listed in found.values() for each, _ in listed if each in {"bad", "look"}] == [mark]
    assert report.startswith(f"{int(mark == 'bad')} wrong, {int(mark == 'look')} to look at.\n")
    monkeypatch.setenv("SEEDREAM_LANG", "zh")
    assert chinese in said(shell).replace("\n", "").replace(" ", "")


def test_nothing_wrong_is_one_line_a_thing(shell: InteractiveShell, no_network: None, store: Path) -> None:
    """Every thing is told once; what would need a connection says how to ask for it; the key's place, never the key."""
    report = said(shell)
    assert [*marks(report)] == [
        "versions", "front_end", "provider", "key", "store", "library", "runs", "proxy", "TLS", "errors", "network",
    ]  # fmt: skip
    assert report.startswith("Nothing is wrong here.\n")
    assert "set, from SEEDREAM_API_KEY" in told(report, "key")
    assert told(report, "network").startswith("- ")
    assert "%seedream doctor --probe" in told(report, "network")
    assert list(store.iterdir()) == []
    assert f"{os.environ['SEEDREAM_LIBRARY']} with 0 stores, 0 runs" in told(report, "library")


def test_a_library_that_is_turned_off_is_told(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the person wanted: nothing is wrong."""
    monkeypatch.setenv("SEEDREAM_LIBRARY", "")
    report = said(shell)
    assert told(report, "library") == "- turned off, SEEDREAM_LIBRARY is empty"
    assert "Nothing is wrong here." in report


def test_the_demo_needs_no_network(shell: InteractiveShell, no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the embedded service there is nothing to reach, also when a probe is asked for."""
    monkeypatch.setenv("SEEDREAM_PROVIDER", "demo")
    monkeypatch.delenv("SEEDREAM_API_KEY")
    assert "Nothing is wrong here." in said(shell, "%seedream doctor --probe")


def test_a_package_that_pip_does_not_know(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from a folder, the floors cannot be told, and that is said."""
    monkeypatch.setattr(doctor, "DISTRIBUTION", "seedream-magic-of-nowhere")
    assert "pip install ." in told(said(shell), "versions")


@pytest.mark.parametrize(
    ("namespace", "environment", "expected"),
    [
        ({"__vsc_ipynb_file__": "a.ipynb"}, {}, "VS Code"),
        ({}, {"JPY_SESSION_NAME": "a.ipynb"}, "JupyterLab or Jupyter Notebook"),
        ({}, {"JPY_PARENT_PID": "none"}, "without a server"),
    ],
)
def test_the_front_end_is_told_as_far_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch, namespace: dict[str, object], environment: dict[str, str], expected: str
) -> None:
    """By what each front end leaves in the kernel."""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert expected in doctor._kernel_of(namespace, environment)
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert doctor._kernel_of(namespace, environment) == "Google Colab"


def dated(difference: timedelta) -> Reply:
    return Reply(404, {"Date": format_datetime(datetime.now(UTC) + difference, usegmt=True)})


@pytest.mark.parametrize(
    ("difference", "mark", "expected"),
    [
        (timedelta(minutes=-10), "bad", "10 min ahead of"),
        (timedelta(hours=9), "bad", "9.0 h behind"),
        (timedelta(minutes=4), "ok", "s from the service's"),
    ],
)
def test_a_probe_sees_the_clock(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, difference: timedelta, mark: str, expected: str
) -> None:
    """The Date of the answer is compared with the local clock; whatever the status, the service was reached. One HEAD
    of the root was sent: no POST, no key, no body, nothing of the API's path.
    """
    with raw_server({HEAD: dated(difference)}) as server:
        monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
        report = said(shell, "%seedream doctor --probe")
    assert told(report, "clock").startswith(mark)
    assert expected in told(report, "clock")
    assert "HTTP 404" in told(report, "network")
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("HEAD", "/", b"")
    assert set(request.headers) == {"host", "user-agent"}
    assert b"CANARY" not in request.head


def test_an_unreachable_host_is_told(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens: refused, with the fix; where no name can be: DNS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"https://127.0.0.1:{port}/v1")
    report = told(said(shell, "%seedream doctor --probe"), "network")
    assert report.startswith("bad")
    assert "TCP: Connection refused" in report
    assert "HTTPS_PROXY" in report
    monkeypatch.setenv("SEEDREAM_BASE_URL", f"https://{'a' * 70}.example/v1")
    report = told(said(shell, "%seedream doctor --probe"), "network")
    assert "DNS: it is not a host name" in report


@pytest.mark.parametrize("silence", ["hang", "drip"])
def test_a_step_has_its_limit(silence: str) -> None:
    """A host that says nothing, or a byte now and then, holds nobody up."""
    release = threading.Event()
    behaviour = Hang(release) if silence == "hang" else Drip(b"HTTP/1.1 200 OK\r\n" * 50, 1, 0.05)
    begun = time.monotonic()
    with raw_server({HEAD: behaviour}) as server:
        reach = probe(f"{server.url}/v1", limit=0.4)
        release.set()
    assert reach.steps[-1].text == "no answer within 0.4 s"
    assert [step.name for step in reach.steps] == ["DNS", "TCP", "HTTP"]
    assert time.monotonic() - begun < 5


def test_what_answers_otherwise_is_told() -> None:
    """Another service's greeting ends at HTTP with the reason in words."""
    with raw_server({HEAD: Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")}) as server:
        *before, last = probe(f"{server.url}/v1").steps
    assert [step.name for step in before] == ["DNS", "TCP"]
    assert (last.name, last.ok, "illegal status line" in last.text) == ("HTTP", False, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and api.example that signs itself, with its key in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: nothing makes a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2"
    further = "-addext subjectAltName=DNS:localhost,DNS:api.example -keyout own.pem -out certificate.pem"
    subprocess.run(["openssl", *made.split(), *further.split()], cwd=folder, check=True, capture_output=True)
    with (folder / "own.pem").open("a") as both:
        both.write((folder / "certificate.pem").read_text())
    return folder


@pytest.fixture
def secure(certificate: Path) -> Iterator[RawServer]:
    """A service behind TLS."""
    with tls_service({HEAD: dated(timedelta())}, certificate / "own.pem") as server:
        yield server


def address_of(server: RawServer) -> str:
    return f"https://localhost:{server.url.rpartition(':')[2]}/v1"


def test_a_certificate_is_checked(secure: RawServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody trusts stops at TLS, and nothing is asked; named in SSL_CERT_FILE it passes."""
    reach = probe(address_of(secure))
    assert (reach.steps[-1].name, reach.ok) == ("TLS", False)
    assert "self-signed certificate" in reach.steps[-1].text.replace("self signed", "self-signed")
    assert secure.requests == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    reach = probe(address_of(secure))
    assert reach.ok
    assert [step.name for step in reach.steps] == ["DNS", "TCP", "TLS", "HTTP"]
    assert reach.clock_ahead == pytest.approx(0, abs=60)


def test_a_probe_goes_through_the_proxy(secure: RawServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy gets its own password, the certificate is the service's; this machine is met directly."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    port = int(secure.url.rpartition(":")[2])
    with raw_server({("CONNECT", "api.example:443"): Tunnel(port)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:sk-%43ANARY@"))
        reach = probe("https://api.example/v1")
        assert [step.name for step in reach.steps] == ["DNS", "TCP", "tunnel", "TLS", "HTTP"]
        assert reach.ok
        assert str(reach.proxy) == f"{proxy.url.removeprefix('http://')} (HTTPS_PROXY)"
        (asked,) = proxy.requests
        assert asked.headers["proxy-authorization"] == "Basic bWU6c2stQ0FOQVJZ"
        assert probe(address_of(secure)).ok
        assert len(proxy.requests) == 1


def test_a_proxy_that_refuses_is_told(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password is the proxy's 407, one that is down its own line; one that httpx cannot use is told as such."""
    with raw_server({("CONNECT", "www"): Reply(407)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:sk-CANARY@"))
        report = told(said(shell, "%seedream doctor --probe"), "network")
        assert report.startswith(f"bad The proxy {proxy.url.removeprefix('http://')} (HTTPS_PROXY)")
        assert "it does not take this user and password (407 Proxy Authentication Required)" in report
        assert "Correct user and password in HTTPS_PROXY" in report
    report = told(said(shell, "%seedream doctor --probe"), "network")
    assert "(HTTPS_PROXY) was not reached. TCP: Connection refused" in report
    assert "Start it, or correct HTTPS_PROXY" in report
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:sk-CANARY@127.0.0.1:9")
    for module in ("api.connection", "notebook.doctor_network"):
        monkeypatch.setattr(f"seedream_magic.{module}.find_spec", lambda _: None)
    report = said(shell, "%seedream doctor --probe")
    assert told(report, "proxy").startswith("bad ")
    assert "settings: HTTPS_PROXY names a SOCKS proxy, for which a package is missing" in told(report, "network")


def test_last_errors_and_lost_pictures_are_told(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """The newest failures, each kind once, with cause, fix and bill; with `recover`, lost pictures and kept answers."""
    refused = {"error": {"code": "InputTextSensitiveContentDetected", "message": "may contain"}}
    with raw_server({POST: whole_answer, PICTURE: first_picture}) as server:
        monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
        assert shell.run_cell("%%seedream --quiet -n 2\nx").success
        server._scenario = {POST: json_reply(refused, 400)}
        for prompt in ("a", "b"):
            assert not shell.run_cell(f"%%seedream\n{prompt}").success
        server._scenario = {POST: Reply(524, {}, b"<html>")}
        assert not shell.run_cell("%%seedream\nc").success
    refused_run = max(path.parent for path in store.glob("*/request.json"))
    (refused_run / "response.raw").write_bytes(b"?")  # an answer that could not be read
    report = said(shell)
    assert told(report, "answers").startswith("look")
    assert f"%seedream recover {refused_run.name}" in told(report, "answers")
    errors = told(report, "errors")
    assert errors.index("524 (run") < errors.index("InputTextSensitiveContentDetected (run")
    assert errors.count("InputTextSensitiveContentDetected") == 1
    assert "The prompt did not pass the content check. Billed: no." in errors
    assert "Billed: perhaps." in errors
    assert "%seedream recover" in told(report, "runs")
    assert "missing in 1 of 4 runs" in told(report, "runs")


def test_looking_deletes_nothing(shell: InteractiveShell, store: Path) -> None:
    """Half-written files of a process that was killed stay where they are until a picture is fetched or drawn."""
    with raw_server({POST: whole_answer, PICTURE: picture}) as server:
        shell.run_cell(f"%config SeedreamMagics.base_url = '{server.url}/v1'")
        assert shell.run_cell("%%seedream --quiet\nx").success
        (folder,) = (path.parent for path in store.glob("*/request.json"))
        (store / "references").mkdir(exist_ok=True)
        parts = [folder / ".01.jpg.0a1b2c3d.part", store / "references" / ".0.jpg.0a1b2c3d.part"]
        for part in parts:
            part.touch()
            os.utime(part, (0, 0))
        said(shell)
        assert [part.exists() for part in parts] == [True, True]
        assert shell.run_cell("%seedream recover").success
        assert not parts[0].exists()
        assert shell.run_cell("%%seedream --quiet\ny").success
    assert not parts[1].exists()


@pytest.mark.parametrize("name", CODES)
def test_every_code_is_explained(name: str) -> None:
    """Cause, fix and bill; the error is the one that is raised, and refusals bill nothing."""
    code = CODES[name]
    text = explain(name)["text/plain"]
    error = refusal_error(Refusal(code.name), status=code.statuses[0])
    head = text.splitlines()[0]
    assert head.startswith(f"HTTP {name}" if name.isdecimal() else f"{name} · HTTP {code.statuses[0]}")
    assert head.endswith(f" · {type(error).__name__}")
    assert type(error) is not ApiError or name == "408"
    assert f"Billed: {'perhaps' if code.statuses[0] >= 500 or name == '408' else 'no'}" in text
    for sentence in (code.cause, code.fix):
        assert sentence.english.replace("{own_run}", "RUN") in " ".join(text.split())
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in sentence.english)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in sentence.chinese)


STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, *range(520, 530))


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_explained(status: int) -> None:
    """Cause, fix and bill of a status, in the language of the setting, and the service's codes that come with it."""
    bundle = explain(f"HTTP {status}")
    text = bundle["text/plain"]
    assert text.startswith(f"HTTP {status} · ")
    assert all(f"\n{label}: " in text for label in ("Cause", "Fix", "Billed"))
    assert ("Billed: no" in text) is (status < 500 and status != 408)
    assert all(text_width(line) <= 80 for line in text.splitlines())
    assert ("QuotaExceeded" in text) is (status == 429)
    assert len(text.splitlines()) <= 5 - (status == 429)
    choose_language("zh")
    assert "原因：" in explain(str(status))["text/plain"]


@pytest.mark.parametrize(("typed", "meant"), [("AuthenticationErorr", "AuthenticationError"), ("4290", "Tab after")])
def test_a_near_miss_is_told(shell: InteractiveShell, typed: str, meant: str) -> None:
    """A code that is not in the list is a line with the ones that were probably meant."""
    assert "RateLimitExceeded.EndpointRPMExceeded" in codes_like("ratelimit")
    error, printed, _ = run_cell(shell, f"%seedream doctor {typed}")
    assert isinstance(error, InvalidRequest)
    assert meant in printed
    assert len(printed.strip().splitlines()) == 1


def test_a_code_is_found_in_any_case_and_with_a_field_behind_it() -> None:
    """As people copy it: lower case, with the parameter that the service appends."""
    assert explain("serveroverloaded")["text/plain"].startswith("ServerOverloaded · HTTP 429 / 503 · RateLimited")
    text = explain("InvalidParameter.size")["text/plain"]
    assert text.startswith("InvalidParameter.size · HTTP 400 · RequestRefused")
    with pytest.raises(InvalidRequest, match="Tab after"):
        explain("zzz")
