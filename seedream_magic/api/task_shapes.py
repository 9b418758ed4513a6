"""Where an answer names a task in place of pictures, in the shapes of the gateways that work so. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.models import MAXIMUM_FRAMES
from seedream_magic.api.redaction import is_link
from seedream_magic.api.shapes import Place, is_error, known_places, plain_name, word_set

_TASK_IDS = ("task_id", "taskId", "taskid", "job_id", "jobId", "request_id", "prediction_id", "generation_id", "id")
_TASK_URLS = (
    "status_url",
    "polling_url",
    "poll_url",
    "get_url",
    "task_url",
    "result_url",
    "response_url",
    "url",
    "get",
)
_REASONS = ("fail_reason", "failure_reason", "error", "message", "reason")
_STATES = ("status", "task_status", "taskStatus", "state")
_UNDER_WAY = word_set("""
    submitted queued queueing queuing pending waiting created accepted processing running started starting inprogress
    inqueue notstart notstarted generating scheduled 排队中 等待中 处理中 进行中 生成中 已提交 提交成功
""")
_AT_ONCE = word_set("submitted created accepted")
"""Those of them that may also stand in an answer that has its pictures already."""
_GIVEN_UP = word_set(
    "failed failure fail error canceled cancelled expired timeout rejected 失败 生成失败 已取消 已超时"
)
_DONE = word_set("200 ok success succeeded successful completed complete finished done ready 成功 已完成 完成")
_ECHOED = frozenset({"image", "image_url", "urls", "links"})
"""Beside a task under way: the request's own references, and further addresses of the task."""


@dataclass(frozen=True)
class Task:
    """What a gateway gives in place of pictures: the id of a task, which it works on by itself.

    `state` is the gateway's word for how far it is, which means that it is `under_way` or `given_up`, or neither.
    `urls` are the addresses at which the answer says that it can be asked for.
    """

    task_id: str
    state: str = ""
    urls: tuple[str, ...] = ()
    under_way: bool = False
    given_up: bool = False


def tasks_of(value: Mapping[str, Any], *, location: str = "", task_id: str = "", pictures: bool = False) -> list[Task]:
    """The tasks that an object names in place of pictures; `location` is the head's `Location`, if it has one.

    It is one by a word for work under way, by a name that only tasks have, or by the object's own kind. `task_id` is
    the task that was asked for: its answers need not name it, and any word or number for its state that is not known to
    end it means that it is under way. `pictures` says that the object holds some.
    """
    found: dict[str, Task] = {}
    asked_for = task_id
    under_way_words = _UNDER_WAY - _AT_ONCE if pictures else _UNDER_WAY
    failed = is_error(value.get("error"))
    for fields in _layers(value):
        task_id = next((str(fields[name]) for name in _TASK_IDS if _is_id(fields.get(name))), asked_for)
        state = _state(fields, asked_for=bool(asked_for))
        kind = str(fields.get("object") or fields.get("type") or "")
        named = any(_is_id(fields.get(name)) for name in _TASK_IDS[:4]) or "task" in kind
        # A link of what says nothing of a task is a picture's.
        of_task = _TASK_URLS if fields is value or state or named else _TASK_URLS[:5]
        urls = tuple(dict.fromkeys(filter(None, (*map(_address, _task_urls(fields, of_task)), location))))
        leads_on = any(_address(fields.get(name)) for name in _TASK_URLS[:5]) or bool(asked_for and (urls or state))
        word = plain_name(state) or state.strip()
        unknown = bool(asked_for and state and not pictures and not failed) and word not in _GIVEN_UP | _DONE
        under_way = word in under_way_words or unknown
        given_up = word in _GIVEN_UP or (failed and not under_way)
        if leads_on or (task_id and (under_way or word in _GIVEN_UP or named or location)):
            task = Task(task_id[:200], state[:40], urls, under_way=under_way, given_up=given_up)
            found[task_id] = _join(found[task_id], task) if task_id in found else task
    return list(found.values()) or ([Task("", "", (location,))] if location and not failed else [])


def _join(envelope: Task, inner: Task) -> Task:
    """What an envelope and what it holds say of the same task; the word that decides is the inner one's, as a rule."""
    ended = inner.given_up or plain_name(inner.state) in _DONE
    under_way = inner.under_way or (envelope.under_way and not ended)
    state = inner.state if inner.under_way or inner.given_up else envelope.state or inner.state
    urls = tuple(dict.fromkeys((*envelope.urls, *inner.urls)))
    given_up = (envelope.given_up or inner.given_up) and not under_way
    return Task(inner.task_id, state, urls, under_way=under_way, given_up=given_up)


def reason_of(value: Mapping[str, Any]) -> object:
    """What a gateway says of a task that it gave up: a text or an error object, None if it says nothing."""
    for fields in _layers(value):
        for name in _REASONS:
            if is_error(words := fields.get(name)):
                return words
    return None


def pictures_beside(value: Mapping[str, Any], tasks: Iterable[Task]) -> list[Place]:
    """The finished pictures in an object that also names tasks under way: none of the tasks' own addresses."""
    addresses = {url for task in tasks for url in task.urls}
    own = {name: item for name, item in value.items() if name not in _ECHOED}
    return [place for place in known_places(own) if place.is_picture and (place.b64_json or place.url not in addresses)]


def _state(fields: Mapping[str, Any], *, asked_for: bool) -> str:
    """The word for how far a task is; of one that was asked for a number says so as well, and its progress."""
    numbers = (*_STATES, "progress") if asked_for else ()
    words = (str(fields[name]) for name in _STATES if isinstance(fields.get(name), str))
    numbered = (str(fields[name]) for name in numbers if type(fields.get(name)) in {int, float, str})
    return next(words, "") or next(numbered, "")


def _task_urls(fields: Mapping[str, Any], keys: Sequence[str]) -> Iterator[object]:
    urls = fields.get("urls")
    for name in keys:
        yield fields.get(name)
        if isinstance(urls, Mapping):
            yield urls.get(name)


def _layers(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """An object, and those that envelopes put around the ones that count."""
    yield value
    for name in ("data", "result", "output", "task", "tasks", "response"):
        inner = value.get(name)
        for item in inner[:MAXIMUM_FRAMES] if isinstance(inner, list) else [inner]:
            if isinstance(item, Mapping):
                yield item
                if isinstance(item.get("data"), Mapping):
                    yield item["data"]


def _address(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text if is_link(text) or text.startswith("/") else ""


def _is_id(value: object) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or (type(value) is int and value > 0)
