"""A request as it will be sent, and the JSON body it stands for."""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seedream_magic.api.fields import FIELDS
from seedream_magic.api.models import MAXIMUM_FRAMES, MAXIMUM_IMAGES
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.storyboard import Storyboard
from seedream_magic.api.values import Images, parse_images

DEFAULT_SIZE = "2048x2048"
LONGEST_REQUEST = 12 * 2**20
"""Bytes of a request in its record, of which sixteen MiB are read; what the service says of it is there as well."""
_PAGE_TYPES: dict[str, type] = {
    "model": str,
    "prompt": str,
    "size": str,
    "sequential_image_generation": str,
    "stream": bool,
    "response_format": str,
    "watermark": bool,
}
"""The seven keys of the API's page; they are attributes of a request by the same names."""
_NEVER_NONE = ("size", "response_format", "watermark")
"""Keys that stand in a body unless an extra field takes them out."""


@dataclass(frozen=True)
class ImageRequest:
    """One call of the image API. The page's seven keys are always sent, a field that is None is not.

    `size` is a preset ("2K") or "WIDTHxHEIGHT" in pixels. `sequential_image_generation` is "auto" for a set and
    "disabled" for one image; `max_images` (1-15) caps a set. `storyboard` is what `prompt` was made of, where it was.
    `options` holds the optional fields that were asked for, by their names in the table; each reads as an attribute,
    too. `extra` holds further body fields, sent as they are and after the others, so that they win; one that is None
    takes the field of that name out of the body. The hash leaves both out, for they are dicts: equal requests have
    equal hashes.
    """

    model: str
    prompt: str
    size: str = DEFAULT_SIZE
    sequential_image_generation: str | None = "disabled"
    max_images: int | None = None
    stream: bool | None = False
    response_format: str = "url"
    watermark: bool = True
    references: tuple[Reference, ...] = ()
    storyboard: Storyboard | None = None
    layer_decomposition: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    if not TYPE_CHECKING:  # else every misspelt attribute would pass

        def __getattr__(self, name: str) -> Any:
            """An optional field, None where it was not asked for."""
            if any(row.name == name and row.optional for row in FIELDS):
                return self.options.get(name)
            raise AttributeError(f"ImageRequest has no attribute {name!r}")

    @property
    def values(self) -> dict[str, Any]:
        """What it asks for, by the names of the fields, but references; None is what it does not send."""
        several = self.sequential_image_generation == "auto"
        named = {row.name: getattr(self, row.name) for row in FIELDS if row.own or row.optional}
        return {"images": (self.max_images or "auto") if several else 1, **named}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the POST."""
        return self.body_with([reference.body_value for reference in self.references])

    @property
    def encoded(self) -> bytes:
        """The body as it goes out. Its references, which may be large, are put in as bytes and never escaped."""
        mark = secrets.token_hex()
        text = json.dumps(self.body_with([mark] * len(self.references)), ensure_ascii=False)
        first, *others = text.encode().split(mark.encode())
        pieces = [first]
        for reference, piece in zip(self.references, others, strict=False):  # an extra field may leave them out
            pieces += [*reference.encoded, piece]
        return b"".join(pieces)

    def body_with(self, references: list[str]) -> dict[str, Any]:
        """The JSON object with these texts in place of the references: their bytes are long, their names short."""
        asked = self.values
        named: dict[str, Any] = {
            "model": self.model,
            "prompt": self.prompt if self.prompt or not self.layer_decomposition else None,
            "image": references[0] if len(references) == 1 else references or None,
            "size": self.size,
            "sequential_image_generation": self.sequential_image_generation,
            "sequential_image_generation_options": self.max_images and {"max_images": self.max_images},
            "stream": self.stream,
            "response_format": self.response_format,
            "watermark": self.watermark,
            **{row.keys[0]: row.to_body(asked[row.name]) for row in FIELDS if row.optional},
        }
        sent = {key: value for key, value in named.items() if value is not None}
        return {key: value for key, value in {**sent, **self.extra}.items() if value is not None}

    @property
    def length(self) -> int:
        """Bytes of the body as a record writes it, but for the references."""
        return len(json.dumps(self.body_with([])))

    def prompt_of(self, index: int) -> str:
        """The words of one frame: its own in a storyboard, else the whole prompt."""
        frames = self.storyboard.frames if self.storyboard else ()
        return frames[index] if index < len(frames) else self.prompt

    def for_images(self, count: Images) -> ImageRequest:
        """The same request for another number of images. Raises `InvalidRequest` for what no request can make."""
        if count == 1:
            disabled = None if self.sequential_image_generation is None else "disabled"
            stream = None if self.stream is None else False
            return replace(self, sequential_image_generation=disabled, max_images=None, stream=stream)
        number = parse_images(count)
        most = None if number == "auto" else number
        return replace(self, sequential_image_generation="auto", max_images=most)

    def with_storyboard(self, storyboard: Storyboard) -> ImageRequest:
        """The same request for the frames of a storyboard."""
        drawn = replace(self, storyboard=storyboard, prompt=storyboard.prompt)
        return drawn.for_images(len(storyboard.frames))

    @property
    def images_at_most(self) -> int:
        """How many images this request can bill, as far as that can be told; see `uncounted`.

        Extra fields that gateways know, such as `n`, ask for so many, each perhaps a set.
        """
        if self.layer_decomposition or self.extra.get("layer_decomposition") not in _NOT_ASKED:
            return MAXIMUM_FRAMES
        expected, told = self.images_expected, list(_counts_in(self.extra))
        is_set = any(key == _SEQUENTIAL and not _is_disabled(value) for _, key, value in told)
        most = MAXIMUM_IMAGES if expected is None or is_set else expected
        several = max((_count(value) or 1 for _, key, value in told if key in _COUNTS), default=1)
        return max(most * several, *(_count(value) or 1 for _, key, value in told if key == _MOST), 1)

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Extra fields that say how many images are made, in a way that cannot be read."""
        told = [(name, value) for name, key, value in _counts_in(self.extra) if key != _SEQUENTIAL]
        return tuple(name for name, value in told if value is not None and _count(value) is None)

    @property
    def images_expected(self) -> int | None:
        """How many images were asked for; None where the model decides."""
        sequential = self.extra.get("sequential_image_generation", self.sequential_image_generation)
        if _is_disabled(sequential):
            return None if self.layer_decomposition else 1
        options = self.extra.get("sequential_image_generation_options", {"max_images": self.max_images})
        return _count(options.get("max_images")) if isinstance(options, Mapping) else None


