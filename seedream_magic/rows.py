"""Rows of a table, in whatever form a person has them: a list, a dict, a data frame, a CSV file.

Data frames are known by how they look (pandas, polars), so that neither library is needed.

An empty cell is one without a value (None, NaN, pandas' NA) or with nothing but blanks, wherever the table is from.
Where it holds words that are drawn it is refused; where it holds an option, that is not given.
"""

from __future__ import annotations

import codecs
import csv
import errno
import io
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from seedream_magic.api.redaction import as_text
from seedream_magic.errors import InvalidRequest, reason_of
from seedream_magic.words import tables as texts
from seedream_magic.words.lists import COMMA
from seedream_magic.words.text import chain

MOST_ROWS = 100_000
"""Of what does not say how many it has: it may have no end."""
MOST_BYTES = 64 * 2**20
"""Of a CSV file."""
EACH = "each"
"""The name under which a row that is one text has it."""
KEY = "key"
"""The name under which a row of a dict has its key."""
_ENCODINGS = ("utf-8-sig", "gb18030")
"""As spreadsheets write CSV, in Chinese Windows too."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How other files begin: "Unicode text" of Excel is UTF-16 with tabs."""
OTHER_TABLES = {
    ".xlsx": "read_excel",
    ".xls": "read_excel",
    ".ods": "read_excel",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".parquet": "read_parquet",
}
"""Files that hold tables too, and how pandas reads them."""
_NO_NUMBER = {"NaN", "nan", "NA"}
"""What programs write into a CSV file for an empty cell of a table."""
_DELIMITERS = ",;\t"
_MISSING_TYPES = {"NAType", "NaTType"}
"""pandas' own, which can be compared with nothing."""


@dataclass(frozen=True)
class Row:
    """One row: its number, from 1, its own label, "" where it has none, and its values by the names of the columns."""

    number: int
    label: str
    values: Mapping[str, Any]


def read_rows(table: object, name: str = "") -> tuple[Row, ...]:
    """The rows of a table. Raises `InvalidRequest` for what is none, and for one without rows.

    A text or a number of a list has the column `each`, and one of this `name`. Of a dict whose values are lists of one
    length these are the columns; of any other its keys label the rows, and are their column `key`.
    """
    try:
        labelled = _labelled(table)
        rows = [Row(place, label, _values(row, place, name)) for place, (label, row) in enumerate(labelled, start=1)]
    except InvalidRequest:
        raise
    except Exception as exc:  # a table's own code, or that of a generator
        raise InvalidRequest(texts.TABLE_FAILS(kind=type(table).__name__, why=reason_of(exc))) from exc
    if not rows:
        raise InvalidRequest(texts.NO_ROWS())
    return tuple(rows)


def _labelled(table: object) -> list[tuple[str, Any]]:
    if isinstance(table, str | os.PathLike):
        return [("", values) for values in _read_file(Path(os.path.expanduser(table)))]  # noqa: PTH111 - Path's own raises where there is no such user
    if isinstance(table, Mapping):
        return _rows_of_mapping(table)
    return [("", row) for row in _listed(table)]


def listed(values: Iterable[Any]) -> list[Any]:
    """What can be gone through as a list. Raises `InvalidRequest` where it does not end, or fails on the way."""
    try:
        found = list(values if isinstance(values, Sized) else islice(values, MOST_ROWS + 1))
    except Exception as exc:
        raise InvalidRequest(texts.TABLE_FAILS(kind=type(values).__name__, why=reason_of(exc))) from exc
    if len(found) > MOST_ROWS and not isinstance(values, Sized):
        raise InvalidRequest(texts.TABLE_WITHOUT_END(most=MOST_ROWS))
    return found


def cell_value(value: object) -> Any:
    """What a cell holds, in Python's own types; None for an empty one.

    A number without a fraction is a whole one: in a data frame a column of them that has gaps holds floats.
    """
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # numpy's own numbers
        value = value.item()
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_switch(value: object) -> object:
    """True or False for a cell that says on or off in words; any other value as it is."""
    return value if isinstance(value, bool) else texts.SWITCH_WORDS.get(as_text(value).strip().lower(), value)


def is_missing(value: object) -> bool:
    """Whether a value is none: None, NaN, pandas' NA."""
    if value is None or type(value).__name__ in _MISSING_TYPES:
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN alone is not what it is


