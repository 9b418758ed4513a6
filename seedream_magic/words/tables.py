"""What is wrong with a table whose rows are to be drawn."""

from __future__ import annotations

from types import MappingProxyType

from seedream_magic.words.text import Text

SWITCH_WORDS = MappingProxyType(
    {
        **dict.fromkeys(("on", "true", "yes", "1", "开", "开启", "是", "要", "有"), True),
        **dict.fromkeys(("off", "false", "no", "0", "关", "关闭", "否", "不要", "无"), False),
    }
)
"""What people write for an option that is on or off."""

NO_ROWS = Text("The table has no rows: there is nothing to draw.", "表格没有数据行，没有要画的。")
NO_TABLE = Text(
    "Rows are a list, a dict, a data frame or the path of a CSV file, not {kind}.",
    "表格可以是列表、字典、DataFrame 或 CSV 文件路径，不能是 {kind}。",
)
TABLE_FAILS = Text("The rows of this {kind} cannot be read: {why}.", "无法读取这个 {kind} 的各行：{why}。")
TABLE_WITHOUT_END = Text(
    "What gives the rows or values one after the other has more than {most:,}: it may have no end; give a list.",
    "逐个给出的行或取值超过 {most:,} 个，可能没有尽头；请给列表。",
)
NO_FILE = Text("it is not a regular file", "不是普通文件")
FILE_TOO_LARGE = Text("it has more than {most} MiB", "超过 {most} MiB")
LENGTHS_DIFFER = Text("The columns have different lengths: {lengths}.", "各列长度不同：{lengths}。")
LENGTH = Text("{column} has {length}", "{column} 有 {length} 行")
NO_ROW = Text(
    "Row {row} is a {kind}: a row is a text, a number, or a dict of columns.",
    "第 {row} 行是 {kind}；每行应为文字、数字，或由列名和值组成的字典。",
)
NO_CSV = Text("{file} is not a CSV file.", "{file} 不是 CSV 文件。")
PANDAS_READS_IT = Text(
    "pandas reads it: table = pandas.{reader}({file}); then give table.",
    "先用 pandas 读取：table = pandas.{reader}({file})，再使用 table。",
)
NOT_READ = Text("The rows cannot be read from {path}: {why}.", "无法读取表格 {path}：{why}。")
NOT_READ_AS_CSV = Text(
    "{file} cannot be read from line {line} on: a double quote there is not closed, or text stands behind it.",
    "{file} 从第 {line} 行起无法读取：双引号没有成对，或引号后还有文字。",
)
COLUMN_TWICE = Text("{file} has two columns {column}.", "{file} 有两列都叫 {column}。")
ROW_TOO_LONG = Text("{file}: row {row} has more values than there are columns.", "{file}：第 {row} 行的值比列数多。")
ROWS_TOO_LONG = Text(
    "{file}: row {row} and {more:other row} have more values than there are columns.",
    "{file}：第 {row} 行及另外 {more} 行的值比列数多。",
)
QUOTE_COMMAS = Text("A value that holds a comma stands in double quotes.", "含逗号的值要加双引号。")
ENCODING = Text(
    "{file} is not a CSV file in UTF-8, GB 18030, or UTF-16 with its mark.",
    "{file} 不是 UTF-8、GB 18030 或带 BOM 的 UTF-16 编码的 CSV 文件。",
)
