"""A request with everything that is decided before it is sent."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from seedream_magic.api.cell_text import cell_text, name_of
from seedream_magic.api.credentials import NO_HEADERS, Headers
from seedream_magic.api.limits import complaints
from seedream_magic.api.models import find_model
from seedream_magic.api.providers import DEFAULT_PROVIDER, DEMO_FOR_A_SHELL, EMBEDDED, Provider, is_loopback
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import plural


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
    the limits that fit the request. `stored` is the run whose set will be shown in place of a new one, None if it
    will be sent; `fresh` pays again whatever is stored, `take` is which of several stored sets is meant, from 1.
    `lineage` names the earlier run that it goes on from. `references` is the folder where the store keeps input images
    by their content, None where it is not known. `headers` are those that a gateway asks for, masked.
    """

    request: ImageRequest
    provider: Provider
    base_url: str
    warnings: tuple[str, ...] = ()
    timeout: float | None = None
    stored: str | None = None
    fresh: bool = False
    take: int | None = None
    lineage: Lineage | None = None
    references: Path | None = None
    headers: Headers = NO_HEADERS

    def __repr__(self) -> str:
        kept = f"stored as {self.stored}" if self.stored else "not stored"
        images = plural(self.request.images_at_most)
        return f"<Plan {self.provider.name} {self.request.model}: up to {images}, {kept}>"

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
        body = self.request.body_with([reference.identity for reference in self.request.references])
        pictured = {key: value for key, value in body.items() if key not in {"stream", "response_format"}}
        parts = [self.provider.name, pictured, *([asdict(self.lineage)] if self.lineage else [])]
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def short_body(self) -> dict[str, Any]:
        """The body for people to read: the bytes of references are left out, the rest is as it will be sent."""
        return self.request.body_with([reference.shown for reference in self.request.references])

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
        mind. The embedded demo listens only while it draws in this process; so its place is taken by one of its own.
        """
        url = self.url.replace(EMBEDDED, DEMO_FOR_A_SHELL)
        key = "$SEEDREAM_API_KEY" if self.provider.needs_key else "demo"
        unbuffered = "-N " if self.short_body.get("stream") else ""
        body = shlex.quote(json.dumps(self.short_body, ensure_ascii=False))
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
