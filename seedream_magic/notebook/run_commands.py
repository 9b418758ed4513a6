"""The commands about earlier runs: `%seedream history`, `show`, `recover`, `retry`, `export` and `purge`."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.display import display

from seedream_magic.api.plan import Plan
from seedream_magic.api.prices import bill_text
from seedream_magic.errors import ContentRefused, InvalidRequest
from seedream_magic.images.image_set import ImageSet, sets_in
from seedream_magic.notebook.desk import Desk
from seedream_magic.notebook.first_line import named_as_typed, split_line
from seedream_magic.notebook.questions import answer as ask
from seedream_magic.variables import value_of
from seedream_magic.words import commands as texts
from seedream_magic.words.cells import NEEDS_A_VALUE
from seedream_magic.words.clip import path_from
from seedream_magic.words.export import CHINESE_VALUES
from seedream_magic.words.lists import enumeration
from seedream_magic.words.runs import REDO_IN_OTHER_WORDS
from seedream_magic.words.settings import AGREEMENT
from seedream_magic.words.text import join

if TYPE_CHECKING:
    from seedream_magic.seedream import Seedream

_LONGEST_NUMBER = 3
"""Digits that are the number of a row; more are the beginning of a run's id."""


def show_history(desk: Desk, text: str) -> None:
    """Show the runs of which all that was typed is true, of every store or of this one."""
    from seedream_magic.history import find  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.images.history_rows import MAXIMUM_ROWS, history_bundle  # noqa: PLC0415 - load time, see `desk`

    words, given = _without_flags(text, "history", "--here", "--starred")
    client, here, starred = desk.client(), "--here" in given, "--starred" in given
    found = find(client.store, words, now=datetime.now(UTC), here=here, starred=starred, at_most=MAXIMUM_ROWS)
    desk.rows = tuple(entry.run_id for entry in found.first) or desk.rows  # a search in vain hides no rows
    asked: dict[str, Any] = {"words": words, "store": client.store, "here": here, "starred": starred}
    display(history_bundle(found.first, found.others, are_earlier=found.are_earlier, **asked), raw=True)


def show(desk: Desk, text: str) -> None:
    """Show the set of an earlier run."""
    desk.show_set(_set_put_together(desk, text) or desk.client().show(_run_id(desk, text, "show")))


def recover(desk: Desk, text: str) -> None:
    """Download what is missing of earlier runs."""
    growing = desk.display()
    run_id = _run_id(desk, text, "recover") if text else None
    try:
        recovered = desk.client().recover(run_id, on_change=growing.show)
    finally:
        growing.clear()
    for images in recovered:
        desk.show_set(images)
    found = sum(len(images.ok) for images in recovered)
    print(texts.RECOVERED(runs=len(recovered), images=found) if recovered else texts.NOTHING_LEFT())  # noqa: T201 - a summary is text


def retry(desk: Desk, words: str) -> None:
    """Ask anew for the failed frames of a run; with `--each` one by one; with `--dry-run` only say what."""
    from seedream_magic.continuation import plan_retry  # noqa: PLC0415 - load time, see `desk`

    run, given = _without_flags(words, "retry", "--each", "--dry-run")
    before, client = continued_run(desk, run, "retry"), desk.client()
    if "--dry-run" in given:
        print(_request_of(client, plan_retry(client, before.run_id)))  # noqa: T201 - said in place of a run
        return
    images = client.recover(before.run_id)[0]  # what was made already is not paid again
    downloaded = len(images.ok) - len(before.ok)
    if downloaded:
        print(texts.DOWNLOADED(images=downloaded))  # noqa: T201 - said before
    # A variable that the line names its run by holds the mended set afterwards.
    variable = run.strip("{}$")
    name = variable if variable.isidentifier() and hasattr(desk.variables.get(variable), "run_id") else None
    if downloaded and images.complete:
        desk.show_set(images, name=name)
        return
    if "--each" in given:
        _retry_each(desk, client, before.run_id, name=name)
        return
    plan = plan_retry(client, before.run_id)
    desk.session.refuse(plan)
    print(_announcement(client, plan))  # noqa: T201 - said before
    with _refused_again(name):
        desk.run(client, plan, name=name)


