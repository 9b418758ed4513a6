"""What the painter paints with: the colours of a season and an hour, and a few strokes.

A place is a complex number, x + y·j in pixels with y pointing down. Most lengths are shares of `Canvas.unit`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

from PIL import Image, ImageDraw

from .prompts import Color, Scene

Ridge = Callable[[float], float]
"""The upper edge of a layer: y at x."""

# Four colours from the top down, and the sun or moon. By day the season decides; the other hours look alike all year.
_SKY = {
    "spring": "6fb6d6 b5dde2 fbe6e2 fdeee4 fffaf0",
    "summer": "2f8fc6 6cc0dc c5e8dc fdf3d0 fff6cf",
    "autumn": "e79a54 f3ba72 f9d9a0 fdeccb fff1cf",
    "winter": "7f9fc4 a9c3dc d9e4ee f8ede9 fffdf8",
    "dawn": "5f74b0 a893c0 f0b3b0 ffe2bd fff0cd",
    "sunset": "3a2c62 943f74 e8665f ffc670 ffe3a1",
    "night": "0a1233 152352 2b3f7c 5667a0 fdf3d4",
}
# Five colours of land from far to near, then pines, trunks and the darkest.
_LAND = {
    "spring": "a9c9cf 8fc0ae 86b985 5f9e6d 3f7c5c 3d7a64 5b3f43 22303c",
    "summer": "8cc4c8 5fae9f 46a079 2b8262 14604f 125a4c 4a3a33 22303c",
    "autumn": "d3a27c cf8a55 c76f3a a24b2e 6d2f2a 5f3a33 4d2a2a 22303c",
    "winter": "a4b9d2 bccbde d4dfeb e7eef5 f6f9fc 45627c 4b4a58 22303c",
}
# Four colours of foliage from dark to light, four of flowers, and snow.
_PLANTS = {
    "spring": "d97f9f efa0b8 f8c3d0 fde2e6 fdfdf6 f7a8c0 f9d56b c59be0 fafcff",
    "summer": "1d6b4f 2f8a5b 58ab66 93cb7a f6584e fbc94b fffdf2 ef8fb4 fafcff",
    "autumn": "a8322a d2502c ea7f32 f6b445 f3a33c e4602f fbe0a0 b8323b fafcff",
    "winter": "c9d6e4 dbe5ef ecf2f8 ffffff ffffff d6e4f2 d8454c eef4fa fafcff",
}
# What the hour lays over the land, and how much of it (0 to 1).
_SHADE = {"day": ("000000", 0.0), "dawn": ("6c5a8e", 0.3), "sunset": ("4a1f4f", 0.5), "night": ("0d1a45", 0.66)}


class Canvas:
    """One picture in the making: its strokes, and its colours as the scene's season, hour and tint have them.

    `unit` is the length everything is measured in, the shorter side. `sky` goes from the top down, `land` from far to
    near, `foliage` from dark to light.
    """

    def __init__(self, image: Image.Image, scene: Scene) -> None:
        self.image, self.scene = image, scene
        self.draw = ImageDraw.Draw(image, "RGBA")
        self.width, self.height = image.size
        self.unit = float(min(image.size))
        shade, share = _SHADE[scene.time]

        def read(table: dict[str, str], key: str, shaded: float, tinted: float) -> list[Color]:
            colors = [mix(parse_color(word), parse_color(shade), shaded) for word in table[key].split()]
            return [_tint(color, scene.tint, tinted) for color in colors]

        sky = scene.season if scene.time == "day" else scene.time
        *self.sky, _ = read(_SKY, sky, 0, 0.42)
        self.light = parse_color(_SKY[sky][-6:])
        *self.land, self.pine, self.trunk, self.dark = read(_LAND, scene.season, share, 0.28)
        *plants, self.snow = read(_PLANTS, scene.season, share * 0.7, 0.28)
        self.foliage, self.flowers = plants[:4], plants[4:]

    def chance(self, layer: str) -> random.Random:
        """Each layer has chance of its own, so that one more or less leaves the others as they are."""
        return random.Random(f"{self.scene.landscape}/{layer}")  # noqa: S311 - paint, not secrets

    def disc(self, middle: complex, radius: float, color: Color, alpha: int = 255) -> None:
        x, y = middle.real, middle.imag
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*color, alpha))

    def polygon(self, corners: Iterable[complex], color: Color, alpha: int = 255) -> None:
        self.draw.polygon([(corner.real, corner.imag) for corner in corners], fill=(*color, alpha))

    def streak(self, middle: complex, half: float, thickness: float, color: Color, alpha: int) -> None:
        """A flat bar with round ends: a piece of cloud, light on water."""
        low, high = middle - complex(half, thickness / 2), middle + complex(half, thickness / 2)
        self.draw.rounded_rectangle((low.real, low.imag, high.real, high.imag), thickness / 2, fill=(*color, alpha))

    def glow(self, middle: complex, radius: float, color: Color, strength: float) -> None:
        """A soft disc of light; `strength` (0 to 1) at its middle."""
        side = max(2, round(radius * 2))
        left, top = round(middle.real - radius), round(middle.imag - radius)
        curve = [round(255 * strength * max(0.0, 1 - step / 184) ** 2) for step in range(256)]
        mask = Image.radial_gradient("L").point(curve).resize((side, side), Image.Resampling.BILINEAR)
        self.image.paste(color, (left, top, left + side, top + side), mask)

    def fill_below(self, ridge: Ridge, bottom: float, *colors: Color) -> list[tuple[float, float]]:
        """Fill all between a ridge and `bottom` with a vertical blend of colours; returns the points of the ridge."""
        step = max(1.5, self.unit / 260)
        line = [(place * step, min(ridge(place * step), bottom)) for place in range(math.ceil(self.width / step) + 1)]
        end = min(self.height, round(bottom))
        top = max(0, round(min(y for _, y in line)))
        if end > top:
            mask = Image.new("1", (self.width, end - top))
            outline = [*((x, y - top) for x, y in line), (line[-1][0], end), (0.0, end)]
            ImageDraw.Draw(mask).polygon(outline, fill=1)
            self.image.paste(gradient((self.width, end - top), *colors), (0, top), mask)
        return line


def mix(first: Color, second: Color, share: float) -> Color:
    """`first` with `share` (0 to 1) of `second` stirred in."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(first, second, strict=True))
    return red, green, blue


