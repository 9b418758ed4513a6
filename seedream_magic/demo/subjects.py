"""Silhouettes with a little charm: cat, fox, whale, house, boat, rocket.

An outline is text, `x,y x,y …` around the subject's foot: y points up, 1 is the subject's height.
"""

from __future__ import annotations

from dataclasses import dataclass

from .canvas import Canvas, Point, mix, rounded
from .prompts import Color


@dataclass(frozen=True)
class Figure:
    """Where a subject stands and its height in pixels; `flip` turns it to look left instead of right."""

    canvas: Canvas
    foot: Point
    height: float
    flip: bool

    def place(self, x: float, y: float) -> Point:
        return self.foot[0] + (-x if self.flip else x) * self.height, self.foot[1] - y * self.height

    def angular(self, color: Color, *outlines: str) -> None:
        for outline in outlines:
            self.canvas.polygon(self._corners(outline), color)

    def curved(self, color: Color, *outlines: str) -> None:
        for outline in outlines:
            self.canvas.polygon(rounded(self._corners(outline)), color)

    def _corners(self, outline: str) -> list[complex]:
        pairs = (pair.split(",") for pair in outline.split())
        return [complex(*self.place(float(x), float(y))) for x, y in pairs]

    def dot(self, x: float, y: float, radius: float, color: Color, alpha: int = 255) -> None:
        self.canvas.disc(self.place(x, y), radius * self.height, color, alpha)

    def glow(self, x: float, y: float, color: Color, strength: float) -> None:
        self.canvas.glow(self.place(x, y), self.height * 0.9, color, strength)

    def streak(self, x: float, y: float, half: float, *, thickness: float, color: Color, alpha: int) -> None:
        """Light on water, lying flat around x."""
        self.canvas.streak(self.place(x, y), half * self.height, thickness * self.height, color, alpha)

    def shaded(self, color: Color, by_day: float, at_night: float) -> Color:
        """The colour in this picture's light: with a share of the dark that depends on the hour."""
        return mix(color, self.canvas.dark, at_night if self.canvas.scene.time == "night" else by_day)


def _draw_cat(figure: Figure) -> None:
    """Seen from behind, watching the sky, with a rim of light."""
    canvas = figure.canvas
    dark = mix((38, 36, 48), canvas.dark, 0.4)
    behind = Figure(figure.canvas, figure.place(0.022, 0.012), figure.height, figure.flip)
    for layer, coat in ((behind, mix(dark, canvas.light, 0.6)), (figure, dark)):
        tail = "-.16,.03 -.42,0 -.62,.1 -.66,.3 -.57,.46 -.51,.42 -.57,.28 -.53,.16 -.4,.1 -.2,.13"
        body = "-.3,0 -.34,.16 -.25,.38 -.15,.53 0,.58 .15,.53 .25,.38 .34,.16 .3,0 0,-.02"
        head = "-.23,.68 -.18,.56 0,.51 .18,.56 .23,.68 .16,.81 0,.84 -.16,.81"
        layer.curved(coat, tail, body, head)
        layer.angular(coat, "-.225,.68 -.2,1 -.03,.82", ".225,.68 .2,1 .03,.82")


