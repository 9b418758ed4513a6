"""What grows: woods along a ridge, the large tree in front, grass and flowers."""

from __future__ import annotations

import cmath
import math
import random

from .canvas import Canvas, Point, Ridge, mix
from .prompts import Color


def paint_woods(canvas: Canvas, ridge: Ridge, size: float, chance: random.Random, *, haze: float) -> None:
    """Groups of pines and round trees along a ridge; `haze` (0 to 1) is how much of the sky's colour they take."""
    draw, air, places = canvas.draw, canvas.sky[-1], []
    for _ in range(min(36, max(2, round(canvas.width / canvas.unit * 3.2)))):
        middle = chance.random() * canvas.width
        places += [middle + chance.gauss(0, size * 2.0) for _ in range(chance.randint(3, 7))]
    for x in sorted(places):
        y, height, tone = ridge(x) + size * 0.08, size * chance.uniform(0.65, 1.15), chance.random()
        draw.rectangle((x - height * 0.027, y - height * 0.4, x + height * 0.027, y), fill=mix(canvas.trunk, air, haze))
        if tone < 0.45:
            for shift, up, radius in ((0, 0.55, 0.24), (-0.07, 0.68, 0.17), (0.05, 0.76, 0.15)):
                color = canvas.foliage[int(tone * 6.6) + (up > 0.7)]
                canvas.disc((x + shift * height, y - height * up), radius * height, mix(color, air, haze))
            continue
        pine, snow = mix(mix(canvas.pine, canvas.land[3], tone * 0.3), air, haze), mix(canvas.snow, air, haze * 0.6)
        for tier in range(3):
            top, half = y - height * (0.5 + 0.25 * tier), height * (0.25 - 0.06 * tier)
            low = top + height * 0.36
            draw.polygon([(x, top), (x + half, low), (x - half, low)], fill=pine)
            if canvas.scene.season == "winter":
                drift = [(x, top), (x + half * 0.62, top + height * 0.2), (x - half * 0.7, low - height * 0.1)]
                draw.polygon(drift, fill=snow)


def paint_large_tree(canvas: Canvas, foot: Point, height: float, lean: int, *, name: str) -> None:
    """A tree in front: branches that fork until they carry leaves, blossom or snow. It leans left (-1) or right (1)."""
    chance, bare = canvas.chance(name), canvas.scene.season == "winter"
    middle = complex(*foot)
    roots = (-0.075 + 0.012j, -0.031 - 0.02j, -0.018 - 0.1j, 0.018 - 0.1j, 0.031 - 0.02j, 0.075 + 0.012j)
    canvas.polygon((middle + root * height for root in roots), canvas.trunk)
    tips: list[complex] = []

    def grow(start: complex, angle: float, length: float, width: float, forks: int) -> None:
        end = start + cmath.rect(length, angle)
        across, thin = cmath.rect(width / 2, angle + math.pi / 2), 0.72
        canvas.polygon((start - across, end - across * thin, end + across * thin, start + across), canvas.trunk)
        canvas.disc((end.real, end.imag), width * thin / 2, canvas.trunk)
        if forks <= 3:
            tips.append(end)
        for side in (-1, 1) if forks else ():
            # Never far below the horizontal: a crown is a dome, not a willow.
            turned = angle + side * chance.uniform(0.24, 0.56) + chance.gauss(0, 0.08)
            turned = max(-math.pi - 0.05, min(0.05, turned))
            grow(end, turned, length * chance.uniform(0.66, 0.84), width * thin * chance.uniform(0.62, 0.85), forks - 1)

    grow(middle, lean * 0.1 - math.pi / 2, height * 0.3, height * 0.05, 7)
    size, drift = (0.011, height * 0.004) if bare else (0.05, height * 0.024)
    for layer in range(2 if bare else 0, 4):
        for tip in tips:
            if chance.random() < 0.82 - 0.17 * layer:
                radius = height * (size if bare else size - 0.008 * layer) * chance.uniform(0.7, 1.25)
                # Lighter tones lie higher and nearer to the light.
                x = tip.real + chance.gauss(0, drift) - lean * layer * height * 0.006
                y = tip.imag + chance.gauss(0, drift) - layer * height * 0.011
                canvas.disc((x, y), radius, canvas.foliage[layer])


def paint_grass(canvas: Canvas, ridge: Ridge, color: Color) -> None:
    chance, unit = canvas.chance("grass"), canvas.unit
    for _ in range(min(420, round(150 * canvas.width / unit))):
        x = chance.random() * canvas.width
        y, height = ridge(x) + unit * 0.006, unit * chance.uniform(0.012, 0.034)
        tip, half = x + height * chance.uniform(-0.5, 0.5), unit * 0.0022
        shade = mix(color, canvas.dark, chance.random() * 0.25)
        canvas.draw.polygon([(x - half, y), (tip, y - height), (x + half, y)], fill=shade)


def paint_flowers(canvas: Canvas, ridge: Ridge) -> None:
    """Five-petalled flowers on stems, small near the ridge and larger towards the viewer; many in a meadow."""
    chance, unit = canvas.chance("flowers"), canvas.unit
    count = round((160 if canvas.scene.setting == "meadow" else 26) * min(4, canvas.width / unit))
    stem, heart = mix(canvas.land[3], canvas.dark, 0.3), mix(canvas.light, canvas.flowers[2], 0.6)
    for depth, x in sorted((chance.random() ** 1.3, chance.random() * canvas.width) for _ in range(count)):
        top = ridge(x)
        y = top + (canvas.height * 1.01 - top) * depth
        if y > canvas.height - unit * 0.1 and min(x, canvas.width - x) < unit * 0.3:
            continue  # the corners are for the seal and the watermark
        radius = unit * 0.016 * (0.35 + 0.8 * depth) * chance.uniform(0.75, 1.2)
        head = x + radius * chance.uniform(-0.8, 0.8)
        canvas.draw.line([(x, y + radius * 3.4), (head, y)], fill=stem, width=max(1, round(radius * 0.16)))
        color, turn = chance.choice(canvas.flowers), chance.random() * math.tau
        for petal in range(5):
            angle = turn + petal * math.tau / 5
            spot = (head + math.cos(angle) * radius * 0.62, y + math.sin(angle) * radius * 0.55)
            canvas.disc(spot, radius * 0.46, color)
        canvas.disc((head, y), radius * 0.34, heart)
