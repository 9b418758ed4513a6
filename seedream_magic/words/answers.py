"""What is wrong with an answer of the service: a phrase each, which stands as a sentence or within one."""

from __future__ import annotations

from seedream_magic.words.text import Text

BROKEN = Text("{what:capital}.", "{what}。")
FELL_SILENT = Text(
    "the service fell silent for {seconds:.0f} s in the middle of its answer", "应答中途服务 {seconds:.0f} 秒没有声息"
)
BROKE_OFF = Text("the connection broke in the middle of the answer ({why})", "应答中途连接断开（{why}）")
BROKE_OFF_AFTER_SILENCE = Text(
    "the connection broke in the middle of the answer after {seconds:.0f} s of silence ({why})",
    "应答中途静默 {seconds:.0f} 秒后连接断开（{why}）",
)
TOO_LONG = Text("the answer is longer than {size:,} bytes", "应答超过 {size:,} 字节")
REDIRECTS = Text("the API redirects to '{address}'; a redirect is not followed", "API 跳转到“{address}”；不会跟随跳转")
CHECK_BASE_URL = Text("Check the base URL, then draw again.", "检查 base URL 后再画。")
HELD_A_PICTURE = Text(
    "The answer held a picture all the same, or a task that makes one (not shown): it may be billed. %seedream recover "
    "fetches what there is; else see at the provider before drawing it again.",
    "应答里仍带有图片或出图任务（未显示），可能已计费。%seedream recover 可补下载已有的图片；"
    "否则再画之前请先到服务商处确认。",
)
CLOCK_AHEAD = Text(
    "This machine's clock is {time} ahead of the service's: what is told of the age of links may be wrong.",
    "本机时钟比服务端快 {time}，链接的有效期可能算错。",
)
CLOCK_BEHIND = Text(
    "This machine's clock is {time} behind the service's: what is told of the age of links may be wrong.",
    "本机时钟比服务端慢 {time}，链接的有效期可能算错。",
)
EMPTY = Text("an empty answer", "应答为空")
NO_JSON = Text("an answer that is not JSON", "应答不是 JSON")
WEB_PAGE = Text("a web page, not an answer of the API", "返回的是网页，不是 API 的应答")
NEITHER_JSON_NOR_EVENTS = Text("an answer that is neither JSON nor events", "应答既不是 JSON 也不是事件流")
COMPRESSED = Text("a compressed answer, but {why}", "应答经过压缩，但{why}")
CUT_OFF = Text("it is cut off", "数据不完整")
UNPACKS_TOO_LARGE = Text("it has more than {size:,} bytes", "解压后超过 {size:,} 字节")
DAMAGED = Text("it is damaged", "数据已损坏")
ENDS_IN_THE_MIDDLE = Text("an answer that ends in the middle", "应答不完整")
LARGER_THAN_ANY = Text("an answer that is larger than any of the service", "应答超出正常大小")
PICTURE_LARGER_THAN_ANY = Text("a picture that is larger than any of the service", "图片超出正常大小")
EVENT_LARGER_THAN_ANY = Text("an event that is larger than any picture of the service", "事件超出正常大小")
EVENT_IS_NO_OBJECT = Text("an event that is not a JSON object: {words}", "事件不是 JSON 对象：{words}")
NO_PICTURE_HERE = Text("the answer holds neither a link nor a picture here", "应答在此处既没有链接也没有图片")
NO_LIST = Text("the answer holds no list of pictures", "应答中没有图片列表")
TOO_MANY = Text(
    "more than {most} pictures came; the others are named in response.jsonl",
    "图片超过 {most} 张；其余的记录在 response.jsonl 中",
)
TASK_GIVEN_UP = Text("the gateway gave the task up", "网关放弃了该任务")
