"""The painter's surface and its few strokes: gradients through masks, soft glows, rounded outlines, ridges."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .palette import Palette, mix
from .scene import Color, Scene

Point = tuple[float, float]
Ridge = Callable[[float], float]
"""Height line of a layer: x in pixels to y in pixels."""


@dataclass(frozen=True)
class Canvas:
    """One picture in the making. `unit` is the length everything is measured in, about the shorter side in pixels."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    scene: Scene
    palette: Palette

    @property
    def width(self) -> int:
        return self.image.width

    @property
    def height(self) -> int:
        return self.image.height

    @property
    def unit(self) -> float:
        return float(min(self.image.size))

    def fork(self, name: str) -> random.Random:
        """Chance of its own for one layer, so that a layer more or less leaves the others as they are."""
        return random.Random(f"{self.scene.landscape}/{name}")  # noqa: S311 - paint, not secrets


def gradient(size: tuple[int, int], colors: Sequence[Color]) -> Image.Image:
    """A vertical blend of evenly spaced colours, the first on top."""
    steps = 64
    blended = bytearray()
    for step in range(steps):
        place = step / (steps - 1) * (len(colors) - 1)
        low = min(int(place), len(colors) - 2)
        share = place - low
        blended += bytes(mix(colors[low], colors[low + 1], share * share * (3 - 2 * share)))
    column = Image.frombytes("RGB", (1, steps), bytes(blended))
    # Two steps: smooth along the column only; a wide bilinear resize costs ten times as much.
    tall = column.resize((1, size[1]), Image.Resampling.BILINEAR)
    return tall.resize(size, Image.Resampling.NEAREST)


def fill(canvas: Canvas, outline: Sequence[Point], colors: Sequence[Color]) -> None:
    """Fill an outline with a vertical blend that spans its own height."""
    left, right = (int(edge(x for x, _ in outline)) for edge in (min, max))
    top, bottom = (int(edge(y for _, y in outline)) for edge in (min, max))
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right + 1, canvas.width), min(bottom + 1, canvas.height)
    if right <= left or bottom <= top:
        return
    size = (right - left, bottom - top)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in outline], fill=255)
    canvas.image.paste(gradient(size, colors), (left, top), mask)


def glow(canvas: Canvas, center: Point, radius: float, color: Color, strength: float) -> None:
    """A soft disc of light; `strength` (0 to 1) at its middle."""
    side = max(2, round(radius * 2))
    curve = [round(255 * strength * max(0.0, 1 - step / 255 / 0.72) ** 2) for step in range(256)]
    mask = Image.radial_gradient("L").point(curve).resize((side, side), Image.Resampling.BILINEAR)
    corner = (round(center[0] - radius), round(center[1] - radius))
    canvas.image.paste(Image.new("RGB", (side, side), color), corner, mask)


def disc(canvas: Canvas, center: Point, radius: float, color: Color, alpha: int = 255) -> None:
    x, y = center
    canvas.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*color, alpha))


def rounded(points: Sequence[Point], steps: int = 10) -> list[Point]:
    """A closed curve through the points (Catmull-Rom)."""
    curve: list[Point] = []
    count = len(points)
    for place in range(count):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = (points[(place + shift) % count] for shift in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            weights = (
                (-t + 2 * t * t - t**3) / 2,
                (2 - 5 * t * t + 3 * t**3) / 2,
                (t + 4 * t * t - 3 * t**3) / 2,
                (t**3 - t * t) / 2,
            )
            x = sum(weight * value for weight, value in zip(weights, (ax, bx, cx, dx), strict=True))
            y = sum(weight * value for weight, value in zip(weights, (ay, by, cy, dy), strict=True))
            curve.append((x, y))
    return curve


def fill_below(canvas: Canvas, ridge: Ridge, bottom: float, colors: Sequence[Color]) -> None:
    """Fill everything between a ridge and `bottom`, over the whole width.

    Only the band that the ridge crosses goes through a mask; the rest is pasted, which is far cheaper.
    """
    step = max(1.5, canvas.unit / 260)
    places = [place * step for place in range(math.ceil(canvas.width / step) + 1)]
    heights = [min(ridge(x), bottom) for x in places]
    top, full = max(0, math.floor(min(heights))), min(round(bottom), math.ceil(max(heights)))
    end = min(canvas.height, round(bottom))
    if end <= top:
        return
    blend = gradient((canvas.width, end - top), colors)
    outline = [*((x, y - top) for x, y in zip(places, heights, strict=True)), (places[-1], end), (0.0, end)]
    mask = Image.new("L", (canvas.width, max(0, min(full, end) - top)))
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    canvas.image.paste(blend.crop((0, 0, *mask.size)), (0, top), mask)
    canvas.image.paste(blend.crop((0, mask.height, canvas.width, end - top)), (0, top + mask.height))


def waves(chance: random.Random, *, base: float, rise: float, length: float, sharp: bool = False) -> Ridge:
    """A random height line around `base`: smooth hills of wave length `length`, or `sharp` mountains above it."""
    table = [chance.random() for _ in range(1024)]
    octaves = ((1.0, 1.0), (2.17, 0.42), (4.9, 0.17), (11.3, 0.06)) if sharp else ((1.0, 1.0), (2.3, 0.28))
    total = sum(weight for _, weight in octaves)
    offset = chance.random() * 300

    def height(x: float) -> float:
        lift = 0.0
        for frequency, weight in octaves:
            place = x / length * frequency + offset * frequency
            low = math.floor(place)
            share = place - low
            share = share if sharp else share * share * (3 - 2 * share)
            lift += weight * (table[low % 1024] * (1 - share) + table[(low + 1) % 1024] * share)
        return base - rise * lift / total

    return height
