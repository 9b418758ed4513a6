"""What is wrong with a reference: a file, a link, bytes, an object that was handed in."""

from __future__ import annotations

from seedream_magic.words.text import Text

# What it is.
BYTES = Text("a bytes object", "一个 bytes 对象")
OPEN_FILE = Text("an open file", "打开的文件")
FIGURE = Text("a figure", "一幅图表")
UPLOAD = Text("the upload {name}", "上传的 {name}")
PICTURE_OF_TYPE = Text("a picture of type {kind}", "{kind} 类型的图片")
TENSOR = Text("a torch tensor", "torch 张量")
ARRAY = Text("a numpy array", "numpy 数组")
PIL_IMAGE = Text("a PIL image", "PIL 图片")
DATA_URI = Text("a data URI", "data URI")

# What cannot be read.
BECAUSE = Text("{what}: {why}.", "{what}：{why}。")
NO_PICTURE_OF_TYPE = Text("An object of type {kind} cannot be read as a picture", "{kind} 类型的对象不能当作图片读取")
CANNOT_BE_READ = Text("{name} cannot be read", "{name} 无法读取")
CANNOT_BE_SCALED = Text("{name} cannot be scaled", "{name} 无法缩放")
DAMAGED = Text(
    "{name} ({format}, {size:,} bytes) is cut off or damaged", "{name}（{format}，{size:,} 字节）不完整或已损坏"
)
SAVE_ANEW = Text("{what}; save it anew.", "{what}；请重新保存。")
AVIF = Text(
    "{name} is an AVIF picture, which this Pillow cannot read; save it as PNG or JPEG.",
    "{name} 是 AVIF 图片，当前 Pillow 无法读取；请存为 PNG 或 JPEG。",
)
TOO_MANY_PIXELS = Text(
    "{name} has too many pixels to be opened here; save it with at most {most:,}.",
    "{name} 像素太多，无法打开；请存为不超过 {most:,} 像素。",
)
SCALED = Text("{before}, sent as {after}.", "{before}，以 {after} 发送。")
FIRST_SCALED = Text("{before}, sent as {after} (its first picture).", "{before}，以 {after} 发送（取第一张）。")
OPENED_FOR_TEXT = Text(
    'A file that was opened for text is not a picture: open it with "rb", or give its path.',
    '以文本方式打开的文件不是图片：用 "rb" 打开，或直接给路径。',
)
FILE_TOO_LARGE = Text("The open file has more than {size}: save it smaller.", "打开的文件超过 {size}，请存小一些。")
ARRAY_SHAPE = Text(
    "An array of shape {shape} is not a picture: give HxW, HxWx1, HxWx3 or HxWx4, colours last.",
    "形状为 {shape} 的数组不是图片：应为 HxW、HxWx1、HxWx3 或 HxWx4，颜色在最后。",
)
ARRAY_TOO_LARGE = Text(
    "An array of {width}x{height} pixels is too large; scale it down.", "{width}x{height} 像素的数组太大，请缩小。"
)
ARRAY_RANGE = Text(
    "An array of floats from {lowest:g} to {highest:g} is not a picture: they go from 0 to 1; or make it uint8.",
    "浮点数组的范围是 {lowest:g} 到 {highest:g}，不是图片：应为 0 到 1，或转为 uint8。",
)
ARRAY_TYPE = Text(
    "An array of {kind} is not a picture: give uint8, bool, or floats from 0 to 1.",
    "{kind} 数组不是图片：应为 uint8、bool 或 0 到 1 的浮点数。",
)
FRAME_WITHOUT_PICTURE = Text("Frame {number} has no picture: {why}", "第 {number} 帧没有图片：{why}")
FRAME_NOT_YET = Text("Frame {number} has no picture yet.", "第 {number} 帧还没有图片。")
NO_KIND = Text(
    "{kind} cannot be a reference: give a path, an https link, bytes, a picture, an array, an open file, an "
    "upload, a frame, an image set, or a list of these.",
    "{kind} 不能作参考图：可用路径、https 链接、字节、图片、数组、打开的文件、上传、帧、组图，或由它们组成的列表。",
)
LISTS_IN_LISTS = Text(
    "The references stand in lists within lists; give one list.", "参考图嵌套了太多层列表；请给一个列表。"
)
IS_EMPTY = Text(
    "A reference is empty: give a path, an https link or a picture.", "参考图为空：请给路径、https 链接或图片。"
)
HOLDS_NO_PICTURE = Text("A reference of type {kind} holds no picture.", "{kind} 类型的参考图里没有图片。")
TOO_MANY = Text(
    "More than {most} references were given; no request takes them.", "参考图超过 {most} 张，任何请求都不接受。"
)
URI_FORM = Text(
    "A data URI of a reference begins with data:image/png;base64, or another type of image.",
    "参考图的 data URI 以 data:image/png;base64, 或其他图片类型开头。",
)
URI_TOO_LARGE = Text("The data URI has {size}; give the picture as a file.", "data URI 有 {size}，请改用文件。")
URI_DAMAGED = Text("The data URI is damaged", "data URI 已损坏")
NO_LINK = Text("{name} is not a link", "{name} 不是链接")
WITHOUT_FILE = Text(
    "{name}: give the path of the file itself, without file:.", "{name}：请直接写文件路径，不要 file:。"
)
HTTPS_ONLY = Text(
    "{name}: a linked reference begins with https://; a file on this machine is its path.",
    "{name}：链接须以 https:// 开头；本机文件请写路径。",
)
LINK_WITH_PASSWORD = Text(
    "A linked reference has no user name or password in it: every service would see them.",
    "参考图链接里不能有用户名和密码：各服务都会看到。",
)
LINK_WITH_FRAGMENT = Text("{name}: leave out the part from # on.", "{name}：请去掉 # 及其后的部分。")
NO_PICTURE_LINK = Text("{name} is not the link of a picture.", "{name} 不是图片链接。")
NO_PATH = Text("{name} is not the path of a file", "{name} 不是文件路径")
GLOB_TOO_MANY = Text(
    "{name} stands for {count} files; one request takes {most} at most.",
    "{name} 匹配 {count} 个文件；一次请求最多 {most} 个。",
)
NO_FILE_MATCHES = Text("No file matches {name}.", "没有文件匹配 {name}。")
NO_FILE = Text("There is no file {name}.", "没有文件 {name}。")
NO_FILE_MATCHES_IN = Text("No file matches {name} in {folder}.", "{folder} 中没有文件匹配 {name}。")
NO_FILE_IN = Text("There is no file {name} in {folder}.", "{folder} 中没有文件 {name}。")
NO_VARIABLE = Text("There is no variable and no file named {name}.", "没有名为 {name} 的变量或文件。")
NO_VARIABLE_IN = Text(
    "There is no variable and no file named {name} in {folder}.", "没有名为 {name} 的变量，{folder} 中也没有这个文件。"
)
NO_FOLDER_EITHER = Text("There is no folder {folder} either.", "文件夹 {folder} 也不存在。")
DID_YOU_MEAN = Text("Did you mean {name}?", "是不是 {name}？")
IS_FOLDER = Text(
    "{name} is a folder; give its pictures as {folder}/*.png.", "{name} 是文件夹；其中的图片写作 {folder}/*.png。"
)
IS_NO_FILE = Text("{name} is not a file.", "{name} 不是文件。")
TOO_LARGE_TO_SCALE = Text(
    "{name} has {size}: too large to be scaled here; save it smaller.", "{name} 有 {size}，太大无法缩放；请存小一些。"
)

