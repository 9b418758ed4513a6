"""Silhouettes with a little charm: cat, fox, whale, house, boat, rocket.

An outline is text, `x,y x,y …` around the subject's foot: y points up, 1 is the subject's height.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .canvas import Canvas, Point, disc, glow, rounded
from .palette import mix
from .scene import Color


@dataclass(frozen=True)
class Figure:
    """Where a subject stands and how large (`tall`, in pixels); `flip` turns it to look the other way."""

    canvas: Canvas
    foot: Point
    tall: float
    flip: bool

    def place(self, x: float, y: float) -> Point:
        return self.foot[0] + (-x if self.flip else x) * self.tall, self.foot[1] - y * self.tall

    def corners(self, outline: str, color: Color) -> None:
        self.canvas.draw.polygon([self.place(x, y) for x, y in _points(outline)], fill=color)

    def curve(self, outline: str, color: Color) -> None:
        self.canvas.draw.polygon([self.place(x, y) for x, y in rounded(_points(outline), 8)], fill=color)

    def dot(self, x: float, y: float, radius: float, color: Color, *, alpha: int = 255) -> None:
        disc(self.canvas, self.place(x, y), radius * self.tall, color, alpha)

    def bar(self, x: float, y: float, half: float, *, thick: float, color: Color, alpha: int) -> None:
        """A stroke of light on water: lying flat, with round ends."""
        (left, top), (right, _) = sorted((self.place(x - half, y), self.place(x + half, y)))
        box = (left, top, right, top + thick * self.tall)
        self.canvas.draw.rounded_rectangle(box, thick * self.tall / 2, fill=(*color, alpha))

    def shaded(self, color: Color, share: float, *, at_night: float) -> Color:
        """The colour in this picture's light: `share` of the dark by day, `at_night` of it by night."""
        return mix(color, self.canvas.palette.dark, at_night if self.canvas.scene.time == "night" else share)


def _points(outline: str) -> list[Point]:
    pairs = (pair.split(",") for pair in outline.split())
    return [(float(x), float(y)) for x, y in pairs]


def _cat(figure: Figure) -> None:
    """Seen from behind, watching the sky, with a rim of light."""
    palette = figure.canvas.palette
    dark = mix((38, 36, 48), palette.dark, 0.4)
    light = figure.place(0.022, 0.012)
    lit = Figure(figure.canvas, light, figure.tall, figure.flip)
    for part, coat in ((lit, mix(dark, palette.light, 0.6)), (figure, dark)):
        part.curve("-.16,.03 -.42,0 -.62,.1 -.66,.3 -.57,.46 -.51,.42 -.57,.28 -.53,.16 -.4,.1 -.2,.13", coat)
        part.curve("-.3,0 -.34,.16 -.25,.38 -.15,.53 0,.58 .15,.53 .25,.38 .34,.16 .3,0 0,-.02", coat)
        part.curve("-.23,.68 -.18,.56 0,.51 .18,.56 .23,.68 .16,.81 0,.84 -.16,.81", coat)
        part.corners("-.225,.68 -.2,1 -.03,.82", coat)
        part.corners(".225,.68 .2,1 .03,.82", coat)


