"""What is told of a picture on its way to the disk: its link, download and bytes; and of that of a reference."""

from __future__ import annotations

from seedream_magic.words.text import Text

# Its way to the disk.
KEPT_THOUGH = Text(
    "Picture {number} was kept because it decodes in full, though {why}.",
    "第 {number} 张图片能完整解码，已保留，但{why}。",
)
KEPT_ELSEWHERE = Text(
    "The run's folder cannot be written: what came since is kept in {folder}.",
    "运行文件夹无法写入，此后的图片保存在 {folder}。",
)
NOT_SAVED = Text("The picture was made but could not be saved: {why}.", "图片已生成，但无法保存：{why}。")
MAKE_ROOM = Text(
    "Make room; then %seedream recover {own_run} fetches it while its link lives.",
    "清理磁盘；链接有效期内，%seedream recover {own_run} 可补下载。",
)
THEN_RECOVER = Text(
    "Then %seedream recover {own_run} fetches it while its link lives.",
    "然后在链接有效期内用 %seedream recover {own_run} 补下载。",
)
CAME_WITHOUT_LINK = Text("It came without a link, so it cannot be fetched again.", "它没有链接，无法再次下载。")
WHAT_CAME_IS_KEPT = Text("What came in its place is kept in {path}.", "收到的内容保存在 {path}。")
SAME_LIMIT = Text(
    "%seedream recover would meet the same limit; open its link by hand, mostly for 24 h: {path}",
    "%seedream recover 仍会超限；失效前（通常 24 小时）可手动打开链接：{path}",
)
MAY_BE_SERVED_AGAIN = Text(
    "While its link lives, %seedream recover {own_run} may fetch it; %seedream retry {own_run} asks for another, "
    "which bills.",
    "链接有效期内，%seedream recover {own_run} 也许能补下载；%seedream retry {own_run} 会重新请求并计费。",
)

# Its download.
DOWNLOAD_FAILED = Text("The picture was made but its download failed: {why}.", "图片已生成，但下载失败：{why}。")
REFERENCE_FAILED = Text("Its download failed: {why}.", "下载失败：{why}。")
ASKS_FOR_PAUSE = Text("{why}; its host asks for a pause of {seconds:.0f} s", "{why}；图片主机要求等待 {seconds:.0f} 秒")

CERTIFICATE = Text("its host's certificate is not to be trusted ({why})", "图片主机的证书不可信（{why}）")
CHECKSUM = Text(
    "its bytes do not match what its host says of them ({headers})", "内容与图片主机的校验值不符（{headers}）"
)
BROKE_AT_END = Text("its connection broke at its end ({why})", "连接在末尾断开（{why}）")
SLOW = Text("fewer than {rate:,} bytes a second came", "每秒不足 {rate:,} 字节")
CAME_IN_PART = Text("{size:,} of {all:,} bytes came", "只收到 {all:,} 字节中的 {size:,}")
LINK_ENDED = Text(
    "The picture's link ended {hours:.1f} h ago (HTTP {status}).",
    "图片链接已于 {hours:.1f} 小时前失效（HTTP {status}）。",
)
LINK_NOT_SERVED = Text(
    "The picture's link is no longer served (HTTP {status}).", "图片链接已无法访问（HTTP {status}）。"
)

# Where its link leads.
PROXY = Text("the proxy {proxy} {what}", "代理 {proxy} {what}")
NO_ADDRESS = Text("A picture link is not an address: {why}.", "图片链接不是有效地址：{why}。")
LEADS_TO_NO_ADDRESS = Text(
    "A picture link leads to something that is not an address: {why}.",
    "图片链接指向无效地址：{why}。",
)
REDIRECTED = Text("A picture link was redirected more than {most} times.", "图片链接跳转超过 {most} 次。")
NO_PLACE_OF_SERVICE = Text(
    "A picture link points to {scheme}://{host}, where no picture of the service can be; it was not opened.",
    "图片链接指向 {scheme}://{host}，服务的图片不可能在那里；没有打开。",
)
NO_SCHEME = Text("no scheme", "（无协议）")
UNKNOWN_BEHIND_PROXY = Text(
    "Behind a proxy only known picture hosts are opened, and {host} is none of them.",
    "经代理时只打开已知的图片主机，{host} 不在其中。",
)
ADD_HOST = Text(
    "If you trust it, add it to SEEDREAM_IMAGE_HOSTS (host names, comma separated).",
    "若信任它，请加入 SEEDREAM_IMAGE_HOSTS（主机名，逗号分隔）。",
)
INSIDE_NETWORK = Text(
    "A picture link's host {host} is at {address}; it was not opened.",
    "图片链接的主机 {host} 位于 {address}；没有打开。",
)
HOST_WITHOUT_ADDRESS = Text("{host} has no address", "{host} 没有地址")

