"""The help: a screen to begin with, the pages of topics, and what `%%seedream?` shows around its tables."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

START = Text(
    "A cell that begins with %%seedream draws the prompt below it.\n\n    %%seedream -n 4 -s 2K -r 16:9\n    four "
    "seasons of one mountain village\n\n    %%seedream story << -s 2K --ref hero.png\n    watercolour, one red fox\n  "
    "  ---\n    it wakes in the snow\n    ---\n    it crosses the frozen river\n\nGo on from a set:\n    story = "
    'story.redo(1)                 frame 2 anew\n    story = story.extend(["it rests"])    one frame more\n    night '
    '= story[0].vary("at night")     a new set after a frame\n    story[0].star()                       mark the '
    "best\n    %seedream compare story[0] night[0]   side by side\n    %seedream export story fox.pdf        hand it "
    "over\n\nCompare looks:  --vary with {{red|blue}} in the prompt\nWhat it costs:  --dry-run before, %seedream "
    "after\nEarlier runs:   %seedream history fox, %seedream show 1\nTrouble:        %seedream doctor, %seedream "
    "retry RUN\nWithout typing: %seedream panel\n\n%seedream help TOPIC has more:\n    ",
    "以 %%seedream 开头的单元格会画出下面的提示词。\n\n    %%seedream -n 4 -s 2K -r 16:9\n    同一座山村的四季\n\n    "
    "%%seedream 故事 << -s 2K --ref hero.png\n    水彩，一只红狐狸\n    ---\n    它在雪地里醒来\n    ---\n    "
    "它走过结冰的河\n\n接着画：\n    故事 = 故事.redo(1)              重画第 2 帧\n    故事 = "
    '故事.extend(["它睡着了"])  再加一帧\n    夜 = 故事[0].vary("夜里")         以一帧为参考衍生新的一组\n    '
    "故事[0].star()                   标出最好的\n    %seedream compare 故事[0] 夜[0]   并排对比\n    %seedream "
    "export 故事 狐狸.pdf    交付\n\n对比多种画法：--vary，提示词里写 {{红|蓝}}\n费用：        先用 --dry-run 看，"
    "之后看 %seedream\n以前的图：    %seedream history 狐狸，再用 %seedream show 1\n出了问题：    %seedream doctor，"
    "%seedream retry 运行号\n不想打字：    %seedream panel\n\n%seedream help 主题：",
)
REFERENCES = Text(
    '--ref takes, each once or several times:\n    hero.png  "two words.png"  art/*.png   files\n    https://…        '
    "                      links, fetched without the key\n    hero  hero[2]                          a variable: a "
    "set, a frame, a PIL image,\n                                           an array, bytes, an open file\n    "
    "run:ID[2]                              a frame of an earlier run, from 0\nReferences and images together are at "
    "most 15. --fit scales what is too large.",
    '--ref（--参考图）可多次使用，可以是：\n    hero.png  "两个 词.png"  art/*.png   文件\n    https://…       '
    "         "
    "         链接，获取时不带密钥\n    hero  hero[2]                     变量：组图、帧、PIL 图像、数组、\n"
    "                                      字节、打开的文件\n    run:ID[2]                         以前某次运行"
    "的一帧，从 0 "
    "数起\n参考图与生成张数合计不超过 15。--fit 缩小超限的图。",
)
EXPORT = Text(
    '%seedream export RUN FILE, or images.export("FILE"); the ending says what:\n    book.pdf    --layout page, '
    "spread or sheet; --page-size A4, A5, square, picture …\n    book.html   one page with the originals; prints one "
    "to a page\n    set.zip     the originals and their captions\n    sheet.jpg   a contact sheet; .png too\n  "
    "  play.gif    the frames one after the other\n--title T, --author NAME and --no-captions are for .pdf, .html and "
    ".zip. No file tells\nof model, price, run or what failed without --with-facts.",
    '%seedream export 运行号 文件，或 images.export("文件")，由扩展名决定：\n'
    "    book.pdf    --layout（--版式）单页、跨页或总览；\n"
    "                --page-size（--纸张）A4、A5、方形、随图等\n"
    "    book.html   一个网页，内含原图；打印时一页一张\n    set.zip     原图及图注\n"
    "    sheet.jpg   总览图，也可用 .png\n    play.gif    依次播放各帧\n"
    ".pdf、.html、.zip 还可用 --title（--标题）、--author（--作者）、\n"
    "--no-captions（--无图注）。各种文件都不写模型、费用、运行号\n和失败的帧，除非加 --with-facts（--含信息）。",
)
CELL = Text(
    "%%seedream [NAME <<] [options]\nthe prompt, with {{variables}} filled in from the notebook\n\nDraws with "
    "Seedream and shows the pictures as they land.\nThe last set is always `_seedream`.\n\nA set (-n) is one request "
    "whose pictures know each other;\na sweep (--vary, --each, --xy, --repeat) is many requests,\nshown as one grid. "
    "-n 4 --vary: 4 pictures per variant.\nA value - leaves a hole; with --vary \\{{ \\| \\}} are the signs.\n\nA "
    "line --- splits the prompt into a storyboard: the shared\nstyle first, then one part for each frame.\n",
    "%%seedream [名字 <<] [选项]\n提示词，其中的 {{变量}} 用笔记本里的值填入\n\n用 Seedream 作画，图片到一张显示一张；"
    "\n最近一组总在 `_seedream` 里。\n\n组图（-n）是一次请求，各张相互关联；批量（--vary、\n--each、--xy、"
    "--repeat）是多次请求，以网格显示。\n-n 4 --vary：每种变体 4 张。值 - 表示跳过；\n用 --vary 时，\\{{ \\| \\}} "
    "表示符号本身。\n\n单独一行 --- 把提示词分为分镜：\n第一段是共同风格，其后每段一帧。\n",
)
CELL_EXAMPLES = Text(
    "    %%seedream\n    a lighthouse in fog, watercolour\n\n    %%seedream seasons << -n 4 -s 2K -r 16:9\n    four "
    "seasons of one mountain village, flat illustration\n\n    %%seedream story << -s 2K --ref hero.png --bg\n    "
    "watercolour, one red fox\n    ---\n    it wakes in the snow\n    ---\n    it crosses the frozen river\n\n    "
    "%%seedream kites << --vary --xy size=2K,4K\n    a {{red|blue|green}} kite over {{the sea|a city}}\n\n    "
    "%%seedream --each animals.csv --dry-run\n    {{animal}} in {{place}}, watercolour\n\nThen\n\n    "
    'seasons[0].image    seasons[0].path\n    seasons.failed      seasons.folder\n    kites["red", "the sea", "2K"]   '
    "    kites.retry()\n",
    "    %%seedream\n    雾中的灯塔，水彩\n\n    %%seedream 四季 << -n 4 --no-watermark\n    同一座山村的四季，"
    "扁平插画\n\n    %%seedream 故事 << -s 2K --ref hero.png --bg\n    水彩，一只红狐狸\n    ---\n    "
    "它在雪地里醒来\n    ---\n    它走过结冰的河\n\n    %%seedream 风筝 << --变体 --交叉 尺寸=2K,4K\n    "
    "{{红|蓝|绿}}色的风筝，飞在{{海|城市}}上空\n\n    %%seedream --逐行 animals.csv --试算\n    {{动物}}在{{地方}}，"
    '水彩\n\n然后\n\n    四季[0].image    四季[0].path\n    四季.failed      四季.folder\n    风筝["红", "海", "2K"]  '
    "     风筝.retry()\n",
)
OPTIONS_HEADING = Text("Options", "选项列表")
COMMANDS_HEADING = Text("Commands", "命令列表")
EXAMPLES_HEADING = Text("Examples", "示例")
TOPIC_OPTIONS = Text("options", "选项")
TOPIC_COMMANDS = Text("commands", "命令")
TOPIC_SWEEP = Text("sweep", "批量")
TOPIC_REFERENCES = Text("references", "参考图")
TOPIC_EXPORT = Text("export", "导出")
TOPIC_STORYBOARD = Text("storyboard", "分镜")
TOPIC_COST = Text("cost", "费用")
TOPIC_SETS = Text("sets", "组图")
SETS = Text(
    "A set is a row of frames, from 0. Each of these draws and gives a new set:\n    story = story.redo(1)"
    '                frame 2 anew, one take more\n    story = story.redo(1, prompt="…")    other words; '
    'refs="others": as the rest\n    story = story.extend(["…"])          one frame more\n    night = '
    'story[0].vary("at night")    a new set after a frame\n    %seedream retry RUN                  what '
    "failed\nThese send nothing:\n    story.takes(1)   story.pick(1, take=1)   takes of frame 2; the one to "
    "keep\n    story[0].star()  story.starred           the best\n    story.without(1)                         leave "
    "frame 2 out\n    story.failed     story[0].path           what failed; where a file is",
    "组图是一排帧，从 0 数起。下面几种会画新图，并得到新的一组：\n    故事 = 故事.redo(1)               重画第 2 帧，"
    '多出一版\n    故事 = 故事.redo(1, prompt="…")   换一种说法；refs="others" 参考其余帧\n    故事 = '
    '故事.extend(["…"])         再加一帧\n    夜 = 故事[0].vary("夜里")          以一帧为参考衍生新的一组\n    '
    "%seedream retry 运行号            重试失败的帧\n下面几种不发送请求：\n    故事.takes(1)   故事.pick(1, take=1)  "
    "第 2 帧的各版；选定一版\n    故事[0].star()  故事.starred          加星标；有星标的帧\n    故事.without(1)        "
    "               去掉第 2 帧\n    故事.failed     故事[0].path          失败的帧；图片文件的位置",
)
STORYBOARD = Text(
    "A line --- splits the prompt: the style of all frames, then one part a frame.\n\n    %%seedream story << -s "
    "2K --ref hero.png\n    watercolour, one red fox\n    ---\n    it wakes in the snow\n    ---\n    it crosses the "
    "frozen river\n\nIt is one request, so the pictures know each other; -n follows from the parts.\n    "
    'story.redo(1, prompt="…")   frame 2 in other words\n    story.extend(["…"])        one frame more\n    %seedream '
    "export story fox.pdf",
    "单独一行 --- 把提示词分成几段：第一段是共同风格，其后每段一帧；——— 也可以。\n\n    %%seedream 故事 << -s 2K "
    "--ref hero.png\n    水彩，一只红狐狸\n    ---\n    它在雪地里醒来\n    ---\n    它走过结冰的河\n\n"
    '整套是一次请求，各张相互关联；张数由段数决定。\n    故事.redo(1, prompt="…")   换一种说法重画第 2 帧\n    '
    '故事.extend(["…"])        再加一帧\n    %seedream export 故事 狐狸.pdf',
)
COST = Text(
    "Each picture that the service makes is billed, and nothing else.\n    --dry-run           before: how many images"
    ", and their price; sends nothing\n    %seedream           after: what this session has cost\n    %seedream"
    " history "
    "  what each run has cost\nThe same cell again shows the stored pictures unbilled; --fresh pays anew.\n"
    "%seedream recover bills nothing; %seedream retry RUN bills what it draws.\nLimits: %config "
    "SeedreamMagics.max_images_per_run = 8; or …_per_session, …_per_day\nWithout a key, free: %seedream use demo",
    "只有服务生成的图片按张计费。\n    --dry-run（--试算） 运行前：会画几张、多少钱，不发送\n    %seedream           "
    "运行后：本次会话的费用\n    %seedream history   每次运行的费用\n重新运行同一单元格会显示已存的图片，不计费；\n"
    "--fresh（--重新生成）会重新生成并计费。\n%seedream recover 不计费；%seedream retry 运行号 按新画的张数计费。\n"
    "上限：%config SeedreamMagics.max_images_per_run = 8\n另有 max_images_per_session、max_images_per_day\n"
    "没有密钥、免费试用：%seedream use demo",
)
TOPIC_WORDS = MappingProxyType({
    "故事板": "storyboard", "绘本": "storyboard", "计费": "cost", "价格": "cost", "花费": "cost", "price": "cost",
    "prices": "cost", "costs": "cost", "billing": "cost", "sweeps": "sweep", "exports": "export", "option": "options",
    "storyboards": "storyboard", "command": "commands", "对比画法": "sweep", "参数": "options", "交付": "export",
    "参考": "references", "reference": "references", "set": "sets", "redo": "sets", "extend": "sets", "pick": "sets",
    "takes": "sets", "star": "sets", "without": "sets", "frame": "sets", "frames": "sets", "重画": "sets",
    "重绘": "sets", "衍生": "sets", "接着画": "sets", "续画": "sets", "加一帧": "sets", "版": "sets", "选版": "sets",
    "星标": "sets", "帧": "sets", "topic": "topics", "主题": "topics",
})  # fmt: skip
"""What people call a page of the help, and its name."""
PLACEHOLDERS = MappingProxyType({
    "RUN": "运行号", "PATH": "路径", "NAME": "名称", "TOPIC": "主题", "WORDS": "词", "FOLDER": "文件夹", "FRAME": "帧",
    "CODE": "错误码", "DATE": "日期", "PROVIDER": "服务商", "SIZE": "尺寸", "ID": "id", "FORMAT": "格式",
    "KIND": "种类", "MODE": "模式", "LAYOUT": "布局", "OPTION=A,B": "选项=甲,乙", "W:H": "宽:高", "T": "标题",
})  # fmt: skip
"""What stands in a line of the help for what a person types there, in Chinese."""
SEE_ONE = Text("%seedream help --size tells all of one option.", "%seedream help --尺寸 可查看某个选项的详情。")
TOPICS = Text(
    "%seedream help TOPIC: {topics}, or an option or a command.", "%seedream help 主题：{topics}，或某个选项、命令。"
)
NO_TOPIC = Text("There is no help on {topic}: {topics}.", "没有关于 {topic} 的帮助，可选：{topics}。")
TOPIC_MEANT = Text("There is no help on {topic}: did you mean {meant}?", "没有关于 {topic} 的帮助，是想查 {meant} 吗？")

# Each command
COMMAND_STATUS = Text("provider, key, model, store, images billed so far and their price", "当前状态与费用")
COMMAND_USE = Text("the session's provider: {names}", "切换服务商：{names}")
COMMAND_KEY = Text(
    "type the key, hidden; kept in memory. --if-missing: only where there is none",
    "输入密钥，仅存于内存；--if-missing：没有时才问",
)
COMMAND_MODELS = Text(
    "what models take: sizes, sets, references, formats; --live asks the provider what this key may use",
    "各模型支持的参数；--live 向服务商查询此密钥可用的模型",
)
COMMAND_PANEL = Text("draw with buttons and fields in place of a cell", "图形面板")
COMMAND_HISTORY = Text(
    "earlier runs, found by words, a date, a state; --here: of this store only; --starred: with a starred picture",
    "所有笔记本的历史记录，可按词、日期、状态查找；--here 只查当前存储；--starred 只列有星标的",
)
COMMAND_SHOW = Text(
    "the set of an earlier run, by its id or its row in the history",
    "按运行号或历史记录的行号显示以前的一组",
)
COMMAND_GALLERY = Text(
    "all pictures of all notebooks as a wall, found by words, a star, a date",
    "所有笔记本的图片墙，可按词、星标、日期筛选",
)
COMMAND_COMPARE = Text(
    "two to nine pictures of any runs side by side, zoomed together: story[2] run:ID[0]",
    "并排对比任意运行的二至九张图片",
)
COMMAND_RECOVER = Text("download what earlier runs lack; bills nothing", "补下载缺失的图片，不计费")
COMMAND_RETRY = Text(
    "ask anew for the failed frames of a run; bills those. --each: one request for each. --dry-run: only say what",
    "重新生成失败的帧，按张计费；--each 逐张请求；--dry-run 只显示将发送什么",
)
COMMAND_STOP = Text("stop runs in the background; what has come is kept", "停止后台绘制，已到的图片保留")
COMMAND_EXPORT_RUN = Text(
    "one file for others: .pdf (--layout page, spread or sheet, --page-size), .html, .zip (these: --author), .gif or "
    ".jpg",
    "导出为一个文件，格式由扩展名决定；PDF、网页、ZIP 可用 --author，PDF 另有 --layout、--page-size，"
    "见 %seedream help 导出",
)
COMMAND_PURGE = Text(
    "delete a run and its pictures; asks first. RUN: its full id, a variable, or latest. Starred ones stay",
    "从磁盘删除一次运行及其图片，删除前询问；需完整运行号、变量或 latest；有星标的须加 --even-starred",
)
COMMAND_LIBRARY = Text(
    "the stores that are known, and how many runs each has; --scan takes in those below a folder",
    "已知的存储及其运行数；--scan 收录某文件夹下的存储",
)
COMMAND_DOCTOR = Text("what is wrong, and the fix; --probe tries the network", "体检；--probe 检测网络")
COMMAND_DOCTOR_CODE = Text(
    "an error code of the service, or a status of HTTP: cause, fix, bill",
    "解释服务端错误码或 HTTP 状态码：原因、办法、计费",
)
COMMAND_HELP = Text(
    "a screen to begin with; TOPIC: options, sweep, export, an option …", "入门一屏；主题：选项、批量、导出、某个选项等"
)
