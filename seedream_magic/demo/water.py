"""Water: a still lake that mirrors what stands above it, an open sea, light on both."""

from __future__ import annotations

import math

from PIL import Image

from .canvas import Canvas, fill_below, gradient, waves
from .palette import mix


def paint_lake(canvas: Canvas, shore: float, light_x: float) -> None:
    """Still water below `shore`: what stands above, upside down and rippled, and a path of light."""
    palette, unit = canvas.palette, canvas.unit
    depth = canvas.height - round(shore)
    mirror = canvas.image.crop((0, max(0, round(shore) - depth), canvas.width, round(shore)))
    mirror = mirror.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((canvas.width, depth))
    deep = mix(palette.sky[0], palette.dark, 0.25)
    water = gradient((canvas.width, depth), (mix(palette.sky[-1], palette.sky[1], 0.3), palette.sky[1], deep))
    mirror = Image.blend(mirror, water, 0.42)
    band = max(2, round(unit * 0.006))
    for top in range(0, depth, band):
        wobble = unit * 0.0022 * (1 + 3 * top / depth) * math.sin(top / band * 1.9)
        strip = mirror.crop((0, top, canvas.width, min(depth, top + band)))
        canvas.image.paste(mirror.crop((0, top, 2, top + band)).resize(strip.size), (0, round(shore) + top))
        canvas.image.paste(strip, (round(wobble), round(shore) + top))
    paint_glitter(canvas, shore, canvas.height, light_x)


def paint_glitter(canvas: Canvas, top: float, bottom: float, light_x: float) -> None:
    """Streaks of light on water, dense under the sun or moon, sparse elsewhere."""
    chance = canvas.fork("glitter")
    unit, light = canvas.unit, mix(canvas.palette.light, canvas.palette.sky[-1], 0.25)
    for number in range(min(260, round(70 * (1 + canvas.width / unit) * min(2, (bottom - top) / unit / 0.35)))):
        away = chance.random() ** 1.5
        y = top + (bottom - top) * away + unit * 0.004
        under = number % 2 == 0
        x = light_x + chance.gauss(0, unit * (0.03 + 0.09 * away)) if under else chance.random() * canvas.width
        length = unit * chance.uniform(0.012, 0.05) * (0.5 + away)
        thick = unit * (0.0016 + 0.003 * away)
        box = (x - length, y - thick / 2, x + length, y + thick / 2)
        canvas.draw.rounded_rectangle(box, thick / 2, fill=(*light, round((150 if under else 60) * (1 - 0.5 * away))))


def paint_sea(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Open water in flat bands of swell, brighter towards the horizon."""
    palette, unit = canvas.palette, canvas.unit
    depth = canvas.height - horizon
    near = mix(mix(palette.sky[0], (18, 84, 112), 0.5 if canvas.scene.time == "day" else 0.2), palette.dark, 0.25)
    far = mix(palette.sky[-1], palette.sky[1], 0.5)
    canvas.image.paste(gradient((canvas.width, round(depth) + 1), (far, mix(far, near, 0.6))), (0, round(horizon)))
    paint_glitter(canvas, horizon, horizon + depth * 0.55, light_x)
    for layer in range(5):
        share = (layer + 1) / 5
        base = horizon + depth * (0.16 + 0.8 * (layer / 5) ** 1.25)
        chance = canvas.fork(f"swell {layer}")
        ridge = waves(chance, base=base, rise=unit * 0.075 * share, length=unit * (0.07 + 0.2 * share))
        color = mix(far, near, 0.25 + 0.68 * share)
        crest = mix(color, palette.light, 0.3)
        fill_below(canvas, ridge, canvas.height, (crest, crest))
        lowered = lambda x, ridge=ridge, share=share: ridge(x) + unit * 0.007 * (0.4 + share)  # noqa: E731
        fill_below(canvas, lowered, canvas.height, (color, mix(color, near, 0.4)))