def _draw_fox(figure: Figure) -> None:
    """Sitting, with a white bib and a brush of a tail around its feet."""
    coat, white = figure.shaded((226, 104, 44), 0.16, 0.42), figure.shaded((255, 247, 236), 0.06, 0.2)
    dark = (46, 34, 38)
    tail = "-.1,0 -.42,-.02 -.68,.1 -.8,.32 -.74,.54 -.6,.66 -.6,.46 -.5,.3 -.26,.2"
    figure.curved(mix(coat, (90, 30, 30), 0.3), tail)
    figure.curved(white, "-.8,.34 -.74,.54 -.6,.66 -.61,.5 -.7,.46")
    figure.curved(coat, ".2,0 .22,.22 .17,.46 .06,.6 -.1,.58 -.22,.4 -.34,.16 -.32,0 -.05,-.02")
    figure.curved(white, ".18,.5 .2,.28 .13,.14 .04,.3 .02,.52")
    figure.angular(coat, ".2,0 .195,.2 .115,.2 .11,0", ".06,0 .055,.2 -.025,.2 -.03,0")
    figure.angular(dark, ".22,0 .2,.07 .11,.07 .11,0", ".08,0 .06,.07 -.03,.07 -.03,0")
    figure.angular(coat, ".2,.78 .17,1.06 .04,.86", "-.18,.78 -.17,1.06 -.03,.86")
    figure.angular(dark, ".176,.84 .167,.99 .068,.87", "-.158,.84 -.167,.99 -.051,.87")
    figure.curved(coat, ".25,.72 .14,.58 .02,.49 -.1,.58 -.23,.72 -.16,.85 0,.88 .16,.85")
    figure.curved(white, ".01,.5 .11,.57 .23,.7 .09,.7", ".01,.5 -.09,.57 -.21,.7 -.07,.7")
    for x, y, radius in ((0.1, 0.74, 0.018), (-0.08, 0.74, 0.018), (0.01, 0.515, 0.026)):
        figure.dot(x, y, radius, dark)


def _draw_house(figure: Figure) -> None:
    """A cottage with smoke from the chimney; its windows are lit from sunset to dawn."""
    canvas = figure.canvas
    lit = canvas.scene.time != "day"
    wall, wood = figure.shaded((250, 240, 222), 0.08, 0.5), mix((96, 62, 52), canvas.dark, 0.3)
    roof = canvas.snow if canvas.scene.season == "winter" else mix((176, 68, 52), canvas.dark, 0.2)
    for puff in range(5):
        figure.dot(-0.42 - 0.035 * puff**2, 1.12 + 0.17 * puff, 0.05 + 0.022 * puff, canvas.sky[-1], 150 - 24 * puff)
    figure.angular(wood, "-.33,.6 -.33,1.04 -.46,1.04 -.46,.6")
    figure.angular(wall, ".6,0 .6,.5 .24,.92 -.12,.5 -.12,0")
    figure.angular(mix(wall, canvas.dark, 0.22), "-.12,0 -.12,.5 -.78,.5 -.78,0")
    figure.angular(roof, ".24,.98 -.5,.98 -.88,.46 -.14,.46")
    figure.angular(mix(roof, canvas.dark, 0.15), ".7,.45 .26,.98 .2,.98 .2,.9 .6,.43")
    figure.angular(wood, ".36,0 .36,.34 .14,.34 .14,0")
    windows = (
        "-.28,.16 -.28,.36 -.46,.36 -.46,.16",
        "-.54,.16 -.54,.36 -.7,.36 -.7,.16",
        ".3,.52 .3,.68 .18,.68 .18,.52",
    )
    figure.angular((255, 214, 120) if lit else (126, 170, 190), *windows)
    if lit:
        figure.glow(-0.48, 0.26, (255, 206, 110), 0.4)


def _draw_boat(figure: Figure) -> None:
    """Under sail, above its broken reflection."""
    sail, hull = figure.shaded((255, 248, 234), 0.03, 0.45), mix((92, 52, 46), figure.canvas.dark, 0.35)
    for row in range(7):
        color, alpha = (sail if row else hull), 130 - 15 * row
        figure.streak(0, -0.06 - 0.075 * row, 0.34 - 0.035 * row, thickness=0.024, color=color, alpha=alpha)
    figure.angular(hull, "-.018,.1 -.018,1.04 .018,1.04 .018,.1")
    figure.angular(sail, "-.04,.98 -.16,.84 -.27,.66 -.36,.46 -.43,.23 -.24,.2 -.04,.21")
    figure.angular(figure.shaded((226, 96, 70), 0.08, 0.35), ".05,.9 .2,.54 .34,.25 .05,.22")
    figure.angular(hull, ".48,.15 -.52,.15 -.4,0 .36,0")
    figure.angular(sail, ".48,.15 -.52,.15 -.495,.118 .455,.118")


