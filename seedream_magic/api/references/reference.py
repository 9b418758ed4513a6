"""An input image of a request as a value, and what the service takes of it: how many, how large.

The service's pages say MB and do not say which: here it is 10^6 bytes, the smaller of the two, which suits either
reading.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from seedream_magic.api.models import MAXIMUM_IMAGES, MAXIMUM_RATIO, Model
from seedream_magic.api.redaction import without_signing
from seedream_magic.errors import printable
from seedream_magic.formats import ENDINGS, HEIF_TYPES
from seedream_magic.words import references as texts
from seedream_magic.words.text import join

MAXIMUM_REFERENCES = MAXIMUM_IMAGES - 1
"""One place of the fifteen is the image that is made."""
MAXIMUM_BYTES = 30 * 10**6
COMMON_BYTES = 10 * 10**6
"""What the pages of 2025 allow; services that are older than those of 2026 may hold to it."""
MAXIMUM_PIXELS = 36_000_000
SMALLEST_REFUSED_SIDE = 14
_PIECE = 3 * 2**18
"""Bytes; base64 goes by threes."""


def unsigned(link: str) -> str:
    """A link as it may be printed: a signed one without its query, which opens the picture to whoever has it."""
    return link if "://" not in link or without_signing(link) == link else re.split(r"[?#]", link, maxsplit=1)[0]


@dataclass(frozen=True)
class Reference:
    """An input image as it will be sent.

    `source` is where it came from, as it was typed or for people to read. `data` are its bytes, `media_type` their
    real type, `width` and `height` its pixels where they are known. `url` is an https link; without `data` it is still
    to be fetched.
    """

    source: str
    media_type: str = ""
    data: bytes = field(default=b"", repr=False)
    width: int | None = None
    height: int | None = None
    url: str | None = None

    def __repr__(self) -> str:
        size = f" {self.width}x{self.height}" if self.width else ""
        return printable(f"<Reference {unsigned(self.source)}: {self.summary}{size}>")

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, computed once: a run needs it for its fingerprint, its record and its store."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def identity(self) -> str:
        """What makes two references the same before anything is fetched: the link, else the bytes.

        Of a signed link it is the part that does not sign it, with its query hashed; records keep this identity in
        place of the link, and it is its own identity again.
        """
        if not self.url:
            return f"sha256:{self.sha256}"
        named = without_signing(self.url)
        address, _, rest = named.partition("?")
        signed_rest = rest if named != self.url else ""
        return f"{address}?{hashlib.sha256(signed_rest.encode()).hexdigest()[:16]}" if signed_rest else named

    @property
    def sendable(self) -> bool:
        """Whether there are bytes to send, or a link to fetch them from."""
        return bool(self.data or self.url)

    @property
    def body_value(self) -> str:
        """The text in the body: the bytes as a data URI; the link while they have not been fetched."""
        if self.url and not self.data:
            return self.url
        return b"".join(self._data_uri()).decode("ascii")

    @property
    def encoded(self) -> list[bytes]:
        """The same within the quotes of a JSON text, in pieces."""
        if self.url and not self.data:
            return [json.dumps(self.url)[1:-1].encode()]
        return list(self._data_uri())

    def _data_uri(self) -> Iterator[bytes]:
        """In pieces, because Python's other threads wait while one is being encoded."""
        yield self._head.encode()
        for start in range(0, len(self.data), _PIECE):
            yield binascii.b2a_base64(self.data[start : start + _PIECE], newline=False)

    @property
    def summary(self) -> str:
        """What stands in the body for people to read."""
        return unsigned(self.url) if self.url else f"{self._head}… ({len(self.data):,} bytes)"

    @property
    def file(self) -> str:
        """Its name in the store, by its content."""
        return f"{self.sha256}.{ENDINGS.get(self.media_type, 'bin')}"

    @property
    def over_limits(self) -> bool:
        """Whether its bytes or its pixels are more than the service takes."""
        return len(self.data) > MAXIMUM_BYTES or (self.width or 0) * (self.height or 0) > MAXIMUM_PIXELS

    @property
    def scalable(self) -> bool:
        """Whether scaling can help: not with HEIC, which cannot be opened here, nor with a ratio past 1:16 or 16:1."""
        sides = (self.width or 1, self.height or 1)
        return self.media_type not in HEIF_TYPES and max(sides) <= MAXIMUM_RATIO * min(sides)

    @property
    def _head(self) -> str:
        return f"data:{self.media_type};base64,"