# What the service does not take.
FIT = Text("--fit scales it down.", "--fit 可缩小它。")
SAVE_SMALLER = Text("Save it as a smaller JPEG.", "请存为更小的 JPEG。")
SAVE_AND_FIT = Text("Save it and give its path with --fit, which scales it down.", "先保存，再用路径加 --fit 缩小。")
NONE_TAKEN = Text(
    "{model} takes no references; leave --ref out or choose another model.",
    "{model} 不支持参考图：去掉 --ref，或换一个模型。",
)
MOST_TAKEN = Text(
    "{model} takes at most {most:reference}, not {count}.", "{model} 最多 {most} 张参考图，现有 {count} 张。"
)
TOGETHER_TOO_MANY = Text(
    "{references:reference} and {images:image} are {total}; one request takes {most}: ask for at most {room:image}.",
    "{references} 张参考图加 {images} 张图片共 {total}；一次请求最多 {most}：最多要 {room} 张。",
)
REFERENCES_TOO_MANY = Text(
    "{references:reference} and {images:image} are {total}; one request takes {most}: give at most {room} references.",
    "{references} 张参考图加 {images} 张图片共 {total}；一次请求最多 {most}：参考图最多 {room} 张。",
)
OVER_30_MB = Text("{name} has {size}; a reference takes at most 30 MB.", "{name} 有 {size}；参考图最大 30 MB。")
OVER_10_MB = Text("{name} has {size}; older services take at most 10 MB.", "{name} 有 {size}；较早的服务最大 10 MB。")
PIXELS = Text(
    "{name} has {width}x{height} pixels, {pixels:,}; a reference takes at most {most:,}.",
    "{name} 有 {width}x{height} 像素（{pixels:,}）；参考图最多 {most:,}。",
)
OUTSIDE_RATIOS = Text(
    "{name} has {width}x{height} pixels, which is outside the ratios 1:16 to 16:1; crop it.",
    "{name} 有 {width}x{height} 像素，超出 1:16 到 16:1；请裁剪。",
)
SIDE_TOO_SMALL = Text(
    "{name} has {width}x{height} pixels; each side of a reference has more than {least}.",
    "{name} 有 {width}x{height} 像素；参考图每边须大于 {least}。",
)
