"""How far a batch is, and what failed in it."""

from __future__ import annotations

from seedream_magic.words.text import Text

FAILED = Text("{rows:,} failed", "失败 {rows:,}")
MAY_BE_BILLED = Text("{rows:,} may be billed", "可能计费 {rows:,}")
NOT_SENT_AGAIN = Text("{rows:,} not sent again", "未重复发送 {rows:,}")
WHAT_FAILED = Text(
    "{rows:row} failed ({kinds}): batch.failed tells why of each.", "{rows} 行失败（{kinds}），原因见 batch.failed。"
)
NO_ANSWER = Text(
    "{rows:row} sent and not answered, so they may be billed, and are not sent again.",
    "{rows} 行已发送但没有应答，可能已计费，不会重复发送。",
)
SENT_BEFORE = Text(
    "{rows:row} not sent again, so nothing was billed for them now: an earlier run had sent them, till a Stop "
    "perhaps, and nobody knows whether that was billed.",
    "{rows} 行未重复发送，这次未计费：之前的运行（可能被停止）已发送过，是否计费无法得知。",
)
HOW_TO_SEND_THEM = Text(
    "Look at the provider's usage page; seedream.map([each.row for each in batch.failed], fresh=True), with the other "
    "options of this call, sends them once more.",
    "请先查看服务商的用量页面；seedream.map([each.row for each in batch.failed], fresh=True) "
    "加上这次调用的其他选项会再次发送。",
)
