"""What is told of a run: while it goes on, at its end, of earlier ones of the same request, of frames drawn anew."""

from __future__ import annotations

from seedream_magic.words.text import Text

# While it goes on.
FETCHES_REFERENCES = Text("Fetching the references that are links.", "正在下载以链接给出的参考图。")
TRIES_AGAIN = Text("Nothing is billed so far; trying again in {seconds} s.", "目前未计费，{seconds} 秒后重试。")
CONNECTED_LATE = Text("Connected at attempt {attempt}.", "第 {attempt} 次尝试时连上。")
TASK = Text("The gateway answered with a task in place of pictures: {tasks}", "网关返回的是任务而不是图片：{tasks}")
TASK_IS_ASKED_FOR = Text(
    "{task}. Checking until it is done, which bills nothing.",
    "{task}。将查询到完成为止，不计费。",
)
TASK_WAS_ASKED_FOR = Text("{task}. Checked until it was done.", "{task}。已查询到完成。")
WITHOUT_ID = Text("without an id", "无 id")

# How it ended.
NO_PICTURE = Text("The answer holds no picture.", "应答中没有图片。")
NOTHING_FOR_PLACE = Text("The service sent nothing for this frame.", "服务没有为这一帧返回内容。")
MADE_BUT_NOT_HERE = Text("The picture was made but is not here: {why}", "图片已生成，但没有取到：{why}")
TIME_LIMIT = Text("The limit of {seconds:g} s passed.", "已超过 {seconds:g} 秒的时限。")
REFERENCES_NOT_FETCHED = Text("The references could not be fetched ({why}).", "参考图无法下载（{why}）。")
STREAM_ENDED_EARLY = Text("The stream broke off before the service had finished.", "服务还没发完，数据流就断了。")
ANSWER_NOT_TAKEN_IN = Text("The answer could not be processed ({fault}: {why}).", "应答处理失败（{fault}：{why}）。")
FAULT_OF_PROGRAM = Text(
    "The run ended because of a fault in this program ({fault}: {why}).",
    "本程序出错，运行中止（{fault}：{why}）。",
)
ENDED_BEFORE_ANSWER = Text("The run ended before its answer was complete.", "应答还没收完，运行就中断了。")
BYTES_ARE_KEPT = Text("Its bytes are kept in {path}.", "原始数据保存在 {path}。")
FIRST_BYTES_ARE_KEPT = Text("Its first {size:,} bytes are kept in {path}.", "前 {size:,} 字节的原始数据保存在 {path}。")
NO_PICTURE_FOUND = Text("an answer in which no picture was found", "应答中找不到图片")
STREAM_SILENT = Text("the stream sent no picture for {seconds:.0f} s", "数据流 {seconds:.0f} 秒没有返回图片")
STREAM_FLOODED = Text("the stream brought more than {most:,} events", "数据流返回的事件超过 {most:,} 个")
LOG_IN_HERE = Text(
    "If it is the log-in page of this network, log in there; else check the base URL.",
    "如果是所在网络的登录页，请先登录；否则检查 base URL。",
)
FOLDER_FULL = Text(
    "The run's folder cannot be written: how it ended is kept in {folder}.",
    "运行文件夹无法写入，结束状态另存于 {folder}。",
)
NOT_RECORDED = Text("What the service sent could not be recorded: {why}.", "服务返回的内容未能记录：{why}。")
REFUSED_BESIDES = Text("All images came; the service added: {refusal}", "图片已全部到齐，服务另有提示：{refusal}")
HOLDS_MORE = Text(
    "Part of the answer was not recognised as a picture; its bytes are kept with the run.",
    "应答中还有未识别为图片的内容，原始数据已随运行保存。",
)
PASSED_OVER = Text(
    "Part of the answer was skipped: {why}; its bytes are kept with the run.",
    "应答有一部分被跳过：{why}；原始数据已随运行保存。",
)
BILLED_TILL_THEN = Text(
    "The pictures made until then are billed; it was not asked again.", "此前生成的图片会计费；没有重复请求。"
)
ONE_OF_MANY = Text(
    "1 of {expected:image} came and none was refused: this gateway may not pass sets on. %seedream retry {run} --each "
    "asks for each missing one alone, which may bill {missing:image}.",
    "{expected} 张只到了 1 张，也没有拒绝：网关可能不支持组图。%seedream retry {run} --each 可逐张补齐，可能计费 "
    "{missing} 张。",
)
TOO_FEW = Text(
    "The service made {made} of {expected:image}; %seedream retry {run} asks for the rest.",
    "服务只生成了 {expected} 张中的 {made} 张；%seedream retry {run} 可补齐其余。",
)