def _retry_each(desk: Desk, client: Seedream, run_id: str, *, name: str | None) -> None:
    """Ask for the missing frames of a run one by one, from where an earlier `--each` has come to."""
    from seedream_magic.continuation import missing_places, newest_of, plan_next_frame  # noqa: PLC0415 - load time

    images = client.show(newest_of(client.store, run_id))
    plan, missing = plan_next_frame(client, images), len(missing_places(images))
    if plan is None:
        print(texts.ALL_THERE())  # noqa: T201 - said in place of a run
        desk.show_set(images, name=name)
        return
    desk.session.refuse(plan)
    bill = bill_text(missing, plan.price and plan.price.times(missing))
    paid = texts.TOGETHER_BILL(bill=bill) if client.provider.needs_key else texts.DEMO_BILLS_NOTHING()
    first = texts.FIRST_OF_ONE() if missing == 1 else texts.FIRST_OF(requests=missing)
    print(f"{_announcement(client, plan)}\n{join(first, paid)}")  # noqa: T201 - said before
    with _refused_again(name):
        desk.run(client, plan, name=name, further=partial(plan_next_frame, client))


@contextmanager
def _refused_again(name: str | None) -> Iterator[None]:
    """Of a frame that is refused once more its card says why: the error says which, and what may help."""
    try:
        yield
    except ContentRefused as refused:
        images = refused.images
        places = [frame.index for frame in images if not frame.ok] if images else []
        if not images or not images.ok:
            raise
        error = copy(refused)
        error.args = (texts.REFUSED_AGAIN(frames=enumeration(str(place + 1) for place in places)),)
        error.details = ()  # its card quotes the service
        if not refused.code.startswith("InputImage"):
            error.hint = REDO_IN_OTHER_WORDS(images=name or "_seedream", place=places[0])
        raise error from None


def _announcement(client: Seedream, plan: Plan) -> str:
    """How much a retry asks for, what that may bill, and what of the record is left out."""
    asking = texts.ASKING_ANEW(images=plan.request.images_at_most)
    if plan.stored:
        return join(asking, texts.STORED_UNBILLED())
    may_bill = texts.MAY_BILL_PRICE(price=plan.price) if plan.price else texts.MAY_BILL_THAT()
    paid = may_bill if client.provider.needs_key else texts.DEMO_BILLS_NOTHING()
    return "\n".join((*plan.warnings, join(asking, paid)))


def _request_of(client: Seedream, plan: Plan) -> str:
    """What a retry would send, and to whom. The words are a record's, which may come from anywhere."""
    text = json.dumps(plan.short_body, ensure_ascii=False, indent=2)
    body = "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)
    address = client.given_base_url or texts.ADDRESS_EMBEDDED()
    head = texts.SENT_TO(provider=client.provider.name, address=address)
    return "\n".join((head, body, _announcement(client, plan)))


def export(desk: Desk, words: str) -> None:
    """Write the set of an earlier run, or a sweep, to one file."""
    from seedream_magic.sweep.sweep import Sweep  # noqa: PLC0415 - load time, see `desk`

    run, path, options = _export_line(words)
    if not path:
        raise InvalidRequest(texts.EXPORT_TAKES())
    other, _, file = path.partition(" ")
    if file and hasattr(desk.variables.get(other), "run_id"):
        raise InvalidRequest(texts.EXPORTS_ONE_SET(run=run, other=other, file=file.strip()))
    target = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
    value = desk.variables.get(run.strip().strip("\"'{}$"))
    if isinstance(value, Sweep):
        if set(options) - {"with_facts"}:
            raise InvalidRequest(texts.SWEEP_TAKES_FACTS())
        written = value.export(target, **options)
    else:
        images = _set_put_together(desk, run) or desk.client().show(_run_id(desk, run, "export"))
        with named_as_typed({name: flag for flag, name in _EXPORT_VALUES.items()}):
            written = images.export(target, **options)
    print(texts.WRITTEN(path=path_from(Path(written))))  # noqa: T201 - a confirmation is text