def _fox(figure: Figure) -> None:
    """Sitting, with a white bib and a brush of a tail around its feet."""
    coat = figure.shaded((226, 104, 44), 0.16, at_night=0.42)
    shade, dark = mix(coat, (90, 30, 30), 0.3), (46, 34, 38)
    white = figure.shaded((255, 247, 236), 0.06, at_night=0.2)
    figure.curve("-.1,0 -.42,-.02 -.68,.1 -.8,.32 -.74,.54 -.6,.66 -.6,.46 -.5,.3 -.26,.2", shade)
    figure.curve("-.8,.34 -.74,.54 -.6,.66 -.61,.5 -.7,.46", white)
    figure.curve(".2,0 .22,.22 .17,.46 .06,.6 -.1,.58 -.22,.4 -.34,.16 -.32,0 -.05,-.02", coat)
    figure.curve(".18,.5 .2,.28 .13,.14 .04,.3 .02,.52", white)
    figure.corners(".2,0 .195,.2 .115,.2 .11,0", coat)
    figure.corners(".06,0 .055,.2 -.025,.2 -.03,0", coat)
    figure.corners(".22,0 .2,.07 .11,.07 .11,0", dark)
    figure.corners(".08,0 .06,.07 -.03,.07 -.03,0", dark)
    for ear, inside in (
        (".2,.78 .17,1.06 .04,.86", ".176,.84 .167,.99 .068,.87"),
        ("-.18,.78 -.17,1.06 -.03,.86", "-.158,.84 -.167,.99 -.051,.87"),
    ):
        figure.corners(ear, coat)
        figure.corners(inside, dark)
    figure.curve(".25,.72 .14,.58 .02,.49 -.1,.58 -.23,.72 -.16,.85 0,.88 .16,.85", coat)
    figure.curve(".01,.5 .11,.57 .23,.7 .09,.7", white)
    figure.curve(".01,.5 -.09,.57 -.21,.7 -.07,.7", white)
    figure.dot(0.1, 0.74, 0.018, dark)
    figure.dot(-0.08, 0.74, 0.018, dark)
    figure.dot(0.01, 0.515, 0.026, dark)


def _house(figure: Figure) -> None:
    """A cottage with smoke from the chimney; its windows are lit from sunset to dawn."""
    scene, palette = figure.canvas.scene, figure.canvas.palette
    wall = figure.shaded((250, 240, 222), 0.08, at_night=0.5)
    roof = palette.snow if scene.season == "winter" else mix((176, 68, 52), palette.dark, 0.2)
    wood = mix((96, 62, 52), palette.dark, 0.3)
    lit = scene.time != "day"
    glass = (255, 214, 120) if lit else (126, 170, 190)
    for puff in range(5):
        figure.dot(
            -0.42 - 0.035 * puff**2, 1.12 + 0.17 * puff, 0.05 + 0.022 * puff, palette.sky[-1], alpha=150 - 24 * puff
        )
    figure.corners("-.33,.6 -.33,1.04 -.46,1.04 -.46,.6", wood)
    figure.corners(".6,0 .6,.5 .24,.92 -.12,.5 -.12,0", wall)
    figure.corners("-.12,0 -.12,.5 -.78,.5 -.78,0", mix(wall, palette.dark, 0.22))
    figure.corners(".24,.98 -.5,.98 -.88,.46 -.14,.46", roof)
    figure.corners(".7,.45 .26,.98 .2,.98 .2,.9 .6,.43", mix(roof, palette.dark, 0.15))
    figure.corners(".36,0 .36,.34 .14,.34 .14,0", wood)
    for window in (
        "-.28,.16 -.28,.36 -.46,.36 -.46,.16",
        "-.54,.16 -.54,.36 -.7,.36 -.7,.16",
        ".3,.52 .3,.68 .18,.68 .18,.52",
    ):
        figure.corners(window, glass)
    if lit:
        glow(figure.canvas, figure.place(-0.48, 0.26), figure.tall * 0.9, (255, 206, 110), 0.4)


def _boat(figure: Figure) -> None:
    """Under sail, above its broken reflection."""
    sail = figure.shaded((255, 248, 234), 0.03, at_night=0.45)
    hull = mix((92, 52, 46), figure.canvas.palette.dark, 0.35)
    for row in range(7):
        color = sail if row else hull
        figure.bar(0, -0.05 - 0.075 * row, 0.34 - 0.035 * row, thick=0.024, color=color, alpha=130 - 15 * row)
    figure.corners("-.018,.1 -.018,1.04 .018,1.04 .018,.1", hull)
    figure.corners("-.04,.98 -.16,.84 -.27,.66 -.36,.46 -.43,.23 -.24,.2 -.04,.21", sail)
    figure.corners(".05,.9 .2,.54 .34,.25 .05,.22", figure.shaded((226, 96, 70), 0.08, at_night=0.35))
    figure.corners(".48,.15 -.52,.15 -.4,0 .36,0", hull)
    figure.corners(".48,.15 -.52,.15 -.495,.118 .455,.118", sail)