# Stop.
STOPPED_BEFORE = Text("Stopped before anything was sent.", "已停止，尚未发送。")
STOPPED_WATCHING = Text(
    "Stopped here. Nothing was sent or billed; run {run} is not affected.",
    "已在此停止。未发送，未计费；运行 {run} 不受影响。",
)
STOPPED = Text("Stopped after {arrived} of {expected} pictures.", "已停止，收到 {arrived} / {expected} 张。")
STOPPED_OF_UNKNOWN = Text("Stopped after {arrived:picture}.", "已停止，收到 {arrived} 张。")
CELL_GOES_ON = Text(
    "Run the cell again for the rest: what was made is fetched free, only what is missing is asked for.",
    "重新运行单元格即可补齐：已生成的免费取回，只请求缺少的。",
)
TASK_GOES_ON = Text(
    "The gateway goes on with task {task}: %seedream recover {run} fetches its pictures, which bills nothing.",
    "网关仍在执行任务 {task}：%seedream recover {run} 可补下载图片，不计费。",
)

# Tasks of gateways.
TASK_UNFINISHED = Text("{task}; the gateway {why}.", "{task}；网关{why}。")
TASK_TOO_LONG = Text("is not done after {minutes:.0f} min", "在 {minutes:.0f} 分钟后仍未完成")
TASK_WITHOUT_ADDRESS = Text("names no address to ask for it", "没有给出查询地址")
TASK_REFUSED = Text("answered HTTP {status} when asked for it", "在查询时返回 HTTP {status}")
TASK_WITHOUT_PICTURE = Text(
    "says {state} and gives no picture, {times} times in a row", "连续 {times} 次返回 {state} 却没有图片"
)
TASK_UNREADABLE = Text("gives no answer to be read, {times} times in a row", "连续 {times} 次返回无法读取的内容")
LOOK_FOR_TASK = Text(
    "Look for task {tasks} in the gateway's console; %seedream recover {own_run} asks for it again, unbilled.",
    "在网关控制台查看任务 {tasks}；%seedream recover {own_run} 可再次查询，不计费。",
)
RECOVER_ONCE_MORE = Text(
    "%seedream recover {run} asks for it once more, which bills nothing; %seedream retry {run} asks for another, "
    "which bills.",
    "%seedream recover {run} 可再次补下载，不计费；%seedream retry {run} 会重新请求并计费。",
)

# Earlier runs of the same request.
IS_AWAITED = Text(
    "Run {run} of {origin} is drawing the same request: waiting for it.",
    "运行 {run}（{origin}）正在画同一请求，将等它完成。",
)
HAS_SOME = Text(
    "Run {run} of this request has {here} of {total} pictures: what was made is fetched free, and only the rest is "
    "asked for.",
    "此请求的运行 {run} 已有 {here} / {total} 张：已生成的免费取回，只请求其余。",
)
HAS_SOME_OF_UNKNOWN = Text(
    "Run {run} of this request has {here:picture} of an unknown number: what was made is fetched free, and only the "
    "rest is asked for.",
    "此请求的运行 {run} 已有 {here} 张，总数未知：已生成的免费取回，只请求其余。",
)
MAY_HAVE_BEEN_BILLED = Text(
    "Run {run} sent the same request and may have been billed.", "运行 {run} 发送过同一请求，可能已计费。"
)
PICTURES_ARE_GONE = Text(
    "Run {run} was billed for this; its pictures are not in {folder} any more.",
    "运行 {run} 已为此计费，但图片已不在 {folder}。",
)
FOLDER_RENAMED = Text(
    "The folder '{name}' in the store holds a run of this request: rename it back to {run} and it is shown.",
    "存储中的文件夹“{name}”是此请求的一次运行：改回原名 {run} 即可显示。",
)
STORE_AWAY = Text(
    "{store} has pictures of this request, but is not there now.",
    "{store} 中有此请求的图片，但现在无法访问。",
)
SHOWN_FROM = Text("From {store}, nothing billed.", "取自 {store}，未计费。")
IS_INCOMPLETE = Text(
    "Run {run} lacks {missing:picture}: it is shown as it is, and %seedream retry {run} asks for the rest.",
    "运行 {run} 缺 {missing} 张：按现状显示，%seedream retry {run} 可补齐。",
)
RECORD_IS_OF_ANOTHER = Text(
    "Run {run} is listed for this request, but its record is of another one; --fresh draws anew.",
    "图库把运行 {run} 列在此请求下，但它记录的是另一个请求；--fresh 会重新生成。",
)
THIS_PROGRAM = Text("this program", "本程序")
ANOTHER_PROGRAM = Text("another program", "另一个程序")
FRESH_AND_TAKE = Text(
    "--fresh makes a new take; --take shows one that was made. Give one of them.",
    "--fresh 生成新的一版，--take 显示已有的；两者只能选一。",
)
MORE_OF_ID = Text(
    "{count} runs of all stores begin or end with '{id}'; type more of the id.",
    "所有存储中有 {count} 次运行以“{id}”开头或结尾，请输入更多位。",
)
NO_PICTURE_OBJECT = Text(
    "A picture is a frame or the path of a file, not {kind}.",
    "图片应是一帧或文件路径，不能是 {kind}。",
)
NO_RUN_MADE_IT = Text("No run of {store} made {path}.", "{store} 中没有哪次运行生成过 {path}。")
NO_TAKE = Text(
    "--take {take}: the store has no take of this request; --fresh pays for a new one.",
    "--take {take}：存储中没有此请求的图片；--fresh 会付费重新生成。",
)
NO_SUCH_TAKE = Text(
    "--take {take}: the store has {made:take} of this request; --fresh pays for a new one.",
    "--take {take}：存储中此请求只有 {made} 版；--fresh 会付费重新生成。",
)
NOT_NEXT_TAKE = Text(
    "--take {take}: the store has {made:take} of this request; --take {next} draws the next.",
    "--take {take}：存储中此请求只有 {made} 版；--take {next} 画下一版。",
)

