"""Mountains, hills, islands, the near bank and its flowers."""

from __future__ import annotations

import math

from .canvas import Canvas, Ridge, disc, fill, fill_below, waves
from .palette import mix
from .scene import Color
from .trees import paint_wood


def paint_mountains(canvas: Canvas, horizon: float, *, layers: int = 3) -> None:
    """Ranges one before the other, each paler at its foot where the mist lies; snow above where the season has it."""
    palette, unit = canvas.palette, canvas.unit
    reach = mountain_reach(canvas, horizon)
    for layer in range(layers):
        near = layer / max(1, layers - 1)
        chance = canvas.fork(f"range {layer}")
        base = horizon - reach * 0.62 * (1 - near) + unit * 0.02
        rise = unit * (0.34 - 0.2 * near)
        ridge = waves(chance, base=base, rise=rise, length=unit * (0.26 + 0.1 * near), sharp=True)
        air = mix(palette.sky[1], palette.sky[-2], 0.45)
        far, close = palette.land[int(near * 2)], palette.land[min(2, int(near * 2) + 1)]
        color = mix(air, mix(far, close, near * 2 % 1), 0.46 + 0.34 * near)
        foot = mix(color, palette.sky[-1], 0.72)
        step = reach * 0.62 / max(1, layers - 1)
        bottom = base + step * 1.15 if layer < layers - 1 else horizon + 1
        if canvas.scene.season in {"winter", "spring"} and near < 0.4:
            white = mix(palette.snow, palette.sky[-2], 0.2)
            fill_below(canvas, ridge, bottom, (white, white))
            line = base - rise * (0.42 if canvas.scene.season == "winter" else 0.54)
            teeth = waves(chance, base=line, rise=rise * 0.24, length=unit * 0.035, sharp=True)
            fill_below(canvas, _lower(ridge, teeth), bottom, (color, color, foot))
        else:
            fill_below(canvas, ridge, bottom, (color, color, foot))


def mountain_reach(canvas: Canvas, horizon: float) -> float:
    """How far up the ranges stand over the horizon: in a tall scroll they climb, as in a painted one."""
    return max(canvas.unit * 0.36, min(horizon * 0.62, (canvas.height - canvas.unit) * 0.5))


def _lower(first: Ridge, second: Ridge) -> Ridge:
    return lambda x: max(first(x), second(x))


def paint_peak(canvas: Canvas, horizon: float, center: float) -> None:
    """One great mountain with a white cap and a shaded side, alone against the sky."""
    palette, unit = canvas.palette, canvas.unit
    chance = canvas.fork("peak")
    tall = min(unit * 0.5, horizon * 0.72)

    def side(x: float) -> float:
        away = abs(x - center) / (unit * 0.62)
        return horizon - tall * max(0.0, min(0.985, 1.06 / (1 + 2.6 * away) - 0.17 * away - 0.03))

    wrinkles = waves(chance, base=0, rise=unit * 0.018, length=unit * 0.03, sharp=True)
    ridge = lambda x: side(x) + wrinkles(x) * min(1.0, abs(x - center) / (unit * 0.1))  # noqa: E731
    color = mix(palette.land[0], palette.sky[1], 0.25)
    foot = mix(color, palette.sky[-1], 0.75)
    fill_below(canvas, ridge, horizon + 1, (mix(palette.snow, palette.sky[-1], 0.15), foot))
    depth = {"winter": 0.42, "summer": 0.78}.get(canvas.scene.season, 0.64)
    teeth = waves(chance, base=horizon - tall * depth, rise=unit * 0.09, length=unit * 0.028, sharp=True)
    fill_below(canvas, _lower(ridge, teeth), horizon + 1, (color, mix(color, foot, 0.4), foot))


def paint_islands(canvas: Canvas, horizon: float) -> None:
    """Far islands on the horizon, each in its own haze."""
    palette, unit, chance = canvas.palette, canvas.unit, canvas.fork("islands")
    for number in range(max(2, round(canvas.width / unit * 1.6))):
        x = chance.random() * canvas.width
        wide, tall = unit * chance.uniform(0.16, 0.36), unit * chance.uniform(0.05, 0.13)
        shape = [(-1, 0), (-0.62, -0.42), (-0.3, -0.5), (-0.08, -1), (0.2, -0.86), (0.42, -0.38), (0.78, -0.22), (1, 0)]
        color = mix(palette.sky[-2], palette.land[1], 0.4 + 0.16 * (number % 3))
        outline = [(x + wide * sx, horizon + 1 + tall * sy) for sx, sy in shape]
        fill(canvas, outline, (color, mix(color, palette.sky[-1], 0.6)))


