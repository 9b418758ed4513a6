"""How far a batch is, and what failed in it."""

from __future__ import annotations

from seedream_magic.words.text import Text

FAILED = Text("{rows:,} failed", "失败 {rows:,}")
MAY_BE_BILLED = Text("{rows:,} may be billed", "可能计费 {rows:,}")
NOT_SENT_AGAIN = Text("{rows:,} not sent again", "未重复发送 {rows:,}")
KIND = Text("{count:,} {kind}", "{count:,} 次 {kind}")
WHAT_FAILED = Text(
    "{rows:row} failed ({kinds}): batch.failed tells why of each.", "{rows} 行失败（{kinds}），原因见 batch.failed。"
)
NO_ANSWER = Text(
    "{rows:row} sent and not answered, so they may be billed, and are not sent again.",
    "{rows} 行已发送但没有应答，可能已计费，不会重复发送。",
)
SENT_BEFORE = Text(
    "{rows:row} not sent again, and so not billed now: sent before (perhaps until a Stop), and nobody knows "
    "whether that was billed.",
    "{rows} 行未重复发送，这次未计费：之前的运行（可能被停止）已发送过，是否计费无法得知。",
)
HOW_TO_SEND_THEM = Text(
    "Look at the provider's usage page; after batch = seedream.map(…), seedream.map([each.row for each in batch.failed "
    "if each.in_doubt], fresh=True), with the other options of this call, sends them once more.",
    "请先查看服务商的用量页面；在 batch = seedream.map(…) 之后，seedream.map([each.row for each in batch.failed "
    "if each.in_doubt], fresh=True) 加上这次调用的其他选项会再次发送。",
)
IMAGES = Text("{images:image}", "{images:,} 张")
SET = Text("set", "组")

# What is given
WHOLE_NUMBER = Text("{name} is a whole number from 1 on, not {value}.", "{name} 应为正整数，不能是 {value}。")
NO_EXECUTOR = Text(
    "executor takes one of concurrent.futures, such as a ProcessPoolExecutor, not {kind}.",
    "executor 应为 concurrent.futures 的执行器（如 ProcessPoolExecutor），不能是 {kind}。",
)
ONE_PROMPT = Text(
    "map takes a list of prompts, or whatever gives one after the other, not one prompt.",
    "map 接受提示词列表，或能逐个给出提示词的对象，不能是单个提示词。",
)
NO_PROMPTS = Text(
    "map takes a list of prompts, or whatever gives one after the other, not {kind}.",
    "map 接受提示词列表，或能逐个给出提示词的对象，不能是 {kind}。",
)
USE_AMAP = Text("map takes no asynchronous iterator: use amap.", "map 不接受异步迭代器，请用 amap。")
ROW = Text("row {row:,}: {fault}", "第 {row:,} 行：{fault}")
NO_ROW_CAN = Text("None of the {rows:,} rows can be drawn: {fault}", "{rows:,} 行都无法生成：{fault}")
ROWS_CANNOT = Text("{bad:,} of {rows:,} rows cannot be drawn: {which}", "{rows:,} 行中有 {bad:,} 行无法生成：{which}")
AND_MORE = Text("And {more:,} more.", "另有 {more:,} 行。")
NO_PROMPT = Text('It has no "prompt".', '没有 "prompt"。')
NO_OPTION = Text("There is no option {names}.", "没有选项 {names}。")
PROMPT_IS_EMPTY = Text("The prompt is empty.", "提示词为空。")

# How it goes on
NOT_SENT_AFTER_ONE = Text(
    "Not sent, because an earlier request met this: {error}",
    "未发送，因为前面的请求遇到：{error}",
)
NOT_SENT_AFTER_MANY = Text(
    "Not sent, because {requests} requests in a row met this: {error}",
    "未发送，因为连续 {requests} 次请求遇到：{error}",
)
STOPPED = Text("Stopped after {done:,} sets. What has come is kept.", "已停止，完成 {done:,} 组。已有的图片都已保存。")
STOPPED_OF = Text(
    "Stopped after {done:,} of {total:,} sets. What has come is kept.",
    "已停止，{total:,} 组中完成 {done:,} 组。已有的图片都已保存。",
)
BEGUN = Text(
    "{rows:row} more had been begun: what of that was sent may be billed.",
    "另有 {rows} 行已经开始，其中已发送的可能计费。",
)
NOT_BEGUN = Text("{rows:row} not begun.", "{rows} 行尚未开始。")
SAME_CALL_AGAIN_FREE = Text(
    "The same call again shows what is done, and goes on with the rest.",
    "再次执行同一调用：已完成的直接显示，其余继续。",
)
SAME_CALL_AGAIN = Text(
    "The same call again shows what is done, unbilled, and goes on with the rest. What was sent without an answer is "
    "not sent again, but told in failed; fresh=True sends that too.",
    "再次执行同一调用：已完成的直接显示，不计费，其余继续。已发送但无应答的不会重发，列在 failed 中；"
    "fresh=True 会重新发送。",
)

# Workers of an executor
HEADERS_MISSING = Text(
    "The caller's requests go with the headers {names}, which this worker does not have.",
    "请求需要标头 {names}，而这个 worker 没有。",
)
SET_HEADERS = Text("Set SEEDREAM_HEADERS where the workers run.", "请在 worker 运行的环境中设置 SEEDREAM_HEADERS。")
OWN_TRANSPORT = Text(
    "A transport of your own cannot go to the workers of an executor.", "自定义 transport 不能传给 executor 的 worker。"
)
LIMIT_A_DAY = Text(
    "SeedreamMagics.max_images_per_day cannot be held over the workers of an executor.",
    "使用 executor 的 worker 时，无法遵守 SeedreamMagics.max_images_per_day。",
)
WITHOUT_EXECUTOR = Text("Draw without executor=, or set it to None.", "请去掉 executor=，或把该上限设为 None。")
WORKER_HAS_NO_KEY = Text("A worker has none: set it where the workers run.", "worker 没有密钥，请在其运行环境中设置。")
WORKER_DIED = Text(
    "The worker that had it did not finish ({fault}: {why}).",
    "负责它的 worker 没有完成（{fault}：{why}）。",
)
EXECUTOR_REFUSES = Text(
    "The executor takes no more work ({fault}: {why}). The plans that are left were not sent.",
    "执行器不再接受任务（{fault}：{why}）。其余计划未发送。",
)
GOES_ON = Text(
    "The same call again shows what was done, and goes on with the rest.",
    "再次执行同一调用：已完成的直接显示，其余继续。",
)
DRAWN_ELSEWHERE = Text(
    "A worker drew run {run} into {store}, where it is not seen here.",
    "worker 把运行 {run} 画到了 {store}，本机看不到。",
)
SHARE_STORE = Text(
    "The store must be in a folder that all workers share, under the same path.",
    "存储须放在所有 worker 共享、路径相同的文件夹中。",
)
WORKER_SILENT = Text("The worker reported nothing about it.", "worker 没有返回它的结果。")
