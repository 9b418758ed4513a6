"""What the panel says, each text once, in English and Chinese side by side."""

from __future__ import annotations

from seedream_magic.words.text import Text

# The panel without its kernel
RUN_AGAIN = Text("Run this cell to go on.", "运行此单元格以继续。")

ONE_RUN_OF_SWEEP = Text("A panel begins with one run of a sweep, such as {one}.", "面板只能从一次生成开始，如 {one}。")

# The form
PROMPT_HINT = Text("What to draw, in Chinese or English", "想画什么？中英文皆可")
STYLE = Text("Style of all frames", "各帧共同的风格")
FRAME_HINT = Text("What this frame shows", "这一帧的内容")
ADD_FRAME = Text("Add frame", "添加一帧")
ADD_FRAME_HINT = Text(
    "A storyboard: the prompt becomes the style of all frames, each frame is one picture",
    "分镜：提示词成为共同风格，每帧一张图",
)
FRAME_UP = Text("Move frame {number} up", "第 {number} 帧上移")
FRAME_DOWN = Text("Move frame {number} down", "第 {number} 帧下移")
FRAME_REMOVE = Text("Remove frame {number}", "删除第 {number} 帧")
RATIO = Text("Ratio", "比例")
RATIO_HINT = Text("Width to height", "宽与高之比")
MODEL_DECIDES = Text("model decides", "模型决定")
SIZE = Text("Size", "尺寸")
SIZE_HINT = Text("How many pixels", "像素多少")
IMAGES = Text("Images", "张数")
IMAGES_HINT = Text("How many pictures; auto: the model decides", "画几张；自动：由模型决定")
AUTO = Text("auto", "自动")
MODEL = Text("Model", "模型")
MODEL_HINT = Text("The model that draws; its exact id stands behind Options", "使用的模型；完整 id 见“选项”")
OPTIONS = Text("Options", "选项")
OPTIONS_HINT = Text("Exact size, model id, watermark, compare", "精确尺寸、模型 id、水印、对比")
OTHER_SIZE = Text("Other size", "其他尺寸")
OTHER_SIZE_HINT = Text("A ratio (5:4) or pixels (2400x1200) in place of those above", "比例（5:4）或像素（2400x1200）")
MODEL_ID = Text("Model id", "模型 id")
MODEL_ID_HINT = Text("The exact id that is sent; type another one", "实际发送的 id，可改")
WATERMARK = Text("Watermark", "水印")
WATERMARK_HINT = Text("The service's AI mark", "服务商的 AI 标识")
STREAM = Text("Stream", "逐张接收")
STREAM_HINT = Text("Pictures come one by one", "画好一张收一张")
ALSO_SENT = Text("Also sent: {options}", "另外发送：{options}")
LEAVE_OUT = Text("Leave out", "不用")
LEAVE_OUT_HINT = Text("Sends the request without these options", "不发送这些选项")
WRITE_PROMPT = Text("Write a prompt.", "请先写提示词。")
WRITE_FRAME = Text("Frame {number} is empty: write what it shows.", "第 {number} 帧还没有内容。")

# Buttons and what a request comes to
DRAW = Text("Draw", "生成")
DRAW_HINT = Text("Draws what the form says (Ctrl+Enter)", "按表单生成（Ctrl+Enter）")
DRAW_COUNT = Text("Draw {count}", "生成 {count} 张")
DRAW_AT_MOST = Text("Draw up to {count}", "最多生成 {count} 张")
FREE = Text("free", "免费")
SHOW = Text("Show · nothing billed", "显示 · 不计费")
DRAW_AGAIN = Text("Draw again", "重新生成")
DRAW_AGAIN_HINT = Text("Draws it once more and pays again, though it is in the library", "图库中已有，仍重新生成并计费")
DRAW_AGAIN_FREE_HINT = Text("Draws it once more, though it is in the library; free", "图库中已有，仍再画一次，免费")
NOT_ALL_TYPED = Text(
    "The page did not answer, so what you typed last may be missing.", "页面没有回应，最后输入的内容可能还没有传来。"
)
CLICK_AGAIN = Text("Look at the prompt and click again.", "请核对提示词，再点一次。")
STOP = Text("Stop", "停止")
STOP_HINT = Text("Ends the run; pictures that have come are kept", "停止；已到的图片会保留")
DECIDED_BY_MODEL = Text("as many as the model decides", "张数由模型决定")
PICTURES = Text("{count} pictures", "{count} 张")
ONE_PICTURE = Text("1 picture", "1 张")
STORYBOARD_OF = Text("storyboard of {count}", "{count} 帧分镜")
NO_WATERMARK = Text("no watermark", "无水印")
STREAMED = Text("streamed", "逐张接收")
RATIO_BY_MODEL = Text("ratio: model decides", "比例由模型决定")
IN_LIBRARY = Text("In the library (run {run}): it is shown from there.", "图库中已有（{run}），直接显示。")
CANNOT_BE_SENT = Text("Cannot be sent: {why}", "无法发送：{why}")
ROOM = Text("References and pictures: {total} of {most}", "参考图与图片共 {total} / {most}")

