"""The painter's colours: a sky for each season and hour, land for each season, both bent towards a named colour."""

from __future__ import annotations

from dataclasses import dataclass

from .scene import Color, Scene


def _color(text: str) -> Color:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _colors(text: str) -> tuple[Color, ...]:
    return tuple(_color(word) for word in text.split())


def mix(first: Color, second: Color, share: float) -> Color:
    """`first` with `share` (0 to 1) of `second` stirred in."""
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Palette:
    """Colours of one picture; `sky` from the top down, `land` from the farthest layer to the nearest."""

    sky: tuple[Color, ...]
    light: Color
    land: tuple[Color, ...]
    snow: Color
    foliage: tuple[Color, ...]
    pine: Color
    trunk: Color
    flowers: tuple[Color, ...]
    dark: Color


# Day skies differ by season; the other hours belong to every season.
_SKY = {
    "spring": _colors("6fb6d6 b5dde2 fbe6e2 fdeee4"),
    "summer": _colors("2f8fc6 6cc0dc c5e8dc fdf3d0"),
    "autumn": _colors("e79a54 f3ba72 f9d9a0 fdeccb"),
    "winter": _colors("7f9fc4 a9c3dc d9e4ee f8ede9"),
    "dawn": _colors("5f74b0 a893c0 f0b3b0 ffe2bd"),
    "sunset": _colors("3a2c62 943f74 e8665f ffc670"),
    "night": _colors("0a1233 152352 2b3f7c 5667a0"),
}
_LIGHT = {
    "spring": "fffaf0", "summer": "fff6cf", "autumn": "fff1cf", "winter": "fffdf8",
    "dawn": "fff0cd", "sunset": "ffe3a1", "night": "fdf3d4",
}  # fmt: skip
_LAND = {
    "spring": _colors("a9c9cf 8fc0ae 86b985 5f9e6d 3f7c5c"),
    "summer": _colors("8cc4c8 5fae9f 46a079 2b8262 14604f"),
    "autumn": _colors("d3a27c cf8a55 c76f3a a24b2e 6d2f2a"),
    "winter": _colors("a4b9d2 bccbde d4dfeb e7eef5 f6f9fc"),
}
_FOLIAGE = {
    "spring": _colors("d97f9f efa0b8 f8c3d0 fde2e6"),
    "summer": _colors("1d6b4f 2f8a5b 58ab66 93cb7a"),
    "autumn": _colors("a8322a d2502c ea7f32 f6b445"),
    "winter": _colors("c9d6e4 dbe5ef ecf2f8 ffffff"),
}
_PINE = {"spring": "3d7a64", "summer": "125a4c", "autumn": "5f3a33", "winter": "45627c"}
_TRUNK = {"spring": "5b3f43", "summer": "4a3a33", "autumn": "4d2a2a", "winter": "4b4a58"}
_FLOWERS = {
    "spring": _colors("fdfdf6 f7a8c0 f9d56b c59be0"),
    "summer": _colors("f6584e fbc94b fffdf2 ef8fb4"),
    "autumn": _colors("f3a33c e4602f fbe0a0 b8323b"),
    "winter": _colors("ffffff d6e4f2 d8454c eef4fa"),
}
_HOUR_ON_LAND = {"dawn": ("6c5a8e", 0.30), "sunset": ("4a1f4f", 0.50), "night": ("0d1a45", 0.66)}


def mix_palette(scene: Scene) -> Palette:
    """The colours of a scene: hour and season, then its tint, kept weak enough to leave light above and dark below."""
    hour = scene.season if scene.time == "day" else scene.time
    shade, share = _HOUR_ON_LAND.get(scene.time, ("000000", 0.0))

    def lit(color: Color, weight: float = 1.0) -> Color:
        return _tinted(mix(color, _color(shade), share * weight), scene.tint, 0.28)

    sky = tuple(_tinted(color, scene.tint, 0.42) for color in _SKY[hour])
    return Palette(
        sky=sky,
        light=_color(_LIGHT[hour]),
        land=tuple(lit(color) for color in _LAND[scene.season]),
        snow=lit((250, 252, 255), 0.7),
        foliage=tuple(lit(color, 0.72) for color in _FOLIAGE[scene.season]),
        pine=lit(_color(_PINE[scene.season])),
        trunk=lit(_color(_TRUNK[scene.season])),
        flowers=tuple(lit(color, 0.6) for color in _FLOWERS[scene.season]),
        dark=lit(_color("22303c")),
    )


def _tinted(color: Color, tint: Color | None, share: float) -> Color:
    """The colour moved towards the tint at its own brightness, so that a tinted night stays dark."""
    if tint is None:
        return color
    brightness = sum(color) / max(1, sum(tint))
    red, green, blue = (min(255, round(channel * brightness)) for channel in tint)
    return mix(color, (red, green, blue), share)