# Its bytes.
BASE64_DAMAGED = Text("The picture's base64 is damaged: {why}.", "图片的 base64 已损坏：{why}。")
ONLY_BASE64 = Text("Only base64 data is allowed", "含有 base64 以外的字符")
DOES_NOT_UNPACK = Text("The picture came compressed and does not unpack: {why}.", "图片经过压缩，无法解压：{why}。")
TOO_LARGE = Text(
    "The picture has {size:,} bytes; more than {most:,} are not taken.", "图片有 {size:,} 字节，超过上限 {most:,}。"
)
TOO_LARGE_SO_FAR = Text("The picture has more than {most:,} bytes; no more are taken.", "图片超过上限 {most:,} 字节。")
NO_PICTURE = Text(
    "What came is {what}, not a JPEG, PNG or WebP picture.", "收到的是{what}，不是 JPEG、PNG 或 WebP 图片。"
)
NOTHING = Text("nothing", "空内容")
TEXT_PAGE = Text("a text page", "文本页面")
OTHER_BYTES = Text("{size:,} bytes of another kind", " {size:,} 字节的其他内容")
CUT_OFF = Text(
    "The picture ({kind}, {size:,} bytes) is cut off before its end.", "图片（{kind}，{size:,} 字节）不完整。"
)
TOO_MANY_PIXELS = Text(
    "The picture has {width}x{height} pixels; the limit is {most:,}.", "图片有 {width}x{height} 像素，上限为 {most:,}。"
)
DOES_NOT_DECODE = Text(
    "The picture ({kind}, {size:,} bytes) does not decode: {why}.", "图片（{kind}，{size:,} 字节）无法解码：{why}。"
)
WAS_CHANGED = Text("{path} was changed after it was saved.", "{path} 保存后被改动过。")
NOT_IN_FOLDER = Text("The picture is not in the run's folder.", "图片不在运行文件夹中。")
FRAME_NOT_READ = Text(
    "The picture of frame {number} of {folder} cannot be read: {why}.", "{folder} 第 {number} 帧的图片无法读取：{why}。"
)
HEAD_MISSING = Text("its head is missing", "缺少文件头")
CHUNK_SUM_WRONG = Text("the sum of its {chunk} chunk is wrong", "{chunk} 块的校验值有误")
HEAD_DAMAGED = Text("its head is damaged", "文件头已损坏")
PALETTE_MISSING = Text("its palette is missing", "缺少调色板")
NO_PIXELS = Text("it has no pixels", "没有像素")
UNKNOWN_FILTER = Text("a row has an unknown filter", "有一行的滤波方式未知")
ROWS_MISSING = Text("{size:,} bytes of its rows are missing", "像素行缺 {size:,} 字节")
NO_SIZE = Text("it does not say how large it is", "没有说明尺寸")

# That of a reference.
REFERENCE_IS_OTHER = Text(
    "{name} is {what}; a reference is a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC picture.",
    "{name} 是{what}；参考图应为 JPEG、PNG、WebP、BMP、TIFF、GIF 或 HEIC 图片。",
)
HEIC_DAMAGED = Text(
    "{name} (HEIC, {size:,} bytes) is cut off or damaged; save it anew.",
    "{name}（HEIC，{size:,} 字节）不完整或已损坏；请重新保存。",
)
PDF = Text("a PDF", " PDF")
PHOTOSHOP = Text("a Photoshop file", " Photoshop 文件")
JPEG_2000 = Text("a JPEG 2000 picture", " JPEG 2000 图片")
JPEG_XL = Text("a JPEG XL picture", " JPEG XL 图片")
ICON = Text("an icon", "图标")
ZIP = Text("a ZIP archive", " ZIP 压缩包")
EMPTY = Text("empty", "空文件")
AVIF = Text("an AVIF picture or a film", " AVIF 图片或视频")
SVG = Text("an SVG drawing", " SVG 图形")
TEXT = Text("text", "文本")
REFERENCE_NOT_FETCHED = Text("The reference {name} could not be fetched. {why}", "参考图 {name} 无法下载。{why}")
OR_SAVE = Text("Or save the picture and give its path.", "也可保存图片后直接给路径。")
LATER_OR_SAVE = Text("Try again later, or save the picture and give its path.", "稍后再试，或保存图片后直接给路径。")
ANOTHER_OR_SAVE = Text(
    "Link to another one, or save the picture and give its path.", "换一个链接，或保存图片后直接给路径。"
)
WORKING_OR_SAVE = Text(
    "Give a link that works, or save the picture and give its path.", "给一个可用的链接，或保存图片后直接给路径。"
)
SMALLER_OR_FIT = Text(
    "Link to a smaller one, or save the picture and give its path with --fit, which scales it down.",
    "换一张较小的，或保存图片后用路径加 --fit 缩小。",
)
PICTURE_ITSELF = Text(
    "A link has to give the picture itself, not a page that shows it; or save the picture and give its path.",
    "链接应指向图片本身，而不是展示它的网页；或保存图片后直接给路径。",
)
OWN_HTTPS = Text(
    "Give the picture's own https link, to a public host and without a port, or save the picture and give its path.",
    "给图片自己的 https 链接（公网主机、不带端口），或保存图片后直接给路径。",
)
