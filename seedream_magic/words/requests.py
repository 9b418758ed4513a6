"""What is wrong with a request before it is sent: its options, its prompt, its storyboard, its model's limits."""

from __future__ import annotations

from seedream_magic.words.text import Text

# Options.
IMAGES_RANGE = Text(
    "--images takes 1 to {most} or auto, not {value}.", "--images 可取 1 到 {most} 或 auto，不能是 {value}。"
)
SIZE_FORM = Text(
    "--size takes 1K, 2K, 4K or WIDTHxHEIGHT such as 2048x2048, not {value}.",
    "--size 可取 1K、2K、4K 或 宽x高（如 2048x2048），不能是 {value}。",
)
FOR_A_SHAPE = Text("For a shape write --ratio {ratio}.", "要指定形状请写 --ratio {ratio}。")
RATIO_RANGE = Text("--ratio goes from 1:16 to 16:1, not {value}.", "--ratio 的范围是 1:16 到 16:1，不能是 {value}。")
RATIO_FORM = Text("--ratio takes W:H such as 16:9, not {value}.", "--ratio 是宽与高之比，如 16:9，不能是 {value}。")
RATIO_MEANT = Text("--ratio takes W:H: write {ratio} for {value}.", "--ratio 是宽与高之比，{value} 写作 {ratio}。")
ONE_OF = Text("--{option} takes {words}, not {value}.", "--{option} 可取 {words}，不能是 {value}。")
MODEL_FORM = Text(
    "--model takes a model id such as doubao-seedream-4-5, not {value}.",
    "--model 是模型 id，如 doubao-seedream-4-5，不能是 {value}。",
)
NAME_IS_EMPTY = Text("--{option} takes a name, not an empty one.", "--{option} 的名称不能为空。")
TAKE_RANGE = Text("--take counts from 1, not {value}.", "--take 从 1 数起，不能是 {value}。")
TIMEOUT_RANGE = Text("--timeout takes seconds above 0, not {value}.", "--timeout 是大于 0 的秒数，不能是 {value}。")
EXTRA_FORM = Text(
    "--extra takes a JSON object in single quotes, '{{\"seed\": 7}}'.",
    "--extra 是单引号中的 JSON 对象：'{{\"seed\": 7}}'。",
)
EXTRA_BROKEN = Text(
    "--extra takes a JSON object in single quotes, '{{\"seed\": 7}}': {why}.",
    "--extra 是单引号中的 JSON 对象：'{{\"seed\": 7}}'（{why}）。",
)
NOT_JSON = Text("{name} is not JSON", "{name} 不是 JSON")
EXTRA_IS_DICT = Text("--extra takes a dict of body fields, not {kind}.", "--extra 是请求字段的字典，不能是 {kind}。")
EXTRA_SETS_PROMPT = Text(
    "--extra sets 'prompt', and so does the prompt itself; give it once.",
    "--extra 里又写了 'prompt'；提示词只能给一次。",
)
EXTRA_TAKES_NO_IMAGE = Text(
    "--extra takes no 'image'; use --ref, for links, files and bytes.",
    "--extra 不接受 'image'；链接、文件和字节请用 --ref。",
)
EXTRA_NOT_JSON = Text("--extra takes what JSON can say: {why}.", "--extra 只能是 JSON 能表示的内容：{why}。")
EXTRA_TOO_DEEP = Text("--extra is nested at most {most} levels deep.", "--extra 最多嵌套 {most} 层。")
TOO_MUCH_TEXT = Text(
    "Prompt and extra fields have at most {most} MiB together, as JSON.",
    "提示词和附加字段写成 JSON 合计最多 {most} MiB。",
)
EXTRA_SETS_TWICE = Text(
    "--extra sets {key}, and so does {flag}; give it once.", "--extra 与 {flag} 都设置了 {key}；只能给一次。"
)
SWITCH = Text("{name} is True or False, not {value}.", "{name} 只能是 True 或 False，不能是 {value}。")

# A plan that is handed in.
NO_PLAN = Text("A plan is what plan() gives, not {kind}.", "计划须由 plan() 生成，不能是 {kind}。")
PLAN_WAS_CHANGED = Text(
    "The plan's {name} ({kind}) is not what plan() makes: make the plan anew.",
    "计划中的 {name}（{kind}）不是 plan() 生成的：请重新生成计划。",
)

# Prompt and storyboard.
PROMPT_IS_TEXT = Text("The prompt is text, not {kind}.", "提示词应是文字，不能是 {kind}。")
PROMPT_IS_EMPTY = Text(
    "The prompt is empty: in a cell, write it below the %%seedream line.",
    "提示词为空：在单元格里写在 %%seedream 行的下面。",
)
HALF_A_CHARACTER = Text(
    "The prompt holds half a character at position {position}; type it anew.",
    "提示词第 {position} 个字符不完整，请重新输入。",
)
PICTURE_IN_BRACES = Text(
    "{field} is a picture, not words: leave it out, and write --ref {name} on the first line.",
    "{field} 是图片，不是文字；请从提示词里去掉，在第一行写 --ref {name}。",
)
VARIABLE_TOO_LONG = Text(
    "{field} is {size:,} characters long, more than the {most:,} that a prompt takes.",
    "{field} 长达 {size:,} 个字符，超过提示词上限 {most:,}。",
)
SHORTER_OR_RAW = Text(
    "Give a shorter text, or leave the braces as typed with --raw.", "缩短内容，或用 --raw 保留花括号原样。"
)
STORYBOARD_IS_LIST = Text(
    "A storyboard takes a list with the words of each frame.", "分镜应是列表，每项是一帧的提示词。"
)
STORYBOARD_IS_TEXT = Text("The style and the frames of a storyboard are text.", "分镜的风格和各帧都应是文字。")
FRAME_IS_EMPTY = Text(
    "Frame {number} of the storyboard has no words: write them below its line ---.",
    "分镜第 {number} 帧没有提示词：写在它的 --- 行下面。",
)
STORYBOARD_COUNT = Text(
    "The storyboard has {frames:frame}, but --images asks for {images}; leave --images out.",
    "分镜有 {frames} 帧，--images 却要 {images} 张；去掉 --images。",
)

