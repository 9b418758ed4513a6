"""Tasks that gateways give in place of pictures: followed to their end, never sent again, found again after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from asking import b64
from drawing import generate
from fault import called, drawn, failed, shades
from kill import killing
from raw_server import (
    EVENT_STREAM,
    Behaviour,
    Close,
    Gate,
    Raw,
    RawServer,
    Reply,
    Request,
    Scenario,
    head,
    json_reply,
    raw_server,
    sse,
)
from seedream_magic import ApiError, ContentRefused, ImageSet, ResponseBroken, SeedreamInterrupted
from seedream_magic import listener as listener_module
from seedream_magic import tasks as tasks_module
from seedream_magic.api.credentials import Key
from seedream_magic.api.plan import Plan
from seedream_magic.api.retry import Pace
from seedream_magic.api.task_shapes import Task, tasks_of
from seedream_magic.images import extraction
from served import KEY, check_store, client, record, served
from service import PICTURE, POST, link, picture

RULE = ("GET", "/v1/images/generations/t1")
OTHER_TASK = ("GET", "/v1/images/generations/t2")
OTHER_RULE = ("GET", "/v1/video/generations/t1")
STATE = ("GET", "/state/")
RESULT = ("GET", "/result/")

Answer = Behaviour | Callable[[Request], Behaviour]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task is asked for at once, and again at once; a whole answer that stays open is soon left."""
    monkeypatch.setattr(tasks_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(tasks_module, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(listener_module, "LINGER_SECONDS", 0.1)


class Asked:
    """Answers one after the other, the last one for ever; each is a behaviour or is made from the request."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def __call__(self, request: Request) -> Behaviour:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if hasattr(answer, "play") else answer(request)


@dataclass(frozen=True)
class Way:
    """What the POST brings, and what the addresses of its task say."""

    posted: Any
    asked: Mapping[tuple[str, str], Any] = field(default_factory=dict)


def fresh(way: Way) -> Way:
    """The same with answers that nobody has taken yet."""
    asked = {at: Asked(*rest._answers) if isinstance(rest, Asked) else rest for at, rest in way.asked.items()}
    return Way(way.posted, asked)


def here(request: Request, path: str) -> str:
    return f"http://{request.headers['host']}{path}"


def own(value: object, status: int = 200, **headers: str) -> Callable[[Request], Behaviour]:
    """An answer that names addresses of its own server by `@`."""
    told = {name.replace("_", "-"): path for name, path in headers.items()}
    return lambda request: Reply(
        status,
        {"Content-Type": "application/json"} | {name: here(request, path) for name, path in told.items()},
        json.dumps(value).replace("@", here(request, "")).encode(),
    )


def named(request: Request, *places: int) -> list[dict[str, str]]:
    return [{"url": link(request, place)} for place in places]


def answer(state: object, *places: int, **more: Any) -> Callable[[Request], Behaviour]:
    """A task's answer: its state, and the pictures that it brings."""
    return lambda r: json_reply(
        {"task_id": "t1", "status": state, **({"data": named(r, *places)} if places else {}), **more}
    )


def done(request: Request, **more: Any) -> Reply:
    return json_reply({"data": named(request, 0, 1), **more})


QUEUED_VALUE = {"task_id": "t1", "status": "queued"}
QUEUED = json_reply(QUEUED_VALUE)
STATED = json_reply({**QUEUED_VALUE, "status_url": "/state/t1"})
TWO_TASKS = json_reply({"data": [QUEUED_VALUE, {**QUEUED_VALUE, "task_id": "t2"}]})
ONLY_STATE = json_reply({"status": "IN_PROGRESS", "progress": 40})
BOTH = {"status_url": "@/state/t1", "response_url": "@/result/t1", "cancel_url": "@/cancel/t1"}
COMPLETED = own({"status": "COMPLETED", "request_id": "t1", "response_url": "@/result/t1"})
RUNNING_THERE = own({"id": "t1", "status": "processing", "urls": {"get": "@/state/t1"}})
NOT_STARTED = {"id": "t1", "status": "notStarted"}


WAYS: dict[str, Way] = {
    "the provider's rule": Way(
        json_reply({"code": 200, "data": [{"status": "submitted", "task_id": "t1"}]}), {RULE: Asked(QUEUED, done)}
    ),
    "the provider's second rule": Way(
        json_reply({"id": "t1", "object": "generation.task", "status": "queued"}),
        {OTHER_RULE: Asked(QUEUED, lambda r: done(r, id="t1", status="completed"))},
    ),
    "202": Way(json_reply({"task_id": "t1"}, 202), {RULE: Asked(ONLY_STATE, done)}),
    "an address for its state": Way(own({"id": "t1", "status_url": "@/state/t1"}), {STATE: Asked(QUEUED, done)}),
    "no word for its state": Way(own({"task_id": "t1", "status_url": "@/state/t1"}), {STATE: Asked(ONLY_STATE, done)}),
    "state and result": Way(
        own({"request_id": "t1", "status": "IN_QUEUE", **BOTH}), {STATE: Asked(ONLY_STATE, COMPLETED), RESULT: done}
    ),
    "the result is redirected to": Way(
        STATED, {STATE: Asked(QUEUED, own({}, 303, Location="/result/t1")), RESULT: done}
    ),
    "urls.get": Way(
        own({"id": "t1", "status": "starting", "output": None, "urls": {"get": "@/state/t1", "cancel": "@/cancel"}}),
        {STATE: Asked(RUNNING_THERE, own({"id": "t1", "status": "succeeded", "urls": {"get": "@/state/t1"},
                                          "output": ["@/picture/0.jpeg", "@/picture/1.jpeg"]}))},
    ),
    "Location and nothing else": Way(own("", 202, Location="/state/t1"), {STATE: Asked(Reply(202), ONLY_STATE, done)}),
    **{f"Azure's header, {status}, {value}": Way(
        own(value, status, Operation_Location="/state/t1"), {STATE: Asked(answer("running"), done)})
       for status, value in ((200, NOT_STARTED), (202, {}))},
    "passing faults": Way(
        QUEUED, {RULE: Asked(Close(), Reply(503), Reply(429, {"Retry-After": "0"}), Reply(524), QUEUED, done)}
    ),
    "a list of tasks": Way(
        TWO_TASKS,
        {RULE: Asked(QUEUED, lambda r: json_reply({"data": named(r, 0)})),
         OTHER_TASK: Asked(QUEUED, QUEUED, lambda r: json_reply({"url": link(r, 1)}))},
    ),
    "told in a stream": Way(
        Reply(200, EVENT_STREAM, b"".join(
            sse("progress", {"task_id": "t1", "status": "processing", "progress": at}) for at in range(5))),
        {RULE: Asked(QUEUED, done)},
    ),
    "its pictures in data.data": Way(
        json_reply({"code": "success", "message": "", "data": "t1", "task_id": "t1"}),
        {RULE: Asked(
            json_reply({"code": "success", "data": {"task_id": "t1", "status": "IN_PROGRESS", "progress": "30%"}}),
            lambda r: json_reply({"code": "success", "data": {"task_id": "t1", "status": "SUCCESS",
                                                              "data": {"data": named(r, 0, 1)}}}),
        )},
    ),
    # Beside a task under way its reference and its other addresses are no pictures.
    "the request is repeated": Way(
        own({"id": "t1", "status": "queued", "image": "@/picture/7.jpeg", "status_url": "@/state/t1",
             "urls": {"get": "@/state/t1", "web": "@/picture/8.jpeg"}}),
        {STATE: Asked(QUEUED, done)},
    ),
    "the socket stays open": Way(
        Gate(head(200, {"Content-Type": "application/json"}) + QUEUED.body, threading.Event(), b""), {RULE: Asked(done)}
    ),
    "a number for an id": Way(
        json_reply({"id": 81, "status": "pending"}), {("GET", "/v1/images/generations/81"): Asked(done)}
    ),
    "the result is named at last": Way(
        own({"request_id": "t1", "status": "IN_QUEUE", "status_url": "@/state/t1"}),
        {STATE: Asked(ONLY_STATE, COMPLETED), RESULT: done},
    ),
    "Location and no body": Way(
        lambda r: Reply(202, {"Location": "/state/t1"}), {STATE: Asked(Reply(202, {"Retry-After": "0"}), done)}
    ),
    "201 and Location": Way(
        own({"id": "t1", "status": "created"}, 201, Location="/state/t1"), {STATE: Asked(QUEUED, done)}
    ),
    "an address without a host": Way(
        json_reply({"task_id": "t1", "status": "queued", "polling_url": "/state/t1"}), {STATE: Asked(QUEUED, done)}
    ),
    "packed": Way(
        json_reply({"task_id": "t1", "status": "queued"}, headers={"Content-Encoding": "identity, none"}),
        {RULE: Asked(done)},
    ),
}  # fmt: skip

ODD: dict[str, Answer] = {
    "an unknown word": answer("rendering"),
    "a known word in Chinese": answer("处理中"),
    "a number": answer(1),
    "progress": json_reply({"id": "t1", "progress": 50}),
    "nothing": Reply(200),
    "a page": Reply(200, {"Content-Type": "text/html"}, b"<html>just a moment</html>"),
    "an empty object": json_reply({}),
    "a final word": answer("succeeded"),
    "a final word and an empty list": json_reply({"status": "成功", "data": [{"url": 0}]}),
    "cut": lambda r: Raw(head(200, {}) + done(r).body[:40]),
}
"""One odd answer does not end a task, nor do two: it is asked again."""
ODD_WAYS = {f"two odd answers: {name}": Way(STATED, {STATE: Asked(odd, odd, done)}) for name, odd in ODD.items()}


@pytest.mark.fault("F36")
@pytest.mark.parametrize("way", [*WAYS.values(), *ODD_WAYS.values()], ids=[*WAYS, *ODD_WAYS])
def test_a_task_is_followed_to_its_pictures(way: Way, store: Path) -> None:
    """One POST; the pictures come as from any answer; the set says what it waited for, never that a stream ended."""
    with served({POST: way.posted, PICTURE: picture, **fresh(way).asked}, store) as server:
        images = drawn(called(server, store, images=2))
        assert shades(images) == [0, 1]
        assert any("task" in note for note in images.notes)
        assert "stream ended" not in "".join(images.notes)
        asked = [request for request in server.requests if request.method == "GET" and "picture" not in request.path]
        assert asked
        assert {request.headers.get("authorization") for request in asked} == {f"Bearer {KEY}"}
        assert record(store)["state"] == "done"
        assert client(server, store).recover() == []
    assert not list(store.glob("*/*.raw"))


QUICK: dict[str, tuple[int, str, dict[str, Any]]] = {
    "created": (201, "Location", {"id": "x", "status": "created"}),
    "a task's name": (200, "", {"task_id": "t1", "state": "success"}),
    "an address for Azure": (200, "Operation-Location", {}),
}


@pytest.mark.parametrize(("status", "header", "more"), QUICK.values(), ids=QUICK)
def test_an_answer_that_has_its_pictures_is_no_task(
    status: int, header: str, more: dict[str, Any], store: Path
) -> None:
    """Whatever else it says, and wherever its head leads to: nothing is asked for but the pictures."""

    def whole(request: Request) -> Behaviour:
        return Reply(status, {header: "/state/t1"} if header else {}, done(request, **more).body)

    with served({POST: whole, PICTURE: picture}, store) as server:
        assert shades(drawn(called(server, store, images=2))) == [0, 1]
        assert server.gets == 2


FAILED: list[tuple[dict[str, Any], type[ApiError], str]] = [
    ({"task_id": "t1", "status": "FAILURE", "fail_reason": "no channel left"}, ApiError, "no channel left"),
    ({"status": "failed", "error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}}, ContentRefused,
     "no"),
    ({"data": {"task_id": "t1", "task_status": "failed", "reason": f"{KEY} is out"}}, ApiError, "(key) is out"),
    ({"id": "t1", "status": "canceled"}, ApiError, "gave the task up"),
    ({"task_id": "t1", "error": "out of luck"}, ApiError, "out of luck"),
]  # fmt: skip


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("value", "kind", "words"), FAILED)
def test_a_task_that_fails_is_told(
    value: dict[str, Any], kind: type[ApiError], words: str, store: Path, *, at_once: bool
) -> None:
    """In the gateway's words, at the POST or when it is asked for; nobody asks for it once more."""
    first = {"task_id": "t1"} | value if at_once else QUEUED_VALUE
    with served({POST: json_reply(first), RULE: Asked(QUEUED, json_reply(value))}, store) as server:
        error = failed(called(server, store, images=2))
        assert isinstance(error, kind)
        assert words in str(error)
        assert client(server, store).recover() == []
        assert server.gets == (0 if at_once else 2)


def test_a_task_that_never_ends_is_left_after_half_an_hour(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for every ten seconds at most; the error says where to look, `recover` asks again, no POST follows."""
    monkeypatch.undo()
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    answers = Asked(Reply(200, {"Retry-After": "30", "Content-Type": "application/json"}, QUEUED.body), QUEUED)

    async def run(plan: Plan) -> None:
        pace = Pace(now=lambda: sum(pauses), sleep=sleep)
        async for _ in generate(plan, Key(KEY, "a test"), store=store, pace=pace):
            pass

    with served({POST: QUEUED, PICTURE: picture, RULE: answers}, store) as server:
        with pytest.raises(ResponseBroken) as caught:
            asyncio.run(run(client(server, store).plan("x", images=2)))
        told = "\n".join(caught.value.lines())
        assert [words in told for words in ("is not done after 30 min", "t1", "%seedream recover")] == [True] * 3
        assert "stream ended" not in told
        assert caught.value.billed == "yes"
        assert 1790 < sum(pauses) < 1840
        assert pauses[:2] == [tasks_module.FIRST_PAUSE, 30]  # as the gateway asked
        assert max(pauses[2:]) == tasks_module.LONGEST_PAUSE
        answers._answers = [done]
        monkeypatch.setattr(tasks_module, "FIRST_PAUSE", 0.01)
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1]
    check_store(store)


def leave_task(
    server: RawServer, store: Path, ready: Callable[[ImageSet], bool] = lambda images: bool(images.task)
) -> SeedreamInterrupted:
    """What Stop says when it is pressed as soon as the run is ready, and its task was asked for."""

    def press_stop(images: ImageSet) -> None:
        if ready(images):
            server.wait_for(lambda seen: seen.gets > 0)
            raise KeyboardInterrupt

    seedream = client(server, store)
    with pytest.raises(SeedreamInterrupted, match="Stopped") as caught:
        seedream.run(seedream.plan("x", images=2), on_change=press_stop)
    return caught.value


STOPPED = [QUEUED, Gate(head(200, {}) + b'{"task_id": "t1", ', threading.Event(), b"")]


@pytest.mark.fault("F95")
@pytest.mark.parametrize("stuck", STOPPED, ids=["between questions", "in an answer"])
def test_a_task_can_be_stopped_and_found_again(stuck: Behaviour, store: Path) -> None:
    """Stop ends the wait and names the command that bills nothing: `recover` of the run brings the pictures."""
    answers = Asked(stuck)
    with served({POST: QUEUED, PICTURE: picture, RULE: answers}, store) as server:
        stopped = leave_task(server, store)
        assert f"%seedream recover {stopped.run_id} fetches its pictures, which bills nothing." in stopped.hint
        assert "task" in stopped.hint
        assert record(store)["state"] == "stopped"
        answers._answers = [QUEUED, done]
        (images,) = client(server, store).recover(stopped.run_id)
        assert shades(images) == [0, 1]
        assert client(server, store).recover() == []


@pytest.mark.skipif(os.name == "nt", reason="links are others there")
def test_recover_writes_no_record_through_a_link(store: Path, tmp_path: Path) -> None:
    """In a folder of a stranger's: the pictures come, the file that the link leads to stays as it is."""
    answers, outside = Asked(QUEUED), tmp_path / "outside"
    with served({POST: QUEUED, PICTURE: picture, RULE: answers}, store) as server:
        folder = store / str(leave_task(server, store).run_id)
        (folder / "response.jsonl").rename(outside)
        outside.write_bytes(b"{}\n")  # the task is named in the answer's own bytes
        (folder / "response.raw").touch(mode=0o600)
        (folder / "response.raw").write_bytes(QUEUED.body)
        (folder / "response.jsonl").symlink_to(outside)
        answers._answers = [done]
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1]
    assert outside.read_bytes() == b"{}\n"


@pytest.mark.fault("F99")
def test_a_task_is_found_again_after_a_kill(tmp_path: Path) -> None:
    """Another process asks for it by the id in the record; there is one POST in all."""
    answers, store = Asked(QUEUED), tmp_path / "store"
    with killing(lambda _: WAYS["the provider's rule"].posted, {RULE: answers}) as (killer, server):
        assert killer.kill_when(store, lambda: server.wait_for(lambda seen: seen.gets > 0, 30))
        server.wait_for(lambda seen: seen.open_connections == 0)
        answers._answers = [QUEUED, done]
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1, None]  # three were asked for
        assert server.posts == 1
        assert client(server, store).recover() == []


@pytest.mark.parametrize("redirected", [True, False])
def test_an_address_on_another_origin_gets_no_key(store: Path, *, redirected: bool) -> None:
    """Named in the answer, or redirected to: it is asked as a picture's host is, without the key."""
    with raw_server({("GET", "/"): Asked(QUEUED, json_reply({"status": "failed"}))}) as other:
        posted = QUEUED if redirected else json_reply({**QUEUED_VALUE, "status_url": f"{other.url}/state/t1"})
        with served({POST: posted, RULE: Reply(302, {"Location": f"{other.url}/state/t1"})}, store) as server:
            called(server, store)
        assert other.gets == 2
        assert not any("authorization" in request.headers for request in other.requests)
        assert KEY.encode() not in b"".join(request.head for request in other.requests)


PRIVATE = (
    "https://169.254.169.254/x",
    "https://[fd00::1]/",
    "https://user@example.com/t1",
    "https://example.com:x/",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_opened(address: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer may name any address; the error says that this one was not asked, and which task it was."""
    connected: list[Any] = []
    real = asyncio.BaseEventLoop.create_connection

    async def connect(loop: Any, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        connected.append(host)
        return await real(loop, factory, host, port, **options)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
    with served({POST: json_reply({**QUEUED_VALUE, "status_url": address})}, store) as server:
        error = failed(called(server, store))
        assert (set(connected), server.gets) == ({"127.0.0.1"}, 0)
    assert isinstance(error, ResponseBroken)
    assert "t1" in str(error)
    assert "stream ended" not in str(error)


@pytest.mark.parametrize(
    ("value", "tasks"),
    [
        ({"task_id": "x"}, [Task("x")]),
        ({"id": "x", "status": "ok"}, []),
        ({"id": "x", "status": "Queued"}, [Task("x", "Queued", under_way=True)]),
        ({"status": "queued", "task_id": "", "usage": {"task_id": "x"}}, []),
        ({"data": {"taskId": 7, "state": "waiting"}}, [Task("7", "waiting", under_way=True)]),
        ({"task_id": "x", "status": "failed"}, [Task("x", "failed", given_up=True)]),
    ],
)
def test_what_is_a_task(value: dict[str, Any], tasks: list[Task]) -> None:
    """By a word for work under way, by a name that only tasks have, by the object's kind."""
    assert tasks_of(value) == tasks


BESIDE: dict[str, Callable[[Request], dict[str, Any]]] = {
    "base64": lambda _: {"data": [{"b64_json": b64(0)}]},
    "a link in an envelope": lambda r: {"result": {"images": named(r, 0)}},
}


@pytest.mark.parametrize("least", [64, extraction.LEAST])
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("images", [1, 2])
def test_pictures_beside_a_task_are_taken(
    beside: str, images: int, least: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came is here, and the task is asked for the rest only: not at all where all came. Large ones as well."""
    monkeypatch.setattr(extraction, "LEAST", least)

    def all_of_it(request: Request) -> Behaviour:
        encoded = [{"b64_json": b64(place)} for place in (0, 1)]
        return json_reply({"status": "succeeded", "data": encoded if beside == "base64" else named(request, 0, 1)})

    def posted(request: Request) -> Behaviour:
        return json_reply({"id": "t1", "status": "pending", "status_url": "/state/t1", **BESIDE[beside](request)})

    rest = Asked(answer("running"), all_of_it)
    with served({POST: posted, PICTURE: picture, STATE: rest}, store) as server:
        assert shades(drawn(called(server, store, images=images))) == [0, 1][:images]
        assert server.count("GET", "/state/") == (0 if images == 1 else 2)
        assert client(server, store).recover() == []


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (answer("failed", fail_reason="out of luck"), [0, None]),
        (answer("succeeded", 0, 1), [0, 1]),
        (answer("succeeded", 1), [0, 1]),
        (Reply(404), [0, None]),
    ],
    ids=["failed", "with both", "with the other", "gone"],
)
def test_pictures_of_a_task_under_way_are_taken_at_once(end: Any, shown: list[int | None], store: Path) -> None:
    """Whatever the next answer says; they are in the record, with the links that it needs."""
    with served({POST: STATED, PICTURE: picture, STATE: Asked(answer("running", 0), end)}, store) as server:
        assert shades(drawn(called(server, store, images=2))) == shown
    assert "picture/0.jpeg" in next(store.glob("*/response.jsonl")).read_text("utf-8")


@pytest.mark.parametrize(
    ("odd", "asked", "words"),
    [(answer("succeeded"), 3, "'succeeded'"), (Reply(200), 5, "to be read"), (Reply(404), 1, "404")],
    ids=["without pictures", "empty", "gone"],
)
def test_a_task_that_stays_odd_is_told_and_stays_open(odd: Any, asked: int, words: str, store: Path) -> None:
    """After some answers the error names the task; `recover` asks by its id again, as often as it is called."""
    answers = Asked(odd)
    with served({POST: STATED, PICTURE: picture, STATE: answers}, store) as server:
        error = failed(called(server, store, images=2))
        assert isinstance(error, ResponseBroken)
        assert "t1" in str(error)
        assert words in str(error)
        assert server.count("GET", "/state/") == asked
        (images,) = client(server, store).recover()
        assert not images.ok
        answers._answers = [done]
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1]
        assert client(server, store).recover() == []


@pytest.mark.parametrize("bad", [Reply(404), Reply(401), json_reply({"status": "failed", "fail_reason": "no luck"})])
def test_one_bad_task_does_not_end_the_others(bad: Reply, store: Path) -> None:
    """They are followed to their end, in the run and in `recover`; then the bad one is told."""
    tasks = [{"task_id": name, "status": "queued", "status_url": f"/state/{name}"} for name in ("t1", "t2", "t3")]
    scenario: Scenario = {
        POST: json_reply({"data": tasks}),
        PICTURE: picture,
        ("GET", "/state/t1"): bad,
        ("GET", "/state/t2"): answer("succeeded", 0),
        ("GET", "/state/t3"): Asked(QUEUED, answer("succeeded", 1)),
    }
    with served(scenario, store) as server:
        images = drawn(called(server, store, images=3))
        assert shades(images) == [0, 1, None]
        assert "t1" in str(images.failed[0].error) or "no luck" in str(images.failed[0].error)
        for picture_file in store.glob("*/0*.j*"):
            picture_file.unlink()
        (images,) = client(server, store).recover(images.run_id)
        assert shades(images)[:2] == [0, 1], images.failed


@pytest.mark.parametrize(
    ("task_id", "path"),
    [
        ("a\r\nX-Evil: /../#b?c", "/v1/images/generations/a%0D%0AX-Evil%3A%20%2F..%2F%23b%3Fc"),
        ("..", None),
        ("t-81", "/v1/images/generations/t-81"),
    ],
)
def test_an_id_cannot_lead_out_of_the_path(task_id: str, path: str | None, store: Path) -> None:
    """It is quoted in the address, and on one line where it is shown, for the gateway's console."""
    with served({POST: json_reply({"task_id": task_id, "status": "queued"})}, store) as server:
        error = failed(called(server, store))
        asked = [request for request in server.requests if request.method == "GET"]
    assert [request.path for request in asked][:1] == ([path] if path else [])
    assert all(request.path.startswith("/v1/") and "x-evil" not in request.headers for request in asked)
    assert not set("\r\n") & set("".join((str(error), error.hint)))
    assert task_id != "t-81" or (type(error), "404" in str(error), task_id in str(error)) == (
        ResponseBroken,
        True,
        True,
    )


def test_recover_puts_nothing_over_a_picture(store: Path) -> None:
    """A record that somebody changed names a task; the pictures on disk stay as they are."""
    with served({POST: done, PICTURE: picture, STATE: answer("succeeded", 7, 8, 9)}, store) as server:
        images = drawn(called(server, store, images=3))
        before = {frame.path: frame.path.read_bytes() for frame in images.ok if frame.path}
        assert len(before) == 2
        dead = {"state": "answering", "frames": [], "process": {"host": "elsewhere", "pid": 1}}
        (images.folder / "request.json").write_text(json.dumps(record(store) | dead), "utf-8")
        (images.folder / "response.jsonl").write_text(json.dumps({"object": json.loads(STATED.body)}) + "\n", "utf-8")
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1, 9]
        assert {path: path.read_bytes() for path in before} == before


def test_recover_tells_of_the_places_that_a_task_refused(store: Path) -> None:
    """In the service's words, without the key."""
    answers = Asked(Reply(404))
    refused = {"error": {"code": "OutputImageSensitiveContentDetected", "message": f"not this one, {KEY}"}}
    with served({POST: STATED, PICTURE: picture, STATE: answers}, store) as server:
        failed(called(server, store, images=2))
        answers._answers = [lambda r: json_reply({"status": "succeeded", "data": [*named(r, 0), refused]})]
        (images,) = client(server, store).recover()
        assert shades(images) == [0, None]
        assert isinstance(images[1].error, ContentRefused)
        assert "not this one, (key)" in str(images[1].error)
        assert KEY not in next(store.glob("*/request.json")).read_text("utf-8")
        assert client(server, store).recover() == []


def test_a_gateway_that_repeats_the_key_to_recover_is_not_quoted(store: Path) -> None:
    """Neither the record nor the error of a task that failed meanwhile holds the key."""
    answers = Asked(QUEUED)
    with served({POST: QUEUED, RULE: answers}, store) as server:
        leave_task(server, store)
        answers._answers = [json_reply({"task_id": "t1", "status": "failed", "reason": f"{KEY} has no credit"})]
        (images,) = client(server, store).recover()
        assert ["“(key) has no credit”" in str(frame.error) for frame in images.failed] == [True] * 2


def test_the_other_tasks_of_a_list_are_found_again(store: Path) -> None:
    """One of two is done when the run is stopped; `recover` asks for the other."""
    second = Asked(QUEUED)
    first = Asked(lambda r: json_reply({"data": named(r, 0)}))
    with served({POST: TWO_TASKS, PICTURE: picture, RULE: first, OTHER_TASK: second}, store) as server:
        leave_task(server, store, lambda images: bool(images.ok))
        second._answers = [lambda r: json_reply({"data": named(r, 1)})]
        (images,) = client(server, store).recover()
        assert shades(images) == [0, 1]
        assert server.count("GET", RULE[1]) == 1


def test_a_link_that_is_signed_anew_is_the_same_picture(store: Path) -> None:
    """Each answer of a task may sign its links for itself."""
    states = (("running", "a"), ("running", "b"), ("succeeded", "c"))
    signed = [
        own({"status": state, "data": [{"url": f"@/picture/0.jpeg?X-Tos-Signature={signature}"}]})
        for state, signature in states
    ]
    with served({POST: STATED, PICTURE: picture, STATE: Asked(*signed)}, store) as server:
        assert len(drawn(called(server, store, images=2)).ok) == 1
        assert server.count("GET", "/picture/") == 1


def test_the_last_state_of_an_answer_in_events_counts(store: Path) -> None:
    """A poll may be answered as a stream: the pictures of all of its events are taken."""

    def stream(request: Request, *last: dict[str, Any]) -> Behaviour:
        values = [{"status": "queued"}, {"status": "running", "data": named(request, 0)}, *last]
        return Reply(200, EVENT_STREAM, b"".join(sse(None, value) for value in values))

    polls = Asked(stream, lambda r: stream(r, {"status": "succeeded", "data": named(r, 0, 1)}, {}), Reply(404))
    with served({POST: STATED, PICTURE: picture, STATE: polls}, store) as server:
        assert shades(drawn(called(server, store, images=2))) == [0, 1]
