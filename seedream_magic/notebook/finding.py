"""What `%seedream doctor` finds and how it is shown, the service's codes and the store's last failures among it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seedream_magic.api.codes import CODES, Code, billed_by_status, codes_like, error_kind, find_code
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.record import Record
from seedream_magic.view.markup import element, text_lines
from seedream_magic.words import doctor as texts
from seedream_magic.words.clip import one_line, text_width
from seedream_magic.words.lists import enumeration
from seedream_magic.words.service import NO_MODEL
from seedream_magic.words.text import Text, from_stored, join, of_run

NAMES = {
    "versions": texts.VERSIONS,
    "front_end": texts.FRONT_END,
    "settings": texts.SETTINGS,
    "provider": texts.PROVIDER,
    "key": texts.KEY,
    "headers": texts.HEADERS,
    "store": texts.STORE,
    "library": texts.LIBRARY,
    "runs": texts.RUNS,
    "answers": texts.ANSWERS,
    "proxy": texts.PROXY,
    "TLS": texts.TLS,
    "network": texts.NETWORK,
    "clock": texts.CLOCK,
    "errors": texts.ERRORS,
}
"""What is looked at, in the order in which it is told within its group."""
NEWEST = 20
"""Runs that are looked at for failures."""
COLUMNS = 78
"""Of a terminal."""
_GROUPS = {"bad": texts.WRONG, "look": texts.LOOK, "ok": texts.FINE, "-": texts.NOT_LOOKED_AT}
_BILLED = {"no": texts.NO, "yes": texts.YES, "unknown": texts.PERHAPS}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, worth a look, or broken; "-" where it was not looked at."""

    mark: Literal["ok", "look", "bad", "-"]
    name: str
    text: str
    fix: str = ""


def to_install(what: str) -> str:
    """How to install a package of pip's, with its limits."""
    return texts.INSTALL(what=what)


def report(findings: Sequence[Finding]) -> dict[str, str]:
    """The findings as a mimebundle: a verdict, then what is wrong, each with its fix, and what is fine."""
    bad, look = (sum(finding.mark == mark for finding in findings) for mark in ("bad", "look"))
    verdict = texts.VERDICT(bad=bad, look=look) if bad or look else texts.NOTHING_WRONG()
    groups = {mark: [finding for finding in findings if finding.mark == mark] for mark in _GROUPS}
    lines: list[str] = [verdict]
    parts = [element("div", {"style": _HEADING}, verdict)]
    for mark, found in groups.items():
        if found:
            lines += ["", _GROUPS[mark](), *(line for finding in found for line in _lines(finding))]
            parts.append(element("div", {"style": _HEADING}, _GROUPS[mark]()))
            parts.append(element("ul", {"style": _LIST}, *(_item(finding) for finding in found)))
    return {"text/html": str(element("div", {"style": _WRAPPED}, *parts)), "text/plain": "\n".join(lines)}


_WRAPPED = "max-width:80ch;padding:0 6px;overflow-wrap:anywhere;text-align:left"
"""In a narrow JupyterLab an output begins at the bar that folds it."""
_HEADING = "font-weight:600;margin:8px 0 2px 0"
_LIST = "margin:0;padding:0 0 0 1.2em"


def _lines(finding: Finding) -> Iterator[str]:
    named = join(NAMES[finding.name](), finding.text)
    yield from text_lines(named, COLUMNS, first="  ", then="    ")
    if finding.fix:
        yield from text_lines(finding.fix, COLUMNS, first="    -> ", then="       ")


def _item(finding: Finding) -> str:
    name = NAMES[finding.name]()
    blank = "" if name.endswith("：") else " "  # a sign of full width has its own
    label = element("b", {}, name)
    fix = (element("div", {}, f"→ {finding.fix}"),) if finding.fix else ()
    return element("li", {"style": "margin:2px 0"}, label, blank, finding.text, *fix)


def explain(name: str) -> dict[str, str]:
    """Cause, fix and bill of a code of the service, or of an HTTP status. Raises `InvalidRequest` if it is unknown."""
    typed = name.lower().removeprefix("http").strip()
    code = find_code(name) or find_code(typed)
    status = int(typed) if typed.isdecimal() and 200 <= int(typed[:4]) < 600 else 0
    if code is None and not status:
        near = codes_like(name)
        meant = texts.CODE_MEANT(name=repr(name[:60]), meant=enumeration(near))
        raise InvalidRequest(meant if near else texts.NO_CODE(name=repr(name[:60])))
    rows = _rows_of_code(code) if code and not status else _rows_of_status(status, code)
    head, *labelled = rows
    lines = [head[1], *(line for label, text in labelled for line in _labelled_lines(label, text))]
    items = [element("div", {"style": _HEADING}, head[1])]
    items += [element("div", {}, join(label, text)) for label, text in labelled]
    return {"text/html": str(element("div", {"style": _WRAPPED}, *items)), "text/plain": "\n".join(lines)}


