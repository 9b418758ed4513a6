"""What `%seedream doctor` finds, and how it is printed: one line in English, one in Chinese, the fix in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seedream_magic.api.codes import Text

NAMES = {
    "versions": "版本",
    "front end": "前端",
    "settings": "设置",
    "provider": "服务",
    "key": "密钥",
    "headers": "标头",
    "store": "存储",
    "runs": "记录",
    "proxy": "代理",
    "network": "网络",
    "clock": "时钟",
    "errors": "报错",
}
"""What is looked at, in the order in which it is told; two Chinese characters each, so that columns align."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, worth a look, or broken; "-" where it was not looked at.

    `told` is plain text where it holds facts only, the same in both languages.
    """

    mark: Literal["ok", "look", "bad", "-"]
    name: str
    told: Text | str
    fix: Text | None = None


def printed(findings: Sequence[Finding]) -> str:
    """The findings as lines, and a last one that counts what is wrong."""
    lines = [line for finding in findings for line in _lines(finding)]
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
    told = finding.told
    texts = [told] if isinstance(told, str) else [told.english, told.chinese]
    if finding.fix is not None:
        texts += [f"-> {finding.fix.english}", f"-> {finding.fix.chinese}"]
    texts = list(dict.fromkeys(texts))  # words of the service have one language only
    return [head + texts[0], *(below + text for text in texts[1:])]
