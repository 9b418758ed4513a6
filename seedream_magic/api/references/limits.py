"""What the service takes of references: how many, how large; and the sentences for what is over.

Its pages say MB and do not say which: here it is 10^6 bytes, the smaller of the two, which suits either reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from seedream_magic.api.models import MAXIMUM_IMAGES, MAXIMUM_RATIO, Model
from seedream_magic.api.references.media_types import HEIF_TYPES
from seedream_magic.api.references.reference import Reference, unsigned
from seedream_magic.errors import plural

MAXIMUM_REFERENCES = MAXIMUM_IMAGES - 1
"""One place of the fifteen is the image that is made."""
MAXIMUM_BYTES = 30 * 10**6
COMMON_BYTES = 10 * 10**6
"""What the pages of 2025 allow; services that are older than those of 2026 may hold to it."""
MAXIMUM_PIXELS = 36_000_000
MAXIMUM_DECODED_PIXELS = 120_000_000
"""What is decoded at most, to be scaled: 480 MB of memory. A JPEG may be decoded at a half of its sides, or less."""
SMALLEST_REFUSED_SIDE = 14


def reference_complaints(
    references: Sequence[Reference], *, model: Model | None, images_at_most: int, strict: bool
) -> list[tuple[str, bool]]:
    """Sentences about the references, each with whether it refuses the request.

    `images_at_most` are the images that are asked for; where the model decides, the fewest that make sense. `strict`
    refuses what the model's table forbids; without it the table warns. Of a link that is not fetched nothing is known.
    """
    count = _count_complaints(len(references), model, images_at_most, strict=strict)
    return [*count, *(complaint for reference in references for complaint in _complaints(reference))]


def over_limits(reference: Reference) -> bool:
    """Whether its bytes or its pixels are more than the service takes."""
    return len(reference.data) > MAXIMUM_BYTES or (reference.width or 0) * (reference.height or 0) > MAXIMUM_PIXELS


def scalable(reference: Reference) -> bool:
    """Whether scaling can help: not with HEIC, which cannot be opened here, nor with a ratio outside 1:16 to 16:1."""
    sides = (reference.width or 1, reference.height or 1)
    return reference.media_type not in HEIF_TYPES and max(sides) <= MAXIMUM_RATIO * min(sides)


def megabytes(count: int) -> str:
    """Bytes in MB of 10^6, rounded up, so that what is over a limit also reads so: "40.1 MB"."""
    return f"{math.ceil(count / 10**5) / 10:.1f} MB"


def short(source: str, *, longest: int = 80) -> str:
    """A source for a sentence, in characters that can be shown: of a long one the end, where a file's name stands.

    A signed link loses its signature: sentences are printed, saved with the notebook and shared.
    """
    source = unsigned(source).encode("utf-8", "replace").decode()
    return source if len(source) <= longest else "…" + source[1 - longest :]


def _count_complaints(count: int, model: Model | None, images: int, *, strict: bool) -> list[tuple[str, bool]]:
    if not count:
        return []
    found = []
    if model is not None and not model.references:
        found.append((f"{model.name} takes no references; leave --ref out or choose another model.", True))
    elif model is not None and count > model.references:
        found.append((f"{model.name} takes at most {plural(model.references, 'reference')}, not {count}.", strict))
    if count + images > MAXIMUM_IMAGES:
        both = f"{plural(count, 'reference')} and {plural(images)} are {count + images}"
        room = MAXIMUM_IMAGES - count
        less = f"ask for at most {plural(room)}" if room > 0 else f"give at most {MAXIMUM_REFERENCES} references"
        found.append((f"{both}; one request takes {MAXIMUM_IMAGES}: {less}.", True))
    return found


def _complaints(reference: Reference) -> list[tuple[str, bool]]:
    name, size = short(reference.source), len(reference.data)
    found = []
    if size > MAXIMUM_BYTES:
        found.append((f"{name} has {megabytes(size)}; a reference takes at most 30 MB. {_remedy(reference)}", True))
    elif size > COMMON_BYTES:
        found.append((f"{name} has {megabytes(size)}; older services take at most 10 MB.", False))
    if reference.width is None or reference.height is None:
        return found
    width, height = reference.width, reference.height
    pixels = f"{name} has {width}x{height} pixels"
    if width * height > MAXIMUM_PIXELS:
        text = f"{pixels}, {width * height:,}; a reference takes at most {MAXIMUM_PIXELS:,}."
        found.append((f"{text} {_remedy(reference)}", True))
    if max(width, height) > MAXIMUM_RATIO * min(width, height):
        found.insert(0, (f"{pixels}, which is outside the ratios 1:16 to 16:1; crop it.", True))
    if min(width, height) <= SMALLEST_REFUSED_SIDE:
        found.append((f"{pixels}; each side of a reference has more than {SMALLEST_REFUSED_SIDE}.", True))
    return found


def _remedy(reference: Reference) -> str:
    if not scalable(reference):
        return "Save it as a smaller JPEG."
    if reference.url:  # fetched when --fit has done its work
        return "Save it and give its path with --fit, which scales it down."
    return "--fit scales it down."