# Going on from one.
NOT_SENT_AGAIN = Text("It was not sent again.", "没有再次发送。")
SEND_AGAIN = Text(
    "Look at the provider's usage page; --fresh, in Python fresh=True, sends it.",
    "先查看服务商的用量页面；--fresh（Python 中 fresh=True）会再次发送。",
)
IN_DOUBT = Text(
    "Run {run} sent the same request, and nobody knows whether it was billed.",
    "运行 {run} 发送过同一请求，是否计费不明。",
)
BILLED_AND_GONE = Text(
    "Run {run} sent the same request and was billed; its pictures can no longer be fetched.",
    "运行 {run} 发送过同一请求并已计费，图片已无法补下载。",
)
SENT_ONCE_MORE = Text(
    "It is sent again in {seconds} s, which may bill {bill}; Stop now costs nothing.",
    "{seconds} 秒后再次发送，可能计费 {bill}；现在停止不花钱。",
)
FETCHES_EARLIER = Text(
    "Run {run} of this request has pictures that are not here yet: fetching them bills nothing.",
    "此请求的运行 {run} 有尚未取回的图片：正在补下载，不计费。",
)
GROWS_ELSEWHERE = Text(
    "Run {run} of {origin} draws this: it is shown as it grows, and nothing is billed here.",
    "运行 {run}（{origin}）正在画：随到随显，此处不计费。",
)
DRAWN_MEANWHILE = Text("Drawn by {origin} meanwhile.", "其间已画好（{origin}）。")
STOPPED_EARLY = Text(
    "It was stopped before the model had made all that it would; --fresh draws anew.",
    "模型还没画完就被停止；--fresh 会重新生成。",
)
LACKS_FETCHABLE = Text(
    "Run {run} lacks {missing:picture}: the same request again fetches them, which bills nothing; --fresh draws "
    "all anew.",
    "运行 {run} 缺 {missing} 张：同样再画一次即可补下载，不计费；--fresh 全部重新生成。",
)
LACKS_REST = Text(
    "Run {run} lacks {missing:picture}: the same request again asks for the rest; --fresh draws all anew.",
    "运行 {run} 缺 {missing} 张：同样再画一次可补齐；--fresh 全部重新生成。",
)
GOES_ON = Text(
    "Goes on from run {run}, which has {here} of {total:image}: asks for the missing {missing} only, which may bill "
    "{bill}; --fresh draws all anew.",
    "接着运行 {run}（已有 {here} / {total} 张）：只请求缺少的 {missing} 张，可能计费 {bill}；--fresh 全部重新生成。",
)
DEMO_GOES_ON = Text(
    "Goes on from run {run}, which has {here} of {total:image}: asks for the missing {missing} only, which the demo "
    "draws free; --fresh draws all anew.",
    "接着运行 {run}（已有 {here} / {total} 张）：只请求缺少的 {missing} 张，演示服务免费；--fresh 全部重新生成。",
)
AWAITED_CAME_TO_NOTHING = Text(
    "Run {run} of {origin}, which this waited for, ended without pictures.",
    "所等待的运行 {run}（{origin}）没有生成图片就结束了。",
)
NOTHING_SENT_HERE = Text(
    "It may be billed; nothing was sent here. The same request again sends it.",
    "可能已计费；此处未发送。同样再画一次会发送。",
)
OWN_LOOP_STANDS_STILL = Text(
    "The same request is under way (run {run}) in this notebook's own event loop, which stands still while this "
    "waits: await it, or run it with --fresh.",
    "同一请求（运行 {run}）正在本笔记本的事件循环中进行，而等待会让它停住：请 await，或用 --fresh 运行。",
)
REFERENCE_IS_GONE = Text("The reference {reference} is not in the store any more.", "参考图 {reference} 已不在存储中。")
REFERENCE_OF_RUN_IS_GONE = Text(
    "The reference {reference} of run {run} is not in the store any more.",
    "运行 {run} 的参考图 {reference} 已不在存储中。",
)
PARENT_IS_GONE = Text(
    "Run {run}, which this goes on from, is not in {store} any more.", "所依据的运行 {run} 已不在 {store}。"
)
RUN_IS_GONE = Text("Run {run} is not in {store} any more.", "运行 {run} 已不在 {store}。")
PLAN_OF_ANOTHER = Text(
    "This plan is for {provider} at {address}; this client asks {own}.",
    "此计划用于 {provider}（{address}），而当前使用 {own}。",
)
PROVIDER_AT = Text("{provider} at {address}", "{provider}（{address}）")
MAKE_PLAN_HERE = Text(
    'Make it here anew, or run it where it was made: %seedream use {provider}, in Python Seedream("{provider}").',
    '请在此重新生成计划，或在原处运行：%seedream use {provider}，Python 中 Seedream("{provider}")。',
)
STAYS_AS_IT_WAS = Text("Frame {number} stays as it was: {why}", "第 {number} 帧保持原样：{why}")

