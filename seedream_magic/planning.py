"""From what a person asks for to a plan: the one way, for a cell, the panel and Python. Nothing here sends.

What goes on from a set is planned in `continuation`, and comes through `plan_request` as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, TypedDict

from seedream_magic.api.credentials import Headers
from seedream_magic.api.fields import COPY, FRESH, TAKE, TIMEOUT, in_python, python_words
from seedream_magic.api.gateways import plan_warnings
from seedream_magic.api.make_request import Ask, make_request
from seedream_magic.api.models import is_unlisted, misspelt
from seedream_magic.api.plan import Plan, call_text
from seedream_magic.api.providers import EMBEDDED, PROVIDERS
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import ImageRequest
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import Images
from seedream_magic.errors import ConfigError, InvalidRequest
from seedream_magic.images.image_set import Client, Frame, ImageSet
from seedream_magic.images.record import REFERENCES, Record, load
from seedream_magic.images.run_folder import settle
from seedream_magic.images.stored_runs import load_whole
from seedream_magic.replay import find_run, look_up, plan_for_run
from seedream_magic.session import Session
from seedream_magic.words import requests as texts
from seedream_magic.words.cells import MODEL_MEANT, MODEL_UNLISTED
from seedream_magic.words.clip import clip
from seedream_magic.words.lists import enumeration

_NAMED_FRAME = re.compile(r"run:(?P<run>[^\s\[\]]+)(\[(?P<place>\d{1,2})\])?")


class PlanningClient(Client, Protocol):
    """For whom a plan is made: what of `Seedream` is read here."""

    headers: Headers
    model: str

    @property
    def session(self) -> Session:
        """Whose runs are a person's own: the words of other records are data."""


class Options(TypedDict, total=False):
    """What `Seedream.plan`, and whatever makes a plan from a prompt, takes beside the prompt."""

    images: Images | None
    size: str | None
    ratio: str | None
    refs: object
    fit: bool
    model: str | None
    stream: bool | None
    watermark: bool | None
    response_format: str | None
    output_format: str | None
    background: str | None
    layer_decomposition: bool | None
    web_search: bool | None
    optimize_prompt: str | None
    extra: Mapping[str, Any] | None
    fresh: bool
    take: int | None
    copy: bool
    check: bool
    timeout: float | None


OPTIONS = tuple(Options.__annotations__)


def make_ask(prompt: str | Storyboard, options: Options) -> Ask:
    """What a person asks for in Python: a prompt, and the options beside it."""
    return Ask.of(prompt, {**options, "model": options.get("model") or None})


def plan_in_python(
    client: PlanningClient, prompt: str | Storyboard, options: Options, *, looks_up: bool = True
) -> Plan:
    """The plan of a prompt; see `Seedream.plan`. Messages name the keywords of Python.

    Without `looks_up` it is not said what the store has of it: whoever draws it at once looks then.
    """
    with in_python():
        plan = plan_ask(client, make_ask(prompt, options), looks_up=looks_up)
    return replace(plan, warnings=tuple(python_words(warning) for warning in plan.warnings))


def plan_ask(client: PlanningClient, ask: Ask, *, draws_take: bool = False, looks_up: bool = True) -> Plan:
    """The plan of what a person asks for; see `Seedream.plan`. Messages name the options of a cell.

    With `draws_take` the take that is asked for is drawn where it was never made.
    """
    references, notes = read_references(client, ask.refs, fit=ask.fit)
    strict = client.provider.strict
    request, warnings = make_request(ask, model=client.model, references=references, strict=strict)
    if ask.check and (meant := misspelt(request.model, client.provider.name)):
        raise InvalidRequest(MODEL_MEANT(model=clip(request.model, 80), meant=meant))
    if ask.check and is_unlisted(request.model):
        warnings = (*warnings, MODEL_UNLISTED(model=clip(request.model, 80)))
    how = read_plan_options(ask)
    return plan_request(client, request, (*notes, *warnings), draws_take=draws_take, looks_up=looks_up, **how)


def read_plan_options(ask: Ask) -> dict[str, Any]:
    """What says how to plan the request and is no field of it, by the fields of `Plan`. Raises `InvalidRequest`."""
    return {
        "timeout": None if ask.timeout is None else TIMEOUT.read(ask.timeout),
        "fresh": FRESH.read(ask.fresh) is True,
        "take": None if ask.take is None else TAKE.read(ask.take),
        "copy": COPY.read(ask.copy) is True,
    }


def plan_request(
    client: PlanningClient, request: ImageRequest, notes: tuple[str, ...], *, looks_up: bool = True, **further: Any
) -> Plan:
    """The plan of a checked request, with what the store says of it; `further` are fields of `Plan`.

    The embedded demo starts with the first run: till then its plans have an address that nothing can listen on.
    """
    settle(client.store)
    plan = Plan(
        request,
        client.provider,
        client.given_base_url or EMBEDDED,
        notes,
        references=client.store / REFERENCES,
        headers=client.headers,
        prices=client.session.prices,
        **further,
    )
    if looks_up:
        plan = look_up(plan, client.store)
    advice = () if plan.stored else plan_warnings(plan.base_url, plan.short_body)
    return replace(plan, warnings=(*plan.warnings, *advice))


