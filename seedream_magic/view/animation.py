"""A set as a GIF that plays its frames in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from seedream_magic.errors import ImageError, InvalidRequest
from seedream_magic.view.cards import Card, CardSet
from seedream_magic.view.pictures import fitted, progress
from seedream_magic.view.provenance import provenance_of

LONG_SIDE = 960
MATTE = (40, 40, 43)
"""Around a picture of another shape than the first: dark and without a hue, as a cinema's."""


def write_animation(cards: CardSet, path: Path, *, seconds: float, size: int | None) -> CardSet:
    """Write every picture of the set as one frame of a looping GIF; return the set as it was written.

    The canvas has the first picture's ratio and a long side of `size` pixels, without one 960 or the picture's own if
    that is smaller. Raises `InvalidRequest` for fewer than two pictures.
    """
    canvas = _canvas(cards, size)
    frames: list[Image.Image] = []
    written: list[Card] = []
    for card in progress(cards.cards, "gif"):
        try:
            if card.picture is not None:
                frames.append(_quantised(_letterboxed(fitted(card.picture, canvas), canvas)))
            written.append(card)
        except ImageError as error:
            written.append(card.without_picture(error))
    if len(frames) < 2:
        raise InvalidRequest(f"A .gif takes at least 2 pictures; this set has {len(frames)}. Try .png or .html.")
    frames[0].save(
        path,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=round(seconds * 1000),
        loop=0,
        optimize=False,
        comment=provenance_of(cards).comment.encode(),
    )
    return replace(cards, cards=tuple(written))


def _canvas(cards: CardSet, size: int | None) -> tuple[int, int]:
    """Pixels of the canvas."""
    first = next(iter(cards.pictures), None)
    largest = max(first.width or 0, first.height or 0) if first else 0
    side = size or min(LONG_SIDE, largest or LONG_SIDE)
    return max(1, round(side * min(1, cards.ratio))), max(1, round(side * min(1, 1 / cards.ratio)))


def _letterboxed(picture: Image.Image, canvas: tuple[int, int]) -> Image.Image:
    if picture.size == canvas:
        return picture
    ground = Image.new("RGB", canvas, MATTE)
    ground.paste(picture, ((canvas[0] - picture.width) // 2, (canvas[1] - picture.height) // 2))
    return ground


def _quantised(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours of its own: half of them where most of it is, half over all that occur in it.

    Either kind alone shows twice the error: medians leave out rare colours, an even spread steps in gradients. Pillow
    spreads the error (dithers) only over a palette that it is given.
    """
    sample = picture.copy()
    sample.thumbnail((240, 240), Image.Resampling.NEAREST)
    common = sample.quantize(128, Image.Quantize.MEDIANCUT, kmeans=1)
    spread = picture.quantize(128, Image.Quantize.FASTOCTREE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*_colours(common), *_colours(spread)])
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _colours(quantised: Image.Image) -> list[int]:
    return (quantised.getpalette() or [])[: 3 * 128]