# References
REFERENCE = Text("Reference", "参考图")
REFERENCE_HINT = Text(
    "A path, a glob, an https link, or run:ID[K] for a frame of an earlier run; Enter adds it",
    "路径、通配符、链接或 run:ID[K]，回车添加",
)
REFERENCE_BENEATH = Text("Reference: path or link", "参考图：路径、链接、run:ID[0]")
ADD_PICTURES = Text("Add pictures", "添加图片")
ADD_PICTURES_HINT = Text(
    "Reference pictures: click, drop or paste; up to about 10 MB, larger ones by their path",
    "参考图：点击、拖入或粘贴；约 10 MB 以内，更大的请填路径",
)
NUMBERED_REFERENCE = Text("Reference {number}: {name}", "参考图 {number}：{name}")
REMOVE_REFERENCE = Text("Remove reference {number}: {name}", "移除参考图 {number}：{name}")
REFERENCE_LEAVE_OUT_HINT = Text("Sends the request without what cannot be read", "不用无法读取的参考图")
REFERENCE_GONE = Text(
    "The reference {name} is not in the store any more: remove it.", "参考图 {name} 已不在存储文件夹中，请移除。"
)
REFERENCE_UNREAD = Text(
    "A reference cannot be read: correct it, or leave it out.",
    "有参考图无法读取，请更正或点“不用”。",
)
REFERENCE_ON_ITS_WAY = Text(
    "An upload is not here yet: wait for it, or leave it out.", "上传未完成：请稍候，或点“不用”。"
)
REFERENCE_BROKEN = Text("It cannot be read ({why}).", "无法读取（{why}）。")
UPLOAD_COMING = Text("{name}: {size} MB, not here yet.", "{name}：{size} MB，尚未收到。")
UPLOAD_LARGE = Text(
    "A notebook's server takes about 10 MB at once: give the path of a larger file.",
    "笔记本服务器一次约收 10 MB，更大的文件请填路径。",
)

# The run
STARTING = Text("starting", "开始")
NOT_SENT = Text("not sent", "未发送")
PROGRESS = Text("{made} of {expected}", "{made} / {expected}")
PROGRESS_OPEN = Text("{made} so far", "已到 {made} 张")
PROGRESS_RUNS = Text("{ended} of {runs} runs", "{ended} / {runs} 次")
PROGRESS_FRAME = Text("frame {number} · ", "第 {number} 帧 · ")
ABOUT = Text("about {seconds} s more", "约还需 {seconds} 秒")

# Going on from a frame
FROM_FRAME = Text("From frame", "从第几帧")
FROM_FRAME_HINT = Text(
    "Which frame the buttons act on; it follows the picture that shows below", "以下操作针对哪一帧，随下方图片而变"
)
NO_PICTURE = Text("Frame {number}: no picture", "第 {number} 帧：没有图片")
NEW_WORDS = Text("New words", "新提示词")
NEW_WORDS_HINT = Text(
    "All words of the new picture; Redo without any keeps the frame's own", "新图的完整提示词；重画时留空则沿用原词"
)
NEW_WORDS_BENEATH = Text("other words (Redo: optional)", "新提示词（重画可留空）")
REDO = Text("Redo", "重画")
HINT_WITH_BILL = Text("{what}; may bill 1 image", "{what}，可能计费 1 张")
HINT_FREE = Text("{what}; free", "{what}，免费")
REDO_HINT = Text("Draws this frame anew, the others as references", "以其余帧为参考重画这一帧")
VARY = Text("Vary", "衍生")
VARY_HINT = Text("Draws a new picture after this frame", "以这一帧为参考画一张新图")
USE_AS_REFERENCE = Text("Use as reference", "用作参考图")
USE_AS_REFERENCE_HINT = Text("Adds this frame to the references", "加入参考图")
COPY_REDO_HINT = Text("Shows the cell that draws this frame anew", "显示重画这一帧的单元格")
COPY_VARY_HINT = Text("Shows the cell that draws a new picture after this frame", "显示以这一帧为参考画新图的单元格")
FORM_FROM_SET = Text("Take its form", "套用其表单")
FORM_FROM_SET_HINT = Text("Fills the form as it was for these pictures", "把表单恢复为生成这组图时的样子")
MORE_HINT = Text("Export, cells, the form of this set", "导出、单元格、这组图的表单")
NO_FRAME = Text("There is no frame to go on from.", "没有可用的帧。")
FRAME_WITHOUT_PICTURE = Text(
    "Frame {number} has no picture: redo it, or choose another one.", "第 {number} 帧没有图片：请重画，或换一帧。"
)
FILL_IN_WORDS = Text(
    "Fill in New words: Vary draws from them and the picture alone.",
    "请填写新提示词：衍生只依据它和这张图来画。",
)

# Earlier sets
SHOW_SET = Text("Show: {prompt}", "显示：{prompt}")