def _labelled_lines(label: str, text: str) -> list[str]:
    return text_lines(join(label, text), COLUMNS, then="  ")


def _rows_of_code(code: Code) -> list[tuple[str, str]]:
    error = type(refusal_error(Refusal(code.name), status=code.statuses[0])).__name__
    statuses = " / ".join(map(str, code.statuses))
    return [
        ("", f"{code.name} · HTTP {statuses} · {error}"),
        (texts.CAUSE(), code.cause()),
        (texts.FIX(), code.fix()),
        (texts.BILLED(), _BILLED[billed_by_status(code.statuses[0])]()),
    ]


def _rows_of_status(status: int, code: Code | None) -> list[tuple[str, str]]:
    """Of a status alone, or of the code that a gateway has it as; the service's codes that come with it below."""
    cause, fix = (code.cause, code.fix) if code else _about_status(status)
    kind = f" · {error_kind('', status).__name__}" if status >= 400 else ""
    codes = [known.name for known in CODES.values() if status in known.statuses and not known.name.isdecimal()]
    billed = _BILLED[billed_by_status(status)]()
    if codes:  # the short ones say most, and stand in the line of the bill
        room = COLUMNS - text_width(billed) - 22
        billed += f" · {join(texts.CODES(), _within(sorted(codes, key=len), room))}"
    return [
        ("", f"HTTP {status}{kind}"),
        (texts.CAUSE(), cause()),
        *([(texts.FIX(), fix())] if fix else []),
        (texts.BILLED(), billed),
    ]


def _about_status(status: int) -> tuple[Text, Text | None]:
    """Cause and fix of a status that is no code."""
    option, key, model, wait, look_first = (
        CODES[name].fix
        for name in (
            *("InvalidParameter", "AuthenticationError", "InvalidEndpointOrModel.NotFound"),
            *("RequestBurstTooFast", "502"),
        )
    )
    if status < 300:
        return texts.STATUS_FINE, None
    if status < 400:
        return texts.STATUS_REDIRECT, texts.FIX_ADDRESS
    if status >= 500:
        return _FAILED.get(status, texts.STATUS_5XX), look_first
    known: dict[int, tuple[Text, Text]] = {
        400: (texts.STATUS_400, option),
        401: (texts.STATUS_401, key),
        403: (texts.STATUS_403, key),
        404: (NO_MODEL, model),
        405: (texts.STATUS_405, texts.FIX_ADDRESS),
        409: (texts.STATUS_409, look_first),
        415: (texts.STATUS_415, texts.FIX_ADDRESS),
        429: (texts.STATUS_429, wait),
    }
    return known.get(status, (texts.STATUS_4XX, option))


_FAILED = {
    500: texts.STATUS_500,
    520: texts.STATUS_520,
    521: texts.STATUS_521,
    522: texts.STATUS_522,
    523: texts.STATUS_523,
    525: texts.STATUS_525,
    526: texts.STATUS_526,
    527: texts.STATUS_527,
    529: texts.STATUS_529,
    530: texts.STATUS_530,
}


def last_failures(newest: Sequence[Record]) -> list[Finding]:
    """The last three kinds of failure among these runs, each once; newest first."""
    found: dict[str, Finding] = {}
    for record in newest:
        listed = record.facts.get("frames")
        for facts in (record.facts.get("error"), *(listed if isinstance(listed, list) else [])):
            if isinstance(facts, Mapping) and facts.get("error"):
                found.setdefault(_name(facts), _failure(record, facts))
    return list(found.values())[:3] or [Finding("ok", "errors", texts.NO_FAILURE(runs=NEWEST))]


def _name(facts: Mapping[str, Any]) -> str:
    """The service's code; without one a gateway's status that is known, else our name of the error."""
    status = str(facts.get("status"))
    return clean_text(facts.get("code") or (status if status in CODES else facts.get("error")))[:60]


def _failure(record: Record, facts: Mapping[str, Any]) -> Finding:
    name = _name(facts)
    code = find_code(name)
    # It may be advice about a gateway, which the table does not have.
    hint = from_stored(facts.get("hint") or "", clean_text)
    # A refused frame costs nothing, though the answer in which it stood had begun and billed.
    billed = "no" if facts.get("error") == "ContentRefused" else str(facts.get("billed") or "no")
    cause = code.cause() if code else one_line(from_stored(facts.get("message") or "", clean_text), 120)
    text = texts.FAILURE(name=name, run=record.run_id, cause=cause, billed=_BILLED.get(billed, texts.PERHAPS)())
    return Finding("look", "errors", text, of_run(hint or (code.fix() if code else ""), record.run_id))


def _within(names: Sequence[str], room: int) -> str:
    """As many of the names as there is room for, and a sign where that is not all."""
    shown = [enumeration((*names[:count], "…")) for count in range(1, len(names))]
    fitting = [text for text in (*shown, enumeration(names)) if text_width(text) <= room]
    return fitting[-1] if fitting else "…"
