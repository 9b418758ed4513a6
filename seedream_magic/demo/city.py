"""A skyline in three rows, its windows lit from sunset to dawn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from .canvas import Canvas, fill
from .palette import mix
from .scene import Color


def paint_city(canvas: Canvas, ground: float) -> None:
    """Three rows of towers, the farther the paler; only the nearer ones show windows."""
    unit = canvas.unit
    # Windows of a very wide skyline are many and tiny: the first row's are enough.
    first_lit = 1 if canvas.width < 6 * unit else 2
    for row in range(3):
        chance, near = canvas.fork(f"street {row}"), row / 2
        x = -unit * 0.05
        while x < canvas.width:
            wide = unit * chance.uniform(0.06, 0.12)
            swell = 0.75 + 0.45 * math.sin(x / unit * 2.3 + row * 2) ** 2
            tall = unit * chance.uniform(0.12, 0.5 - 0.18 * near) * swell
            tower = Tower(x, ground - tall, wide, tall + 1, _tower_color(canvas, near))
            _paint_tower(canvas, tower, near, chance)
            if row >= first_lit:
                _paint_windows(canvas, tower, chance)
            x += wide + unit * chance.choice((0.0, 0.004, 0.02))


@dataclass(frozen=True)
class Tower:
    """One building: its top left corner and its size in pixels."""

    left: float
    top: float
    wide: float
    tall: float
    color: Color


def _tower_color(canvas: Canvas, near: float) -> Color:
    palette = canvas.palette
    return mix(mix(palette.sky[-2], palette.dark, 0.18 + 0.3 * near), palette.sky[0], 0.3 + 0.2 * near)


def _paint_tower(canvas: Canvas, tower: Tower, near: float, chance: random.Random) -> None:
    """The wall, and one of five roofs: gable, mast, dome, or flat."""
    left, top, wide, color = tower.left, tower.top, tower.wide, tower.color
    right, bottom, middle = left + wide, top + tower.tall, left + wide / 2
    foot = mix(color, canvas.palette.sky[-1], 0.45 - 0.2 * near)
    fill(canvas, [(left, top), (right, top), (right, bottom), (left, bottom)], (color, foot))
    roof = chance.randrange(5)
    if roof == 0:
        canvas.draw.polygon([(left, top), (middle, top - wide * 0.55), (right, top)], fill=color)
    elif roof == 1:
        canvas.draw.rectangle((left + wide * 0.25, top - wide * 0.3, right - wide * 0.25, top), fill=color)
        canvas.draw.line([(middle, top - wide), (middle, top)], fill=color, width=max(1, round(wide * 0.05)))
    elif roof == 2:
        canvas.draw.pieslice((left, top - wide / 2, right, top + wide / 2), 180, 360, fill=color)


def _paint_windows(canvas: Canvas, tower: Tower, chance: random.Random) -> None:
    lit = canvas.scene.time != "day"
    glass = (255, 214, 128) if lit else mix(canvas.palette.light, tower.color, 0.45)
    pane = tower.wide / 6.2
    for row in range(int(tower.tall / (pane * 1.7)) - 1):
        for column in range(4):
            if chance.random() < 0.45:
                x, y = tower.left + pane * (0.72 + column * 1.32), tower.top + pane * (0.9 + row * 1.7)
                canvas.draw.rectangle((x, y, x + pane * 0.78, y + pane * 0.95), fill=(*glass, 230 if lit else 120))
