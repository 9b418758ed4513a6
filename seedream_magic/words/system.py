"""Why a file, a disk or a connection failed: the system's reasons, and how the words of others are quoted."""

from __future__ import annotations

import errno
import socket
from types import MappingProxyType

from seedream_magic.words.text import Text

QUOTED = Text("{words}", "“{words}”")
"""Words of the system, a library or a service that are told as they are: English, which Chinese marks."""

NOT_FOUND = Text("No such file or directory", "文件或文件夹不存在")
NOT_PERMITTED = Text("Permission denied", "没有权限")
OPERATION_NOT_PERMITTED = Text("Operation not permitted", "不允许此操作")
DISK_FULL = Text("No space left on device", "磁盘已满")
QUOTA = Text("Disk quota exceeded", "磁盘配额已用完")
IS_FOLDER = Text("Is a directory", "是文件夹")
IS_NO_FOLDER = Text("Not a directory", "不是文件夹")
READ_ONLY = Text("Read-only file system", "文件系统只读")
NAME_TOO_LONG = Text("File name too long", "文件名太长")
BUSY = Text("Device or resource busy", "正被占用")
EXISTS = Text("File exists", "文件已存在")
NOT_EMPTY = Text("Directory not empty", "文件夹不是空的")
INPUT_OUTPUT = Text("Input/output error", "磁盘读写出错")
TOO_MANY_OPEN = Text("Too many open files", "打开的文件过多")
TOO_LARGE = Text("File too large", "文件太大")
LINK_LOOP = Text("Too many levels of symbolic links", "符号链接层数过多")
INVALID = Text("Invalid argument", "参数无效")
STALE = Text("Stale file handle", "网络磁盘上的文件已失效")
NO_DEVICE = Text("No such device", "设备不存在")

REFUSED = Text("Connection refused", "连接被拒绝")
RESET = Text("Connection reset by peer", "对方重置了连接")
TIMED_OUT = Text("Connection timed out", "连接超时")
BROKEN_PIPE = Text("Broken pipe", "对方已关闭连接")
NETWORK_UNREACHABLE = Text("Network is unreachable", "网络不可达")
NO_ROUTE = Text("No route to host", "无法到达该主机")
PORT_IN_USE = Text("Address already in use", "端口已被占用")
NAME_UNKNOWN = Text("Name or service not known", "找不到该主机名")
NAMES_FAIL = Text("Temporary failure in name resolution", "暂时无法解析主机名")

SECONDS = Text("{count} s", "{count} 秒")
MINUTES = Text("{count} min", "{count} 分钟")
HOURS = Text("{count} h", "{count} 小时")

JSON_BROKEN = Text("it is not JSON from character {position} on", "第 {position} 个字符处不符合 JSON 格式")
NO_TEXT = Text("it is not text in {encoding}", "不是 {encoding} 编码的文字")

BY_NUMBER = MappingProxyType({
    errno.ENOENT: NOT_FOUND, errno.EACCES: NOT_PERMITTED, errno.EPERM: OPERATION_NOT_PERMITTED,
    errno.ENOSPC: DISK_FULL, errno.EDQUOT: QUOTA, errno.EISDIR: IS_FOLDER, errno.ENOTDIR: IS_NO_FOLDER,
    errno.EROFS: READ_ONLY, errno.ENAMETOOLONG: NAME_TOO_LONG, errno.EBUSY: BUSY, errno.EEXIST: EXISTS,
    errno.ENOTEMPTY: NOT_EMPTY, errno.EIO: INPUT_OUTPUT, errno.EMFILE: TOO_MANY_OPEN, errno.ENFILE: TOO_MANY_OPEN,
    errno.EFBIG: TOO_LARGE, errno.ELOOP: LINK_LOOP, errno.EINVAL: INVALID, errno.ESTALE: STALE,
    errno.ENODEV: NO_DEVICE, errno.ECONNREFUSED: REFUSED, errno.ECONNRESET: RESET, errno.ETIMEDOUT: TIMED_OUT,
    errno.EPIPE: BROKEN_PIPE, errno.ENETUNREACH: NETWORK_UNREACHABLE, errno.EHOSTUNREACH: NO_ROUTE,
    errno.EADDRINUSE: PORT_IN_USE, socket.EAI_NONAME: NAME_UNKNOWN, socket.EAI_AGAIN: NAMES_FAIL,
})  # fmt: skip
"""What the system's number of a fault means."""
