"""What is told of the program that a run is drawn in, and of the library: event loops, threads, the library's file."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

NO_NAME = Text("{of} has no {typed}.", "{of} 没有 {typed}。")
NAME_MEANT = Text("{of} has no {typed}: did you mean {meant}?", "{of} 没有 {typed}，是想写 {meant} 吗？")
"""A keyword, an attribute or a setting that there is not."""
OTHER_KEYWORDS = MappingProxyType({
    "n": "images", "num_images": "images", "count": "images", "s": "size", "r": "ratio", "aspect_ratio": "ratio",
    "m": "model", "i": "refs", "ref": "refs", "reference": "refs", "words": "prompt",
    "retry": "redo", "save": "export",
    "张数": "images", "尺寸": "size", "比例": "ratio", "模型": "model", "参考图": "refs", "水印": "watermark",
    "提示词": "prompt", "重新生成": "fresh", "标题": "title", "作者": "author", "版式": "layout",
})  # fmt: skip
"""Keywords by other words: those of a cell's options, of other programs, Chinese ones."""
ARGUMENT_LACKS = Text("{of} needs {name}.", "{of} 缺少 {name}。")
WRITE_KEYWORDS = Text(
    "{of} takes only {names} without a keyword: write {keyword}=… for the next.",
    "{of} 只有 {names} 可不写参数名，后面的请写成 {keyword}=…。",
)
ABOUT_NESTING = Text(
    "event_loop nest uses nest-asyncio here: from now on asyncio.run(loop_factory=...), from Python 3.14 on also "
    "asyncio.timeout, fail in this kernel. %pip install nest-asyncio2 and a restart mend it; event_loop thread has "
    "neither.",
    "event_loop nest 在此使用 nest-asyncio：此后本内核中 asyncio.run(loop_factory=...) 会失败，Python 3.14 起 "
    "asyncio.timeout 也会。%pip install nest-asyncio2 并重启可解决；event_loop thread 没有此问题。",
)
EVENT_LOOP = Text("event_loop is {words}, not {value}.", "event_loop 可取 {words}，不能是 {value}。")
PATCHED = Text(
    "{name} has patched this process, and no run can have a thread of its own there.",
    "{name} 改写了本进程，运行无法使用自己的线程。",
)
DRAW_ELSEWHERE = Text(
    "Draw in a process or a notebook without {name}'s monkey patches.",
    "请在没有 {name} 补丁的进程或笔记本中绘制。",
)
OTHER_LOOP = Text(
    "Awaiting a set needs asyncio, but another event loop runs here (trio, curio).",
    "await 组图需要 asyncio，而此处运行的是其他事件循环（trio、curio）。",
)
WITHOUT_AWAIT = Text(
    "There generate(...) without await does the same, as %%seedream does.",
    "此处可不用 await 直接 generate(...)，%%seedream 也可以。",
)
SHOWING_FAILED = Text(
    "Showing this run failed ({fault}: {why}). The run goes on.",
    "显示这次运行时出错（{fault}：{why}）。运行仍在继续。",
)
NEST_DOES_NOT_FIT = Text(
    "event_loop nest does not go with this event loop: {why}.", "event_loop nest 不适用于此事件循环：{why}。"
)
USE_THREAD = Text("Use thread.", "请用 thread。")
LIBRARY_OF_ANOTHER = Text("it is another program's database", "它是其他程序的数据库")
LIBRARY_NEWER = Text("a newer version of seedream-magic has written it", "它由更新版本的 seedream-magic 写入")
LIBRARY_NOT_OWN = Text("it is no file of this user", "它不属于当前用户")
