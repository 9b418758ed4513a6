"""What `python -m seedream_magic.demo` tells in a terminal; its answers are the service's own, and English as those."""

from __future__ import annotations

from seedream_magic.words.text import Text

MARK = Text("AI generated", "AI 生成")
"""The watermark on its pictures, as the service's own ones have it."""
ABOUT = Text(
    "The demo service alone, until Ctrl-C. Its base URL is the first line it prints.",
    "单独运行演示服务，按 Ctrl-C 结束；输出的第一行是 base URL。",
)
STARTED = Text(
    "The Seedream demo service: no network, no cost. Ctrl-C ends it. Try:",
    "Seedream 演示服务：不联网，不计费，按 Ctrl-C 结束。可以试试：",
)
CANNOT_LISTEN = Text("cannot listen on 127.0.0.1:{port}: {why}", "无法监听 127.0.0.1:{port}：{why}")
NO_PORT = Text("{port} is not between 0 and 65535", "{port} 不在 0 到 65535 之间")
PORT = Text("default: a free one", "默认选空闲端口")
DELAY = Text("seconds a picture takes (1)", "每张图片所需秒数（1）")
KEY = Text("the only key accepted; default: any", "只接受此密钥；默认接受任意密钥")
LINK_LIFE = Text("seconds a link is served (86400)", "图片链接的有效秒数（86400）")
SHAPE = Text("of the JSON answer (ark)", "JSON 应答的格式（ark）")
