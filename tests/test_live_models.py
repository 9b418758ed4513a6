"""`%seedream models --live`: what the provider says that the key may use, and what is said where it says nothing."""

from __future__ import annotations

import gzip
import json
import re
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run
from raw_server import Behaviour, Close, RawServer, Reply, json_reply, raw_server
from seedream_magic import (
    ApiError,
    AuthFailed,
    ConfigError,
    InvalidRequest,
    ModelNotFound,
    NoConnection,
    Seedream,
    SeedreamError,
)
from seedream_magic.api.credentials import NO_HEADERS, Headers, Key
from seedream_magic.api.live_models import LiveModel, ask_models
from seedream_magic.api.models import ids_for
from seedream_magic.notebook.models_table import live_bundle
from served import KEY

MODELS = ("GET", "/v1/models")
ARK = {
    "object": "list",
    "data": [
        {"id": "deepseek-v4", "object": "model", "domain": "LLM", "status": "Active"},
        {"id": "painter-1", "modalities": {"output_modalities": ["image"]}},
        {"id": "doubao-seedream-4-5-251128", "domain": "ImageGeneration", "status": "Active"},
        {"id": "doubao-seedream-3-0-t2i-250415", "domain": "ImageGeneration", "status": "Retiring"},
        {"id": "doubao-seedream-7-0-270101", "status": "Active"},
    ],
}
LISTED = (
    LiveModel("doubao-seedream-4-5-251128", "", draws=True),
    LiveModel("doubao-seedream-3-0-t2i-250415", "Retiring", draws=True),
    LiveModel("doubao-seedream-7-0-270101", "", draws=False),
    LiveModel("painter-1", "", draws=True),
)


def asked(server: RawServer, headers: Headers = NO_HEADERS) -> tuple[LiveModel, ...]:
    return ask_models(f"{server.url}/v1", Key(KEY, "test"), headers, None)


def test_what_draws_is_listed() -> None:
    """Those of Seedream first, new ones included, with the provider's word on those that end. One GET with the key."""
    with raw_server({MODELS: json_reply(ARK)}) as server:
        assert asked(server, Headers({"x-tenant": "tenant-canary-1"}, "test")) == LISTED
        (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", "/v1/models", b"")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-tenant"] == "tenant-canary-1"


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"id": "doubao-seedream-4-5"}, {"id": 7}, {}, None, {"id": " "}]},
        {"models": [{"model": "doubao-seedream-4-5", "status": 3}]},
        [{"name": "doubao-seedream-4-5", "modalities": "x"}],
        ["doubao-seedream-4-5", "gpt-5"],
    ],
)
def test_other_shapes_are_read(answer: Any) -> None:
    """Of gateways: under another name, a bare list, bare ids; what is none is passed over. Packed as well."""
    packed = Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(json.dumps(answer).encode()))
    for reply in (json_reply(answer), packed):
        with raw_server({MODELS: reply}) as server:
            assert asked(server) == (LiveModel("doubao-seedream-4-5", "", draws=False),)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        (Reply(404), ApiError, "lists no models (HTTP 404)"),
        (Reply(405, {}, KEY.encode()), ApiError, "lists no models (HTTP 405)"),
        (Reply(500, {}, b"<h1>Sorry</h1>"), ApiError, "lists no models (HTTP 500)"),
        (Reply(302, {"Location": "https://other.example/"}), ApiError, "lists no models (HTTP 302)"),
        (json_reply({"error": {"code": "AuthenticationError", "message": f"no {KEY}"}}, 401), AuthFailed, "no (key)"),
        (Reply(200, {"Content-Type": "text/html"}, b"<html>"), ApiError, "The answer lists no models."),
        (json_reply({"data": {}}), ApiError, "The answer lists no models."),
        (json_reply([[[]]] * 3), type(None), ""),
        (Reply(200, {}, b"[" * 10**6), ApiError, "The answer lists no models."),
        (Close(), NoConnection, "was not reached"),
    ],
)
def test_no_list_is_told(behaviour: Behaviour, kind: type, words: str) -> None:
    """What happened, nothing billed, where to look instead; the key is in no word and in no frame of the error."""
    with raw_server({MODELS: behaviour}) as server:
        if kind is type(None):
            assert asked(server) == ()
            return
        with pytest.raises(SeedreamError) as caught:
            asked(server)
    error = caught.value
    assert (type(error), error.billed) == (kind, "no")
    assert words in str(error)
    assert error.hint
    assert len(error.lines()) <= 4
    assert KEY not in "".join([*error.lines(), *traceback.format_exception(error)])
    causes = traceback.walk_tb(error.__cause__.__traceback__ if error.__cause__ else None)
    assert KEY not in repr([frame.f_locals for frame, _ in causes])


