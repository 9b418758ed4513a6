"""What `%seedream doctor` finds and how it is printed, the service's codes and the store's last failures among it.

One line in English, one in Chinese, the fix in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seedream_magic.api.codes import CODES, billed_by_status, codes_like, find_code
from seedream_magic.api.redaction import clean_text
from seedream_magic.api.refusal import Refusal, refusal_error
from seedream_magic.errors import InvalidRequest
from seedream_magic.images.record import Record
from seedream_magic.words.clip import one_line
from seedream_magic.words.text import Text, from_stored

NAMES = {
    "versions": "版本",
    "front end": "前端",
    "settings": "设置",
    "provider": "服务",
    "key": "密钥",
    "headers": "标头",
    "store": "存储",
    "library": "图库",
    "runs": "记录",
    "answers": "应答",
    "proxy": "代理",
    "TLS": "证书",
    "network": "网络",
    "clock": "时钟",
    "errors": "报错",
}
"""What is looked at, in the order in which it is printed but for what is wrong, which stands first; two Chinese
characters each, so that columns align."""
NEWEST = 20
"""Runs that are looked at for failures."""
_BILLED = {"no": Text("no", "否"), "yes": Text("yes", "是"), "unknown": Text("perhaps", "可能")}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, worth a look, or broken; "-" where it was not looked at.

    `text` is a plain string where it holds facts only, the same in both languages.
    """

    mark: Literal["ok", "look", "bad", "-"]
    name: str
    text: Text | str
    fix: Text | None = None


def to_install(what: str) -> Text:
    """How to install a package of pip's, with its limits."""
    command = f'%pip install "{what}"'
    return Text(f"{command}, then restart the kernel.", f"{command}，然后重启内核。")


def finding_lines(findings: Sequence[Finding]) -> str:
    """The findings as lines, what is wrong first, and a last one that counts it."""
    ranks = {"bad": 0, "look": 1}
    lines = [line for finding in sorted(findings, key=lambda one: ranks.get(one.mark, 2)) for line in _lines(finding)]
    bad, look = (sum(finding.mark == mark for finding in findings) for mark in ("bad", "look"))
    verdict = (
        f"{bad} bad, {look} to look at · {bad} 处故障，{look} 处提醒"
        if bad or look
        else "Nothing is wrong here. · 一切正常。"
    )
    return "\n".join([*lines, "", verdict])


def _lines(finding: Finding) -> list[str]:
    head = f"{finding.mark:<5} {finding.name:<10}{NAMES[finding.name]}  "
    below = " " * 22
    text = finding.text
    texts = [text] if isinstance(text, str) else [text.english, text.chinese]
    if finding.fix is not None:
        texts += [f"-> {finding.fix.english}", f"-> {finding.fix.chinese}"]
    texts = list(dict.fromkeys(texts))  # words of the service have one language only
    return [head + texts[0], *(below + text for text in texts[1:])]


def explain(name: str) -> str:
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
    found: dict[str, Finding] = {}
    for record in newest:
        listed = record.facts.get("frames")
        for facts in (record.facts.get("error"), *(listed if isinstance(listed, list) else [])):
            if isinstance(facts, Mapping) and facts.get("error"):
                found.setdefault(_name(facts), _failure(record, facts))
    return list(found.values())[:3] or [Finding("ok", "errors", f"none in the last {NEWEST} runs · 最近无报错")]


def _name(facts: Mapping[str, Any]) -> str:
    """The service's code; without one a gateway's status that is known, else our name of the error."""
    status = str(facts.get("status"))
    return clean_text(facts.get("code") or (status if status in CODES else facts.get("error")))[:60]


def _failure(record: Record, facts: Mapping[str, Any]) -> Finding:
    name = _name(facts)
    code = find_code(name)
    message = one_line(from_stored(facts.get("message") or "", clean_text), 120)
    hint = from_stored(
        facts.get("hint") or "", clean_text
    )  # it may be advice about a gateway, which the table does not have
    fix = Text(hint or code.fix.english, code.fix.chinese) if code else Text(hint, hint) if hint else None
    # A refused frame costs nothing, though the answer in which it stood had begun and billed.
    billed = "no" if facts.get("error") == "ContentRefused" else str(facts.get("billed") or "no")
    whether = _BILLED.get(billed, _BILLED["unknown"])
    cause = code.cause if code else Text(message, "")
    words = Text(
        f"{name} (run {record.run_id}): {cause.english} Billed: {whether.english}.",
        f"{cause.chinese}计费：{whether.chinese}。",
    )
    return Finding("look", "errors", words, fix)