def _draw_whale(figure: Figure) -> None:
    """Half out of the sea, spouting."""
    back, foam = figure.shaded((44, 82, 124), 0.2, 0.45), figure.canvas.light
    body = "1,0 .98,.3 .72,.56 .3,.64 -.14,.52 -.5,.28 -.76,.3 -.86,.42 -.92,.3 -.84,.08 -.6,-.06 0,-.12 .7,-.12"
    figure.curved(back, body, "-.8,.3 -.72,.5 -.54,.64 -.74,.68 -.88,.56 -1.02,.68 -1.22,.64 -1.04,.48 -.92,.28")
    figure.curved(mix((232, 240, 244), back, 0.18), ".99,.02 .97,.16 .7,.2 .3,.12 0,-.04 .5,-.12 .9,-.1")
    figure.dot(0.66, 0.29, 0.03, (24, 28, 38))
    figure.curved(mix(back, (10, 16, 30), 0.25), ".34,.12 .22,-.08 -.02,-.2 .06,.06 .2,.18")
    for reach, lift in ((0.34, 0.3), (0.18, 0.42), (-0.18, 0.42), (-0.34, 0.3)):
        for drop in range(1, 8):
            flight = drop / 7
            height = 0.62 + lift * (2.1 * flight - 1.3 * flight**2)
            figure.dot(0.5 + reach * flight, height, 0.022 + 0.012 * flight, foam, 215 if drop < 5 else 155)
    for x, half in ((0.98, 0.2), (0.18, 0.24), (-0.62, 0.22)):
        figure.streak(x, -0.04, half, thickness=0.045, color=foam, alpha=190)


def _draw_rocket(figure: Figure) -> None:
    """Out of a storybook, on its way up on a column of smoke."""
    canvas = figure.canvas
    white, red = mix((250, 246, 240), canvas.dark, 0.06), mix((222, 70, 60), canvas.dark, 0.08)
    for puff in range(14):
        age = puff / 13
        sway = (0.09 if puff % 2 else -0.08) * (0.4 + age)
        figure.dot(sway, -0.34 - 1.5 * age, 0.07 + 0.16 * age, canvas.sky[-1], round(190 - 120 * age))
    figure.glow(0, -0.12, (255, 196, 96), 0.55)
    figure.curved((255, 168, 60), "-.1,.04 -.12,-.12 0,-.42 .12,-.12 .1,.04")
    figure.curved((255, 236, 160), "-.06,.04 -.065,-.08 0,-.24 .065,-.08 .06,.04")
    figure.angular(red, "-.12,.36 -.32,.12 -.3,-.06 -.1,.06", ".12,.36 .32,.12 .3,-.06 .1,.06")
    figure.curved(white, "-.11,.02 -.18,.3 -.17,.6 -.09,.88 0,1.02 .09,.88 .17,.6 .18,.3 .11,.02")
    shade = mix(white, canvas.sky[0], 0.3)
    figure.curved(shade, "-.04,.02 -.09,.3 -.08,.6 -.03,.96 -.09,.88 -.17,.6 -.18,.3 -.11,.02")
    figure.curved(red, "-.125,.78 -.07,.92 0,1.03 .07,.92 .125,.78 0,.76")
    figure.dot(0, 0.54, 0.088, red)
    figure.dot(0, 0.54, 0.062, (140, 200, 222))
    figure.angular(red, "-.02,-.04 -.02,.24 .02,.24 .02,-.04")


_DRAW = {
    "cat": _draw_cat,
    "fox": _draw_fox,
    "house": _draw_house,
    "boat": _draw_boat,
    "whale": _draw_whale,
    "rocket": _draw_rocket,
}


def draw_subject(name: str, canvas: Canvas, foot: Point, height: float, *, flip: bool) -> None:
    """Draw a subject standing at `foot`, `height` pixels high, looking right, or left with `flip`."""
    _DRAW[name](Figure(canvas, foot, height, flip))
