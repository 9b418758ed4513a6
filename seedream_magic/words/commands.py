"""What the commands of `%seedream` say: the status, the key, the library, earlier runs."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

OPTIONS_GO_ELSEWHERE = Text(
    "Options go on a %%seedream line (two percent signs), with the prompt on the lines below.",
    "选项写在 %%seedream 那一行（两个百分号），提示词写在下面几行。",
)
NO_COMMAND = Text(
    "There is no command {typed}: %seedream help lists them. To draw, write %%seedream and the prompt below it.",
    "没有命令 {typed}；%seedream help 列出全部。要画图请写 %%seedream，提示词写在下面。",
)
COMMAND_MEANT = Text(
    "There is no command {typed}: did you mean %seedream {meant}? To draw, write %%seedream and the prompt below it.",
    "没有命令 {typed}，是想写 %seedream {meant} 吗？要画图请写 %%seedream，提示词写在下面。",
)
MEANT_ELSEWHERE = Text("There is no command {typed}. Write {ways}.", "没有命令 {typed}；请写 {ways}。")
LANGUAGE_WORDS = MappingProxyType({
    "language": "zh", "lang": "zh", "语言": "zh", "chinese": "zh", "中文": "zh", "english": "en", "英文": "en",
})  # fmt: skip
"""What people type as a command who want another language, and most probably which."""
NO_OPTION = Text(
    "%seedream {command} has no option {typed}: it takes {options}.",
    "%seedream {command} 没有选项 {typed}，可用 {options}。",
)
OF_A_SET = Text(
    "{typed} is not a command: it is asked of a set, such as {example}. %seedream help {word} tells more.",
    "{typed} 不是命令，而是对一组图的操作，如 {example}。详见 %seedream help {word}。",
)
EXAMPLES_OF_A_SET = MappingProxyType({
    "redo": Text("story = story.redo(1)", "故事 = 故事.redo(1)"),
    "extend": Text('story = story.extend(["it rests"])', '故事 = 故事.extend(["它睡着了"])'),
    "pick": Text("story.pick(1, take=1)", "故事.pick(1, take=1)"),
    "vary": Text('night = story[0].vary("at night")', '夜 = 故事[0].vary("夜里")'),
    "star": Text("story[0].star()", "故事[0].star()"),
    "takes": Text("story.takes(1)", "故事.takes(1)"),
})  # fmt: skip
"""What people type as a command, and how it is asked of a set."""
CHINESE_FOR_A_SET = MappingProxyType({
    "重画": "redo", "重绘": "redo", "续画": "extend", "接着画": "extend", "加一帧": "extend", "选版": "pick",
    "衍生": "vary", "星标": "star",
})  # fmt: skip
"""The same in Chinese."""
OTHER_WORDS = MappingProxyType({
    "delete": "purge", "remove": "purge", "forget": "purge", "rm": "purge", "list": "history", "runs": "history",
    "open": "show", "load": "show", "save": "export", "login": "key", "provider": "use", "model": "models",
    "download": "recover", "resume": "recover", "cancel": "stop", "check": "doctor", "ui": "panel", "wall": "gallery",
    "取消": "停止", "终止": "停止", "保存": "导出", "打开": "显示", "列表": "历史", "登录": "密钥", "下载": "补下载",
    "清除": "删除", "检查": "体检", "界面": "面板", "画廊": "图片墙",
})  # fmt: skip
"""Commands by words of other programs."""
STATUS_ALONE = Text(
    "There is no command {typed}: %seedream alone tells what was billed and where the session stands.",
    "没有命令 {typed}；单独运行 %seedream 即可查看计费和当前状态。",
)
STATUS_WORDS = frozenset({
    "usage", "status", "billed", "bill", "billing", "cost", "costs", "price", "prices", "spent", "credits", "balance",
    "状态", "计费", "费用", "花费", "账单", "价格", "消费", "用量", "余额",
})  # fmt: skip
"""What people type to see the status, which `%seedream` alone shows."""
DRAW_WORDS = frozenset({
    "draw", "paint", "generate", "create", "make", "画", "画图", "画画", "作画", "绘画", "绘图", "绘制", "生成", "生图",
})  # fmt: skip
"""What people type to draw, which a `%%seedream` cell does."""
DATE_IS_A_WORD = Text(
    "%seedream history takes a date among its words, without --since: %seedream history {date}",
    "历史记录的日期直接写，不用 --since：%seedream history {date}",
)
RUN_MEANT = Text("There is no run {typed}: did you mean {meant}?", "没有运行 {typed}，是想写 {meant} 吗？")
OPTION_MEANT = Text(
    "%seedream {command} has no option {typed}: did you mean {meant}?",
    "%seedream {command} 没有选项 {typed}，是想写 {meant} 吗？",
)

CHINESE_COMMANDS = MappingProxyType({
    "切换": "use", "使用": "use", "密钥": "key", "模型": "models", "面板": "panel", "历史": "history",
    "历史记录": "history", "显示": "show", "查看": "show", "图片墙": "gallery", "对比": "compare", "补下载": "recover",
    "重试": "retry", "停止": "stop", "导出": "export", "删除": "purge", "图库": "library", "体检": "doctor",
    "诊断": "doctor", "帮助": "help",
})  # fmt: skip
"""The commands of `%seedream` by the names that the Chinese help gives them."""
HELP_WORDS = frozenset({"-h", "--help", "--帮助"})
"""How other programs are asked what a command takes."""
CHINESE_OPTIONS = MappingProxyType({
    "--标题": "--title", "--作者": "--author", "--版式": "--layout", "--纸张": "--page-size",
    "--无图注": "--no-captions", "--含信息": "--with-facts",
    "--本地": "--here", "--星标": "--starred", "--自": "--since", "--逐张": "--each",
    "--试算": "--dry-run", "--检测": "--probe", "--在线": "--live", "--收录": "--scan", "--含星标": "--even-starred",
    "--缺少时": "--if-missing",
})  # fmt: skip
"""The options of the commands in Chinese."""

# Status
PROVIDER = Text("provider", "服务商")
KEY = Text("key", "密钥")
HEADERS = Text("headers", "标头")
MODEL = Text("model", "模型")
STORE = Text("store", "存储")
BILLED = Text("billed", "计费")
TODAY = Text("today", "今天")
RUNNING = Text("running", "进行中")
RESERVED = Text("reserved", "预留")
PROVIDER_AT = Text("{provider} ({address})", "{provider}（{address}）")
PROVIDER_AND_OTHERS = Text(
    "{provider} ({address}); SEEDREAM_BASE_URL is for the others",
    "{provider}（{address}）；SEEDREAM_BASE_URL 只用于其他服务商",
)
EMBEDDED = Text("embedded, offline: it paints stock landscapes", "内置，离线，只画现成的风景")
KEY_FROM = Text("set, from {source}", "已设置，来自 {source}")
KEY_NOT_NEEDED = Text("not needed", "无需")
KEY_NOT_SET = Text("not set. {hint}", "未设置。{hint}")
KEY_UNUSABLE = Text("unusable. {why}", "无法使用。{why}")
IN_SESSION = Text("{images:image} in this session", "本次会话 {images} 张")
OF_DEMO = Text("{images} of them by the demo, free", "其中演示 {images} 张，免费")
UNPRICED = Text("{images:image} without a known price", "{images} 张价格未知")
ALL_NOTEBOOKS = Text(
    "{images:image} in all notebooks; max_images_per_day allows {allowed}",
    "所有笔记本共 {images} 张；max_images_per_day 为 {allowed}",
)
ALL_NOTEBOOKS_DEMO = Text(
    "{images:image} of the demo in all notebooks; max_images_per_day allows {allowed}",
    "所有笔记本共 {images} 张（演示）；max_images_per_day 为 {allowed}",
)
IN_BACKGROUND = Text("{runs:run} in the background; %seedream stop ends them", "后台 {runs} 次；%seedream stop 可停止")
RESERVED_AT_MOST = Text(
    "{images:image} at most, by what is under way; that counts in the limits", "进行中的最多 {images} 张，计入限额"
)

# Provider and key
USE_TAKES = Text("%seedream use takes a provider: {names}.", "%seedream use 后面写服务商：{names}。")
KEY_ALONE = Text(
    "A key on this line would stay in the notebook: run %seedream key alone and type it then.",
    "写在这一行的密钥会留在笔记本里；请单独运行 %seedream key 再输入。",
)
NEEDS_NO_KEY = Text(
    "{provider} needs no key: first %seedream use anyfast, then %seedream key.",
    "{provider} 不需要密钥；请先 %seedream use anyfast，再 %seedream key。",
)
ASK_KEY = Text("API key for {provider}: ", "{provider} 的密钥：")
NOBODY_TYPES = Text(
    "There is nobody here to type a key: set SEEDREAM_API_KEY instead.", "这里无法输入密钥；请设置 SEEDREAM_API_KEY。"
)
KEY_IS_THERE = Text(
    "There is a key for {provider}, from {source}. %seedream key takes another.",
    "{provider} 已有密钥，来自 {source}；%seedream key 可更换。",
)
NO_KEY_TYPED = Text("No key was typed; nothing has changed.", "没有输入密钥，一切照旧。")
KEY_IN_MEMORY = Text(
    "The key for {provider} is kept in memory, for this session.", "{provider} 的密钥已记住，仅限本次会话。"
)
KEY_IN_KEYRING = Text(
    "The key for {provider} is kept in memory and in the keyring.", "{provider} 的密钥已记住，并存入系统密钥环。"
)
OTHER_KEY_FIRST = Text(
    "Note: the key from {source} comes first as long as it is set.", "注意：{source} 中的密钥优先，除非清空它。"
)

# Library
LIBRARY_OFF = Text("The library is turned off: SEEDREAM_LIBRARY is empty.", "图库已关闭：SEEDREAM_LIBRARY 为空。")
UNSET_LIBRARY = Text("Unset it, or name a file with it.", "取消该变量，或用它指定一个文件。")
LIBRARY_UNUSABLE = Text("The library {file} cannot be used: {why}.", "无法使用图库 {file}：{why}。")
DOCTOR_KNOWS = Text("%seedream doctor says what to do.", "%seedream doctor 会说明怎么办。")
TAKEN_IN = Text("Added: {store}, {runs:run}", "已收录：{store}，{runs} 次")
NO_STORE_IN = Text("There is no store in {folder}.", "{folder} 里没有存储。")
LIBRARY_KNOWS = Text("The library {file} knows:", "图库 {file} 收录：")
RUNS_IN = Text("{runs:run} in {store}", "{store}：{runs} 次运行")
NO_STORE_YET = Text(
    "no store yet; drawing adds one, and so does --scan FOLDER",
    "还没有存储；画图或 --scan 文件夹 会收录",
)
NOT_THERE = Text("{store} (not there now)", "{store}（现在不在）")
LIBRARY_TAKES = Text(
    "%seedream library takes --scan and folders, not {typed}.",
    "%seedream library 后面写 --scan 和文件夹，不能写 {typed}。",
)
SCAN_TAKES = Text(
    "%seedream library --scan takes the folders to look for stores in.",
    "%seedream library --scan 后面写要查找的文件夹。",
)
NO_FOLDER = Text("There is no folder {folder}.", "没有文件夹 {folder}。")

# Panel, stop
PANEL_NEEDS_NOTEBOOK = Text(
    "The panel needs a notebook, in a browser or VS Code.", "面板要在浏览器或 VS Code 的笔记本中使用。"
)
DRAW_IN_CELL = Text("Here a %%seedream cell draws.", "这里请用 %%seedream 单元格。")
PANEL_NOT_LOADED = Text("The panel cannot be loaded ({why}).", "无法加载面板（{why}）。")
STOPPED = Text("{runs:run} stopped. Pictures that have come are kept.", "已停止 {runs} 次，已到的图片保留。")
NOTHING_RUNS = Text("No run is under way in the background.", "后台没有正在进行的绘制。")
RUNS_GO_ON = Text(
    "{runs:run goes|runs go} on in the background; the pictures are saved. %seedream stop ends that while the "
    "extension is loaded.",
    "后台还有 {runs} 次绘制，图片会保存；扩展加载时可用 %seedream stop 停止。",
)

# Earlier runs
TAKES_A_RUN = Text(
    "%seedream {command} takes a run: its id, latest, or a variable that holds a set.",
    "%seedream {command} 后面写一次运行：运行号、latest，或存有组图的变量。",
)
TAKES_A_RUN_OR_ROW = Text(
    "%seedream {command} takes a run: its id, its row in the history, latest, or a variable that holds a set.",
    "%seedream {command} 后面写一次运行：运行号、历史记录的行号、latest，或存有组图的变量。",
)
IS_A_SWEEP = Text(
    "{name} is a sweep of {runs:run}: name one of them, such as {one}.",
    "{name} 是 {runs} 次运行的批量；请写其中一次，如 {one}。",
)
RETRY_A_SWEEP = Text(
    "{name} is a sweep: {name} = {name}.retry() draws what failed of it, and bills that.",
    "{name} 是批量：{name} = {name}.retry() 补画其中失败的，按新画的计费。",
)
OF_SEVERAL_RUNS = Text(
    "{name} has pictures of several runs ({runs}): name one of them.",
    "{name} 的图片来自多次运行（{runs}）；请写其中一次。",
)
NO_RUN_YET = Text(
    "There is no run in {store} yet: draw with %%seedream first.", "{store} 里还没有运行；请先用 %%seedream 画图。"
)
NO_ROWS = Text(
    "{number} is a row of the history, which has not been shown yet: first %seedream history, then %seedream "
    "{command} {number}.",
    "{number} 是历史记录的行号，但历史记录还没有显示过：先 %seedream history，再 %seedream {command} {number}。",
)
NO_ROW = Text(
    "There is no row {number}: the history shown last has {rows:row}.",
    "没有第 {number} 行；上次显示的历史记录有 {rows} 行。",
)
NOTHING_LEFT = Text("Nothing is left to download. Nothing was billed.", "没有可补下载的图片，未计费。")
RECOVERED = Text(
    "{runs:run} looked at, {images:image} on disk. Nothing was billed.",
    "已查 {runs} 次，磁盘上共 {images} 张，未计费。",
)
DOWNLOADED = Text(
    "Downloaded {images:image} that the run had made; that bills nothing.", "已补下载这次生成的 {images} 张，不计费。"
)
ALL_THERE = Text("Every frame is there: nothing is sent, nothing billed.", "每一帧都在，未发送，未计费。")
FIRST_OF_ONE = Text("This is the only request.", "只有这一次请求。")
FIRST_OF = Text(
    "This is the first of {requests} requests, one after the other.", "这是 {requests} 次请求中的第一次，逐次发送。"
)
TOGETHER_BILL = Text("Together they may bill {bill}.", "合计可能计费：{bill}。")
DEMO_BILLS_NOTHING = Text("The demo bills nothing.", "演示不计费。")
ASKING_ANEW = Text("Asking anew for {images:image}.", "重新请求 {images} 张。")
REFUSED_AGAIN = Text("Refused again: frame {frames}.", "第 {frames} 帧再次未通过审核。")
STORED_UNBILLED = Text("Stored: nothing is billed.", "已有存储，不计费。")
MAY_BILL_PRICE = Text("That is what it may bill: {price}.", "可能计费：{price}。")
MAY_BILL_THAT = Text("That is what it may bill.", "按此可能计费。")
QUOTED = Text('"{words}"', "“{words}”")
SENT_TO = Text("To {provider} ({address}):", "发往 {provider}（{address}）：")
ADDRESS_EMBEDDED = Text("embedded, in this kernel", "内置，在本内核中")
EXPORTS_ONE_SET = Text(
    "One set is exported at a time, and {other} is a set as well: %seedream export {run} {file}, then {other}.",
    "一次导出一组，而 {other} 也是一组图：先 %seedream export {run} {file}，再导出 {other}。",
)
EXPORT_TAKES = Text(
    "%seedream export takes a run, its id, latest or the name of a set, and then a file, such as story.pdf: "
    ".pdf, .html, .zip, .gif or .jpg, by its ending.",
    "%seedream export 后面先写一次运行（运行号、latest 或组图的变量名），再写文件，如 story.pdf；按扩展名导出："
    ".pdf、.html、.zip、.gif 或 .jpg。",
)
SWEEP_TAKES_FACTS = Text(
    "A sweep is exported with no option but --with-facts.", "导出批量时只能用 --with-facts（--含信息）。"
)
WRITTEN = Text("Written: {path}", "已写入：{path}")
ASK_PURGE = Text(
    "Delete run {run} for good ({facts})? [y/N] ", "永久删除 {run}（{facts}）？输入“是”或 y 删除，直接回车不删："
)
PURGE_FACTS = Text(
    "{words}, {pictures:picture}, {megabytes} MB, in {store}", "{words}，{pictures} 张，{megabytes} MB，在 {store}"
)
WORDS_UNREADABLE = Text("its words cannot be read", "提示词无法读取")
FULL_ID_ONLY = Text(
    "Nobody can answer here, so a run is deleted by its full id only.",
    "这里无法确认，只能用完整运行号删除。",
)
PURGE_BY_ID = Text("%seedream purge {typed} deletes it ({facts}).", "%seedream purge {typed} 可删除它（{facts}）。")
NOTHING_DELETED = Text("Nothing is deleted.", "没有删除。")
DELETED = Text(
    "Run {run} is deleted: {files:file}, {megabytes} MB.", "已删除运行 {run}：{files} 个文件，{megabytes} MB。"
)
BILL_STAYS = Text("What it billed stays billed.", "已计的费用不退。")

# Pictures across runs
COMPARE_TAKES = Text(
    "%seedream compare takes frames: story[2] other[0] run:ID[1], two to nine of them.",
    "%seedream compare 后面写二至九帧：story[2] other[0] run:ID[1]。",
)
NO_FRAME = Text(
    "{typed} is not a frame: name one as story[2] or run:ID[2].",
    "{typed} 不是帧；写作 story[2] 或 run:ID[2]。",
)
NO_DATE = Text(
    "{typed} is not a date: --since takes 2026, 2026-11, 2026-11-28, yesterday.",
    "{typed} 不是日期；--since 可用 2026、2026-11、2026-11-28、昨天。",
)
SINCE_TAKES = Text("--since takes a date, such as 2026-11 or yesterday.", "--since 后面写日期，如 2026-11 或昨天。")
SWEEP_ON_TABLE = Text(
    "{name} is a sweep of {runs:run} with {pictures:picture}; a light table has {fewest} to {most}. Name cells of it: "
    "%seedream compare {cells}.",
    "{name} 是 {runs} 次运行的批量，共 {pictures} 张；并排对比需 {fewest} 至 {most} 张。请写其中几格：%seedream "
    "compare {cells}。",
)
CELLS_NAMED_BY = Text("They are named by {axes}.", "各格的名字：{axes}。")
