"""A landscape from back to front: sky, what stands at the horizon, land or water before it, what grows, the weather."""

from __future__ import annotations

import cmath
import math

from PIL import Image

from .canvas import Canvas, Ridge, gradient, mix, waves
from .prompts import Color


def paint_sky(canvas: Canvas, horizon: float, light: complex) -> None:
    """Sky, stars at night, the sun or moon at `light` with its rings, and clouds."""
    unit, scene, color, chance = canvas.unit, canvas.scene, canvas.light, canvas.chance("stars")
    night, moon = scene.time == "night", "moon" in scene.subjects
    canvas.image.paste(gradient((canvas.width, round(horizon) + 1), *canvas.sky), (0, 0))
    for _ in range(min(260, round(90 * canvas.width * horizon / unit**2)) if night else 0):
        star = complex(chance.random() * canvas.width, chance.random() ** 1.4 * horizon * 0.9)
        canvas.disc(star, unit * chance.choice((0.0011, 0.0014, 0.0018, 0.0026)), color, chance.randint(110, 235))
    size = unit * (0.17 if moon else {"night": 0.065, "sunset": 0.12, "dawn": 0.1}.get(scene.time, 0.08))
    halo = mix(color, canvas.sky[3], 0.5) if night else color
    canvas.glow(light, size * (3.4 if moon else 5.2), halo, 0.5)
    for ring, alpha in ((2.5, 20), (1.95, 26), (1.45, 40)):
        canvas.disc(light, size * ring, halo, alpha // 2 if moon else alpha)
    canvas.disc(light, size, color)
    for crater, radius in ((-0.35 - 0.2j, 0.2), (0.28 + 0.3j, 0.26), (0.3 - 0.42j, 0.12)) if night else ():
        canvas.disc(light + crater * size, radius * size, mix(color, canvas.sky[2], 0.22), 120)
    chance, cloud = canvas.chance("clouds"), mix(color, canvas.sky[-1], 0.35)
    for _ in range(max(3, min(30, round(3.2 * canvas.width / unit * min(1.6, horizon / unit))))):
        x, y, width = chance.random() * canvas.width, horizon * chance.uniform(0.12, 0.62), chance.uniform(0.12, 0.3)
        for row, (share, shift) in enumerate(((0.5, 0.12), (1.0, -0.1), (0.66, 0.3))):
            middle = complex(x + unit * width * shift, y + unit * 0.0175 * row)
            canvas.streak(middle, unit * width * share / 2, unit * 0.017, cloud, 26 if night else 120)


def paint_land(canvas: Canvas, horizon: float, light_x: float, side: int) -> Ridge:
    """What stands at the horizon, and land or water before it; returns the line on which subjects stand."""
    setting, unit = canvas.scene.setting, canvas.unit
    if setting == "sea":
        for layer in range(2):  # far islands: the heights of two drowned ranges
            ridge = waves(canvas.chance(f"islands {layer}"), horizon + unit * 0.1, unit * 0.22, unit * 0.24, sharp=True)
            color = mix(canvas.sky[-2], canvas.land[1], 0.4 + 0.2 * layer)
            canvas.fill_below(ridge, horizon + 1, color, mix(color, canvas.sky[-1], 0.6))
        _paint_sea(canvas, horizon, light_x)
        return lambda _x: horizon + (canvas.height - horizon) * 0.42
    if setting == "city":
        _paint_city(canvas, horizon)
    elif setting == "peak":
        _paint_peak(canvas, horizon, canvas.width * 0.56 - light_x * 0.12)
    else:
        _paint_mountains(canvas, horizon)
    if setting in {"hills", "meadow"}:
        front = _paint_hills(canvas, horizon)
        _paint_flowers(canvas, front)
        return front
    if setting != "city":  # the far side of the lake is wooded
        shore = waves(canvas.chance("shore"), horizon, unit * 0.035, unit * 0.4)
        _paint_woods(canvas, shore, unit * 0.07, "shore woods", haze=0.28)
        canvas.fill_below(shore, horizon + 2, canvas.land[2], canvas.land[2])
    _paint_lake(canvas, horizon, light_x)
    return _paint_bank(canvas, side)


def paint_birds(canvas: Canvas, horizon: float) -> None:
    chance, unit = canvas.chance("birds"), canvas.unit
    flock = complex(canvas.width * chance.uniform(0.3, 0.6), horizon * chance.uniform(0.28, 0.42))
    for _ in range(chance.randint(4, 7)):
        span = unit * chance.uniform(0.012, 0.02)
        bird = flock + unit * complex(chance.uniform(-0.14, 0.14), chance.uniform(-0.06, 0.06))
        wings = [bird + span * tip for tip in (-1 - 0.45j, -0.45 - 0.5j, 0, 0.45 - 0.5j, 1 - 0.45j)]
        line = [(tip.real, tip.imag) for tip in wings]
        canvas.draw.line(line, fill=(*canvas.dark, 190), width=max(1, round(unit * 0.0024)), joint="curve")


# How many pieces fall or fly on a square picture, and from which share of its height on.
_WEATHER = {"winter": (150, 0.0), "summer": (26, 0.66), "spring": (38, 0.25), "autumn": (38, 0.25)}


def paint_weather(canvas: Canvas) -> None:
    """Snow in winter; on land fireflies on summer evenings, petals in spring and leaves in autumn."""
    chance, unit, scene = canvas.chance("weather"), canvas.unit, canvas.scene
    bright_summer = scene.season == "summer" and scene.time in {"day", "dawn"}
    if bright_summer or (scene.setting == "sea" and scene.season != "winter"):
        return
    count, top = _WEATHER[scene.season]
    for _ in range(round(count * min(3.0, canvas.width * canvas.height / unit**2))):
        place = complex(chance.random() * canvas.width, canvas.height * chance.uniform(top, 0.98))
        if scene.season == "winter":
            flake = unit * chance.choice((0.0018, 0.0026, 0.004, 0.0058))
            canvas.disc(place, flake, (255, 255, 255), chance.randint(120, 235))
        elif scene.season == "summer":
            canvas.glow(place, unit * 0.02, (255, 240, 150), 0.8)
            canvas.disc(place, unit * 0.0024, (255, 250, 200))
        else:
            turn = cmath.rect(unit * chance.uniform(0.005, 0.011), chance.random() * math.tau)
            leaf = (-1, -0.5 - 0.4j, 0.3 - 0.35j, 1, 0.3 + 0.35j, -0.5 + 0.4j)
            canvas.polygon((place + turn * corner for corner in leaf), chance.choice(canvas.foliage), 225)


def mountain_height(canvas: Canvas, horizon: float) -> float:
    """How far up the ranges stand over the horizon: in a tall scroll they climb, as in a painted one."""
    return max(canvas.unit * 0.36, min(horizon * 0.62, (canvas.height - canvas.unit) * 0.5))


def _paint_mountains(canvas: Canvas, horizon: float) -> None:
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
            canvas.fill_below(ridge, bottom, *[mix(canvas.snow, canvas.sky[-2], 0.2)] * 2)
            ridge = _lower(ridge, waves(chance, base - rise * snow_line, rise * 0.24, unit * 0.035, sharp=True))
        canvas.fill_below(ridge, bottom, color, color, mix(color, canvas.sky[-1], 0.72))


def _paint_peak(canvas: Canvas, horizon: float, middle: float) -> None:
    """One great mountain with a white cap, alone against the sky."""
    unit, chance, height = canvas.unit, canvas.chance("peak"), min(canvas.unit * 0.5, horizon * 0.72)
    wrinkles = waves(chance, 0, unit * 0.018, unit * 0.03, sharp=True)

    def ridge(x: float) -> float:
        away = abs(x - middle) / unit
        slope = 1.06 / (1 + 4.2 * away) - 0.27 * away - 0.03
        return horizon - height * max(0.0, min(0.985, slope)) + wrinkles(x) * min(1.0, away * 10)

    color = mix(canvas.land[0], canvas.sky[1], 0.25)
    foot = mix(color, canvas.sky[-1], 0.75)
    canvas.fill_below(ridge, horizon + 1, mix(canvas.snow, canvas.sky[-1], 0.15), foot)
    snow_line = horizon - height * {"winter": 0.42, "summer": 0.78}.get(canvas.scene.season, 0.64)
    rock = _lower(ridge, waves(chance, snow_line, unit * 0.09, unit * 0.028, sharp=True))
    canvas.fill_below(rock, horizon + 1, color, mix(color, foot, 0.4), foot)


def _lower(first: Ridge, second: Ridge) -> Ridge:
    return lambda x: max(first(x), second(x))


# Outlines in shares of a tower's width, from its upper left corner: flat, flat, gabled, with a mast, domed.
_DOME = tuple(0.5 - cmath.rect(0.5, math.pi * step / 12) for step in range(13))
_MAST = (0.25, 0.25 - 0.3j, 0.47 - 0.3j, 0.48 - 1j, 0.52 - 1j, 0.53 - 0.3j, 0.75 - 0.3j, 0.75)
_ROOFS: tuple[tuple[complex, ...], ...] = ((0.5 - 0.55j, 1, 0), _MAST, _DOME, (), ())


def _paint_city(canvas: Canvas, ground: float) -> None:
    """Three rows of towers, the farther the paler; the windows are lit except by day."""
    unit = canvas.unit
    for row in range(3):
        chance, near, left = canvas.chance(f"street {row}"), row / 2, -unit * 0.05
        color = mix(mix(canvas.sky[-2], canvas.dark, 0.18 + 0.3 * near), canvas.sky[0], 0.3 + 0.2 * near)
        glass = (*mix(canvas.light, color, 0.45), 120) if canvas.scene.time == "day" else (255, 214, 128, 230)
        haze = gradient((1, round(unit * 0.6)), color, mix(color, canvas.sky[-1], 0.45 - 0.2 * near))
        while left < canvas.width:
            width, swell = unit * chance.uniform(0.06, 0.12), 0.75 + 0.45 * math.sin(left / unit * 2.3 + row * 2) ** 2
            height = unit * chance.uniform(0.12, 0.5 - 0.18 * near) * swell
            top, pane = ground - height, width / 6.2
            wall = (round(left), round(top), round(left + width), round(ground) + 1)
            canvas.image.paste(haze.resize((wall[2] - wall[0], wall[3] - wall[1])), wall)
            if roof := _ROOFS[chance.randrange(5)]:
                canvas.polygon((complex(left, top) + width * corner for corner in roof), color)
            # The windows of a very wide skyline are many and tiny: the first row's are enough.
            for window in range(4 * int(height / (pane * 1.7) - 1) if row > (canvas.width >= 6 * unit) else 0):
                if chance.random() < 0.45:
                    x, y = left + pane * (0.72 + window % 4 * 1.32), top + pane * (0.9 + window // 4 * 1.7)
                    canvas.draw.rectangle((x, y, x + pane * 0.78, y + pane * 0.95), fill=glass)
            left += width + unit * chance.choice((0.0, 0.004, 0.02))


def _paint_hills(canvas: Canvas, horizon: float) -> Ridge:
    """Rolling land from the horizon down, wooded; returns the line of the nearest hill."""
    unit, depth = canvas.unit, canvas.height - horizon
    for layer in range(3):
        chance, near = canvas.chance(f"hill {layer}"), (layer + 1) / 3
        base = horizon + depth * 0.74 * (layer / 3) ** 1.25 + unit * 0.03
        ridge = waves(chance, base, min(unit * 0.13, depth * 0.5), unit * (0.42 + 0.3 * near))
        if layer < 2:
            _paint_woods(canvas, ridge, unit * (0.045 + 0.05 * near), f"woods {layer}", haze=0.5 - 0.4 * near)
        color = canvas.land[min(4, 2 + round(near * 2))]
        crest = mix(color, canvas.sky[-1], 0.34 - 0.22 * near)
        canvas.fill_below(ridge, canvas.height, crest, color, mix(color, canvas.dark, 0.16))
    return ridge


def _paint_bank(canvas: Canvas, side: int) -> Ridge:
    """A near bank that rises to one side (-1 left, 1 right), with blades of grass; returns its line."""
    unit, crest, chance = canvas.unit, mix(canvas.land[4], canvas.sky[-1], 0.12), canvas.chance("grass")
    wobble = waves(canvas.chance("bank"), 0, unit * 0.03, unit * 0.3)
    edge, reach = 0 if side < 0 else canvas.width, max(unit * 0.9, canvas.width * 0.5)

    def ridge(x: float) -> float:
        away = min(1.25, abs(x - edge) / reach * 0.8)
        return canvas.height - unit * 0.21 * max(-0.3, math.cos(away * 1.65)) + wobble(x)

    for _ in range(min(420, round(150 * canvas.width / unit))):
        x, height = chance.random() * canvas.width, unit * chance.uniform(0.012, 0.034)
        root, tip = complex(x, ridge(x) + unit * 0.006), height * complex(chance.uniform(-0.5, 0.5), -1)
        blade = (root - unit * 0.0022, root + tip, root + unit * 0.0022)
        canvas.polygon(blade, mix(crest, canvas.dark, chance.random() * 0.25))
    foot = mix(canvas.land[4], canvas.dark, 0.08 if canvas.scene.season == "winter" else 0.3)
    canvas.fill_below(ridge, canvas.height, crest, canvas.land[4], foot)
    return ridge


def _paint_lake(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Still water below the horizon: what stands above, upside down and rippled, and a path of light."""
    unit, width, shore = canvas.unit, canvas.width, round(horizon)
    depth = canvas.height - shore
    mirror = canvas.image.crop((0, max(0, shore - depth), width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    far, deep = mix(canvas.sky[-1], canvas.sky[1], 0.3), mix(canvas.sky[0], canvas.dark, 0.25)
    mirror = Image.blend(mirror.resize((width, depth)), gradient((width, depth), far, canvas.sky[1], deep), 0.42)
    canvas.image.paste(mirror, (0, shore))
    band = max(2, round(unit * 0.006))
    for number, top in enumerate(range(0, depth, band)):
        ripple = unit * 0.0022 * (1 + 3 * top / depth) * math.sin(number * 1.9)
        canvas.image.paste(mirror.crop((0, top, width, min(depth, top + band))), (round(ripple), shore + top))
    _paint_glitter(canvas, horizon, canvas.height, light_x)


def _paint_sea(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Open water in flat bands of swell, brighter towards the horizon."""
    unit, depth = canvas.unit, canvas.height - horizon
    near = mix(mix(canvas.sky[0], (18, 84, 112), 0.5 if canvas.scene.time == "day" else 0.2), canvas.dark, 0.25)
    far = mix(canvas.sky[-1], canvas.sky[1], 0.5)
    canvas.fill_below(lambda _x: horizon, canvas.height, far, mix(far, near, 0.6))
    _paint_glitter(canvas, horizon, horizon + depth * 0.55, light_x)
    for layer in range(5):
        share = (layer + 1) / 5
        base, color = horizon + depth * (0.16 + 0.8 * (layer / 5) ** 1.25), mix(far, near, 0.25 + 0.68 * share)
        swell = waves(canvas.chance(f"swell {layer}"), base, unit * 0.075 * share, unit * (0.07 + 0.2 * share))
        crest = canvas.fill_below(swell, canvas.height, color, mix(color, near, 0.4))
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
        canvas.streak(complex(x, y), half, unit * (0.0016 + 0.003 * away), color, alpha)


def _paint_woods(canvas: Canvas, ridge: Ridge, size: float, layer: str, *, haze: float) -> None:
    """Groups of pines and round trees along a ridge; `haze` (0 to 1) is how much of the sky's colour they take."""
    chance = canvas.chance(layer)
    pine, trunk, snow, *leaves = (
        mix(color, canvas.sky[-1], haze) for color in (canvas.pine, canvas.trunk, canvas.snow, *canvas.foliage)
    )
    groups = [chance.random() * canvas.width for _ in range(min(36, max(2, round(canvas.width / canvas.unit * 3.2))))]
    for x in sorted(chance.gauss(middle, size * 2) for middle in groups for _ in range(chance.randint(3, 7))):
        foot, height, tone = complex(x, ridge(x) + size * 0.08), size * chance.uniform(0.65, 1.15), chance.random()
        shapes: list[tuple[Color, tuple[complex, ...]]] = [(trunk, (-0.027, -0.027 - 0.4j, 0.027 - 0.4j, 0.027))]
        for tier in range(3) if tone > 0.45 else ():
            top, half = -0.5j - 0.25j * tier, 0.25 - 0.06 * tier
            shapes.append((pine, (top, top + half + 0.36j, top - half + 0.36j)))
            if canvas.scene.season == "winter":
                shapes.append((snow, (top, top + half * 0.62 + 0.2j, top - half * 0.7 + 0.26j)))
        for color, corners in shapes:
            canvas.polygon((foot + height * corner for corner in corners), color)
        for lighter, middle, radius in ((0, -0.55j, 0.24), (0, -0.07 - 0.68j, 0.17), (1, 0.05 - 0.76j, 0.15)):
            if tone <= 0.45:
                canvas.disc(foot + height * middle, height * radius, leaves[int(tone * 6.6) + lighter])


def paint_large_tree(canvas: Canvas, foot: complex, height: float, lean: int, *, name: str) -> None:
    """A tree in front: branches that fork until they carry leaves, blossom or snow. It leans left (-1) or right (1)."""
    chance, bare = canvas.chance(name), canvas.scene.season == "winter"
    roots = (-0.075 + 0.012j, -0.031 - 0.02j, -0.018 - 0.1j, 0.018 - 0.1j, 0.031 - 0.02j, 0.075 + 0.012j)
    canvas.polygon((foot + root * height for root in roots), canvas.trunk)
    tips: list[complex] = []

    def grow(start: complex, angle: float, length: float, width: float, forks: int) -> None:
        end, across, thin = start + cmath.rect(length, angle), cmath.rect(width / 2, angle + math.pi / 2), 0.72
        canvas.polygon((start - across, end - across * thin, end + across * thin, start + across), canvas.trunk)
        canvas.disc(end, width * thin / 2, canvas.trunk)
        if forks <= 3:
            tips.append(end)
        for side in (-1, 1) if forks else ():
            turned = angle + side * chance.uniform(0.24, 0.56) + chance.gauss(0, 0.08)
            # Never far below the horizontal: a crown is a dome, not a willow.
            turned = max(-math.pi - 0.05, min(0.05, turned))
            grow(end, turned, length * chance.uniform(0.66, 0.84), width * thin * chance.uniform(0.62, 0.85), forks - 1)

    grow(foot, lean * 0.1 - math.pi / 2, height * 0.3, height * 0.05, 7)
    drift = height * (0.004 if bare else 0.024)
    for layer in range(2 if bare else 0, 4):
        for tip in tips:
            if chance.random() < 0.82 - 0.17 * layer:
                radius = height * (0.011 if bare else 0.05 - 0.008 * layer) * chance.uniform(0.7, 1.25)
                # Lighter tones lie higher and nearer to the light.
                leaf = tip + complex(chance.gauss(0, drift), chance.gauss(0, drift))
                canvas.disc(leaf - layer * height * complex(lean * 0.006, 0.011), radius, canvas.foliage[layer])


def _paint_flowers(canvas: Canvas, ridge: Ridge) -> None:
    """Five-petalled flowers on stems, small near the ridge and larger towards the viewer; many in a meadow."""
    chance, unit = canvas.chance("flowers"), canvas.unit
    count = round((160 if canvas.scene.setting == "meadow" else 26) * min(4, canvas.width / unit))
    stem, heart = mix(canvas.land[3], canvas.dark, 0.3), mix(canvas.light, canvas.flowers[2], 0.6)
    for depth, x in sorted((chance.random() ** 1.3, chance.random() * canvas.width) for _ in range(count)):
        y = ridge(x) + (canvas.height * 1.01 - ridge(x)) * depth
        if y > canvas.height - unit * 0.1 and min(x, canvas.width - x) < unit * 0.3:
            continue  # the corners are for the seal and the watermark
        radius = unit * 0.016 * (0.35 + 0.8 * depth) * chance.uniform(0.75, 1.2)
        head = complex(x + radius * chance.uniform(-0.8, 0.8), y)
        canvas.draw.line([(x, y + radius * 3.4), (head.real, y)], fill=stem, width=max(1, round(radius * 0.16)))
        color, turn = chance.choice(canvas.flowers), chance.random() * math.tau
        for petal in range(5):
            canvas.disc(head + cmath.rect(radius * 0.6, turn + petal * math.tau / 5), radius * 0.46, color)
        canvas.disc(head, radius * 0.34, heart)
