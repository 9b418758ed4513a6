"""What is above: sky, stars, sun or moon, clouds, birds, and what the season lets fall."""

from __future__ import annotations

import cmath
import math

from .canvas import Canvas, Point, gradient, mix


def paint_sky(canvas: Canvas, horizon: float, light: Point) -> None:
    """Sky, stars at night, the sun or moon at `light` with its rings, and clouds."""
    unit, scene, color, chance = canvas.unit, canvas.scene, canvas.light, canvas.chance("stars")
    night, moon = scene.time == "night", "moon" in scene.subjects
    canvas.image.paste(gradient((canvas.width, round(horizon) + 1), canvas.sky), (0, 0))
    for _ in range(min(260, round(90 * canvas.width * horizon / unit**2)) if night else 0):
        star = (chance.random() * canvas.width, chance.random() ** 1.4 * horizon * 0.9)
        canvas.disc(star, unit * chance.choice((0.0011, 0.0014, 0.0018, 0.0026)), color, chance.randint(110, 235))
    size = unit * (0.17 if moon else {"night": 0.065, "sunset": 0.12, "dawn": 0.1}.get(scene.time, 0.08))
    halo = mix(color, canvas.sky[3], 0.5) if night else color
    canvas.glow(light, size * (3.4 if moon else 5.2), halo, 0.5)
    for ring, alpha in ((2.5, 20), (1.95, 26), (1.45, 40)):
        canvas.disc(light, size * ring, halo, alpha // 2 if moon else alpha)
    canvas.disc(light, size, color)
    craters = ((-0.35, -0.2, 0.2), (0.28, 0.3, 0.26), (0.3, -0.42, 0.12), (-0.25, 0.48, 0.11))
    for x, y, radius in craters if night else ():
        canvas.disc((light[0] + x * size, light[1] + y * size), radius * size, mix(color, canvas.sky[2], 0.22), 120)
    chance = canvas.chance("clouds")
    for _ in range(max(3, min(30, round(3.2 * canvas.width / unit * min(1.6, horizon / unit))))):
        x, y, width = chance.random() * canvas.width, horizon * chance.uniform(0.12, 0.62), chance.uniform(0.12, 0.3)
        for row, (share, shift) in enumerate(((0.5, 0.12), (1.0, -0.1), (0.66, 0.3))):
            middle = (x + unit * width * shift, y + unit * 0.0175 * row)
            cloud = mix(color, canvas.sky[-1], 0.35)
            canvas.streak(middle, unit * width * share / 2, unit * 0.017, cloud, 26 if night else 120)


def paint_birds(canvas: Canvas, horizon: float) -> None:
    chance, unit = canvas.chance("birds"), canvas.unit
    middle, height = canvas.width * chance.uniform(0.3, 0.6), horizon * chance.uniform(0.28, 0.42)
    for _ in range(chance.randint(4, 7)):
        span = unit * chance.uniform(0.012, 0.02)
        x, y = middle + unit * chance.uniform(-0.14, 0.14), height + unit * chance.uniform(-0.06, 0.06)
        wings = ((-1, 0.45), (-0.45, 0.5), (0, 0), (0.45, 0.5), (1, 0.45))
        line = [(x + span * right, y - span * up) for right, up in wings]
        canvas.draw.line(line, fill=(*canvas.dark, 190), width=max(1, round(unit * 0.0024)), joint="curve")


def paint_weather(canvas: Canvas) -> None:
    """Snow in winter; on land fireflies on summer evenings, petals in spring and leaves in autumn."""
    chance, unit, season, at_sea = (
        canvas.chance("weather"),
        canvas.unit,
        canvas.scene.season,
        canvas.scene.setting == "sea",
    )
    area = canvas.width * canvas.height / unit**2

    def spots(count: float, most: int, top: float) -> list[Point]:
        width, height = canvas.width, canvas.height
        return [
            (chance.random() * width, height * chance.uniform(top, 0.98)) for _ in range(min(most, round(count * area)))
        ]

    if season == "winter":
        for spot in spots(150, 420, 0):
            flake = unit * chance.choice((0.0018, 0.0026, 0.004, 0.0058))
            canvas.disc(spot, flake, (255, 255, 255), chance.randint(120, 235))
    elif season == "summer" and canvas.scene.time in {"night", "sunset"} and not at_sea:
        for spot in spots(26, 80, 0.66):
            canvas.glow(spot, unit * 0.02, (255, 240, 150), 0.8)
            canvas.disc(spot, unit * 0.0024, (255, 250, 200))
    elif season in {"spring", "autumn"} and not at_sea:
        for spot in spots(38, 160, 0.25):
            turn = cmath.rect(unit * chance.uniform(0.005, 0.011), chance.random() * math.tau)
            corners = [
                complex(*spot) + turn * corner for corner in (-1, -0.5 - 0.4j, 0.3 - 0.35j, 1, 0.3 + 0.35j, -0.5 + 0.4j)
            ]
            leaf = [(corner.real, corner.imag) for corner in corners]
            canvas.draw.polygon(leaf, fill=(*chance.choice(canvas.foliage), 225))
