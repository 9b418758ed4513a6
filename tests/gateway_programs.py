"""Real gateway programs between this client and a scripted service: LiteLLM's proxy and Portkey's gateway.

`make gateways` installs them (tests/test_gateway_programs.py then runs; it is skipped where they are not there) and
`python tests/gateway_programs.py` records their answers anew in tests/gateway_answers.json, byte by byte, each with the
number of POSTs that the service behind them counted; tests/test_gateways.py replays those without the programs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raw_server import Behaviour, Close, RawServer, Reply, Request, Sequence, json_reply, raw_server
from service import PICTURE, POST, picture, whole_answer

ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(__file__).with_name("gateway_answers.json")
LITELLM = ROOT / ".venv-gateways" / "bin" / "litellm"
PORTKEY = ROOT / "build" / "gateways" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
MODEL = "doubao-seedream-4-5"
KEY = "sk-gateway-CANARY-3f9c2b71d0a94c58"
RECORDED_PORT = 18999
"""Where the service stood when the answers were recorded: its links name it."""
STARTING_SECONDS = 90.0


@dataclass(frozen=True)
class Program:
    """A running gateway: its base URL, the headers that it needs beside the key, and the service behind it."""

    name: str
    base_url: str
    headers: Mapping[str, str]
    service: Service


class Service:
    """The service behind a gateway: counts POSTs, and answers each as it was last told to."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def answering(self, behaviour: Behaviour | Callable[[Request], Behaviour]) -> Iterator[RawServer]:
        """The service while it answers so."""
        with raw_server({POST: behaviour, PICTURE: picture}, self.port) as server:
            yield server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def litellm(folder: Path, service: Service, *, drop_params: bool = False, cooldowns: bool = False) -> Iterator[Program]:
    """A LiteLLM proxy with its defaults; it pauses a model after some refusals, which would mix up the tests."""
    settings: dict[str, Any] = {
        "model": f"openai/{MODEL}",
        "api_base": f"{service.url}/v1",
        "api_key": "demo",
        **({"drop_params": True} if drop_params else {}),
    }
    config = {
        "model_list": [{"model_name": MODEL, "litellm_params": settings}],
        "general_settings": {"master_key": KEY},
        "router_settings": {"disable_cooldowns": not cooldowns},
    }
    path, port = folder / f"litellm-{drop_params}-{cooldowns}.json", free_port()
    path.write_text(json.dumps(config))  # YAML holds JSON
    program = [str(LITELLM), "--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    allowed = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with _running(program, folder, port, "/health/liveliness", allowed):
        yield Program("LiteLLM", f"http://127.0.0.1:{port}/v1", {}, service)


@contextlib.contextmanager
def portkey(folder: Path, service: Service, *, retries: int = 0) -> Iterator[Program]:
    """A Portkey gateway; which service it asks, and how often, the headers of each request say."""
    port = free_port()
    program = [shutil.which("node") or "", str(PORTKEY), f"--port={port}", "--headless"]
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{service.url}/v1"}
    headers |= {"x-portkey-config": json.dumps({"retry": {"attempts": retries}})} if retries else {}
    with _running(program, folder, port, "/", {}):
        yield Program("Portkey", f"http://127.0.0.1:{port}/v1", headers, service)


def missing() -> str:
    """Which program is not installed; empty if both are."""
    there = {"LiteLLM": LITELLM.exists(), "Portkey": PORTKEY.exists() and shutil.which("node")}
    absent = [name for name, found in there.items() if not found]
    return f"{' and '.join(absent)}: `make gateways` installs and tries it" if absent else ""


@contextlib.contextmanager
def _running(program: list[str], folder: Path, port: int, path: str, variables: Mapping[str, str]) -> Iterator[None]:
    """A server while it runs; from the moment it answers at `path`."""
    log = folder / f"{port}.log"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | dict(variables)
    with log.open("wb") as output:
        process = subprocess.Popen(program, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + STARTING_SECONDS
            while not _answers(port, path):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{program[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)  # a server of another program tells nobody when it is ready
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int, path: str) -> bool:
    try:
        return bool(exchange(port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()))
    except OSError:
        return False


def exchange(port: int, request: bytes) -> bytes:
    """Every byte that a server answers."""
    with socket.create_connection(("127.0.0.1", port), 120) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def ark_refusal(status: int, code: str, message: str) -> Reply:
    """A refusal as Ark words it."""
    request_id = "021767540021379abcdef"
    error = {"code": code, "message": f"{message} Request id: {request_id}", "param": "", "type": "BadRequest"}
    return json_reply({"error": error}, status, {"x-request-id": request_id})


REFUSED = ark_refusal(
    400,
    "OutputImageSensitiveContentDetected",
    "The request failed because the output image may contain sensitive information.",
)
FAILED = ark_refusal(500, "InternalServiceError", "The service encountered an unexpected internal error.")
OVERDUE = ark_refusal(403, "AccountOverdueError", "The request failed because your account has an overdue balance.")
NO_MODEL = ark_refusal(
    404,
    "InvalidEndpointOrModel.NotFound",
    f"The model or endpoint {MODEL} does not exist or you do not have access to it.",
)
LIMITED = ark_refusal(429, "ModelAccountIpmRateLimitExceeded", "IPM limit of the model is exceeded.")
PAGE = Reply(502, {"Content-Type": "text/html"}, b"<html><head><title>502 Bad Gateway</title></head></html>")

ONE: dict[str, Any] = {
    "model": MODEL,
    "prompt": "a fox",
    "size": "2048x2048",
    "sequential_image_generation": "disabled",
    "stream": False,
    "response_format": "url",
    "watermark": True,
}
FOUR = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}}
SET = {**ONE, **FOUR, "stream": True}
WHOLE_SET = {**SET, "stream": False}
BARE = {name: value for name, value in ONE.items() if name != "response_format"}