_EXPORT_VALUES = {"--title": "title", "--author": "author", "--layout": "layout", "--page-size": "page_size"}
_WORDS_ONLY = ("--layout", "--page-size")
_EXPORT_SWITCHES = {"--no-captions": ("captions", False), "--with-facts": ("with_facts", True)}


def _export_line(text: str) -> tuple[str, str, dict[str, Any]]:
    """The run, the file and the options of such a line. Without options the path may hold blanks as it is."""
    run, rest = [*text.split(maxsplit=1), "", ""][:2]
    if "--" not in rest:
        path = rest.strip()
        quoted = len(path) > 1 and path[0] == path[-1] and path[0] in "\"'"
        return run, path[1:-1] if quoted else path, {}
    words, names, options = iter(split_line(rest)), list[str](), dict[str, Any]()
    text = ""  # the option before, where the file is known and more words can only belong to what was given there
    for word in words:
        before, text = text, ""
        flag, sign, value = word.partition("=")
        if flag in _EXPORT_SWITCHES and not sign:
            name, chosen = _EXPORT_SWITCHES[flag]
            options[name] = chosen
        elif flag in _EXPORT_VALUES:
            value = value if sign else next(words, "")
            if not value:
                raise InvalidRequest(NEEDS_A_VALUE(option=flag))
            options[_EXPORT_VALUES[flag]] = CHINESE_VALUES.get(value, value) if flag in _WORDS_ONLY else value
            text = _EXPORT_VALUES[flag] if names and flag not in _WORDS_ONLY else ""
        elif word.startswith("--"):
            _refuse_option(word, "export", (*_EXPORT_VALUES, *_EXPORT_SWITCHES))
        elif before:
            options[text := before] += f" {word}"
        else:
            names.append(word)
    return run, " ".join(names), options


def purge(desk: Desk, text: str) -> None:
    """Delete a run and its pictures, asked first where somebody can answer; elsewhere by its full id alone.

    A part of an id, or a number, is none: it may mean another run tomorrow.
    """
    from seedream_magic.images.purge import find_purgeable  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.view.markup import text_within  # noqa: PLC0415 - load time

    text, given = _without_flags(text, "purge", "--even-starred")
    client, run_id, even = desk.client(), _run_id(desk, text, "purge", numbers=False), "--even-starred" in given
    found = find_purgeable(client.store, run_id, even_starred=even)
    words: str = texts.QUOTED(words=text_within(found.prompt, 60)) if found.prompt else texts.WORDS_UNREADABLE()
    size = f"{found.size / 1e6:.1f}"
    facts = texts.PURGE_FACTS(words=words, pictures=found.pictures, megabytes=size, store=client.store)
    answer = ask(desk.shell, texts.ASK_PURGE(run=run_id, facts=facts))
    if answer is None and text.strip("\"'") != run_id:
        hint = texts.PURGE_BY_ID(typed=" ".join((run_id, *given)), facts=facts)
        raise InvalidRequest(texts.FULL_ID_ONLY(), hint=hint)
    if answer is not None and answer.strip().lower() not in AGREEMENT:
        print(texts.NOTHING_DELETED())  # noqa: T201 - a confirmation is text
        return
    gone, free = client.purge(run_id, even_starred=even), found.provider == "demo"
    deleted = texts.DELETED(run=gone.run_id, files=gone.files, megabytes=f"{gone.size / 1e6:.1f}")
    print(join(deleted, "" if free else texts.BILL_STAYS()))  # noqa: T201 - a confirmation is text


def _without_flags(text: str, command: str, *flags: str) -> tuple[str, set[str]]:
    """The line without its options, and those; raises `InvalidRequest` for one that the command does not have."""
    words = text.split()
    given = {word for word in words if word.startswith("--") or f"-{word}" in flags}
    for word in given.difference(flags):
        _refuse_option(word, command, flags)
    return " ".join(word for word in words if word not in given), given


