"""The words of a light table, and what it takes."""

from __future__ import annotations

from seedream_magic.words.text import Text

LIGHT_TABLE = Text("Light table", "看片台")
ZOOM_IN = Text("Zoom in", "放大")
ZOOM_OUT = Text("Zoom out", "缩小")
STAR = Text("Star", "加星标")
THROW_OUT = Text("Throw out", "淘汰")
BRING_BACK = Text("Bring back", "放回")
ONE_LEFT = Text("One is left", "只剩一张")
KEEP_STARS = Text("To keep the stars, run:", "要保存星标，请运行：")
KEYS = Text(
    "Arrows choose, S stars, X throws out, U brings back, + − 0 zoom.",
    "方向键选择，S 加星标，X 淘汰，U 放回，+ − 0 缩放。",
)
TOKENS_OF_ALL = Text("{tokens:token} of {made:image}", "{made} 张共 {tokens:,} token")

TAKES_FRAMES = Text(
    "A light table takes frames, such as images[2], not {kind}.", "对比的应是帧，如 images[2]，不能是 {kind}。"
)
TAKES_SO_MANY = Text(
    "A light table takes {fewest} to {most} pictures, not {count}.",
    "一次可对比 {fewest} 到 {most} 张图片，这里是 {count} 张。",
)
NO_PICTURE = Text("{name} has no picture.", "{name} 没有图片。")
