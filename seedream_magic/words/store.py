"""What is told of the folder where runs are kept: what it cannot take, does not have, or gives up."""

from __future__ import annotations

from seedream_magic.words.text import Text

# Files.
NOT_WHAT_WAS_WRITTEN = Text("What was written does not read back the same", "写入的内容读出来不一致")
NO_REGULAR_FILE = Text("It is no regular file", "不是普通文件")
IS_LINK = Text("It is a link", "它是一个链接")
LARGER_THAN_IT_CAN_BE = Text("It is larger than it can be", "大小超出上限")
NO_DISK_TAKES_IT = Text("No disk takes it", "没有磁盘可写入")
NOT_RENAMED = Text("It was not renamed", "未能改名")
LARGER_THAN_WRITTEN = Text("it is larger than any that a run has written", "它比运行写过的任何一行都大")
NESTED_DEEPER = Text("it is nested deeper than any that a run has written", "它比运行写过的任何一行嵌套都深")
NOT_WRITTEN = Text("{path} cannot be written ({why}).", "{path} 无法写入（{why}）。")

# The store.
STORE_NOT_WRITTEN = Text("The store {store} cannot be written ({why}).", "存储 {store} 无法写入（{why}）。")
NAME_ANOTHER = Text(
    "Name another folder with SEEDREAM_STORE or %config SeedreamMagics.store.",
    "用 SEEDREAM_STORE 或 %config SeedreamMagics.store 换一个文件夹。",
)
STORE_NOT_FOUND = Text("The store {store} cannot be found: {why}.", "找不到存储 {store}：{why}。")
STORE_NOT_READ = Text("The store {store} cannot be read at the moment.", "存储 {store} 暂时无法读取。")
TRY_AGAIN = Text("Try again.", "请再试一次。")
NO_ROOM = Text(
    "The disk of {store} has {free} MiB left; {images:picture} may need {needed} MiB.",
    "{store} 所在磁盘剩余 {free} MiB；{images} 张图片可能需要 {needed} MiB。",
)
MAKE_ROOM = Text(
    "Make room, or name a folder on another disk with SEEDREAM_STORE.",
    "清理磁盘，或用 SEEDREAM_STORE 换到其他磁盘的文件夹。",
)
REFERENCES_NOT_KEPT = Text("The references cannot be kept ({why}).", "参考图无法保存（{why}）。")
NOT_COPIED = Text("Run {run} cannot be copied into {store} ({why}).", "运行 {run} 无法复制到 {store}（{why}）。")
MORE_OF_ID = Text(
    "{count:run} of {store} begin or end with {id}; type more of the id.",
    "{store} 中有 {count} 次运行以 {id} 开头或结尾，请输入更多位。",
)
NO_RUN = Text(
    "There is no run {id} in {store}; %seedream history lists them.",
    "{store} 中没有运行 {id}；%seedream history 可列出全部。",
)
RECORD_NOT_READ = Text("The record of run {run} cannot be read.", "运行 {run} 的记录无法读取。")

# Frames and marks.
TAG = Text("A tag is a text of 1 to {most} characters.", "标签为 1 到 {most} 个字符的文字。")
MOST_TAGS = Text("A picture has at most {most:tag}.", "一张图片最多 {most} 个标签。")
NOTE = Text("A note is a text of at most {most} characters.", "备注最多 {most} 个字符。")
NO_MARKS = Text("Frame {number} can have no marks.", "第 {number} 帧不能加标记。")
PURGED_OR_MOVED = Text("the run was purged or moved away", "该运行已被删除或移走")

# Purge.
WORDS_REMAIN = Text(
    "Run {run} is deleted, but its words may still be in {file} ({why}).",
    "运行 {run} 已删除，但其文字可能仍在 {file} 中（{why}）。",
)
HISTORY_TAKES_OUT = Text(
    "%seedream history takes them out once the file can be written; you may delete it, it is made anew.",
    "文件可写后 %seedream history 会清除；也可删除该文件，会自动重建。",
)
PART_OF_ID = Text(
    "{id} is only part of an id: a run is purged by all of it, {names}.",
    "{id} 只是运行号的一部分：删除需完整运行号，如 {names}。",
)
AND_MORE = Text("{names} and {more} more", "{names} 等另外 {more} 个")
HAS_STARS = Text(
    "Run {run} has {count:starred picture}: it is not purged.", "运行 {run} 有 {count} 张星标图片：没有删除。"
)
EVEN_STARRED = Text(
    "%seedream purge {run} --even-starred deletes it all the same.", "%seedream purge {run} --even-starred 会一并删除。"
)
OF_ANOTHER_USER = Text("Run {run} belongs to another user.", "运行 {run} 属于其他用户。")
ONLY_MAKER = Text("Only who made it can purge it.", "只有创建者可以删除。")
STILL_GOING = Text("Run {run} is still under way.", "运行 {run} 仍在进行。")
STOP_IT = Text("Stop it, or purge it when it has ended.", "请停止它，或等它结束后再删除。")
RECORD_NOT_READ_KEPT = Text(
    "The record of run {run} cannot be read ({why}); it is not purged.",
    "运行 {run} 的记录无法读取（{why}）；没有删除。",
)
WAS_RENAMED = Text(
    "The folder {folder} holds run {run}: it was renamed.", "文件夹 {folder} 里是运行 {run}：它被改过名。"
)
NAME_IT_BACK = Text("Give it back its name, then purge the run.", "请改回原名后再删除。")
MAY_GO_ON_THERE = Text(
    "Run {run} was begun on {host} and may still be under way there.",
    "运行 {run} 是在 {host} 上开始的，可能仍在那里进行。",
)
PURGE_THERE = Text(
    "Purge it there, or {minutes} minutes after it began.", "请在那里删除，或在开始 {minutes} 分钟后删除。"
)
PART_OF_LATER = Text(
    "The pictures of run {run} are part of a later set: {later} goes on from it.",
    "运行 {run} 的图片是后来组图的一部分：{later} 由它续画。",
)
PART_OF_LATER_SETS = Text(
    "The pictures of run {run} are part of later sets: {later} go on from it.",
    "运行 {run} 的图片是后来组图的一部分：{later} 由它续画。",
)
PURGE_THAT = Text("Purge that first.", "请先删除后来的那组。")
PURGE_THOSE = Text("Purge those first.", "请先删除后来的那些组。")
NOT_REMOVED = Text("Run {run} cannot be removed from {store} ({why}).", "运行 {run} 无法从 {store} 删除（{why}）。")
NOT_PUT_BACK = Text(
    "Run {run} stays, but its folder in {store} could not be given back its name ({why}).",
    "运行 {run} 保留，但其在 {store} 中的文件夹未能恢复原名（{why}）。",
)
NOT_LISTED = Text("It cannot be listed", "无法列出")
FILE_NOT_REMOVED = Text("{path} could not be removed ({why}).", "{path} 无法删除（{why}）。")
CLOSE_AND_AGAIN = Text(
    "Close what has it open or change its permissions, then purge the run again.",
    "关闭占用它的程序或修改权限，再删除一次。",
)