def _refuse_option(word: str, command: str, flags: tuple[str, ...]) -> NoReturn:
    if command == "history" and word.partition("=")[0] == "--since":
        raise InvalidRequest(texts.DATE_IS_A_WORD(date=f"{datetime.now(UTC):%Y-%m}"))
    if not word.isascii():
        chinese = {meant: name for name, meant in texts.CHINESE_OPTIONS.items()}
        flags = tuple(chinese.get(flag, flag) for flag in flags)
    near = difflib.get_close_matches(word, flags, n=1)
    typed = repr(word[:40])
    if near:
        raise InvalidRequest(texts.OPTION_MEANT(command=command, typed=typed, meant=near[0]))
    raise InvalidRequest(texts.NO_OPTION(command=command, typed=typed, options=enumeration(flags)))


def _run_id(desk: Desk, text: str, command: str, *, numbers: bool = True) -> str:
    """The run that a line names: an id, the beginning or end of one, `latest`, a folder, or a set of the notebook;
    with `numbers` also its row in the history shown last. `latest` is this store's.
    """
    text = text.strip().strip("\"'{}$#")
    if not text:
        raise InvalidRequest((texts.TAKES_A_RUN_OR_ROW if numbers else texts.TAKES_A_RUN)(command=command))
    if numbers and text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        return _run_of_row(desk, int(text), command)
    if text == "latest":
        client = desk.client()
        entries = client.history(here=True)
        if not entries:
            raise InvalidRequest(texts.NO_RUN_YET(store=client.store))
        return entries[0].run_id
    from seedream_magic.sweep.sweep import Sweep  # noqa: PLC0415 - load time, see `desk`

    try:
        value = value_of(text, desk.variables)
    except InvalidRequest:  # no variable: then it is the id, or a part of one
        value = text
        _refuse_near_name(desk, text)
    if isinstance(value, Sweep) and command == "retry":
        raise InvalidRequest(texts.RETRY_A_SWEEP(name=text[:40]))
    if isinstance(value, Sweep):
        one = value.code_of(value.runs[0])
        raise InvalidRequest(texts.IS_A_SWEEP(name=text[:40], runs=len(value), one=one))
    runs = [of.run_id for of in sets_in(value)] if isinstance(value, ImageSet) else []
    if len(runs) > 1:
        raise InvalidRequest(texts.OF_SEVERAL_RUNS(name=text[:40], runs=enumeration(runs)))
    return getattr(value, "run_id", None) or Path(str(value)).name


def _refuse_near_name(desk: Desk, text: str) -> None:
    """Raises `InvalidRequest` for what is no run, but nearly the name of a set of the notebook."""
    from seedream_magic.replay import find_run  # noqa: PLC0415 - load time, see `desk`

    sets = [name for name, value in desk.variables.items() if name[0] != "_" and isinstance(value, ImageSet)]
    if near := difflib.get_close_matches(text, sets, n=1):
        try:
            find_run(desk.client().store, text)
        except InvalidRequest as error:
            raise InvalidRequest(texts.RUN_MEANT(typed=text[:40], meant=near[0])) from error


def _set_put_together(desk: Desk, text: str) -> ImageSet | None:
    """The variable's set, where it was put together of earlier ones: no run alone has it."""
    value = desk.variables.get(text.strip().strip("\"'{}$"))
    return value if isinstance(value, ImageSet) and value.sources else None


def _run_of_row(desk: Desk, number: int, command: str) -> str:
    """The run in this row, counted from 1, of the history that the notebook has shown last."""
    if not desk.rows:
        raise InvalidRequest(texts.NO_ROWS(number=number, command=command))
    if not 1 <= number <= len(desk.rows):
        raise InvalidRequest(texts.NO_ROW(number=number, rows=len(desk.rows)))
    return desk.rows[number - 1]


def continued_run(desk: Desk, text: str, command: str) -> ImageSet:
    """The run that a line names, to go on from: refused where another provider made it than the session's."""
    from seedream_magic.planning import refuse_other_provider  # noqa: PLC0415 - load time, see `desk`
    from seedream_magic.replay import find_run  # noqa: PLC0415 - load time, see `desk`

    client, run_id = desk.client(), _run_id(desk, text, command)
    record = find_run(client.store, run_id)
    refuse_other_provider(client, record.run_id, str(record.facts.get("provider")))
    return client.show(record.run_id)
