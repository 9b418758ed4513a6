"""Headers that a gateway asks for: what may be one, where they go, and that their values are shown nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import shlex
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run
from raw_server import Behaviour, RawServer, Reply, Request, json_reply
from seedream_magic import ConfigError, Seedream, SeedreamError
from seedream_magic.api.credentials import Headers
from seedream_magic.api.redaction import redact, redact_http_logs, without_secret
from served import KEY, client, record, served
from service import PICTURE, POST, picture, whole_answer

VALUE = 'gw-CANARY/3f9c"2b71'
HEADERS = {
    "x-portkey-api-key": VALUE,
    "cf-aig-authorization": "Bearer gw-CANARY-77aa",
    "X-Tenant": "tenant-CANARY-blue",
}
NAMES = "x-portkey-api-key, cf-aig-authorization, X-Tenant"


SET_HERE = ("Authorization", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Type")


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ("x-a: SECRET", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('[["x-a", "SECRET"]]', "not an object"),
        ('{"x-a": {"SECRET": "b"}}', "the value of x-a"),
        ('{"x-a": "  "}', "the value of x-a"),
        ('{"x-a": "SECRET\\r\\nx-b: c"}', "the value of x-a"),
        ('{"x-a": "密钥SECRET"}', "the value of x-a"),
        ('{"x-SECRET\\r\\n": "b"}', "not the name of a header"),
        ('{"": "SECRET"}', "not the name of a header"),
        ('{"x-a": "SECRET", "X-A": "b"}', "twice"),
        *((json.dumps({name: "SECRET"}), f"{name.lower()} cannot be set") for name in (*SET_HERE, "Idempotency-Key")),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    headers: str, complaint: str, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """One clear line, which repeats no value; the demo does not look at them."""
    monkeypatch.setenv("SEEDREAM_HEADERS", headers)
    with pytest.raises(ConfigError, match=complaint) as caught:
        Seedream("anyfast", store=store)
    error: BaseException | None = caught.value
    while error is not None:
        assert "SECRET" not in f"{error}{vars(error)}"
        error = error.__cause__ or error.__context__
    assert not Seedream("demo", store=store).headers


@pytest.mark.parametrize("provider", ["anyfast", "demo"])
def test_they_go_with_the_request_alone(provider: str, store: Path) -> None:
    """Beside the key; pictures are asked for without them, no file has their values, and the demo gets none."""
    with served({POST: whole_answer, PICTURE: picture}, store) as server:
        settings: dict[str, Any] = {"headers": HEADERS | {"User-Agent": "a studio"}, "store": store}
        seedream = Seedream(provider, api_key=KEY, base_url=f"{server.url}/v1", **settings)
        assert len(seedream.generate("a kite").ok) == 1
        post, *others = server.requests
    sent = {name: post.headers.get(name.lower()) for name in HEADERS}
    assert sent == (HEADERS if provider == "anyfast" else dict.fromkeys(HEADERS))
    assert (post.headers["user-agent"] == "a studio") is (provider == "anyfast")
    assert post.headers["authorization"] == f"Bearer {KEY}"
    assert others
    assert not any(name.lower() in request.headers for name in HEADERS for request in others)
    assert not any(b"CANARY-" in path.read_bytes() for path in store.rglob("*") if path.is_file())


def test_given_ones_come_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not mixed with them; an empty dictionary means none."""
    monkeypatch.setenv("SEEDREAM_HEADERS", '{"x-environment": "value"}')
    assert Seedream("anyfast").headers.names == ("x-environment",)
    assert Seedream("anyfast", headers={"x-given": "value"}).headers.names == ("x-given",)
    assert not Seedream("anyfast", headers={}).headers
    monkeypatch.setenv("SEEDREAM_HEADERS", " ")
    assert not Seedream("anyfast").headers


def test_a_plan_shows_their_names(store: Path) -> None:
    """The curl has a variable for each; they make it no other request; a plan is copied with them, pickled without."""
    seedream = Seedream("anyfast", headers=HEADERS | {"x-$HOME`": "value"}, store=store)
    plan = seedream.plan("a kite")
    words = shlex.split(plan.curl().replace("\\\n", ""))
    assert "x-portkey-api-key: $SEEDREAM_HEADERS_X_PORTKEY_API_KEY" in words
    assert "X-Tenant: $SEEDREAM_HEADERS_X_TENANT" in words
    assert "x-\\$HOME\\`: $" in plan.curl()
    shown = f"{plan!r}{vars(plan)}{plan.curl()}{plan.headers!r}{seedream!r}{vars(seedream)}{copy.deepcopy(plan)!r}"
    assert "CANARY" not in shown
    assert plan.fingerprint == Seedream("anyfast", store=store).plan("a kite").fingerprint
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(plan.headers)
    assert b"CANARY" not in (packed := pickle.dumps(plan))
    assert not pickle.loads(packed).headers
    assert pickle.loads(pickle.dumps(Headers({}, "x"))) == Headers({}, "y")