def _whale(figure: Figure) -> None:
    """Half out of the sea, spouting."""
    back = figure.shaded((44, 82, 124), 0.2, at_night=0.45)
    belly, foam = mix((232, 240, 244), back, 0.18), figure.canvas.palette.light
    figure.curve(
        "1,0 .98,.3 .72,.56 .3,.64 -.14,.52 -.5,.28 -.76,.3 -.86,.42 -.92,.3 -.84,.08 -.6,-.06 0,-.12 .7,-.12", back
    )
    figure.curve("-.8,.3 -.72,.5 -.54,.64 -.74,.68 -.88,.56 -1.02,.68 -1.22,.64 -1.04,.48 -.92,.28", back)
    figure.curve(".99,.02 .97,.16 .7,.2 .3,.12 0,-.04 .5,-.12 .9,-.1", belly)
    figure.dot(0.66, 0.29, 0.03, (24, 28, 38))
    figure.curve(".34,.12 .22,-.08 -.02,-.2 .06,.06 .2,.18", mix(back, (10, 16, 30), 0.25))
    for reach, lift in ((0.34, 0.3), (0.18, 0.42), (-0.18, 0.42), (-0.34, 0.3)):
        for drop in range(1, 8):
            flight = drop / 7
            height = 0.62 + lift * (2.1 * flight - 1.3 * flight**2)
            figure.dot(0.5 + reach * flight, height, 0.022 + 0.012 * flight, foam, alpha=215 if drop < 5 else 155)
    for x, half in ((0.98, 0.2), (0.18, 0.24), (-0.62, 0.22)):
        figure.bar(x, -0.02, half, thick=0.045, color=foam, alpha=190)


def _rocket(figure: Figure) -> None:
    """Out of a storybook, on its way up on a column of smoke."""
    palette = figure.canvas.palette
    white, red = mix((250, 246, 240), palette.dark, 0.06), mix((222, 70, 60), palette.dark, 0.08)
    for puff in range(14):
        age = puff / 13
        wobble = (0.09 if puff % 2 else -0.08) * (0.4 + age)
        figure.dot(wobble, -0.34 - 1.5 * age, 0.07 + 0.16 * age, palette.sky[-1], alpha=round(190 - 120 * age))
    glow(figure.canvas, figure.place(0, -0.12), figure.tall * 0.9, (255, 196, 96), 0.55)
    figure.curve("-.1,.04 -.12,-.12 0,-.42 .12,-.12 .1,.04", (255, 168, 60))
    figure.curve("-.06,.04 -.065,-.08 0,-.24 .065,-.08 .06,.04", (255, 236, 160))
    figure.corners("-.12,.36 -.32,.12 -.3,-.06 -.1,.06", red)
    figure.corners(".12,.36 .32,.12 .3,-.06 .1,.06", red)
    figure.curve("-.11,.02 -.18,.3 -.17,.6 -.09,.88 0,1.02 .09,.88 .17,.6 .18,.3 .11,.02", white)
    shade = mix(white, palette.sky[0], 0.3)
    figure.curve("-.04,.02 -.09,.3 -.08,.6 -.03,.96 -.09,.88 -.17,.6 -.18,.3 -.11,.02", shade)
    figure.curve("-.125,.78 -.07,.92 0,1.03 .07,.92 .125,.78 0,.76", red)
    figure.dot(0, 0.54, 0.088, red)
    figure.dot(0, 0.54, 0.062, (140, 200, 222))
    figure.corners("-.02,-.04 -.02,.24 .02,.24 .02,-.04", red)


_DRAW: dict[str, Callable[[Figure], None]] = {
    "cat": _cat,
    "fox": _fox,
    "house": _house,
    "boat": _boat,
    "whale": _whale,
    "rocket": _rocket,
}


def draw_subject(name: str, canvas: Canvas, foot: Point, tall: float, *, flip: bool) -> None:
    """Draw a subject standing at `foot`, `tall` pixels high, looking right, or left with `flip`."""
    _DRAW[name](Figure(canvas, foot, tall, flip))
