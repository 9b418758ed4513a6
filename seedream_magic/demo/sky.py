"""What is in the air: sky, sun or moon, clouds, birds, and what the season lets fall."""

from __future__ import annotations

import math
import random

from .canvas import Canvas, Point, disc, glow, gradient, rounded
from .palette import mix


def paint_sky(canvas: Canvas, horizon: float) -> None:
    canvas.image.paste(gradient((canvas.width, round(horizon) + 1), canvas.palette.sky), (0, 0))
    if canvas.scene.time == "night":
        _paint_stars(canvas, horizon)


def _paint_stars(canvas: Canvas, horizon: float) -> None:
    chance = canvas.fork("stars")
    for _ in range(min(260, round(90 * canvas.width * horizon / canvas.unit**2))):
        x, y = chance.random() * canvas.width, chance.random() ** 1.4 * horizon * 0.9
        size = canvas.unit * chance.choice((0.0011, 0.0014, 0.0018, 0.0026))
        disc(canvas, (x, y), size, canvas.palette.light, chance.randint(110, 235))


def paint_light(canvas: Canvas, center: Point) -> None:
    """Sun or moon with its rings; larger where the moon is the subject, low and large at dawn and sunset."""
    scene, color = canvas.scene, canvas.palette.light
    moon = "moon" in scene.subjects
    size = canvas.unit * (0.17 if moon else {"night": 0.065, "sunset": 0.12, "dawn": 0.1}.get(scene.time, 0.08))
    night = scene.time == "night"
    halo = mix(color, canvas.palette.sky[3], 0.5) if night else color
    glow(canvas, center, size * (3.4 if moon else 5.2), halo, 0.5)
    for ring, alpha in ((2.5, 20), (1.95, 26), (1.45, 40)):
        disc(canvas, center, size * ring, halo, alpha // 2 if moon else alpha)
    disc(canvas, center, size, color)
    if night:
        shade = mix(color, canvas.palette.sky[2], 0.22)
        for x, y, radius in ((-0.35, -0.2, 0.2), (0.28, 0.3, 0.26), (0.3, -0.42, 0.12), (-0.25, 0.48, 0.11)):
            disc(canvas, (center[0] + x * size, center[1] + y * size), radius * size, shade, 120)


def paint_clouds(canvas: Canvas, horizon: float) -> None:
    """Flat banks of cloud: stacked bars with round ends, half transparent."""
    chance = canvas.fork("clouds")
    alpha = 26 if canvas.scene.time == "night" else 120
    color = mix(canvas.palette.light, canvas.palette.sky[-1], 0.35)
    count = max(3, round(3.2 * canvas.width / canvas.unit * min(1.6, horizon / canvas.unit)))
    for _ in range(min(count, 30)):
        x, y = chance.random() * canvas.width, horizon * chance.uniform(0.12, 0.62)
        width = canvas.unit * chance.uniform(0.12, 0.3)
        thickness = canvas.unit * 0.017
        for row, (share, shift) in enumerate(((0.5, 0.12), (1.0, -0.1), (0.66, 0.3))):
            left = x + width * (shift - share / 2)
            top = y + row * thickness * 1.02
            box = (left, top, left + width * share, top + thickness)
            canvas.draw.rounded_rectangle(box, thickness / 2, fill=(*color, alpha))


def paint_birds(canvas: Canvas, horizon: float) -> None:
    chance = canvas.fork("birds")
    x, y = canvas.width * chance.uniform(0.3, 0.6), horizon * chance.uniform(0.28, 0.42)
    for _ in range(chance.randint(4, 7)):
        span = canvas.unit * chance.uniform(0.012, 0.02)
        bx, by = x + canvas.unit * chance.uniform(-0.14, 0.14), y + canvas.unit * chance.uniform(-0.06, 0.06)
        wings = [(bx - span, by - span * 0.45), (bx - span * 0.45, by - span * 0.5), (bx, by)]
        wings += [(bx + span * 0.45, by - span * 0.5), (bx + span, by - span * 0.45)]
        width = max(1, round(canvas.unit * 0.0024))
        canvas.draw.line(wings, fill=(*canvas.palette.dark, 190), width=width, joint="curve")


def paint_weather(canvas: Canvas) -> None:
    """What the season lets fall: petals, leaves or snow; fireflies on summer nights."""
    chance, unit, season = canvas.fork("weather"), canvas.unit, canvas.scene.season
    area = canvas.width * canvas.height / unit**2
    if season == "winter":
        for _ in range(min(420, round(150 * area))):
            spot = (chance.random() * canvas.width, chance.random() * canvas.height)
            flake = unit * chance.choice((0.0018, 0.0026, 0.004, 0.0058))
            disc(canvas, spot, flake, (255, 255, 255), chance.randint(120, 235))
    elif canvas.scene.setting == "sea":
        return
    elif season == "summer":
        if canvas.scene.time in {"night", "sunset"}:
            for _ in range(min(80, round(26 * area))):
                spot = (chance.random() * canvas.width, canvas.height * chance.uniform(0.66, 0.97))
                glow(canvas, spot, unit * 0.02, (255, 240, 150), 0.8)
                disc(canvas, spot, unit * 0.0024, (255, 250, 200))
    else:
        for _ in range(min(160, round(38 * area))):
            spot = (chance.random() * canvas.width, canvas.height * chance.uniform(0.25, 0.97))
            _leaf(canvas, spot, unit * chance.uniform(0.005, 0.011), chance)


def _leaf(canvas: Canvas, spot: Point, size: float, chance: random.Random) -> None:
    angle = chance.random() * math.tau
    cos, sin = math.cos(angle), math.sin(angle)
    shape = [(-1.0, 0.0), (-0.2, -0.45), (1.0, 0.0), (-0.2, 0.45)]
    curve = rounded(shape, 4)
    outline = [(spot[0] + size * (x * cos - y * sin), spot[1] + size * (x * sin + y * cos)) for x, y in curve]
    canvas.draw.polygon(outline, fill=(*chance.choice(canvas.palette.foliage), 225))
