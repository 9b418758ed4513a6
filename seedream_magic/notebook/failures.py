"""Why runs failed: the codes of the service explained, and the last failures of the store with cause, fix and bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedream_magic.api.codes import CODES, Text, codes_like, find_code
from seedream_magic.api.refusal import Refusal, billed_by_status, clipped, refusal_error
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.record import Record
from seedream_magic.notebook.finding import Finding
from seedream_magic.view.words import one_line

NEWEST = 20
"""Runs that are looked at for failures."""
_BILLED = {"no": Text("no", "否"), "yes": Text("yes", "是"), "unknown": Text("perhaps", "可能")}


def explained(name: str) -> str:
    """Cause, fix and bill of one code of the service, in both languages. Raises `InvalidRequest` if it is unknown."""
    code = find_code(name)
    if code is None:
        near = codes_like(name)
        meant = f"did you mean {', '.join(near)}?" if near else "Tab after %seedream doctor lists them."
        raise InvalidRequest(f"There is no code {name[:60]!r} in the list: {meant}")
    error = type(refusal_error(Refusal(code.name), status=code.statuses[0])).__name__
    billed = _BILLED[billed_by_status(code.statuses[0])]
    statuses = " / ".join(map(str, code.statuses))
    rows = (
        ("cause", code.cause.english), ("fix", code.fix.english), ("billed", billed.english),
        ("原因", code.cause.chinese), ("办法", code.fix.chinese), ("计费", billed.chinese),
    )  # fmt: skip
    lines = [f"{label:<{8 if label.isascii() else 6}}{text}" for label, text in rows]
    return "\n".join([f"{code.name} · HTTP {statuses} · {error}", *lines])


def last_failures(newest: Sequence[Record]) -> list[Finding]:
    """The last three kinds of failure among these runs, each once; newest first."""
    told: dict[str, Finding] = {}
    for record in newest:
        for facts in _failures(record):
            told.setdefault(_name(facts), _explained_failure(record, facts))
    return list(told.values())[:3] or [Finding("ok", "errors", f"none in the last {NEWEST} runs · 最近无报错")]


def _failures(record: Record) -> list[Mapping[str, Any]]:
    listed = record.facts.get("frames")
    candidates = [record.facts.get("error"), *(listed if isinstance(listed, list) else [])]
    return [facts for facts in candidates if isinstance(facts, Mapping) and facts.get("error")]


def _name(facts: Mapping[str, Any]) -> str:
    """The service's code; without one a gateway's status that is known, else our name of the error."""
    status = str(facts.get("status"))
    return clipped(facts.get("code") or (status if status in CODES else facts.get("error")))[:60]


def _explained_failure(record: Record, facts: Mapping[str, Any]) -> Finding:
    name = _name(facts)
    code = find_code(name)
    message = one_line(clipped(facts.get("message") or ""), 120)
    hint = clipped(facts.get("hint") or "")
    # A refused frame costs nothing, though the answer in which it stood had begun and billed.
    told = "no" if facts.get("error") == "ContentRefused" else str(facts.get("billed") or "no")
    billed = _BILLED.get(told, _BILLED["unknown"])
    cause = code.cause if code else Text(message, "")
    words = Text(
        f"{name} (run {record.run_id}): {cause.english} Billed: {billed.english}.",
        f"{cause.chinese}计费：{billed.chinese}。",
    )
    return Finding("look", "errors", words, code.fix if code else Text(hint, hint) if hint else None)