_COUNTS = frozenset(
    {
        *("n", "num", "count", "numimages", "nimages", "numberofimages", "imagecount", "imagescount", "imagenum"),
        *("numoutputs", "numberofoutputs", "numsamples", "samples", "samplecount", "batch", "batchsize", "batchcount"),
        *("imagesperprompt", "numimagesperprompt", "nsamples", "niter", "candidatecount"),
    }
)
"""Fields by which gateways and other services are told how many images to make, as `_plain` writes them."""
_SEQUENTIAL, _MOST = "sequentialimagegeneration", "maximages"
_DEEPEST = 8
"""Levels of an extra field: no service reads a number of images below them."""
_NOT_ASKED = (None, False, "", "false", "False", 0, "0")


def _is_disabled(sequential: object) -> bool:
    return sequential is None or str(sequential).strip().lower() == "disabled"


def _plain(name: str) -> str:
    """A field's name without case, signs and width: gateways read `numImages` and `num_images` alike."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", name).lower())


def _counts_in(value: object, depth: int = 0) -> Iterator[tuple[str, str, object]]:
    """The fields that ask for a number of images, however deep: as they are written, plain, and their values.

    Not those of the documented fields of a set at the top, which are read as they are documented.
    """
    if depth > _DEEPEST:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _counts_in(item, depth + 1)
    for name, item in value.items() if isinstance(value, Mapping) else ():
        if not depth and name in {"sequential_image_generation", "sequential_image_generation_options"}:
            continue
        key = _plain(str(name))
        if key in _COUNTS or key in {_SEQUENTIAL, _MOST}:
            yield str(name), key, item
        else:
            yield from _counts_in(item, depth + 1)


def _count(value: object) -> int | None:
    """A number of images however it is written, None for what is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*\+?\d{1,9}(\.0*)?\s*", value):
        return int(float(value))
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def request_from_body(
    body: Mapping[str, Any], *, references: tuple[Reference, ...] = (), storyboard: Storyboard | None = None
) -> ImageRequest:
    """The request whose body this is; what is of no known field, or of another form, is kept as an extra field.

    `references` are those that the body's `image` names, `storyboard` is what its prompt was made of.
    """
    named: dict[str, Any] = {key: body[key] for key, kind in _PAGE_TYPES.items() if isinstance(body.get(key), kind)}
    if named.get("sequential_image_generation") not in {"auto", "disabled"}:  # another spelling is sent as it is
        named.pop("sequential_image_generation", None)
    rest = {key: value for key, value in body.items() if key not in named}
    match rest.get("sequential_image_generation_options"):
        case {"max_images": int(most), **others} if not others and not isinstance(most, bool):
            named["max_images"] = most
            del rest["sequential_image_generation_options"]
    options: dict[str, Any] = {}
    for row in FIELDS:
        value = row.from_body(rest.get(row.keys[0])) if row.optional else None
        if value is not None:
            (named if row.own else options)[row.name] = value
            del rest[row.keys[0]]
    if references:
        named["references"] = references
        rest.pop("image", None)
    rest |= {name: None for name in _NEVER_NONE if name not in body}
    unsent = {"sequential_image_generation": None, "stream": None, "model": "", "prompt": ""}
    fitting = storyboard if storyboard and storyboard.prompt == named.get("prompt") else None
    return ImageRequest(**{**unsent, **named}, storyboard=fitting, options=options, extra=rest)