def megabytes(count: int) -> str:
    """Bytes in MB of 10^6, rounded up, so that what is over a limit also reads so: "40.1 MB"."""
    return f"{math.ceil(count / 10**5) / 10:.1f} MB"


def short(source: str, *, longest: int = 80) -> str:
    """A source for a sentence, in characters that can be printed: of a long one the end, where a file's name stands.

    A signed link loses its signature: sentences are printed, saved with the notebook and shared.
    """
    source = unsigned(source).encode("utf-8", "replace").decode()
    return source if len(source) <= longest else "…" + source[1 - longest :]


def reference_complaints(
    references: Sequence[Reference], *, model: Model | None, images_at_most: int, strict: bool
) -> list[tuple[str, bool]]:
    """Sentences about the references, each with whether it refuses the request.

    `images_at_most` are the images that are asked for; where the model decides, the fewest that make sense. `strict`
    refuses what the model's table forbids; without it the table warns. Of a link that is not fetched nothing is known.
    """
    found = _count_complaints(len(references), model, images_at_most, strict=strict) if references else []
    return [*found, *(complaint for reference in references for complaint in _complaints(reference))]


def _count_complaints(count: int, model: Model | None, images: int, *, strict: bool) -> list[tuple[str, bool]]:
    found = []
    if model is not None and not model.references:
        found.append((texts.NONE_TAKEN(model=model.name), True))
    elif model is not None and count > model.references:
        found.append((texts.MOST_TAKEN(model=model.name, most=model.references, count=count), strict))
    if count + images > MAXIMUM_IMAGES:
        room = MAXIMUM_IMAGES - count
        text = texts.TOGETHER_TOO_MANY if room > 0 else texts.REFERENCES_TOO_MANY
        facts = {"references": count, "images": images, "total": count + images, "most": MAXIMUM_IMAGES}
        found.append((text(**facts, room=room if room > 0 else MAXIMUM_REFERENCES), True))
    return found


def _complaints(reference: Reference) -> list[tuple[str, bool]]:
    name, size = short(reference.source), len(reference.data)
    remedy = texts.FIT()
    if not reference.scalable:
        remedy = texts.SAVE_SMALLER()
    elif reference.url:  # it is fetched after --fit has done its work
        remedy = texts.SAVE_AND_FIT()
    found = []
    if size > MAXIMUM_BYTES:
        found.append((join(texts.OVER_30_MB(name=name, size=megabytes(size)), remedy), True))
    elif size > COMMON_BYTES:
        found.append((texts.OVER_10_MB(name=name, size=megabytes(size)), False))
    if reference.width is None or reference.height is None:
        return found
    width, height = reference.width, reference.height
    sides = {"name": name, "width": width, "height": height}
    if width * height > MAXIMUM_PIXELS:
        text = texts.PIXELS(**sides, pixels=width * height, most=MAXIMUM_PIXELS)
        found.append((join(text, remedy), True))
    if max(width, height) > MAXIMUM_RATIO * min(width, height):
        found.insert(0, (texts.OUTSIDE_RATIOS(**sides), True))
    if min(width, height) <= SMALLEST_REFUSED_SIDE:
        found.append((texts.SIDE_TOO_SMALL(**sides, least=SMALLEST_REFUSED_SIDE), True))
    return found