def paint_hills(canvas: Canvas, horizon: float, *, layers: int = 3) -> Ridge:
    """Rolling land from the horizon down, wooded; returns the line of the nearest hill."""
    palette, unit = canvas.palette, canvas.unit
    depth = canvas.height - horizon
    ridge: Ridge = lambda _x: horizon  # noqa: E731
    for layer in range(layers):
        near = (layer + 1) / layers
        chance = canvas.fork(f"hill {layer}")
        base = horizon + depth * (0.74 * (layer / layers) ** 1.25) + unit * 0.03
        rise = min(unit * 0.13, depth * 0.5)
        ridge = waves(chance, base=base, rise=rise, length=unit * (0.42 + 0.3 * near))
        color = palette.land[min(4, 2 + round(near * 2))]
        crest = mix(color, palette.sky[-1], 0.34 - 0.22 * near)
        if layer < layers - 1:
            paint_wood(canvas, ridge, size=unit * (0.045 + 0.05 * near), chance=chance, haze=0.5 - 0.4 * near)
        fill_below(canvas, ridge, canvas.height, (crest, color, mix(color, palette.dark, 0.16)))
    return ridge


def paint_bank(canvas: Canvas, side: int, reach: float) -> Ridge:
    """A near bank that rises to one side (-1 left, 1 right), with blades of grass; returns its line."""
    unit, palette = canvas.unit, canvas.palette
    wobble = waves(canvas.fork("bank"), base=0, rise=unit * 0.03, length=unit * 0.3)
    edge = 0.0 if side < 0 else float(canvas.width)

    def ridge(x: float) -> float:
        away = abs(x - edge) / reach
        return canvas.height - unit * 0.21 * max(-0.3, math.cos(min(1.25, away * 0.8) * math.pi / 2 * 1.05)) + wobble(x)

    crest, color = mix(palette.land[4], palette.sky[-1], 0.12), palette.land[4]
    _paint_grass(canvas, ridge, crest)
    foot = mix(color, palette.dark, 0.08 if canvas.scene.season == "winter" else 0.3)
    fill_below(canvas, ridge, canvas.height, (crest, color, foot))
    return ridge


def _paint_grass(canvas: Canvas, ridge: Ridge, color: Color) -> None:
    chance = canvas.fork("grass")
    for _ in range(min(420, round(150 * canvas.width / canvas.unit))):
        x = chance.random() * canvas.width
        y, tall = ridge(x) + canvas.unit * 0.006, canvas.unit * chance.uniform(0.012, 0.034)
        tip = x + tall * chance.uniform(-0.5, 0.5)
        half = canvas.unit * 0.0022
        shade = mix(color, canvas.palette.dark, chance.random() * 0.25)
        canvas.draw.polygon([(x - half, y), (tip, y - tall), (x + half, y)], fill=shade)


def paint_flowers(canvas: Canvas, ridge: Ridge, *, count: int, size: float) -> None:
    """A meadow of five-petalled flowers on stems, small near the ridge and larger towards the viewer."""
    chance, palette = canvas.fork("flowers"), canvas.palette
    stem = mix(palette.land[3], palette.dark, 0.3)
    spots = sorted((chance.random() ** 1.3, chance.random() * canvas.width) for _ in range(count))
    for depth, x in spots:
        top = ridge(x)
        y = top + (canvas.height * 1.01 - top) * depth
        edge = min(x, canvas.width - x)
        if y > canvas.height - canvas.unit * 0.1 and edge < canvas.unit * 0.3:
            continue  # the corners are for the seal and the watermark
        radius = size * (0.35 + 0.8 * depth) * chance.uniform(0.75, 1.2)
        sway = radius * chance.uniform(-0.8, 0.8)
        canvas.draw.line([(x, y + radius * 3.4), (x + sway, y)], fill=stem, width=max(1, round(radius * 0.16)))
        color = chance.choice(palette.flowers)
        turn = chance.random() * math.tau
        for petal in range(5):
            angle = turn + petal * math.tau / 5
            spot = (x + sway + math.cos(angle) * radius * 0.62, y + math.sin(angle) * radius * 0.55)
            disc(canvas, spot, radius * 0.46, color)
        disc(canvas, (x + sway, y), radius * 0.34, mix(palette.light, palette.flowers[2], 0.6))