# Limits of the models.
MOST_IMAGES = Text("max_images is 1 to {most}.", "max_images 可取 1 到 {most}。")
DOES_NOT_STREAM = Text(
    "{model} does not stream; the request goes out without it.", "{model} 不支持逐张接收，请求将不带此项。"
)
RATIO_WITH_PRESET = Text(
    "--ratio goes with a preset size such as 2K; {size} has its ratio already.",
    "--ratio 只与 2K 这样的预设尺寸同用；{size} 已有比例。",
)
NO_SUCH_SIZE = Text("{model} has no size {size}; it takes {sizes}.", "{model} 没有 {size} 尺寸；可用 {sizes}。")
PIXELS_ONLY = Text("WIDTHxHEIGHT only", "仅 宽x高")
OUTSIDE_RATIOS = Text(
    "--size {size} is outside the ratios 1:16 to 16:1.", "--size {size} 超出 1:16 到 16:1 的比例范围。"
)
AREA = Text(
    "--size {size} has {pixels:,} pixels; {model} takes {least:,} to {most:,}, for example {example}.",
    "--size {size} 有 {pixels:,} 像素；{model} 可取 {least:,} 到 {most:,}，如 {example}。",
)
ONE_IMAGE_ONLY = Text(
    "{model} makes one image a request; leave --images out or choose another model.",
    "{model} 每次只生成一张：去掉 --images，或换一个模型。",
)
FIELD_NOT_TAKEN = Text(
    "{model} does not take {option}; leave it out or choose another model.",
    "{model} 不支持 {option}：去掉它，或换一个模型。",
)
JPEG_NOT_TRANSPARENT = Text(
    "--background transparent goes with --output-format png: JPEG has no transparency.",
    "--background transparent 要配 --output-format png：JPEG 不能透明。",
)
TRANSPARENT_TAKES_ONE = Text(
    "--background transparent takes exactly one --ref, a picture with transparency.",
    "--background transparent 需要且仅需一张带透明的 --ref。",
)
LAYERS_TAKE_ONE = Text(
    "--layer-decomposition takes exactly one --ref, the picture that is taken apart.",
    "--layer-decomposition 需要且仅需一张 --ref：要拆分的图片。",
)
LAYERS_WITHOUT_IMAGES = Text(
    "--layer-decomposition goes without --images: it returns the layers of one picture.",
    "--layer-decomposition 不能带 --images：它返回一张图的各图层。",
)
LAYERS_SIZES = Text(
    "--layer-decomposition takes --size 1K, 1.5K or 2K.", "--layer-decomposition 的 --size 可取 1K、1.5K 或 2K。"
)

# What it may bill.
LIST_PRICE = Text("the list price of 2026-09", "2026-09 目录价")
OWN_PRICES = Text("the prices you set", "你设置的价格")
UP_TO = Text("up to {images:image}", "最多 {images} 张")
ONE_IMAGE = Text("1 image", "1 张")
WITH_PRICE = Text("{images}, {price}", "{images}，{price}")
BY_SOURCE = Text("{amount} by {source}", "{amount}（{source}）")

# Going on from what the store has.
SOME_ARE_REFERENCES = Text(
    "Used as references: {count:picture} of the {total:frame} of run {run}.",
    "运行 {run} 共 {total} 帧，有图片的 {count} 帧用作参考图。",
)
LEFT_OUT = Text(
    "Left out: {names}, which only the record of run {run} asks for. In a cell --extra sends it.",
    "已略去仅运行 {run} 的记录里才有的字段：{names}。要发送请用 --extra。",
)
PROVIDERS_ARE = Text("Providers are {names}.", "可用的服务商：{names}。")
MADE_BY_ANOTHER = Text(
    "Run {run} was made by {maker}; this client asks {provider}.", "运行 {run} 由 {maker} 生成，而当前使用 {provider}。"
)
USE_MAKER = Text(
    "%seedream use {maker} switches to it; in Python take the set from {code}.",
    "%seedream use {maker} 可切换过去；在 Python 中从 {code} 取得这组图。",
)
NO_PICTURE_YET = Text(
    "The set of run {run} has no picture yet: it cannot be a reference.", "运行 {run} 还没有图片，不能用作参考图。"
)
NO_PICTURE = Text(
    "The set of run {run} has no picture: it cannot be a reference.", "运行 {run} 没有图片，不能用作参考图。"
)
NO_SUCH_FRAME = Text(
    "There is no {value}, only run:{run}[0] to run:{run}[{last}].",
    "没有 {value}，只有 run:{run}[0] 到 run:{run}[{last}]。",
)
IMAGE_IS_NOT_HERE = Text(
    "The record of run {run} names an image that the store does not have.", "运行 {run} 的记录提到的图片不在存储中。"
)
SAVE_AND_NAME_FILE = Text(
    "# {source}, which no file holds: save it and name the file here", "# {source} 没有对应的文件：请保存后在此写文件名"
)
