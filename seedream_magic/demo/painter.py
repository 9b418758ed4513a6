"""Paints the demo's pictures: calm layered landscapes whose season, hour, setting and subjects follow the prompt.

Pillow alone, no font file, no photograph. The same prompt, index and size give the same bytes.
"""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw, ImageFont, ImageStat

from .canvas import Canvas, Point, Ridge, fill_below, waves
from .city import paint_city
from .land import (
    mountain_reach,
    paint_bank,
    paint_flowers,
    paint_hills,
    paint_islands,
    paint_mountains,
    paint_peak,
)
from .palette import mix_palette
from .scene import read_scene
from .sky import paint_birds, paint_clouds, paint_light, paint_sky, paint_weather
from .subjects import draw_subject
from .trees import paint_hero_tree, paint_wood
from .water import paint_lake, paint_sea

_REDUCED_AREA = 6_000_000
"""Pixels drawn at most for a picture below this size, which is reduced for smooth edges."""
_ENLARGED_AREA = 4_300_000
"""Pixels drawn for a larger picture: flat shapes lose nothing by being enlarged, and 4096x4096 stays quick."""


def paint(prompt: str, index: int, *, width: int, height: int, watermark: bool) -> bytes:
    """JPEG of frame `index` (from 0) of a prompt, `width` x `height` pixels.

    With `watermark` it carries a small "AI generated" at the bottom right, as the service's own pictures do; a seal
    with the frame's number (from 1) and the word "demo" are always there.
    """
    scene = read_scene(prompt, index)
    area = _REDUCED_AREA if width * height < _REDUCED_AREA else _ENLARGED_AREA
    scale = min(2.0, math.sqrt(area / (width * height)))
    image = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))))
    canvas = Canvas(image, ImageDraw.Draw(image, "RGBA"), scene, mix_palette(scene))
    _compose(canvas)
    if scale == 2:
        picture = image.reduce(2)
    else:
        picture = image.resize((width, height), Image.Resampling.BILINEAR if scale < 1 else Image.Resampling.BOX)
    _sign(picture, index, watermark=watermark)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _compose(canvas: Canvas) -> None:
    """Back to front, light on one side, the near bank, tree and subject on the other."""
    chance, tall = canvas.fork("composition"), canvas.height / canvas.width
    horizon = canvas.height * (0.6 + 0.06 * min(1.0, max(0.0, tall - 1)))
    side = chance.choice((-1, 1))
    across = min(canvas.unit * 0.62, canvas.width / 2 * 0.5)
    light = (canvas.width / 2 - side * across * chance.uniform(0.5, 0.9), _light_height(canvas, horizon))
    paint_sky(canvas, horizon)
    paint_light(canvas, light)
    paint_clouds(canvas, horizon)
    _backdrop(canvas, horizon, light[0])
    front = _ground(canvas, horizon, light[0], side)
    _place_subjects(canvas, front, horizon, side)
    paint_weather(canvas)


def _light_height(canvas: Canvas, horizon: float) -> float:
    low = {"sunset": 0.24, "dawn": 0.3}.get(canvas.scene.time, 0.46)
    if canvas.scene.setting not in {"sea", "city"}:
        low += mountain_reach(canvas, horizon) / canvas.unit * 0.62 - 0.22
    return max(horizon - canvas.unit * low, canvas.unit * (0.19 if "moon" in canvas.scene.subjects else 0.13))


def _backdrop(canvas: Canvas, horizon: float, light_x: float) -> None:
    setting = canvas.scene.setting
    if setting == "sea":
        paint_islands(canvas, horizon)
    elif setting == "city":
        paint_city(canvas, horizon)
    elif setting == "peak":
        paint_peak(canvas, horizon, canvas.width / 2 + (canvas.width / 2 - light_x) * 0.12)
    else:
        layers = 3 + max(0, min(9, round(canvas.height / canvas.width - 1)))
        paint_mountains(canvas, horizon, layers=layers)
    if canvas.scene.time != "night":
        paint_birds(canvas, horizon)


