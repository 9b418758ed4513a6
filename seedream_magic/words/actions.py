"""What is wrong with what a button asks of a picture, and what it may bill."""

from __future__ import annotations

from seedream_magic.words.text import Text

NO_ACTION = Text("There is no such action on a picture.", "没有这样的图片操作。")
NO_FRAME = Text("This is not a frame.", "这不是帧。")
NO_SUCH_FRAME = Text("Run {run} has no frame {number}.", "运行 {run} 没有第 {number} 帧。")
NOT_OF_NOTEBOOK = Text("This is not a run of this notebook.", "这不是此笔记本的运行。")
NO_PICTURE = Text("Frame {number} has no picture.", "第 {number} 帧没有图片。")
PICTURE_GONE = Text("Frame {number} does not have this picture any more.", "第 {number} 帧已没有这张图片。")
OTHER_TAKE = Text("The set shows another take of frame {number} by now.", "这组现在显示的是第 {number} 帧的另一版。")
PICK_TAKE = Text("Pick the take that you mean.", "请先选定你要的那一版。")
SAY_WHAT_IT_SHOWS = Text(
    "Say what the new picture shows: it is drawn from these words and the picture alone.",
    "请写明新图画什么：只依据这些文字和这张图来画。",
)
PIN_TWO = Text("Pin two pictures at least, to compare them.", "请至少选两张图片来对比。")
KINDS = Text("A set is exported as pdf, html or zip.", "组图可导出为 pdf、html 或 zip。")
MAY_BILL = Text("may bill {bill}", "可能计费：{bill}")
