"""A request with everything that is decided before it is sent, and what a person would type for the same.

That is a `%%seedream` cell, a `curl` for a shell, a call in Python.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from seedream_magic.api.credentials import NO_HEADERS, Headers
from seedream_magic.api.fields import FIELDS, Field, keys_of
from seedream_magic.api.fingerprint import fingerprints
from seedream_magic.api.make_request import complaints
from seedream_magic.api.models import find_model
from seedream_magic.api.prices import Price, price_of
from seedream_magic.api.providers import DEFAULT_PROVIDER, DEMO_FOR_A_SHELL, EMBEDDED, Provider, is_loopback
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import DEFAULT_SIZE, ImageRequest
from seedream_magic.api.storyboard import escape
from seedream_magic.errors import escaped, plural, printable
from seedream_magic.words import requests as texts


@dataclass(frozen=True)
class Lineage:
    """The earlier run that a request goes on from.

    A "redo" draws frames of its set anew, an "extend" adds frames to it: `places` are the indexes that the new frames
    take there, in order. A "vary" draws a set of its own after the frame at `places[0]`.
    """

    kind: Literal["redo", "extend", "vary"]
    run_id: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What will be sent and where. Making one touches no network.

    `warnings` are sentences to show before sending. `timeout` is the limit of the whole call in seconds, None for
    the limits that fit the request. `stored` is the run whose set stands in place of a new one, None if it will
    be sent, and `stored_in` the store that has it; `copy` copies it into one's own. `already` says, where that run is
    of another request, why its set stands for this one: it shows already what is asked for. `fresh` pays again whatever
    is stored, `take` is which of several stored sets is meant, from 1; with `draws_take` it is drawn where it was never
    made. `lineage` names the earlier run that it goes on from. `references` is the folder where the store keeps input
    images by their content, None where it is not known. `headers` are those that a gateway asks for, masked. `prices`
    are those of an image that the person has set, by model.
    """

    request: ImageRequest
    provider: Provider
    base_url: str
    warnings: tuple[str, ...] = ()
    timeout: float | None = None
    stored: str | None = None
    stored_in: Path | None = None
    copy: bool = False
    already: str = ""
    fresh: bool = False
    take: int | None = None
    draws_take: bool = False
    lineage: Lineage | None = None
    references: Path | None = None
    headers: Headers = NO_HEADERS
    prices: Mapping[str, float] = field(default_factory=dict, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # Their values may be secret. Where it is unpickled, it goes with the headers of the client that sends it.
        return {**self.__dict__, "headers": NO_HEADERS, "prices": dict(self.prices)}

    def __copy__(self) -> Plan:
        return self

    def __deepcopy__(self, _: object) -> Plan:
        return self

    def __repr__(self) -> str:
        kept = f"stored as {self.stored}" if self.stored else "not stored"
        images = plural(self.request.images_at_most)
        price = f", {self.price}" if self.price else ""
        return printable(f"<Plan {self.provider.name} {self.request.model}: up to {images}{price}, {kept}>")

    @property
    def price(self) -> Price | None:
        """What it costs at most; None where no price is known, and where it is stored."""
        if self.stored:
            return None
        return price_of(self.request, self.provider, self.prices, base_url=self.base_url)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object as it will be sent."""
        return self.request.body

    @property
    def url(self) -> str:
        """The address of the POST."""
        return f"{self.base_url}/images/generations"

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: provider, lineage, body with the references' bytes, not how it travels."""
        return self.fingerprints[0]

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """It, and after it that under which an earlier version kept the same words, where that was another."""
        body = self.request.body_with([reference.identity for reference in self.request.references])
        return fingerprints(self.provider.name, body, asdict(self.lineage) if self.lineage else None)

    @property
    def short_body(self) -> dict[str, Any]:
        """The body for people to read: the bytes of references are left out, the rest is as it will be sent."""
        return self.request.body_with([reference.summary for reference in self.request.references])

    @property
    def on_loopback(self) -> bool:
        """Whether the service runs on this machine (demo, tests): then links to this machine are its own."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def cell(self, settings: Mapping[str, Any] | None = None) -> str:
        """The `%%seedream` cell that makes the same request; `settings` are what the notebook's traits say already.

        A picture that was handed in as a value is named by its file in the store, which is there once a run has begun;
        before that by words in place of a file, with which the cell is refused. What the limits speak against was made
        with --no-check. Of a plan with `lineage` the cell makes the pictures as a set of their own.
        """
        known = {"model": self.provider.default_model, "provider": DEFAULT_PROVIDER, **(settings or {})}
        named = None if known.pop("provider") == self.provider.name else self.provider.name
        names = [name_of(reference, self.references) for reference in self.request.references]
        switches = ["--fit"] if any(fit for _, fit in names) else []
        switches += ["--no-check"] if self._unchecked else []
        sources = [name for name, _ in names]
        return cell_text(self.request, settings=known, provider=named, names=sources, switches=switches)

    @property
    def _unchecked(self) -> bool:
        """Whether the limits of the model speak against the request, which was made all the same."""
        model = find_model(self.request.model)
        streams = model is not None and not model.stream and self.request.stream is not None
        return streams or any(refuse for _, refuse in complaints(self.request, strict=self.provider.strict))

    def curl(self) -> str:
        """The same request for a shell; the key stands as `$SEEDREAM_API_KEY`, references by their beginnings.

        The demo gets no key of a person's, here neither. Each of the further `headers` stands as a variable of its own,
        such as `$SEEDREAM_HEADERS_X_TENANT`. The body is one line: a person reads it as `short_body`, a shell does not
        mind. A demo that has not started yet has no address: there stands that of one served by itself, as in README.
        """
        url = self.url.replace(EMBEDDED, DEMO_FOR_A_SHELL)
        key = "$SEEDREAM_API_KEY" if self.provider.needs_key else "demo"
        unbuffered = "-N " if self.short_body.get("stream") else ""
        body = shlex.quote(escaped(json.dumps(self.short_body, ensure_ascii=False)))
        return " \\\n  ".join(
            (
                f"curl {unbuffered}-X POST {shlex.quote(url)}",
                f'-H "Authorization: Bearer {key}"',
                '-H "Content-Type: application/json"',
                *(f"-H {_masked_header(name)}" for name in self.headers.names),
                f"-d {body}",
            )
        )


def _masked_header(name: str) -> str:
    """A header for a shell in double quotes, its value as a variable: a name may hold signs that are a shell's own."""
    variable = "SEEDREAM_HEADERS_" + re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    return '"' + re.sub(r"([$`])", r"\\\1", name) + f': ${variable}"'


_LIKE_A_SLIP = re.compile(
    r"""^\s*[%％!]|\A\s*(?:[-－—–−―‐‑‒]+\w|(?:[rR]?[fF]|[fF][rR])['"]|'{3}|"{3})|\s-+[^\W\d_]""", re.MULTILINE
)
"""A prompt that a cell would refuse, for it looks like a command, options or a string of Python."""


def cell_text(
    request: ImageRequest,
    *,
    settings: Mapping[str, Any],
    provider: str | None = None,
    names: Sequence[str] | None = None,
    switches: Sequence[str] = (),
) -> str:
    """The cell that makes this request; what `settings` (of options by their Python names) say already is left out.

    `provider` is named where it is given. A reference stands under its name of `names`, else as it was typed.
    `switches` are options that do not follow from a request, such as "--fit".
    """
    asked, given = request.values, {**_defaults(request), **settings}
    if given.get("ratio"):
        given["size"] = None  # a ratio that is set turns a preset into pixels
    if request.storyboard:
        del asked["images"]  # its frames say how many
    extra = {**_omitted_fields(request), **request.extra}
    if asked.get("images", 1) != 1 and not keys_of(["images"]).isdisjoint(extra):
        extra["sequential_image_generation"] = "auto"  # with --images it would be said twice
    options = [
        _option(field, asked[field.name])
        for field in FIELDS
        if asked.get(field.name) not in (None, given.get(field.name)) and keys_of([field.name]).isdisjoint(extra)
    ]
    sources = [reference.source for reference in request.references] if names is None else names
    options += [f"--ref {shlex.quote(name)}" for name in sources]
    options += [f"--provider {shlex.quote(provider)}"] if provider else []
    options += [f"--extra {shlex.quote(escaped(json.dumps(extra, ensure_ascii=False)))}"] if extra else []
    body = request.storyboard.text if request.storyboard else escape(request.prompt)
    options += [*switches, *(["--raw"] if "{" in body or _LIKE_A_SLIP.search(body) else [])]
    return f"{' '.join(['%%seedream', *options])}\n{body}"


def name_of(reference: Reference, kept: Path | None) -> tuple[str, bool]:
    """The name under which a cell reads a reference, and whether it needs --fit for that.

    As it was typed, if that is a link, a run, or a file with these bytes; else its file in `kept`, the folder of the
    store that has references by their content. A file that was scaled down is typed again. What no file holds
    gets a name that no file has: a cell with it is refused, and says so.
    """
    if reference.url or reference.source.startswith("run:"):
        return reference.source, False
    typed = Path(os.path.expanduser(reference.source))  # noqa: PTH111 - Path's own raises where there is no such user
    own = kept and kept / reference.file
    if _holds(typed, reference.data):
        return reference.source, False
    if own and _holds(own, reference.data):
        return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own), False
    if _holds(typed, b""):
        return reference.source, True
    return texts.SAVE_AND_NAME_FILE(source=reference.source), False


