"""From the bytes that came to a picture: what they are wrapped in, their checksums, and whether they are whole.

Headers are only believed where the bytes agree: stores and gateways say `Content-Encoding: aws-chunked`, `binary` or
`UTF-8` of plain pictures, and an ETag of 32 digits may be an MD5 or not.

A whole picture has a signature and an end mark, and decodes. Each alone accepts cut pictures: of 800 cuts over four
encodings a header check took 404, a decode 8; with the end mark none passed. What decodes is a picture, whatever
follows its end or stands in its words, and however the other code of this process has set Pillow (truncated files,
largest pixels, longest texts, warnings as errors): the pixels alone are decoded, by functions that know no such
settings.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from seedream_magic.api.encoding import inflate
from seedream_magic.api.models import LARGEST_PICTURE_BYTES, MAXIMUM_PIXELS
from seedream_magic.errors import ImageError, ImageInvalid, ImageTooLarge, reason_of
from seedream_magic.formats import Outline, outline, picture_kind
from seedream_magic.words import pictures as texts

_LAYERS = 4
_FRAME = re.compile(rb"([0-9a-fA-F]{1,8})(;[^\r\n]{0,300})?\r\n")
"""The head of a chunk, of HTTP's own form or of Amazon's with a signature."""
_COMPRESSED = (b"\x1f\x8b", b"\x78")
_DIGEST_BYTES = {"md5": 16, "sha": 20, "sha1": 20, "sha256": 32, "sha512": 64, "crc32": 4}
_ONE_DIGEST = {"content-md5": "md5", "x-ms-blob-content-md5": "md5"} | {
    f"x-amz-checksum-{name}": name for name in ("crc32", "md5", "sha1", "sha256", "sha512")
}
_NAMED_DIGESTS = ("content-digest", "digest", "repr-digest", "x-goog-hash")
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")


def base64_bytes(text: str) -> bytes:
    """The bytes of base64 as services write it: white space, a `data:` prefix and the alphabet of URLs are taken.

    Raises `ImageInvalid` for anything else: the standard decoder would drop foreign characters and go on.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)  # unlike `base64`, without a copy of the text
    except ValueError:
        return _lenient_base64_bytes(text)


def _lenient_base64_bytes(text: str) -> bytes:
    """The same for what is not plain base64; this takes several times the memory of the text."""
    if prefix := re.match(r"\s*(?:b?['\"`])?(?:data:[^,]{0,1000},|base64,)?", text, re.IGNORECASE):
        text = text[prefix.end() :].rstrip().rstrip("'\"`,")  # also as Python writes bytes
    if "%" in text:
        text = unquote(text)
    if not text.isascii():
        text = "".join(text.split()).strip("\ufeff")
    try:
        letters = text.encode("ascii").translate(_STANDARD_ALPHABET, b" \t\n\v\f\r").rstrip(b"=")
        return base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except UnicodeEncodeError as exc:
        raise ImageInvalid(texts.BASE64_DAMAGED(why=texts.ONLY_BASE64())) from exc
    except ValueError as exc:
        raise ImageInvalid(texts.BASE64_DAMAGED(why=reason_of(exc))) from exc


def unwrap(data: bytes, codings: str, *, maximum: int) -> bytes:
    """The picture's own bytes, without the chunks and compressions in which they came; plain bytes stay as they are.

    `codings` is the Content-Encoding. Raises `ImageInvalid` for compressed bytes that are cut off, damaged, or more
    than `maximum` once unpacked.
    """
    for _ in range(_LAYERS):
        if picture_kind(data):
            break
        inner = _unframe(data)
        if inner is None:
            try:
                inner = inflate(data, codings, maximum=maximum)
            except ValueError as exc:
                if not data.startswith(_COMPRESSED):  # only a header said that it is
                    break
                error = ImageInvalid(texts.DOES_NOT_UNPACK(why=reason_of(exc)))
                error.rejected, error.rejected_as = data, "not-a-picture.bin"
                raise error from exc
        if inner == data:
            break
        data = inner
    return data


def _unframe(data: bytes) -> bytes | None:
    """The content of the chunks in which a picture came, as far as they came; None for bytes that are not chunked."""
    first = _FRAME.match(data)
    if first is None or not (picture_kind(data[first.end() :]) or data.startswith(_COMPRESSED, first.end())):
        return None
    pieces, position = [], 0
    while (head := _FRAME.match(data, position)) and (size := int(head[1], 16)):
        pieces.append(data[head.end() : head.end() + size])
        position = head.end() + size + 2
    return b"".join(pieces)


