"""What a batch is given: prompts, storyboards, plans, or records with a prompt and options; each one becomes a plan.

A collection whose length is known is checked as a whole before anything is sent, so that a mistake in its last row, or
one that asks for more images than a run may bill, costs nothing. What an iterator gives is checked as it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seedream_magic.api.fields import KEYWORDS, in_python
from seedream_magic.api.make_request import make_request
from seedream_magic.api.plan import Plan
from seedream_magic.api.redaction import as_text
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.checking import check_plan
from seedream_magic.errors import InvalidRequest, SeedreamError, reason_of
from seedream_magic.planning import OPTIONS, Options, make_ask, plan_in_python, read_plan_options, read_references
from seedream_magic.rows import as_switch, cell_value
from seedream_magic.sender import Sender, check_service
from seedream_magic.words import batch as texts
from seedream_magic.words.lists import enumeration
from seedream_magic.words.requests import PROMPT_IS_TEXT
from seedream_magic.words.tables import TABLE_FAILS
from seedream_magic.words.text import join

Row = str | Storyboard | Plan | Mapping[str, Any]
"""A record has its words under "prompt"; all else in it are options of its own, as far as they are not empty."""
_SWITCHES = {"fit", *(field.name for field in KEYWORDS if field.parse is None)}
MOST_TOLD = 10
"""Rows that a message names; of more it says how many."""


@dataclass(frozen=True)
class BadRow:
    """A row of which there is no plan: what it would have asked for, as far as that can be read, and what is wrong."""

    request: ImageRequest
    error: SeedreamError


class RowReader:
    """Makes plans of rows for a client; `options` are those of every row that is no plan already.

    The references that all rows have in common are read once. `looks_up` is as for `plan_in_python`. Raises
    `InvalidRequest` where one of them cannot be read.
    """

    def __init__(self, client: Sender, options: Options, *, looks_up: bool) -> None:
        self._client, self._options, self._looks_up = client, options, looks_up
        if options.get("refs"):
            with in_python():
                references, _ = read_references(client, options["refs"], fit=options.get("fit", False))
            self._options = {**options, "refs": references, "fit": False}

    def plan(self, row: object) -> Plan:
        """The plan of a row. Raises `InvalidRequest`, `ConfigError` for a plan of another service."""
        if isinstance(row, Plan):
            check_plan(row)
            check_service(self._client, row)
            return row
        return plan_in_python(self._client, *self._parts(row), looks_up=self._looks_up)

    def plan_or_bad(self, row: object) -> Plan | BadRow:
        """The plan of a row, or what is wrong with it."""
        try:
            return self.plan(row)
        except SeedreamError as error:
            words = (
                dict.get(row, "prompt")
                if isinstance(row, dict)
                else row.get("prompt")
                if isinstance(row, Mapping)
                else row
            )
            prompt = words if isinstance(words, str) else as_text(words)[:200]
            return BadRow(ImageRequest(self._client.model, prompt), error)

    def check(self, rows: Iterable[object]) -> None:
        """Raises `InvalidRequest` that names the rows of which no plan can be made. Looks nothing up."""
        complaints: list[str] = []
        reasons: set[str] = set()
        number = bad = 0
        for number, row in enumerate(rows, start=1):
            try:
                self._check(row)
            except SeedreamError as error:
                bad += 1
                if bad <= MOST_TOLD:
                    complaints.append(texts.ROW(row=number, fault=str(error)))
                if len(reasons) < 2:
                    reasons.add(str(error))
        if bad == number > 1 and len(reasons) == 1:
            raise InvalidRequest(texts.NO_ROW_CAN(rows=number, fault=reasons.pop()))
        if bad:
            more = texts.AND_MORE(more=bad - MOST_TOLD) if bad > MOST_TOLD else ""
            raise InvalidRequest(texts.ROWS_CANNOT(bad=bad, rows=number, which=join(*complaints, more)))

    def _check(self, row: object) -> None:
        client = self._client
        if isinstance(row, Plan):
            check_plan(row)
            check_service(client, row)
            if not row.stored:
                client.session.refuse_alone(row.request)
            return
        prompt, options = self._parts(row)
        with in_python():
            ask = make_ask(prompt, options)
            read_plan_options(ask)
            references, _ = read_references(client, ask.refs, fit=ask.fit)
            request, _ = make_request(ask, model=client.model, references=references, strict=client.provider.strict)
        try:
            client.session.refuse_alone(request)
        except InvalidRequest:
            if not plan_in_python(client, prompt, options).stored:
                raise

    def _parts(self, row: object) -> tuple[str | Storyboard, Options]:
        """The words of a row and its options."""
        if not isinstance(row, Mapping):
            return _words(row, self._options), self._options
        if "prompt" not in row:
            raise InvalidRequest(texts.NO_PROMPT())
        try:
            cells = {str(name): cell_value(value) for name, value in row.items() if name != "prompt"}
        except Exception as exc:  # its own code
            raise InvalidRequest(TABLE_FAILS(kind=type(row).__name__, why=reason_of(exc))) from exc
        if unknown := cells.keys() - {*OPTIONS}:
            raise InvalidRequest(texts.NO_OPTION(names=enumeration(sorted(unknown))))
        own = {name: as_switch(value) if name in _SWITCHES else value for name, value in cells.items()}
        options: Any = {**self._options, **{name: value for name, value in own.items() if value is not None}}
        return _words(row["prompt"], options), options


def _words(value: object, options: Options) -> str | Storyboard:
    if cell_value(value) is None and not (isinstance(value, str) and options.get("layer_decomposition")):
        raise InvalidRequest(texts.PROMPT_IS_EMPTY())
    if isinstance(value, str | Storyboard):
        return value
    raise InvalidRequest(PROMPT_IS_TEXT(kind=type(value).__name__))
