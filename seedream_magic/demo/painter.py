"""Paints the demo's pictures: calm layered landscapes whose season, hour, setting and subjects follow the prompt.

Pillow alone, no font file, no photograph. The same arguments give the same bytes.
"""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw, ImageFont, ImageStat

from . import landscape, plants
from .canvas import Canvas, Ridge, mix
from .prompts import read_scene
from .subjects import draw_subject

_REDUCED_AREA = 6_000_000
"""Pixels drawn at most for a picture below this size, which is reduced for smooth edges."""
_ENLARGED_AREA = 4_300_000
"""Pixels drawn for a larger picture: flat shapes lose nothing by being enlarged, and 4096x4096 stays quick."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


def paint(
    prompt: str,
    index: int,
    *,
    width: int,
    height: int,
    watermark: bool,
    take: int = 1,
    png: bool = False,
    layer: Box | None = None,
) -> bytes:
    """JPEG or PNG of frame `index` (from 0) of a prompt, `width` x `height` pixels; each `take` (from 1) differs.

    With `watermark` it carries a small "AI generated" at the bottom right, as the service's own pictures do; a seal
    with the frame's number (from 1) and the word "demo" are always there. A `layer` is transparent outside its box.
    """
    area = _REDUCED_AREA if width * height < _REDUCED_AREA else _ENLARGED_AREA
    scale = min(2.0, math.sqrt(area / (width * height)))
    image = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))))
    _compose(Canvas(image, read_scene(prompt, index, take)))
    if scale == 2:
        picture = image.reduce(2)
    else:
        picture = image.resize((width, height), Image.Resampling.BILINEAR if scale < 1 else Image.Resampling.BOX)
    _sign(picture, index, watermark=watermark)
    if layer:
        cut = picture.crop(layer)
        picture = Image.new("RGBA", picture.size)
        picture.paste(cut, layer)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG" if png else "JPEG", quality=90, compress_level=1)
    return buffer.getvalue()


def _compose(canvas: Canvas) -> None:
    """Back to front, light on one side, the near bank, tree and subject on the other."""
    scene, unit, middle, chance = canvas.scene, canvas.unit, canvas.width / 2, canvas.chance("composition")
    horizon = canvas.height * (0.6 + 0.06 * min(1.0, max(0.0, canvas.height / canvas.width - 1)))
    side = chance.choice((-1, 1))
    light_x = middle - side * min(unit * 0.62, middle * 0.5) * chance.uniform(0.5, 0.9)
    low = unit * {"sunset": 0.24, "dawn": 0.3}.get(scene.time, 0.46)
    if scene.setting not in {"sea", "city"}:
        low += landscape.mountain_height(canvas, horizon) * 0.62 - unit * 0.22
    light_y = max(horizon - low, unit * (0.19 if "moon" in scene.subjects else 0.13))
    landscape.paint_sky(canvas, horizon, (light_x, light_y))
    if scene.setting == "sea":
        landscape.paint_islands(canvas, horizon)
    elif scene.setting == "city":
        landscape.paint_city(canvas, horizon)
    elif scene.setting == "peak":
        landscape.paint_peak(canvas, horizon, middle + (middle - light_x) * 0.12)
    else:
        landscape.paint_mountains(canvas, horizon)
    if scene.time != "night":
        landscape.paint_birds(canvas, horizon)
    front = _paint_ground(canvas, horizon, light_x, side)
    _place_subjects(canvas, front, horizon, side)
    landscape.paint_weather(canvas)


def _paint_ground(canvas: Canvas, horizon: float, light_x: float, side: int) -> Ridge:
    """What lies in front of the horizon; returns the line on which subjects stand."""
    setting = canvas.scene.setting
    if setting == "sea":
        landscape.paint_sea(canvas, horizon, light_x)
        return lambda _x: horizon + (canvas.height - horizon) * 0.42
    if setting in {"hills", "meadow"}:
        front = landscape.paint_hills(canvas, horizon)
        _plant_trees(canvas, front, side)
        plants.paint_flowers(canvas, front)
        return front
    if setting != "city":
        landscape.paint_shore(canvas, horizon)
    landscape.paint_lake(canvas, horizon, light_x)
    front = landscape.paint_bank(canvas, side)
    if setting != "city":
        _plant_trees(canvas, front, side)
    return front


def _plant_trees(canvas: Canvas, front: Ridge, side: int) -> None:
    """The large tree beside the subject, and more of them along a very wide picture; a rocket needs the sky free."""
    unit, chance = canvas.unit, canvas.chance("trees")
    if "rocket" in canvas.scene.subjects:
        return
    height = unit * (0.44 if canvas.scene.setting == "peak" else 0.56)
    first = canvas.width / 2 + side * min(unit, canvas.width) * 0.36
    for number in range(-8, 9):
        x = first + number * unit * 2.3 + (chance.uniform(-0.7, 0.7) * unit if number else 0)
        size = height * (chance.uniform(0.6, 1.05) if number else 1)
        if (number == 0 or size / 2 < x < canvas.width - size / 2) and front(x) < canvas.height - unit * 0.04:
            plants.paint_large_tree(canvas, (x, front(x) + unit * 0.012), size, -side, name=f"tree {number}")


def _place_subjects(canvas: Canvas, front: Ridge, horizon: float, side: int) -> None:
    unit, middle = canvas.unit, canvas.width / 2
    named = [name for name in canvas.scene.subjects if name != "moon"]
    steps = {1: (0.08,), 2: (0.1, -0.16), 3: (0.14, -0.1, -0.26)}
    for name, step in zip(named, steps.get(len(named), ()), strict=True):
        x = middle + side * step * min(unit, middle * 1.3)
        if name == "rocket":
            foot, height = (middle + side * unit * 0.12, horizon * 0.62), unit * 0.24
        elif name in {"boat", "whale"}:
            foot, height = (x - side * unit * 0.16, horizon + (canvas.height - horizon) * 0.36), unit * 0.2
        else:
            small = len(named) > 1 and name != "house"
            foot, height = (x, front(x) + unit * 0.012), unit * (0.13 if small else 0.17)
            if canvas.scene.setting == "sea":  # who cannot swim sits on a rock
                rock = (x - height, foot[1] - height * 0.12, x + height, foot[1] + height * 0.36)
                canvas.draw.chord(rock, 180, 360, fill=mix(canvas.dark, canvas.land[4], 0.35))
        # Subjects look away from the tree, towards the light.
        draw_subject(name, canvas, foot, height, flip=side > 0)


def _sign(picture: Image.Image, index: int, *, watermark: bool) -> None:
    """The seal with the frame's number, "demo" beside it, and the watermark where asked for."""
    unit = min(picture.size)
    side, margin = max(16, round(unit * 0.042)), round(unit * 0.028)
    left, bottom = margin, picture.height - margin
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rounded_rectangle((left, bottom - side, left + side, bottom), side * 0.2, fill=(190, 48, 40))
    font = ImageFont.load_default(side * 0.62)
    draw.text((left + side / 2, bottom - side / 2), str(index + 1), font=font, fill=(255, 246, 232), anchor="mm")
    words = [("demo", left + side * 1.3, "ls", 0.46), ("AI generated", picture.width - margin, "rs", 0.6)]
    for text, x, anchor, size in words if watermark else words[:1]:
        font, place = ImageFont.load_default(max(9, side * size)), (x, bottom - side * 0.1)
        # Readable on snow and at night: dark on light, light on dark.
        ground = picture.crop(draw.textbbox(place, text, font=font, anchor=anchor)).convert("L")
        ink = (30, 36, 48) if ImageStat.Stat(ground).mean[0] > 165 else (255, 255, 255)
        draw.text(place, text, font=font, fill=(*ink, 210), anchor=anchor)