def test_a_plan_from_another_process_goes_with_the_headers_of_who_sends_it(server: RawServer, store: Path) -> None:
    """They were left where it was made."""
    seedream = Seedream("anyfast", api_key=KEY, base_url=f"{server.url}/v1", headers={"X-Tenant": "ours"}, store=store)
    seedream.run(pickle.loads(pickle.dumps(seedream.plan("a kite"))))
    (post,) = [request for request in server.requests if request.method == "POST"]
    assert post.headers["x-tenant"] == "ours"


ECHOES: dict[str, tuple[Behaviour, str]] = {
    "in an error": (json_reply({"error": {"code": "x", "message": f"bad {VALUE}, Bearer gw-CANARY-77aa"}}, 401), "bad"),
    "in half of one": (json_reply({"error": {"code": "x", "message": "bad key gw-CANARY-77aa."}}, 502), "bad key"),
    "in a page": (Reply(403, {}, b"<title>tenant-CANARY-blue: not known</title>"), "not known"),
    "in a redirect": (Reply(302, {"Location": "https://h/tenant?x=tenant-CANARY-blue"}), "redirect"),
    "in an answer without pictures": (json_reply({"data": [], "echo": HEADERS}), ""),
    "as a request id": (json_reply({}, 500, {"X-Request-Id": f"id-{VALUE}"}), ""),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_gateway_that_repeats_them_is_not_repeated(
    echo: str, store: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the error, nor in what it keeps, nor in the record and the log."""
    behaviour, words = ECHOES[echo]
    redact_http_logs()
    caplog.set_level(logging.DEBUG)
    with served({POST: behaviour}, store) as server, pytest.raises(SeedreamError) as caught:
        client(server, store, headers=HEADERS).generate("a kite")
    assert words in str(caught.value)
    assert "CANARY" not in f"{caught.value.lines()}{vars(caught.value)}{getattr(caught.value, 'raw', b'')!r}"
    assert "CANARY" not in caplog.text
    assert record(store)["state"] == "failed"
    assert not any(b"CANARY" in path.read_bytes() for path in store.rglob("*") if path.is_file())


def test_a_value_that_is_a_word_costs_no_picture(store: Path) -> None:
    """Links keep it, or the picture that was paid would be lost; words of other texts and of the protocol stay too."""

    def answer(request: Request) -> Behaviour:
        address = f"http://{request.headers['host']}/picture/1.jpeg?env=production-europe"
        return json_reply({"data": [{"url": address}], "note": "production-europe"})

    headers = {"x-environment": "production-europe", "x-form": "b64_json", "x-key-kind": "production", "x-a": "url"}
    with served({POST: answer, PICTURE: picture}, store) as server:
        assert len(client(server, store, headers=headers).generate("a kite").ok) == 1
    assert (
        redact("the production-europe is down; b64_json, productions") == "the (header) is down; b64_json, productions"
    )


def test_what_json_writes_in_another_way_is_masked_too() -> None:
    """Escapes of quotes, slashes and letters, in a text with a picture beside it."""
    Headers(HEADERS, "a test")
    picture = "A/+9" * 5000
    spelled = r"gw-CANARY\/3f9c\"2b71"
    text = (
        f'{{"b64_json": "{picture}", "a": "{spelled}", "b": "gw-CANAR\\u0059-77aa", "c": "tenant\\u002dCANARY-blue"}}'
    )
    masked = without_secret(text, "sk-key")
    assert picture in masked
    assert masked.count("(header)") == 3


def test_the_notebooks_setting(shell: InteractiveShell, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes before the environment's; status, doctor and `%config` show names; what is wrong is one line."""
    monkeypatch.setenv("SEEDREAM_HEADERS", "{")
    assert "SEEDREAM_HEADERS is not JSON" in run(shell, "%seedream")[1]
    shell.run_line_magic("config", f"SeedreamMagics.headers = {HEADERS!r}")
    assert shell.run_cell("%%seedream --provider anyfast --quiet\na kite").success
    assert server.requests[0].headers["x-tenant"] == HEADERS["X-Tenant"]
    lines = ("%seedream", "%seedream doctor", "%%seedream --dry-run\na kite", "%config SeedreamMagics")
    told = [" ".join(run(shell, line)[1].split()) for line in (*lines, "%config SeedreamMagics.headers")]
    assert f"headers {NAMES} model" in told[0]
    assert NAMES in told[1]
    assert "X-Tenant: $SEEDREAM_HEADERS_X_TENANT" in told[2]
    assert all(name in text for name in HEADERS for text in told[3:])
    assert "CANARY" not in "".join(told).replace(KEY, "")
    shell.run_line_magic("config", "SeedreamMagics.headers = {'Host': 'CANARY'}")
    refused = run(shell, "%%seedream\na kite")[1]
    assert len(refused.strip().splitlines()) == 1
    assert "headers: host cannot be set there" in refused
    assert "CANARY" not in refused