def test_the_command_shows_a_table(ip: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what each takes, the session's marked, words choosing lines; a name that nobody knows is a line too."""
    with raw_server({MODELS: json_reply(ARK)}) as server:
        monkeypatch.setenv("SEEDREAM_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("SEEDREAM_API_KEY", KEY)
        assert ip.run_cell("%load_ext seedream_magic").success
        shown = [run(ip, f"%seedream models {words}")[1] for words in ("--live", "--live 4.5")]
    assert re.search("(?m)^Seedream 4.5 .*\n    ← this session$", shown[0])
    assert "doubao-seedream-3-0-t2i-250415 (Retiring)" in shown[0]
    assert re.search("doubao-seedream-7-0-270101 +not checked", shown[0])
    assert "anyfast lists 4 models that draw for this key." in shown[0]
    assert "Seedream 3.0" not in shown[1]
    assert live_bundle("x", "ark", ()) == {"text/plain": "ark lists 0 models that draw for this key."}


def test_the_demo_lists_what_it_takes(ip: InteractiveShell) -> None:
    """It answers like the real one, without a key of a person's; without a key to send nothing is asked elsewhere."""
    assert ip.run_cell("%load_ext seedream_magic\n%seedream use demo").success
    _, table = run(ip, "%seedream models --live")
    assert all(known in table for known in ids_for("demo"))
    error, _ = run(ip, "%seedream use ark-plan\n%seedream models --live")
    assert isinstance(error, ConfigError)
    assert httpx.get(f"{Seedream('demo').base_url}/models").status_code == 401


@pytest.mark.parametrize(
    ("provider", "model", "answer", "meant"),
    [
        ("ark", "doubao-seedream-4.5", ("InvalidEndpointOrModel.NotFound", "no"), "doubao-seedream-4-5-251128?"),
        ("ark", "Seedream-5.0-Lite", ("", ""), "doubao-seedream-5-0-260128 or doubao-seedream-5-0-lite-260128?"),
        ("ark-plan", "doubao-seedream-5-0-260128", ("model_not_found", "x"), "doubao-seedream-5.0-lite?"),
        ("anyfast", "doubao-sedream-4-5", ("model_not_found", "x"), "doubao-seedream-4-5?"),
        ("ark", "doubao-seedream-4-5-251128", ("InvalidEndpointOrModel.NotFound", "no"), ""),
        ("ark", "doubao-seedream-4.5", ("ModelNotOpen", "not open"), ""),
        ("ark", "ep-20260101-abcde", ("InvalidEndpointOrModel.NotFound", "no"), ""),
    ],
)
def test_a_model_that_is_not_known_names_the_ones_that_were_meant(
    provider: str, model: str, answer: tuple[str, str], meant: str, store: Path
) -> None:
    """The provider's own ids of the same model, or one spelled alike; none for one that it has or keeps shut."""
    code, message = answer
    refusal = json_reply({"error": {"code": code, "message": message}}, 404) if code else Reply(404)
    with raw_server({("POST", "/v1/"): refusal}) as server:
        seedream = Seedream(provider, api_key=KEY, base_url=f"{server.url}/v1", model=model, store=store)
        with pytest.raises(ModelNotFound) as caught:
            seedream.generate("a boat", size="2K", check=False)
    error = caught.value
    assert error.billed == "no"
    assert error.hint.startswith(f"Did you mean {meant}") is bool(meant)
    assert ("Did you mean" in error.hint) is bool(meant)


def test_a_dotted_id_is_checked_like_any_other(store: Path) -> None:
    """Before anything is sent, by the table of its model; it is sent as it was typed."""
    seedream = Seedream("ark-plan", api_key=KEY, store=store)
    assert seedream.plan("x", size="3K").body["model"] == "doubao-seedream-5.0-lite"
    assert seedream.plan("x").url == "https://ark.cn-beijing.volces.com/api/plan/v3/images/generations"
    assert seedream.plan("x", images=4).price is None
    with pytest.raises(InvalidRequest, match=r"Seedream 5.0 lite has no size 1K"):
        seedream.plan("x", size="1K")
    with pytest.raises(InvalidRequest, match=r"Seedream 4.5 does not take output_format"):
        seedream.plan("x", model="Bytedance/Seedream-4.5", output_format="png")