def _listed(table: object) -> list[Any]:
    """The rows of a data frame, of an array or series, or of anything that can be gone through."""
    if hasattr(table, "to_dicts"):  # polars
        return list(table.to_dicts())
    if hasattr(table, "to_dict") and hasattr(table, "columns"):  # pandas
        if twice := next((name for name, count in Counter(table.columns).items() if count > 1), None):
            raise InvalidRequest(texts.COLUMN_TWICE(file=type(table).__name__, column=repr(str(twice)[:40])))
        return list(table.to_dict("records"))
    values = table.tolist() if hasattr(table, "tolist") else table
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise InvalidRequest(texts.NO_TABLE(kind=type(table).__name__))
    return listed(values)


def _rows_of_mapping(table: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    columns = [value for value in table.values() if isinstance(value, Sequence) and not isinstance(value, str | bytes)]
    if not columns or len(columns) < len(table):
        labelled = [(str(key), value) for key, value in table.items()]
        return [(label, {KEY: label, **(row if isinstance(row, Mapping) else {EACH: row})}) for label, row in labelled]
    lengths = {str(name): len(column) for name, column in table.items()}
    if len(set(lengths.values())) > 1:
        counted = chain(COMMA, [texts.LENGTH(column=name, length=length) for name, length in lengths.items()])
        raise InvalidRequest(texts.LENGTHS_DIFFER(lengths=counted))
    return [("", dict(zip(table, row, strict=True))) for row in zip(*columns, strict=True)]


def _values(row: object, number: int, name: str) -> dict[str, Any]:
    """The values of a row by the names of its columns."""
    if hasattr(row, "_asdict"):
        row = row._asdict()
    values = dict(row) if isinstance(row, Mapping) else {EACH: row}
    if EACH in values and isinstance(values[EACH], Mapping | list | tuple | set | bytes):
        raise InvalidRequest(texts.NO_ROW(row=number, kind=type(values[EACH]).__name__))
    if EACH in values and name.isidentifier():
        values.setdefault(name, values[EACH])
    return {str(column): value for column, value in values.items()}


def _read_file(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file: its first line names the columns, which commas, semicolons or tabs part."""
    if reader := OTHER_TABLES.get(path.suffix.lower()):
        hint = texts.PANDAS_READS_IT(reader=reader, file=repr(path.name))
        raise InvalidRequest(texts.NO_CSV(file=path.name), hint=hint)
    try:
        data = _bytes_of(path)
    except (OSError, ValueError) as exc:
        raise InvalidRequest(texts.NOT_READ(path=path, why=reason_of(exc))) from exc
    text = _decoded(data, path)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    # Strict: else a quote that is not closed makes one value, and one paid picture, of all rows behind it.
    table, read, begins = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [], 1
    try:
        for line in table:
            begins = table.line_num + 1
            read += [line] if line else []
    except csv.Error as exc:
        raise InvalidRequest(texts.NOT_READ_AS_CSV(file=path.name, line=begins)) from exc
    names, *lines = read or [[]]
    names = [name.strip() for name in names]
    if twice := next((name for name in names if name and names.count(name) > 1), ""):
        raise InvalidRequest(texts.COLUMN_TWICE(file=path.name, column=repr(twice[:40])))
    odd = [number for number, line in enumerate(lines, start=1) if len(line) > len(names)]
    if odd:
        too_long = texts.ROW_TOO_LONG(file=path.name, row=odd[0])
        if len(odd) > 1:
            too_long = texts.ROWS_TOO_LONG(file=path.name, row=odd[0], more=len(odd) - 1)
        raise InvalidRequest(too_long, hint=texts.QUOTE_COMMAS())
    lines = [["" if value.strip() in _NO_NUMBER else value for value in line] for line in lines]
    return [dict(zip(names, line, strict=False)) for line in lines]  # a line that is short lacks its last columns


def _bytes_of(path: Path) -> bytes:
    """The bytes of a regular file: a pipe may never end, and a device never does."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, texts.NO_FILE())
    if path.stat().st_size > MOST_BYTES:
        raise OSError(errno.EFBIG, texts.FILE_TOO_LARGE(most=MOST_BYTES // 2**20))
    return path.read_bytes()


def _decoded(data: bytes, path: Path) -> str:
    marked = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), None)
    for encoding in (marked,) if marked else _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidRequest(texts.ENCODING(file=path.name))
