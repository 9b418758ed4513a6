"""An input image of a request, as a value."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

from seedream_magic.api.redaction import without_signing

ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
}
"""The types that the API reads (its page of August 2026), and how their files end."""


def unsigned(link: str) -> str:
    """A link as it may be shown: a signed one without its query, which opens the picture to whoever has it."""
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
        return f"<Reference {unsigned(self.source)}: {self.shown}{size}>"

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def identity(self) -> str:
        """What makes two references the same before anything is fetched: the link, else the bytes.

        Of a signed link what does not sign it, hashed, for records keep it: that is its own identity again.
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
    def sent(self) -> str:
        """The text in the body: the bytes as a data URI; the link while they have not been fetched."""
        if self.url and not self.data:
            return self.url
        return f"{self._head}{base64.b64encode(self.data).decode('ascii')}"

    @property
    def shown(self) -> str:
        """The same for people to read."""
        return unsigned(self.url) if self.url else f"{self._head}… ({len(self.data):,} bytes)"

    @property
    def file(self) -> str:
        """Its name in the store, by its content."""
        return f"{self.sha256}.{ENDINGS.get(self.media_type, 'bin')}"

    @property
    def _head(self) -> str:
        return f"data:{self.media_type};base64,"