def main() -> None:
    """Record every answer anew."""
    service, recorded = Service(RECORDED_PORT), {}
    failures = {"a failure": FAILED, "a page": PAGE, "a refused picture": REFUSED, "an empty account": OVERDUE}
    failures |= {"an unknown model": NO_MODEL, "too many requests": LIMITED}
    pictures = {"a picture": ONE, "a set": WHOLE_SET, "a streamed set": SET}

    def keep(program: Program, name: str, answer: Any, body: Mapping[str, Any] = ONE) -> None:
        with service.answering(answer) as server:
            sent = json.dumps(body).encode()
            head = {
                "Host": "gateway", "Connection": "close", "Content-Type": "application/json",
                "Authorization": f"Bearer {KEY}", "Content-Length": str(len(sent)), **program.headers,
            }  # fmt: skip
            lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
            port = int(program.base_url.rpartition(":")[2].partition("/")[0])
            request = f"POST /v1/images/generations HTTP/1.1\r\n{lines}\r\n".encode() + sent
            answered = exchange(port, request).decode()
            recorded[f"{program.name}: {name}"] = {"posts": server.posts, "answer": answered}

    def keep_all(program: Program) -> None:
        for name, body in pictures.items():
            keep(program, name, whole_answer, body)
        for name, answer in failures.items():
            keep(program, name, answer)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with litellm(folder, service) as program:
            keep(program, "a field that it does not take", whole_answer)
            keep(program, "a model that it does not know", whole_answer, {**BARE, "model": "none"})
        with litellm(folder, service, drop_params=True) as program:
            keep_all(program)
            keep(program, "a streamed set, asked once", whole_answer, {**SET, "num_retries": 0})
            keep(program, "a connection that is closed", Close())
        with litellm(folder, service, drop_params=True, cooldowns=True) as program:
            keep(program, "a key of its own that is refused", ark_refusal(401, "AuthenticationError", "No."))
            keep(program, "a model that it leaves alone", whole_answer)
        with portkey(folder, service) as program:
            keep_all(program)
        with portkey(folder, service, retries=2) as program:
            keep(program, "a failure, three times", FAILED)
            keep(program, "a failure, then a refused picture", Sequence(FAILED, REFUSED))
            keep(program, "a failure, then a picture", lambda r: FAILED if r.connection == 1 else whole_answer(r))
    versions = {
        "LiteLLM": _version(LITELLM),
        "Portkey": json.loads((PORTKEY.parents[1] / "package.json").read_text())["version"],
    }
    RECORDED.write_text(json.dumps({"versions": versions, "answers": recorded}, indent=1, ensure_ascii=False) + "\n")


def _version(program: Path) -> str:
    code = "from importlib.metadata import version; print(version('litellm'))"
    return subprocess.run(
        [program.with_name("python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