def plan_of_record(client: PlanningClient, record: Record) -> Plan:
    """The plan that a run was made by; it replays this very run where that has a set."""
    images = load(record)
    plan = plan_for_run(plan_request(client, images.request, (), lineage=record.lineage), record)
    return without_undocumented(client, plan, images.run_id)


def read_references(
    client: PlanningClient, refs: object, *, fit: bool = False
) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """The references that these values stand for, and the sentences to show; `fit` scales what is too large."""
    values = list(refs) if isinstance(refs, list | tuple) else [] if refs is None else [refs]
    if not values:
        return (), ()
    from seedream_magic.api.references.make_references import scale_to_limits  # noqa: PLC0415 - Pillow loads when it is used

    named = [find_frame(client, value) for value in values]
    leaves = [leaf for value in named for leaf in (_pictures(value) if isinstance(value, ImageSet) else [value])]
    made = [reference for leaf in leaves for reference in _read(client, leaf)]
    scaled = [scale_to_limits(reference) if fit else (reference, "") for reference in made]
    gaps = [_gap_note(value) for value in named if isinstance(value, ImageSet)]
    return tuple(reference for reference, _ in scaled), tuple(filter(None, (*gaps, *(note for _, note in scaled))))


def refuse_other_provider(client: PlanningClient, run_id: str, made_by: str) -> None:
    """Raises `ConfigError` for a run that another provider made: a record does not choose who gets a key."""
    name = client.provider.name
    if name == made_by:
        return
    maker, hint = ascii(made_by[:40]), texts.PROVIDERS_ARE(names=enumeration(PROVIDERS))
    if made_by in PROVIDERS:
        its_own = call_text("Seedream", made_by, store=str(client.store)) + call_text(".show", run_id)
        maker, hint = made_by, texts.USE_MAKER(maker=made_by, code=its_own)
    raise ConfigError(texts.MADE_BY_ANOTHER(run=run_id, maker=maker, provider=name), hint=hint)


def set_of_run(client: PlanningClient, run_id: str) -> ImageSet:
    return load_whole(find_run(client.store, run_id)).with_client(client)


def _pictures(images: ImageSet) -> tuple[Frame, ...]:
    if not images.ok:
        text = texts.NO_PICTURE_YET if images.state == "running" else texts.NO_PICTURE
        raise InvalidRequest(text(run=images.run_id))
    return images.ok


def _gap_note(images: ImageSet) -> str:
    """That a set which is a reference lacks pictures, empty where it does not."""
    total = max(len(images), images.expected or 0)
    if len(images.ok) == total:
        return ""
    return texts.SOME_ARE_REFERENCES(total=total, run=images.run_id, count=len(images.ok))


def find_frame(client: PlanningClient, value: object) -> object:
    """The frame that "run:ID[2]" names, the set that "run:ID" names; any other value as it is."""
    named = _NAMED_FRAME.fullmatch(value.strip()) if isinstance(value, str) else None
    if named is None:
        return value
    images = set_of_run(client, named["run"])
    if named["place"] is None:
        return images
    if int(named["place"]) >= len(images):
        raise InvalidRequest(texts.NO_SUCH_FRAME(run=images.run_id, last=len(images) - 1, value=value))
    return images[int(named["place"])]


def _read(client: PlanningClient, leaf: object) -> tuple[Reference, ...]:
    """The references of a value; a frame of the client's own store is named by its run, not by a folder."""
    from seedream_magic.api.references.make_references import make_references  # noqa: PLC0415 - Pillow loads when it is used

    if isinstance(leaf, Reference):
        return (leaf,)
    made = make_references([leaf])
    if isinstance(leaf, Frame) and leaf.run_id and leaf.client is not None and leaf.client.store == client.store:
        return tuple(replace(reference, source=f"run:{leaf.run_id}[{leaf.place_in_run}]") for reference in made)
    return made


def without_undocumented(client: PlanningClient, plan: Plan, run_id: str) -> Plan:
    """The plan made of a run, without the body fields that nobody but its record asks for; it says which.

    What this session sent, and what comes from the store, stays as it is. Raises `InvalidRequest` for a picture that
    only the record's body names.
    """
    request = plan.request
    left_out = [name for name, value in request.extra.items() if not is_documented(name, value)]
    if not left_out or plan.stored or run_id in client.session.made:
        return plan
    if "image" in left_out:
        raise InvalidRequest(texts.IMAGE_IS_NOT_HERE(run=run_id))
    kept = {name: value for name, value in request.extra.items() if name not in left_out}
    names = enumeration(ascii(name[:40])[1:-1] for name in left_out[:10])
    note = texts.LEFT_OUT(run=run_id, names=names)
    request = replace(request, extra=kept)
    return plan_request(client, request, (*plan.warnings, note), fresh=plan.fresh, take=plan.take, lineage=plan.lineage)


def is_documented(name: str, value: object) -> bool:
    """Whether an extra field is one that the API's pages know and that costs nothing."""
    return name in {"seed", "guidance_scale"} and isinstance(value, int | float)
