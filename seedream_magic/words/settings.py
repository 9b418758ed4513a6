"""The settings of a notebook, what they limit, and the questions that it asks."""

from __future__ import annotations

from seedream_magic.words.text import Text

PROVIDER = Text("anyfast, ark, ark-plan, byteplus or demo", "服务商：anyfast、ark、ark-plan、byteplus 或 demo")
BASE_URL = Text("address in place of the provider's", "替代服务商地址的 base URL")
HEADERS = Text(
    "further headers for a gateway; sent with requests only, masked", "网关所需的标头，只随请求发送，不显示内容"
)
STORE = Text("folder of the runs; default seedream-runs", "存放运行的文件夹，默认 seedream-runs")
IMAGES = Text("1-15 or auto", "1-15 张，或 auto")
RATIO = Text("W:H, with a preset size", "比例 W:H，用于预设尺寸")
STREAM = Text("receive pictures one by one", "逐张接收图片")
WATERMARK = Text("the API's AI mark", "接口的 AI 水印")
RESPONSE_FORMAT = Text("url or b64_json", "返回 url 或 b64_json")
MAX_IMAGES_PER_RUN = Text("refuse a cell that may bill more", "单元格可能计费超过此数时拒绝")
MAX_IMAGES_PER_SESSION = Text("refuse when the session may bill more", "会话可能计费超过此数时拒绝")
MAX_IMAGES_PER_DAY = Text(
    "refuse when all notebooks may bill more in a day, by this computer's clock",
    "所有笔记本当天（按本机时钟）可能计费超过此数时拒绝",
)
COPY_REPLAYS = Text("copy sets that other stores have into this one", "把其他存储里的组图复制到这里")
ASK_WHEN_UNKNOWN = Text(
    "pause before a request is sent again that may have been billed", "可能已计费的请求，再次发送前先停一下"
)
PRICES = Text(
    "price of one image by model id, in your currency, before the list price", "按模型 id 设定的单张价格，优先于标价"
)
LANGUAGE = Text(
    "of everything you read: en, zh, or auto: that of the front end or the system",
    "所有文字的语言：en、zh，或 auto（随前端或系统）",
)
SHOW = Text("carousel or grid", "轮播 carousel 或网格 grid")
EVENT_LOOP = Text("thread, or nest: the notebook's own loop", "thread，或 nest（使用笔记本自己的事件循环）")

NO_SETTING = Text(
    "SeedreamMagics.{name} takes {takes}, not {value}.", "SeedreamMagics.{name} 只接受：{takes}；不能是 {value}。"
)
WHOLE_NUMBER = Text("a whole number", "整数")
NUMBER = Text("a number", "数字")
TRUE_OR_FALSE = Text("True or False", "True 或 False")
IN_QUOTES = Text("a text in quotes", "引号里的文字")
DICT = Text("a dict", "字典")
NO_PRICE = Text(
    "The price of {model} is not a number such as 0.25: {price}.",
    "{model} 的价格应为 0.25 这样的数字，不能是 {price}。",
)
OVER_RUN = Text(
    "This may bill {images:image}; SeedreamMagics.max_images_per_run allows {allowed}.",
    "可能计费 {images} 张；SeedreamMagics.max_images_per_run 上限为 {allowed}。",
)
OVER_SESSION = Text(
    "This may bill {images:image} after {before} in this session; SeedreamMagics.max_images_per_session allows "
    "{allowed}.",
    "可能再计费 {images} 张，本次会话已有 {before} 张；SeedreamMagics.max_images_per_session 上限为 {allowed}。",
)
OVER_DAY = Text(
    "This may bill {images:image} after {before} today; SeedreamMagics.max_images_per_day allows {allowed} till "
    "midnight.",
    "可能再计费 {images} 张，今天已有 {before} 张；SeedreamMagics.max_images_per_day 到午夜前上限为 {allowed}。",
)
SWEEP_OVER_RUN = Text(
    "This sweep may bill {bill}; SeedreamMagics.max_images_per_run allows {allowed}.",
    "这次批量可能计费：{bill}；SeedreamMagics.max_images_per_run 上限为 {allowed}。",
)
ASK_SWEEP = Text("{more} Draw it? [y/N] ", "{more}要画吗？输入“是”或 y 开始，直接回车不画：")
NOBODY_ANSWERS = Text("Nobody can answer here; --sample N draws fewer.", "这里无法确认；--sample N 可少画一些。")
AGREEMENT = frozenset({"y", "yes", "是", "是的", "好", "好的", "确认", "删除", "画"})
"""The answers that agree, in either language."""
NOT_DRAWN = Text("The sweep was not drawn, as you answered.", "按你的回答，没有画。")
STOPPED_AT_QUESTION = Text("Stopped at the question: nothing was done.", "在提问时停止，什么也没做。")
UNCOUNTED = Text(
    "How many images may be billed cannot be counted: --extra sets {names} to something that is not a number.",
    "无法算出可能计费的张数：--extra 中的 {names} 不是数字。",
)
WRITE_A_NUMBER = Text(
    "SeedreamMagics.{cap} is set: write a number, or leave {names} out.",
    "已设置 SeedreamMagics.{cap}；请写数字，或去掉 {names}。",
)

# How a set is shown
NOT_DRAWN_HERE = Text("The pictures cannot be drawn here ({why}).", "这里无法显示图片（{why}）。")
ARRIVED_OF = Text("{made} of {expected:picture}, {seconds} s", "{made} / {expected} 张，{seconds} 秒")
ARRIVED_OF_FAILED = Text(
    "{made} of {expected:picture}, {failed} failed, {seconds} s", "{made} / {expected} 张，失败 {failed}，{seconds} 秒"
)
ARRIVED = Text("{made:picture}, {seconds} s", "{made} 张，{seconds} 秒")
ARRIVED_FAILED = Text("{made:picture}, {failed} failed, {seconds} s", "{made} 张，失败 {failed}，{seconds} 秒")
MORE = Text("… and {count} more.", "…… 还有 {count} 项。")