def _holds(path: Path, data: bytes) -> bool:
    """Whether these bytes are what a file holds; of a reference whose bytes are gone, whether there is a file."""
    try:
        return path.is_file() and (not data or (path.stat().st_size == len(data) and path.read_bytes() == data))
    except (OSError, ValueError):  # no name of a file
        return False


def call_text(name: str, *values: str | int, **named: str | int | None) -> str:
    """A call in Python: its values as literals, what is named left out where it is None, False or empty."""
    literals = [_literal(value) for value in values]
    literals += [f"{key}={_literal(value)}" for key, value in named.items() if value]
    return f"{name}({', '.join(literals)})"


def _literal(value: str | int) -> str:
    """As Python reads it: of text JSON's form, which is Python's too, and holds no line break."""
    return repr(value) if isinstance(value, bool) else escaped(json.dumps(value, ensure_ascii=False))


def _defaults(request: ImageRequest) -> dict[str, Any]:
    """What a cell without options asks for, of the model of this request."""
    known = find_model(request.model)
    return {
        **{field.name: field.default for field in FIELDS},
        "size": known.default_size if known else DEFAULT_SIZE,
        "stream": None if known and not known.stream else request.sequential_image_generation == "auto",
    }


def _omitted_fields(request: ImageRequest) -> dict[str, None]:
    """Fields of the body that a cell without options has and this request has not."""
    known = find_model(request.model)
    usual = {"sequential_image_generation": known is None or known.sets, "stream": known is None or known.stream}
    return {name: None for name, is_usual in usual.items() if is_usual and getattr(request, name) is None}


def _option(field: Field, value: Any) -> str:
    if value is True:
        return field.flag
    if value is False:
        return field.all_flags[-1]
    return f"{field.flags[0]} {shlex.quote(str(value))}"