def _ground(canvas: Canvas, horizon: float, light_x: float, side: int) -> Ridge:
    setting, unit = canvas.scene.setting, canvas.unit
    if setting == "sea":
        paint_sea(canvas, horizon, light_x)
        return lambda _x: horizon + (canvas.height - horizon) * 0.42
    if setting in {"hills", "meadow"}:
        front = paint_hills(canvas, horizon)
    else:
        if setting != "city":
            chance = canvas.fork("shore")
            shore = waves(chance, base=horizon, rise=unit * 0.035, length=unit * 0.4)
            paint_wood(canvas, shore, size=unit * 0.07, chance=chance, haze=0.28)
            fill_below(canvas, shore, horizon + 2, (canvas.palette.land[2],) * 2)
        paint_lake(canvas, horizon, light_x)
        front = paint_bank(canvas, side, max(unit * 0.9, canvas.width * 0.5))
    _plant_trees(canvas, front, side)
    if setting in {"hills", "meadow"}:
        count = 160 if setting == "meadow" else 26
        paint_flowers(canvas, front, count=round(count * min(4, canvas.width / unit)), size=unit * 0.016)
    return front


def _plant_trees(canvas: Canvas, front: Ridge, side: int) -> None:
    """The large tree beside the subject, and more of them along a very wide picture."""
    scene, unit, chance = canvas.scene, canvas.unit, canvas.fork("trees")
    if scene.setting == "city" or "rocket" in scene.subjects:
        return
    tall = unit * (0.44 if scene.setting == "peak" else 0.56)
    first = canvas.width / 2 + side * min(unit * 0.36, canvas.width * 0.36)
    for number in range(-8, 9):
        x = first + number * unit * 2.3 + (chance.uniform(-0.7, 0.7) * unit if number else 0)
        size = tall * (chance.uniform(0.6, 1.05) if number else 1)
        if (number == 0 or size / 2 < x < canvas.width - size / 2) and front(x) < canvas.height - unit * 0.04:
            paint_hero_tree(canvas, (x, front(x) + unit * 0.012), size, -side, name=f"tree {number}")


def _place_subjects(canvas: Canvas, front: Ridge, horizon: float, side: int) -> None:
    unit, middle = canvas.unit, canvas.width / 2
    named = [name for name in canvas.scene.subjects if name != "moon"]
    steps = {1: (0.08,), 2: (0.1, -0.16), 3: (0.14, -0.1, -0.26)}
    for name, step in zip(named, steps.get(len(named), ()), strict=True):
        x = middle + side * step * min(unit, canvas.width / 2 * 1.3)
        if name == "rocket":
            spot, size = (middle + side * unit * 0.12, horizon * 0.62), unit * 0.24
        elif name in {"boat", "whale"}:
            spot, size = (x - side * unit * 0.16, horizon + (canvas.height - horizon) * 0.36), unit * 0.2
        else:
            small = len(named) > 1 and name != "house"
            spot, size = (x, front(x) + unit * 0.012), unit * (0.13 if small else 0.17)
        # Subjects look away from the tree, towards the light.
        draw_subject(name, canvas, spot, size, flip=side > 0)


def _sign(picture: Image.Image, index: int, *, watermark: bool) -> None:
    """The seal with the frame's number, "demo" beside it, and the watermark where asked for."""
    unit = min(picture.size)
    side, margin = max(16, round(unit * 0.042)), round(unit * 0.028)
    draw = ImageDraw.Draw(picture, "RGBA")
    left, top = margin, picture.height - margin - side
    draw.rounded_rectangle((left, top, left + side, top + side), side * 0.2, fill=(190, 48, 40))
    middle = (left + side / 2, top + side / 2)
    draw.text(middle, str(index + 1), font=ImageFont.load_default(side * 0.62), fill=(255, 246, 232), anchor="mm")
    _write(picture, (left + side * 1.3, picture.height - margin - side * 0.1), "demo", side * 0.46, anchor="ls")
    if watermark:
        place = (picture.width - margin, picture.height - margin - side * 0.1)
        _write(picture, place, "AI generated", side * 0.6, anchor="rs")


def _write(picture: Image.Image, place: Point, text: str, size: float, *, anchor: str) -> None:
    """Small words that stay readable on snow and at night: dark on light, light on dark."""
    font = ImageFont.load_default(max(9, size))
    draw = ImageDraw.Draw(picture, "RGBA")
    ground = picture.crop(draw.textbbox(place, text, font=font, anchor=anchor))
    mean = ImageStat.Stat(ground.convert("L")).mean[0]
    dark, light = (30, 36, 48), (255, 255, 255)
    ink, edge = (dark, light) if mean > 165 else (light, dark)
    draw.text((place[0], place[1] + max(1, size * 0.06)), text, font=font, fill=(*edge, 90), anchor=anchor)
    draw.text(place, text, font=font, fill=(*ink, 190), anchor=anchor)
