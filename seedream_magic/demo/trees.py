"""Trees: small pines and round crowns along a ridge, and the large one in front."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from .canvas import Canvas, Point, Ridge, disc
from .palette import mix


def paint_wood(canvas: Canvas, ridge: Ridge, *, size: float, chance: random.Random, haze: float) -> None:
    """Groups of trees along a ridge: pines and round crowns, further into the haze the farther away."""
    groups = min(36, max(2, round(canvas.width / canvas.unit * 3.2)))
    places = []
    for _ in range(groups):
        middle = chance.random() * canvas.width
        places += [middle + chance.gauss(0, size * 2.0) for _ in range(chance.randint(3, 7))]
    for x in sorted(places):
        tall = size * chance.uniform(0.65, 1.15)
        paint_tree = _pine if chance.random() < 0.55 else _round_tree
        paint_tree(canvas, (x, ridge(x) + size * 0.08), tall, chance, haze)


def _pine(canvas: Canvas, foot: Point, tall: float, chance: random.Random, haze: float) -> None:
    x, y = foot
    color = mix(mix(canvas.palette.pine, canvas.palette.land[3], chance.random() * 0.3), canvas.palette.sky[-1], haze)
    snow = mix(canvas.palette.snow, canvas.palette.sky[-1], haze * 0.6)
    canvas.draw.rectangle((x - tall * 0.03, y - tall * 0.2, x + tall * 0.03, y), fill=color)
    for tier in range(3):
        top, wide = y - tall * (0.5 + 0.25 * tier), tall * (0.25 - 0.06 * tier)
        low = top + tall * 0.36
        canvas.draw.polygon([(x, top), (x + wide, low), (x - wide, low)], fill=color)
        if canvas.scene.season == "winter":
            drift = [(x, top), (x + wide * 0.62, top + tall * 0.2), (x - wide * 0.7, low - tall * 0.1)]
            canvas.draw.polygon(drift, fill=snow)


def _round_tree(canvas: Canvas, foot: Point, tall: float, chance: random.Random, haze: float) -> None:
    x, y = foot
    palette = canvas.palette
    haze_color = palette.sky[-1]
    trunk = mix(palette.trunk, haze_color, haze)
    canvas.draw.rectangle((x - tall * 0.025, y - tall * 0.5, x + tall * 0.025, y), fill=trunk)
    tone = chance.randrange(3)
    wide = tall * chance.uniform(0.2, 0.28)
    for shift, lift, share, step in ((0, 0.55, 1.0, 0), (-0.3, 0.68, 0.72, 0), (0.22, 0.76, 0.62, 1)):
        color = mix(palette.foliage[min(3, tone + step)], haze_color, haze)
        disc(canvas, (x + shift * wide, y - tall * lift), wide * share, color)


def paint_hero_tree(canvas: Canvas, foot: Point, tall: float, lean: float, *, name: str) -> None:
    """The large tree in front: branches that fork until they carry leaves, blossom or snow."""
    chance = canvas.fork(name)
    wide = tall * 0.05
    roots = [(-1.5, 0.012), (-0.62, -0.02), (-0.36, -0.1), (0.36, -0.1), (0.62, -0.02), (1.5, 0.012)]
    canvas.draw.polygon([(foot[0] + x * wide, foot[1] + y * tall) for x, y in roots], fill=canvas.palette.trunk)
    trunk = _Branch(foot, -math.pi / 2 + lean * 0.1, tall * 0.3, wide, 7)
    tips = _grow(canvas, trunk, chance)
    bare = canvas.scene.season == "winter"
    for layer, tone in enumerate(canvas.palette.foliage):
        if bare and layer < 2:
            continue
        for x, y in tips:
            if chance.random() < (0.82 - 0.17 * layer):
                radius = tall * (0.011 if bare else 0.05 - 0.008 * layer) * chance.uniform(0.7, 1.25)
                drift = tall * (0.004 if bare else 0.024)
                # Lighter tones lie higher and nearer to the light.
                right = chance.gauss(0, drift) - lean * layer * tall * 0.006
                disc(canvas, (x + right, y + chance.gauss(0, drift) - layer * tall * 0.011), radius, tone)


@dataclass(frozen=True)
class _Branch:
    """A piece of a tree: `angle` in radians (minus pi/2 is up), `forks` still to come."""

    foot: Point
    angle: float
    length: float
    width: float
    forks: int


def _grow(canvas: Canvas, branch: _Branch, chance: random.Random) -> list[Point]:
    """Draw a branch and all that forks from it; returns where foliage goes."""
    x, y = branch.foot
    across, up = math.cos(branch.angle), math.sin(branch.angle)
    end = (x + across * branch.length, y + up * branch.length)
    thick, thin = branch.width / 2, branch.width * 0.36
    quad = [(x + up * thick, y - across * thick), (end[0] + up * thin, end[1] - across * thin)]
    quad += [(end[0] - up * thin, end[1] + across * thin), (x - up * thick, y + across * thick)]
    canvas.draw.polygon(quad, fill=canvas.palette.trunk)
    disc(canvas, end, thin, canvas.palette.trunk)
    tips = [end] if branch.forks <= 3 else []
    for turn in (-1, 1) if branch.forks else ():
        bend = turn * chance.uniform(0.24, 0.56) + chance.gauss(0, 0.08)
        length = branch.length * chance.uniform(0.66, 0.84)
        # Never far below the horizontal: a crown is a dome, not a willow.
        angle = max(-math.pi - 0.05, min(0.05, branch.angle + bend))
        width = thin * 2 * chance.uniform(0.62, 0.85)
        tips += _grow(canvas, _Branch(end, angle, length, width, branch.forks - 1), chance)
    return tips
