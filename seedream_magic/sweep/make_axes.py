r"""How the axes of a sweep are made: from groups in the prompt, variables, the rows of a table, options, takes.

In a prompt with groups `{red|blue}`, or `｛红｜蓝｝` as Chinese keyboards type them, the signs themselves are `\{`,
`\|` and `\}`. Braces without a bar mean what they mean elsewhere: a variable, or JSON.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from seedream_magic.api.fields import CHINESE_FLAGS, FIELDS, MOST_TAKES, Field
from seedream_magic.api.redaction import as_text
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import check_prompt
from seedream_magic.errors import InvalidRequest
from seedream_magic.rows import EACH, KEY, Row, as_switch, cell_value, is_missing, listed, read_rows
from seedream_magic.sweep.axes import Axis, Change, Prompt, hide_signs, plain_signs, refuse_problems
from seedream_magic.variables import change_parts, names_in
from seedream_magic.words import sweeps as texts
from seedream_magic.words.grid import axis_word
from seedream_magic.words.language import own_language
from seedream_magic.words.lists import COLON, enumeration

HOLE = "-"
_LONGEST_LABEL = 80
_MOST_UNUSED = 8
_MOST_NAMED = 5
_GROUP = "\ufdd3{}\ufdd3"


def python_axes(
    prompt: Prompt,
    *,
    vary: Mapping[str, Sequence[Any]] | None,
    each: object,
    xy: Mapping[str, Sequence[Any]] | None,
    repeat: int,
) -> list[Axis]:
    """The axes of `Seedream.sweep`, in their order."""
    if not isinstance(prompt, Storyboard):
        check_prompt(prompt, may_be_empty=True)
    axes = [words_axis(name, values) for name, values in _named("vary", vary)]
    named, filled = names_of(prompt), [axis.name for axis in axes]
    if unused := [name for name in filled if name not in named]:
        raise InvalidRequest(texts.VARIABLE_NOT_IN_PROMPT(name=repr(unused[0]), field=f"{{{unused[0]}}}"))
    axes += [rows_axis("each", read_rows(each), named, filled)] if each is not None else []
    axes += [option_axis(name, values) for name, values in _named("xy", xy)]
    return [*axes, takes_axis(repeat)] if repeat != 1 else axes


def _named(keyword: str, given: object) -> list[tuple[str, Any]]:
    """The names and the values of `vary` or `xy`. Raises `InvalidRequest` for what is no dict of names."""
    if given is None:
        return []
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidRequest(texts.NO_DICT(keyword=keyword, kind=type(given).__name__))
    return listed(given.items())


def read_groups(prompt: Prompt) -> tuple[Prompt, tuple[Axis, ...]]:
    """The prompt with a mark in place of each group `{red|blue}`, and an axis for each; the same group is one axis.

    Raises `InvalidRequest` for groups that stand in one another or are not closed, and for variants that are there
    twice.
    """
    groups: dict[tuple[str, ...], str] = {}
    counted = Counter[tuple[str, ...]]()

    def mark(variants: tuple[str, ...]) -> str:
        counted[variants] += 1
        return groups.setdefault(variants, _GROUP.format(len(groups)))

    marked = change_parts(prompt, lambda part: _mark_groups(part, mark))
    axes = []
    for number, (variants, name) in enumerate(groups.items(), start=1):
        labels = [" ".join(plain_signs(variant).split()) or texts.NOTHING() for variant in variants]
        changes = [None if variant == HOLE else Change(groups={name: variant}) for variant in variants]
        typed = f"{{{'|'.join(map(plain_signs, variants))}}}"
        tied = texts.GROUPS_ARE_TIED(group=typed, places=counted[variants]) if counted[variants] > 1 else ""
        notes = (tied, texts.VARIANT_IS_EMPTY(where=typed, label=texts.NOTHING()) if "" in variants else "")
        axis = _axis("vary" if len(groups) == 1 else f"vary {number}", labels, changes)
        axes.append(replace(axis, notes=tuple(filter(None, notes))))
    return marked, tuple(axes)


def words_axis(name: str, values: object) -> Axis:
    """The axis of a variable of the prompt, in Python: `vary={"colour": ["red", "blue"]}`."""
    if not name.isidentifier():
        raise InvalidRequest(texts.NO_VARIABLE(name=repr(name[:40])))
    listed = _listed(values, f"vary[{name!r}]")
    lost = [place for place, value in enumerate(listed, start=1) if is_missing(value)]
    if lost:
        raise InvalidRequest(texts.VALUE_IS_EMPTY(where=f"vary[{name!r}]", number=lost[0]))
    labels = [" ".join(as_text(value).split()) or texts.NOTHING() for value in listed]
    changes = [None if _is_hole(value) else Change(words={name: value}) for value in listed]
    empty = texts.VARIANT_IS_EMPTY(where=f"{{{name}}}", label=texts.NOTHING())
    return replace(_axis(name, labels, changes), notes=(empty,) if texts.NOTHING() in labels else ())


def option_axis(name: str, values: object, labels: Sequence[str] | None = None) -> Axis:
    """The axis of an option of the request. A value that is None, or an empty text, leaves the option out.

    Raises `InvalidRequest` for an option that there is not, and, all at once, for values that it does not take.
    """
    option = find_option(name)
    listed = _listed(values, f"xy[{name!r}]")
    labels = labels or [_label_of(value) for value in listed]
    changes, problems = list[Change | None](), list[str]()
    for label, value in zip(labels, listed, strict=True):
        change = None
        if not _is_hole(value):
            change = _read(option, value, problems, f"{axis_word(option.name)} {label}")
        changes.append(change)
    refuse_problems(problems, len(listed), texts.PROBLEMS_IN_VALUES)
    return _axis(option.name, labels, changes)


def parse_option_values(text: str) -> tuple[str, tuple[str, ...]]:
    r"""The option and the values of `size=2K,4K`; `\,` is a comma in a value. Raises `InvalidRequest`."""
    name, *rest = re.split("[=＝]", text, maxsplit=1)
    values = "".join(rest)
    if not values.strip():
        raise InvalidRequest(texts.XY_IS(typed=repr(text[:40])))
    parts = re.split(r"(?<!\\)[,，]", values)
    return find_option(name).name, tuple(re.sub(r"\\([,，])", r"\1", part).strip() for part in parts)


def takes_axis(count: int) -> Axis:
    """The axis of so many takes of each request, numbered from 1."""
    if type(count) is not int or not 1 <= count <= MOST_TAKES:
        raise InvalidRequest(texts.NUMBER_OF_TAKES(most=MOST_TAKES, given=str(count)[:40]))
    return Axis("take", tuple(map(str, range(1, count + 1))), tuple(Change(take=take) for take in range(1, count + 1)))


def rows_axis(name: str, rows: Sequence[Row], named: Sequence[str], others: Iterable[str] = ()) -> Axis:
    """The axis of the rows of a table. Raises `InvalidRequest` that tells all rows which cannot be used, at once.

    `named` are the names in the prompt. A column that is one of them is filled in there; any other with the name of an
    option sets that option for its row. `others` are the names that are filled in from elsewhere.
    """
    columns = dict.fromkeys(column for row in rows for column in row.values)
    filled = [column for column in named if column in columns]
    # A column n counts something, more often than not, and is not the -n of a cell.
    further = [column for column in columns if column not in named and len(column.strip()) > 1]
    options = {column: option for column in further if (option := _option_of(column.strip()))}
    unknown = [column for column in named if column not in columns and column not in others]
    problems = [_about_column(column, columns) for column in unknown]
    if not filled and not options and not unknown:
        has = enumeration(list(columns)[:8])
        raise InvalidRequest(
            texts.PROMPT_NAMES_NO_COLUMN(field=f"{{{next(iter(columns))}}}"), hint=texts.COLUMNS_ARE(columns=has)
        )
    changes = [_change_of(row, filled, options, problems) for row in rows]
    refuse_problems(problems, len(rows), texts.PROBLEMS_IN_ROWS)
    labels = [_row_label(row, filled or list(options)) for row in rows]
    counted = Counter(labels)
    numbered = [
        f"{label} ({row.number})" if counted[label] > 1 else label for label, row in zip(labels, rows, strict=True)
    ]
    same = {EACH, KEY, name} if EACH in columns else ()  # names of one text, of which a prompt needs one only
    unused = [column for column in further if column not in options and column not in same]
    shown = (*unused[:_MOST_UNUSED], *["…"] * (len(unused) > _MOST_UNUSED))
    return Axis(name, tuple(numbered), tuple(changes), shown)


def find_option(name: str) -> Field:
    """The field of a request that is called so: by its keyword or its option. Raises `InvalidRequest`."""
    option = _option_of(name.strip())
    if option is None:
        names = [row.name for row in FIELDS]
        near = difflib.get_close_matches(name.strip().lower(), names, n=1)
        typed = repr(name[:40])
        meant = texts.OPTION_MEANT(name=typed, meant=near[0]) if near else ""
        chinese = [
            flag.lstrip("-") for flag, meant in CHINESE_FLAGS.items() if any(meant == row.flag for row in FIELDS)
        ]
        offered = enumeration([*(chinese if own_language() == "zh" else names)[:_MOST_NAMED], "…"])
        raise InvalidRequest(meant or texts.OPTIONS_ARE(name=typed, names=offered), hint=texts.VARY_WORDS())
    return option


def names_of(prompt: Prompt, groups: Sequence[Axis] = ()) -> tuple[str, ...]:
    """The names of variables in a prompt and in the variants of its groups."""
    parts = (prompt.style, *prompt.frames) if isinstance(prompt, Storyboard) else (prompt,)
    variants = [text for axis in groups for change in axis.changes if change for text in change.groups.values()]
    return tuple(dict.fromkeys(name for text in (*parts, *variants) for name in names_in(text)))


def _axis(name: str, labels: Sequence[str], changes: Sequence[Change | None]) -> Axis:
    """The axis. Raises `InvalidRequest` where a value stands there twice; holes may."""
    if not labels:
        raise InvalidRequest(texts.NO_VALUES(name=axis_word(name)))
    used, holes = dict[str, None](), 0
    for label, change in zip(labels, changes, strict=True):
        holes += change is None
        own = label if change is not None else HOLE if holes == 1 else f"{HOLE} ({holes})"
        if own in used:
            value = texts.EMPTY_VALUE() if label == texts.NOTHING() else repr(label[:40])
            raise InvalidRequest(texts.GIVEN_TWICE(name=axis_word(name), value=value))
        used[own] = None
    return Axis(name, tuple(used), tuple(changes))


def _mark_groups(text: str, mark: Callable[[tuple[str, ...]], str]) -> str:
    """The text with what `mark` gives for its groups in their places, escaped signs as characters of ours."""
    text = hide_signs(text)
    opened: list[tuple[int, list[int]]] = []
    groups: list[tuple[int, int, list[int]]] = []
    for place, sign in enumerate(text):
        if sign in "{｛":
            opened.append((place, []))
        elif sign in "|｜" and opened:
            opened[-1][1].append(place)
        elif sign in "}｝" and opened:
            start, bars = opened.pop()
            if bars and groups and groups[-1][0] > start:
                raise InvalidRequest(texts.NESTED_GROUP(group=plain_signs(text[start : place + 1])[:60]))
            if bars:
                groups.append((start, place, bars))
    begins = [start for start, *_ in groups]
    for start, bars in opened:
        if bars and not any(start < begin < bars[0] for begin in begins):
            raise InvalidRequest(texts.GROUP_NOT_CLOSED(group=plain_signs(text[start:])[:60]))
    pieces, end = list[str](), 0
    for start, stop, bars in groups:
        edges = [start, *bars, stop]
        variants = tuple(text[first + 1 : last].strip() for first, last in pairwise(edges))
        pieces += [text[end:start], mark(variants)]
        end = stop + 1
    return "".join([*pieces, text[end:]])


def _listed(values: object, where: str) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequest(texts.NO_LIST(where=where, kind=type(values).__name__))
    return listed(values)


def _option_of(name: str) -> Field | None:
    """The field that is called so, in English or Chinese; None where none is."""
    plain = name.lower().lstrip("-").replace("-", "_")
    chinese = [(flag, row) for flag, meant in CHINESE_FLAGS.items() for row in FIELDS if meant in row.flags]
    flags = [(flag, row) for row in FIELDS for flag in row.flags]
    names = {flag.lstrip("-").replace("-", "_"): row for flag, row in (*flags, *chinese)}
    return {**names, **{row.name: row for row in FIELDS}}.get(plain)


def _is_hole(value: object) -> bool:
    return isinstance(value, str) and value.strip() == HOLE


def _read(option: Field, value: object, problems: list[str], where: str) -> Change | None:
    """What a value of an option changes; where the option does not take it that is a problem of `where`."""
    value = cell_value(value)
    if value is None:
        return Change()
    if option.name == "refs":
        return Change(refs=tuple(value) if isinstance(value, list | tuple) else (value,))
    if option.parse is None:
        value = as_switch(value)
        if not isinstance(value, bool):
            problems.append(texts.ON_OR_OFF(where=where, flag=option.flag, value=repr(as_text(value)[:40])))
            return None
    try:
        return Change(values={option.name: option.read(value)})
    except InvalidRequest as error:
        problems.append(COLON(first=where, then=str(error)))
        return None


def _label_of(value: object) -> str:
    """What a person calls a value that Python code gave."""
    if is_missing(value) or value == "":
        return texts.NOTHING()
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return " + ".join(map(_label_of, value)) or texts.NOTHING()
    run_id = getattr(value, "run_id", "")
    if run_id:
        index = getattr(value, "index", None)
        return f"run:{run_id}[{index}]" if isinstance(index, int) else f"run:{run_id}"
    text = " ".join(as_text(value).split())
    return text if len(text) <= _LONGEST_LABEL else f"{text[:_LONGEST_LABEL]}…"


def _about_column(column: str, columns: Iterable[str]) -> str:
    near = difflib.get_close_matches(column, list(columns), n=1)
    typed, literal = repr(column), f"{{{{{column}}}}}"
    if near:
        return texts.COLUMN_MEANT(column=typed, meant=f"{{{near[0]}}}", literal=literal)
    return texts.NO_COLUMN(column=typed, columns=enumeration(list(columns)[:8]), literal=literal)


def _change_of(row: Row, filled: Sequence[str], options: Mapping[str, Field], problems: list[str]) -> Change | None:
    """What a row changes, None for a hole; what is wrong with it is added to the problems."""
    before = len(problems)
    for column in filled:
        if column not in row.values:
            problems.append(texts.ROW_LACKS(row=row.number, column=repr(column)))
        elif cell_value(row.values[column]) is None:
            problems.append(texts.CELL_IS_EMPTY(row=row.number, column=repr(column)))
    used = [row.values.get(column) for column in (*filled, *options)]
    if any(map(_is_hole, used)):
        return None
    values, refs = dict[str, Any](), list[Any]()
    for column, option in options.items():
        change = _read(option, row.values.get(column), problems, texts.OF_ROW(row=row.number))
        if change is not None:
            values |= change.values
            refs += change.refs
    if len(problems) > before:
        return None
    return Change(
        words={column: row.values[column] for column in filled}, values=values, refs=tuple(refs), row=row.number
    )


def _row_label(row: Row, columns: Sequence[str]) -> str:
    """Its own label, else the values that make it what it is."""
    given = (row.values.get(column) for column in columns)
    values = (" ".join(as_text(value).split()) for value in given if cell_value(value) is not None)
    label = row.label or ", ".join(filter(None, values)) or texts.ROW(row=row.number)
    return label if len(label) <= _LONGEST_LABEL else f"{label[:_LONGEST_LABEL]}…"
