"""A landscape from back to front: sky, mountains, islands, a city, hills, water, the near bank, and the weather."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator

from PIL import Image

from .canvas import Canvas, Point, Ridge, gradient, mix, waves
from .plants import paint_grass, paint_woods


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
    chance, unit, scene = canvas.chance("weather"), canvas.unit, canvas.scene
    area = min(3.0, canvas.width * canvas.height / unit**2)

    def spots(count: int, top: float) -> Iterator[Point]:
        for _ in range(round(count * area)):
            yield chance.random() * canvas.width, canvas.height * chance.uniform(top, 0.98)

    if scene.season == "winter":
        for spot in spots(150, 0):
            flake = unit * chance.choice((0.0018, 0.0026, 0.004, 0.0058))
            canvas.disc(spot, flake, (255, 255, 255), chance.randint(120, 235))
    elif scene.season == "summer" and scene.time in {"night", "sunset"} and scene.setting != "sea":
        for spot in spots(26, 0.66):
            canvas.glow(spot, unit * 0.02, (255, 240, 150), 0.8)
            canvas.disc(spot, unit * 0.0024, (255, 250, 200))
    elif scene.season in {"spring", "autumn"} and scene.setting != "sea":
        leaf = (-1, -0.5 - 0.4j, 0.3 - 0.35j, 1, 0.3 + 0.35j, -0.5 + 0.4j)
        for spot in spots(38, 0.25):
            turn = cmath.rect(unit * chance.uniform(0.005, 0.011), chance.random() * math.tau)
            canvas.polygon((complex(*spot) + turn * corner for corner in leaf), chance.choice(canvas.foliage), 225)


def mountain_height(canvas: Canvas, horizon: float) -> float:
    """How far up the ranges stand over the horizon: in a tall scroll they climb, as in a painted one."""
    return max(canvas.unit * 0.36, min(horizon * 0.62, (canvas.height - canvas.unit) * 0.5))


def paint_mountains(canvas: Canvas, horizon: float) -> None:
    """Ranges one before the other, each paler at its foot where the mist lies; snow above where the season has it."""
    unit, air = canvas.unit, mix(canvas.sky[1], canvas.sky[-2], 0.45)
    layers = 3 + max(0, min(9, round(canvas.height / canvas.width - 1)))
    step = mountain_height(canvas, horizon) * 0.62 / (layers - 1)
    snow_line = {"winter": 0.42, "spring": 0.54}.get(canvas.scene.season)
    for layer in range(layers):
        chance, near = canvas.chance(f"range {layer}"), layer / (layers - 1)
        base, rise = horizon - step * (layers - 1 - layer) + unit * 0.02, unit * (0.34 - 0.2 * near)
        ridge = waves(chance, base, rise, unit * (0.26 + 0.1 * near), sharp=True)
        bottom = base + step * 1.15 if layer < layers - 1 else horizon + 1
        color = mix(air, canvas.land[round(near * 2)], 0.46 + 0.34 * near)
        if snow_line and near < 0.4:
            canvas.fill_below(ridge, bottom, (mix(canvas.snow, canvas.sky[-2], 0.2),) * 2)
            ridge = _lower(ridge, waves(chance, base - rise * snow_line, rise * 0.24, unit * 0.035, sharp=True))
        canvas.fill_below(ridge, bottom, (color, color, mix(color, canvas.sky[-1], 0.72)))


def paint_peak(canvas: Canvas, horizon: float, middle: float) -> None:
    """One great mountain with a white cap, alone against the sky."""
    unit, chance, height = canvas.unit, canvas.chance("peak"), min(canvas.unit * 0.5, horizon * 0.72)
    wrinkles = waves(chance, 0, unit * 0.018, unit * 0.03, sharp=True)

    def ridge(x: float) -> float:
        away = abs(x - middle) / unit
        slope = 1.06 / (1 + 4.2 * away) - 0.27 * away - 0.03
        return horizon - height * max(0.0, min(0.985, slope)) + wrinkles(x) * min(1.0, away * 10)

    color = mix(canvas.land[0], canvas.sky[1], 0.25)
    foot = mix(color, canvas.sky[-1], 0.75)
    canvas.fill_below(ridge, horizon + 1, (mix(canvas.snow, canvas.sky[-1], 0.15), foot))
    snow_line = horizon - height * {"winter": 0.42, "summer": 0.78}.get(canvas.scene.season, 0.64)
    rock = _lower(ridge, waves(chance, snow_line, unit * 0.09, unit * 0.028, sharp=True))
    canvas.fill_below(rock, horizon + 1, (color, mix(color, foot, 0.4), foot))


def _lower(first: Ridge, second: Ridge) -> Ridge:
    return lambda x: max(first(x), second(x))


def paint_islands(canvas: Canvas, horizon: float) -> None:
    """Far islands: the heights of two drowned ranges, each in its own haze."""
    unit = canvas.unit
    for layer in range(2):
        ridge = waves(canvas.chance(f"islands {layer}"), horizon + unit * 0.1, unit * 0.22, unit * 0.24, sharp=True)
        color = mix(canvas.sky[-2], canvas.land[1], 0.4 + 0.2 * layer)
        canvas.fill_below(ridge, horizon + 1, (color, mix(color, canvas.sky[-1], 0.6)))


def paint_city(canvas: Canvas, ground: float) -> None:
    """Three rows of towers under four kinds of roof, the farther the paler; the windows are lit except by day."""
    unit, draw = canvas.unit, canvas.draw
    lit = canvas.scene.time != "day"
    # Windows of a very wide skyline are many and tiny: the first row's are enough.
    first_with_windows = 1 if canvas.width < 6 * unit else 2
    for row in range(3):
        chance, near, left = canvas.chance(f"street {row}"), row / 2, -unit * 0.05
        color = mix(mix(canvas.sky[-2], canvas.dark, 0.18 + 0.3 * near), canvas.sky[0], 0.3 + 0.2 * near)
        glass = (255, 214, 128, 230) if lit else (*mix(canvas.light, color, 0.45), 120)
        haze = gradient((1, round(unit * 0.6)), (color, mix(color, canvas.sky[-1], 0.45 - 0.2 * near)))
        while left < canvas.width:
            width = unit * chance.uniform(0.06, 0.12)
            swell = 0.75 + 0.45 * math.sin(left / unit * 2.3 + row * 2) ** 2
            height = unit * chance.uniform(0.12, 0.5 - 0.18 * near) * swell
            top, right, middle = ground - height, left + width, left + width / 2
            wall = (round(left), round(top), round(right), round(ground) + 1)
            canvas.image.paste(haze.resize((wall[2] - wall[0], wall[3] - wall[1])), wall)
            roof = chance.randrange(5)
            if roof == 0:
                draw.polygon([(left, top), (middle, top - width * 0.55), (right, top)], fill=color)
            elif roof == 1:
                draw.rectangle((left + width * 0.25, top - width * 0.3, right - width * 0.25, top), fill=color)
                draw.line([(middle, top - width), (middle, top)], fill=color, width=max(1, round(width * 0.05)))
            elif roof == 2:
                draw.pieslice((left, top - width / 2, right, top + width / 2), 180, 360, fill=color)
            pane = width / 6.2
            for window in range(4 * int(height / (pane * 1.7) - 1) if row >= first_with_windows else 0):
                if chance.random() < 0.45:
                    x, y = left + pane * (0.72 + window % 4 * 1.32), top + pane * (0.9 + window // 4 * 1.7)
                    draw.rectangle((x, y, x + pane * 0.78, y + pane * 0.95), fill=glass)
            left = right + unit * chance.choice((0.0, 0.004, 0.02))


def paint_hills(canvas: Canvas, horizon: float) -> Ridge:
    """Rolling land from the horizon down, wooded; returns the line of the nearest hill."""
    unit, depth = canvas.unit, canvas.height - horizon
    for layer in range(3):
        chance, near = canvas.chance(f"hill {layer}"), (layer + 1) / 3
        base = horizon + depth * 0.74 * (layer / 3) ** 1.25 + unit * 0.03
        ridge = waves(chance, base, min(unit * 0.13, depth * 0.5), unit * (0.42 + 0.3 * near))
        if layer < 2:
            paint_woods(canvas, ridge, unit * (0.045 + 0.05 * near), chance, haze=0.5 - 0.4 * near)
        color = canvas.land[min(4, 2 + round(near * 2))]
        crest = mix(color, canvas.sky[-1], 0.34 - 0.22 * near)
        canvas.fill_below(ridge, canvas.height, (crest, color, mix(color, canvas.dark, 0.16)))
    return ridge


def paint_shore(canvas: Canvas, horizon: float) -> None:
    """The wooded far side of a lake."""
    chance, unit = canvas.chance("shore"), canvas.unit
    ridge = waves(chance, horizon, unit * 0.035, unit * 0.4)
    paint_woods(canvas, ridge, unit * 0.07, chance, haze=0.28)
    canvas.fill_below(ridge, horizon + 2, (canvas.land[2],) * 2)


def paint_bank(canvas: Canvas, side: int) -> Ridge:
    """A near bank that rises to one side (-1 left, 1 right), with blades of grass; returns its line."""
    unit, crest = canvas.unit, mix(canvas.land[4], canvas.sky[-1], 0.12)
    wobble = waves(canvas.chance("bank"), 0, unit * 0.03, unit * 0.3)
    edge, reach = 0 if side < 0 else canvas.width, max(unit * 0.9, canvas.width * 0.5)

    def ridge(x: float) -> float:
        away = min(1.25, abs(x - edge) / reach * 0.8)
        return canvas.height - unit * 0.21 * max(-0.3, math.cos(away * 1.65)) + wobble(x)

    paint_grass(canvas, ridge, crest)
    foot = mix(canvas.land[4], canvas.dark, 0.08 if canvas.scene.season == "winter" else 0.3)
    canvas.fill_below(ridge, canvas.height, (crest, canvas.land[4], foot))
    return ridge


def paint_lake(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Still water below the horizon: what stands above, upside down and rippled, and a path of light."""
    unit, width, shore = canvas.unit, canvas.width, round(horizon)
    depth = canvas.height - shore
    mirror = canvas.image.crop((0, max(0, shore - depth), width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    far, deep = mix(canvas.sky[-1], canvas.sky[1], 0.3), mix(canvas.sky[0], canvas.dark, 0.25)
    mirror = Image.blend(mirror.resize((width, depth)), gradient((width, depth), (far, canvas.sky[1], deep)), 0.42)
    canvas.image.paste(mirror, (0, shore))
    band = max(2, round(unit * 0.006))
    for number, top in enumerate(range(0, depth, band)):
        ripple = unit * 0.0022 * (1 + 3 * top / depth) * math.sin(number * 1.9)
        canvas.image.paste(mirror.crop((0, top, width, min(depth, top + band))), (round(ripple), shore + top))
    _paint_glitter(canvas, horizon, canvas.height, light_x)


def paint_sea(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Open water in flat bands of swell, brighter towards the horizon."""
    unit, depth = canvas.unit, canvas.height - horizon
    near = mix(mix(canvas.sky[0], (18, 84, 112), 0.5 if canvas.scene.time == "day" else 0.2), canvas.dark, 0.25)
    far = mix(canvas.sky[-1], canvas.sky[1], 0.5)
    canvas.fill_below(lambda _x: horizon, canvas.height, (far, mix(far, near, 0.6)))
    _paint_glitter(canvas, horizon, horizon + depth * 0.55, light_x)
    for layer in range(5):
        share, chance = (layer + 1) / 5, canvas.chance(f"swell {layer}")
        base, color = horizon + depth * (0.16 + 0.8 * (layer / 5) ** 1.25), mix(far, near, 0.25 + 0.68 * share)
        swell = waves(chance, base, unit * 0.075 * share, unit * (0.07 + 0.2 * share))
        crest = canvas.fill_below(swell, canvas.height, (color, mix(color, near, 0.4)))
        width = max(1, round(unit * 0.007 * (0.4 + share)))
        canvas.draw.line(crest, fill=mix(color, canvas.light, 0.3), width=width, joint="curve")


def _paint_glitter(canvas: Canvas, top: float, bottom: float, light_x: float) -> None:
    """Streaks of light on water, dense under the sun or moon, sparse elsewhere."""
    chance, unit, color = canvas.chance("glitter"), canvas.unit, mix(canvas.light, canvas.sky[-1], 0.25)
    for number in range(min(260, round(70 * (1 + canvas.width / unit) * min(2, (bottom - top) / unit / 0.35)))):
        away, below_light = chance.random() ** 1.5, number % 2 == 0
        x = light_x + chance.gauss(0, unit * (0.03 + 0.09 * away)) if below_light else chance.random() * canvas.width
        y, half = top + (bottom - top) * away + unit * 0.004, unit * chance.uniform(0.012, 0.05) * (0.5 + away)
        alpha = round((150 if below_light else 60) * (1 - 0.5 * away))
        canvas.streak((x, y), half, unit * (0.0016 + 0.003 * away), color, alpha)