# Frames drawn anew.
UNDER_WAY = Text("Run {run} is still under way: wait till its frames have come.", "运行 {run} 仍在进行，请等图片到齐。")
MAY_YET_COME = Text("Run {run} is still under way: its frames may yet come.", "运行 {run} 仍在进行，图片可能还会到。")
NOTHING_TO_RECOVER = Text(
    "Run {run} is still under way: there is nothing to recover yet.", "运行 {run} 仍在进行，还没有可补下载的内容。"
)
NONE_FAILED = Text("Run {run} has no failed frame.", "运行 {run} 没有失败的帧。")
WHICH_FRAME = Text(
    "Which frame? The set has images[0] to images[{last}].", "哪一帧？这一组有 images[0] 到 images[{last}]。"
)
NO_SUCH_FRAME = Text(
    "The set has images[0] to images[{last}], but no {place}.",
    "这一组有 images[0] 到 images[{last}]，没有 {place}。",
)
NAMED_TWICE = Text("images[{place}] is named twice.", "images[{place}] 写了两次。")
PURGED = Text(
    "Run {run} of this set is not in {store} any more: it was purged or moved away.",
    "这组的运行 {run} 已不在 {store}：已被删除或移走。",
)
DRAW_SET_ANEW = Text(
    "Run the cell that made it again: that draws a new set, which bills.",
    "重新运行生成它的单元格：会画新的一组并计费。",
)
DEMO_DRAWS_SET_ANEW = Text(
    "Run the cell that made it again: that draws a new set.", "重新运行生成它的单元格：会画新的一组。"
)
LAYERS_TOGETHER = Text(
    "Layers are made together, all anew or none: draw them again with --fresh.",
    "图层只能一起重新生成：请加 --fresh 再画。",
)
DRAWN_BEFORE_PICK = Text(
    "This was drawn before another take was picked (run {run}); nothing is sent. fresh=True draws another.",
    "改选另一版之前已画过（运行 {run}），未发送。fresh=True 再画一版。",
)
FRAME_DRAWN_ALREADY = Text(
    "Frame {number} was already redrawn this way (run {run}); nothing is sent. fresh=True draws another.",
    "第 {number} 帧已这样重画过（运行 {run}），未发送。fresh=True 再画一版。",
)
FRAMES_DRAWN_ALREADY = Text(
    "Frames {numbers} and {last} were already redrawn this way (run {run}); nothing is sent. fresh=True draws another.",
    "第 {numbers}、{last} 帧已这样重画过（运行 {run}），未发送。fresh=True 再画一版。",
)
FRAME_ADDED_ALREADY = Text(
    "Frame {number} was already added this way (run {run}); nothing is sent. fresh=True adds more.",
    "第 {number} 帧已这样添加过（运行 {run}），未发送。fresh=True 再添加。",
)
FRAMES_ADDED_ALREADY = Text(
    "Frames {numbers} and {last} were already added this way (run {run}); nothing is sent. fresh=True adds more.",
    "第 {numbers}、{last} 帧已这样添加过（运行 {run}），未发送。fresh=True 再添加。",
)
VARIED_ALREADY = Text(
    "This variation was already drawn (run {run}); nothing is sent. fresh=True draws another.",
    "这张衍生图已画过（运行 {run}），未发送。fresh=True 再画一版。",
)
SETTING_IS_TEXT = Text("{name} is text, not {kind}.", "{name} 应为文字，不能是 {kind}。")
FRAMES_ARE = Text(
    "This set has {frames} frames: images[0] to images[{last}].", "这一组有 {frames} 帧：images[0] 到 images[{last}]。"
)
ONE_FRAME = Text("This set has one frame: images[0].", "这一组只有一帧：images[0]。")
NO_FRAMES = Text("This set has no frames.", "这一组没有任何帧。")
REDO_IN_OTHER_WORDS = Text(
    'Redo it in other words: {images}.redo({place}, prompt="…").',
    '换一种说法重画：{images}.redo({place}, prompt="…")。',
)
OTHERS_MEANT = Text(
    'There is no file {typed}; refs="others" takes the other pictures of the set.',
    '没有文件 {typed}；refs="others" 表示以这组的其他图片为参考。',
)
NOTHING_TO_MARK = Text("Frame {place} has no picture: there is nothing to mark.", "第 {place} 帧没有图片，无法标记。")
NOT_ARRIVED = Text("Frame {place} has not arrived yet.", "第 {place} 帧还没有到。")
NOT_EXTENDED = Text(
    "A set put together from others cannot be extended: extend the set its frames are from, then put it together "
    "again.",
    "拼成的组不能续画：请续画原来的那一组，再重新拼。",
)
OF_DIFFERENT_RUNS = Text(
    "images[{first}] and images[{second}] are of different runs: redo them one by one.",
    "images[{first}] 与 images[{second}] 来自不同的运行，请逐帧重画。",
)
NAME_EVERY_FRAME = Text(
    "Name every frame once: images[{missing}] is missing. images.without({missing}) drops it.",
    "每一帧都要写一次：缺 images[{missing}]。要去掉它，用 images.without({missing})。",
)
NONE_HAS_MARKS = Text(
    "None of the {count:frame} has these marks; images[0].star() sets one.",
    "{count} 帧都没有这样的标记；images[0].star() 可加星标。",
)
NONE_LEFT = Text("No frame would be left.", "这样一帧都不剩了。")
WITHOUT_CLIENT = Text(
    "This set is not connected to a Seedream: get it with seedream.show(run_id).",
    "这组图没有连到 Seedream：请用 seedream.show(run_id) 重新取得。",
)
NO_SUCH_TAKE_OF_FRAME = Text(
    "images[{place}] has {takes:take}: there is no take={take}.",
    "images[{place}] 有 {takes} 版，没有 take={take}。",
)
NO_TAKE_OF_FRAME = Text(
    "images[{place}] has no picture: there is no take={take}.",
    "images[{place}] 没有图片，也就没有 take={take}。",
)
NO_SUCH_TAKE_TO_REDO = Text(
    "images[{place}] has {drawn:take}: take={next} draws the next; there is no take={take}.",
    "images[{place}] 有 {drawn} 版：take={next} 再画一版，没有 take={take}。",
)
TAKE_OF_ANOTHER = Text(
    "Take {take} was not drawn by this redo: images.pick({place}, take={take}) shows it, take={next} draws the next.",
    "第 {take} 版不是这个 redo 画的：images.pick({place}, take={take}) 显示它，take={next} 再画一版。",
)