@dataclass(frozen=True)
class Checksum:
    """What a header says the sum of the body is."""

    header: str
    algorithm: str
    digest: bytes

    def fits(self, data: bytes) -> bool:
        if self.algorithm == "crc32":
            return zlib.crc32(data).to_bytes(4) == self.digest
        algorithm = "sha1" if self.algorithm == "sha" else self.algorithm
        return hashlib.new(algorithm, data, usedforsecurity=False).digest() == self.digest


def checksums(headers: Mapping[str, str]) -> tuple[Checksum, ...]:
    """The checksums in a response's headers; those of unknown kinds, and what is no checksum, are passed over."""
    named = [(name, kind, headers.get(name, "")) for name, kind in _ONE_DIGEST.items()]
    if re.fullmatch(r'"?[0-9a-fA-F]{32}"?', headers.get("etag", "").strip()):  # of parts, or a weak one, it is no sum
        named.append(("etag", "md5", headers["etag"]))
    for name in _NAMED_DIGESTS:
        items = (item.partition("=") for item in headers.get(name, "").split(","))
        named += [(name, kind.strip().lower().replace("-", ""), text) for kind, _, text in items]
    read = ((name, kind, _digest(text.strip().strip('":'), _DIGEST_BYTES.get(kind, 0))) for name, kind, text in named)
    return tuple(Checksum(name, kind, digest) for name, kind, digest in read if digest)


def _digest(text: str, length: int) -> bytes:
    """A digest of `length` bytes, written in hexadecimal digits or base64; b"" for any other text."""
    digits = re.fullmatch(f"[0-9a-fA-F]{{{2 * length}}}", text)
    try:
        digest = bytes.fromhex(text) if digits else base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return digest if len(digest) == length else b""


@dataclass(frozen=True)
class PictureFacts:
    """What a verified picture is, read from its bytes: media type, file ending, size in pixels."""

    media_type: str
    ending: str
    width: int
    height: int


def verify_picture(data: bytes) -> PictureFacts:
    """The facts of a whole JPEG, PNG or WebP picture.

    Raises `ImageTooLarge` past 68 MiB or 33.6 megapixels, `ImageInvalid` for anything else that is not one; either
    carries the bytes (`rejected`).
    """
    found = outline(data)
    if len(data) > LARGEST_PICTURE_BYTES:
        words = texts.TOO_LARGE(size=len(data), most=LARGEST_PICTURE_BYTES)
        raise _reject(ImageTooLarge(words), data, found, "too-large")
    if found is None:
        raise _reject(ImageInvalid(texts.NO_PICTURE(what=_describe(data))), data)
    if found.end is None:
        words = texts.CUT_OFF(kind=found.media_type, size=len(data))
        raise _reject(ImageInvalid(words), data, found, "truncated")
    if found.width * found.height > MAXIMUM_PIXELS:
        words = texts.TOO_MANY_PIXELS(width=found.width, height=found.height, most=MAXIMUM_PIXELS)
        raise _reject(ImageTooLarge(words), data, found, "too-large")
    try:
        from seedream_magic.pillow import decode_fully  # noqa: PLC0415 - it loads Pillow, which earlier records do not need

        decode_fully(data, found, found.end)
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and more on damaged bytes.
        words = texts.DOES_NOT_DECODE(kind=found.media_type, size=len(data), why=reason_of(exc))
        raise _reject(ImageInvalid(words), data, found, "damaged") from exc
    return PictureFacts(found.media_type, found.ending, found.width, found.height)


def _reject(error: ImageError, data: bytes, found: Outline | None = None, why: str = "not-a-picture") -> ImageError:
    """The error, with what it refuses and the end of the name under which that can be kept."""
    error.rejected, error.rejected_as = data, f"{why}.{found.ending if found else 'bin'}"
    return error


def _describe(data: bytes) -> str:
    if not data:
        return texts.NOTHING()
    start = data.lstrip()[:32].lower()
    if start.startswith((b"<", b"{")):
        return texts.TEXT_PAGE()
    return texts.OTHER_BYTES(size=len(data))