# The cell
COPY_AS_CELL = Text("Copy as cell", "复制为单元格")
COPY_AS_CELL_HINT = Text("Shows the %%seedream cell that makes this request", "显示生成同一请求的单元格")
CELL = Text("Cell", "单元格")
CELL_HINT = Text("The cell that makes the same request", "生成同一请求的单元格")
COPY_HINT = Text("Copies the cell", "复制单元格")
INSERT = Text("Insert below", "插入到下方")
INSERT_HINT = Text("Inserts the cell below this one", "在下方插入此单元格")
COPIED = Text("Copied.", "已复制。")
COPIED_TO_PASTE = Text("Copied: paste it into a new cell.", "已复制，请粘贴到新单元格。")
INSERTED = Text("Inserted.", "已插入。")
PRESS_COPY = Text("Press Ctrl+C.", "请按 Ctrl+C。")
REFERENCE_NOT_KEPT = Text("The reference cannot be kept in {folder} ({why}).", "参考图无法保存到 {folder}（{why}）。")

# Comparing
COMPARE_HINT = Text(
    "Draws the same with several sizes, models or words, side by side", "用多种尺寸、模型或词语各画一次并排对比"
)
SIZES = Text("Sizes", "尺寸")
RATIOS = Text("Ratios", "比例")
MODELS = Text("Models", "模型")
COMPARED = Text("Compare {name}: {value}", "对比{name}：{value}")
AXIS_WORDS = Text("words", "词语")
COMPARE_WORDS = Text("Words: write them in the prompt as {{red|blue}}.", "词语：在提示词中写作 {{红|蓝}}。")
COMPARE_NOTHING = Text(
    "Choose sizes, ratios or models to compare, or write {{red|blue}} in the prompt.",
    "请选择要对比的尺寸、比例或模型，或在提示词中写 {{红|蓝}}。",
)
COMPARE_TWO = Text("{name}: choose at least two to compare.", "{name}：请至少选择两个。")
COMPARES = Text("Compares {names}: {count} runs.", "对比项：{names}，共 {count} 次。")
DRAW_RUNS = Text("Draw {count} runs", "生成 {count} 次")

# Export
EXPORT = Text("Export", "导出")
EXPORT_HINT = Text("Writes these pictures to one file for others", "把这组图写成一个文件交给别人")
EXPORT_KIND = Text("Format", "格式")
EXPORT_KIND_HINT = Text("What is written", "写成哪种文件")
KIND_PAGE = Text("web page", "网页")
KIND_ARCHIVE = Text("ZIP of the originals", "原图 ZIP")
KIND_ANIMATION = Text("animation (GIF)", "动图（GIF）")
EXPORT_FILE = Text("File", "文件名")
EXPORT_FILE_HINT = Text("Its name or path; the format gives the ending", "文件名或路径；扩展名随格式")
EXPORT_FILE_NAME = Text("pictures", "图集")
EXPORT_TITLE = Text("Title", "标题")
EXPORT_TITLE_HINT = Text("Stands above the pictures; empty: the prompt", "写在图片上方；留空则用提示词")
EXPORT_AUTHOR = Text("Author", "作者")
EXPORT_AUTHOR_HINT = Text("Stands beside the title; empty: nobody", "写在标题旁；留空则不写")
EXPORT_CAPTIONS = Text("Captions", "图注")
EXPORT_CAPTIONS_HINT = Text("The words below each picture", "每张图下方的文字")
EXPORT_FACTS = Text("Facts", "含信息")
EXPORT_FACTS_HINT = Text("Also the model, the run, the bill and what failed", "另含模型、编号、计费和失败的帧")
EXPORT_PAGE = Text("Page", "页面")
EXPORT_PAGE_HINT = Text("Size of a page of a PDF", "PDF 页面大小")
PAGE_LETTER = Text("Letter", "信纸（Letter）")
PAGE_SQUARE = Text("square", "正方形")
PAGE_PICTURE = Text("as the picture", "随图片")
EXPORT_LAYOUT = Text("Layout", "版式")
EXPORT_LAYOUT_HINT = Text(
    "Of a PDF: a picture a page, two a spread, or all on a sheet", "PDF：每页一张、跨页两张或总览"
)
LAYOUT_PAGE = Text("one a page", "每页一张")
LAYOUT_SPREAD = Text("spread", "跨页")
LAYOUT_SHEET = Text("contact sheet", "总览")
EXPORTING = Text("writing…", "正在写入…")

# The key
ENTER_KEY = Text("Enter the key", "输入密钥")
ENTER_KEY_HINT = Text(
    "Runs %seedream key below: type it there, into a hidden field; it is not saved",
    "在下方运行 %seedream key，在隐藏的输入框中输入，不会保存",
)
KEY_BELOW = Text("Type it below.", "请在下方输入。")
KEY_BY_HAND = Text("Run %seedream key in a cell.", "请在单元格中运行 %seedream key。")
NO_KEY = Text("{provider} needs an API key.", "{provider} 需要 API 密钥。")
USE_DEMO = Text("Use the demo", "使用演示")
USE_DEMO_HINT = Text(
    "Draws with the built-in service: offline, no key, nothing billed", "内置演示服务：离线、无需密钥、不计费"
)