def parse_color(text: str) -> Color:
    """Six hexadecimal digits."""
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def _tint(color: Color, tint: Color | None, share: float) -> Color:
    """The colour moved towards the tint at its own brightness, so that a tinted night stays dark."""
    if tint is None:
        return color
    red, green, blue = (min(255, channel * sum(color) // sum(tint)) for channel in tint)
    return mix(color, (red, green, blue), share)


def gradient(size: tuple[int, int], *colors: Color) -> Image.Image:
    """A vertical blend of evenly spaced colours, the first on top."""
    column = Image.frombytes("RGB", (1, len(colors)), bytes(channel for color in colors for channel in color))
    # Two steps: smooth along the column only; resizing both ways at once costs ten times as much.
    column = column.resize((1, size[1]), Image.Resampling.BICUBIC, box=(0, 0.5, 1, len(colors) - 0.5))
    return column.resize(size, Image.Resampling.NEAREST)


def rounded(corners: Sequence[complex]) -> list[complex]:
    """A closed curve through the corners (Catmull-Rom), eight points for each."""
    curve: list[complex] = []
    for place, b in enumerate(corners):
        a, c, d = (corners[(place + shift) % len(corners)] for shift in (-1, 1, 2))
        linear, square, cube = (c - a) / 2, a - 2.5 * b + 2 * c - d / 2, (3 * b - 3 * c + d - a) / 2
        curve += [b + t * linear + t**2 * square + t**3 * cube for t in (step / 8 for step in range(8))]
    return curve


def waves(chance: random.Random, base: float, rise: float, length: float, *, sharp: bool = False) -> Ridge:
    """A random line that rises up to `rise` above `base`: hills of wave length `length`, or `sharp` mountains."""
    table = [chance.random() for _ in range(1024)]
    octaves = ((1.0, 1.0), (2.17, 0.42), (4.9, 0.17), (11.3, 0.06)) if sharp else ((1.0, 1.0), (2.3, 0.28))
    scale = rise / sum(weight for _, weight in octaves)
    offset = chance.random() * 300

    def height(x: float) -> float:
        lift = 0.0
        for frequency, weight in octaves:
            share, place = math.modf((x / length + offset) * frequency)
            share = share if sharp else share * share * (3 - 2 * share)
            lift += weight * (table[int(place) % 1024] * (1 - share) + table[int(place + 1) % 1024] * share)
        return base - lift * scale

    return height
