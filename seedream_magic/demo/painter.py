"""Paints the demo's pictures: calm layered landscapes whose season, hour, setting and subjects follow the prompt.

Pillow alone, no photograph; of fonts only the system's Chinese one, for the watermark. The same arguments give the
same bytes.
"""

from __future__ import annotations

import io
import math
import re

from PIL import Image, ImageDraw, ImageFont, ImageStat

from seedream_magic.pillow import as_shipped
from seedream_magic.view.lettering import Lettering, find_lettering
from seedream_magic.words.demo import MARK
from seedream_magic.words.language import language_of

from . import landscape
from .canvas import Canvas, Ridge, mix, parse_color, rounded
from .prompts import Color, read_scene

_REDUCED_AREA = 6_000_000
"""Pixels drawn at most for a picture below this size, which is reduced for smooth edges."""
_ENLARGED_AREA = 4_300_000
"""Pixels drawn for a larger picture: flat shapes lose nothing by being enlarged, and 4096x4096 stays quick."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


@as_shipped()  # the demo draws whatever the notebook has set Pillow to
def paint(
    prompt: str,
    index: int,
    *,
    width: int,
    height: int,
    watermark: bool,
    take: int = 1,
    png: bool = False,
    layer: Box | None = None,
) -> bytes:
    """JPEG or PNG of frame `index` (from 0) of a prompt, `width` x `height` pixels; each `take` (from 1) differs.

    With `watermark` it carries a small "AI generated" at the bottom right, as the service's own pictures do; a seal
    with the frame's number (from 1) and the word "demo" are always there. A `layer` is transparent outside its box.
    """
    area = _REDUCED_AREA if width * height < _REDUCED_AREA else _ENLARGED_AREA
    scale = min(2.0, math.sqrt(area / (width * height)))
    image = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))))
    _compose(Canvas(image, read_scene(prompt, index, take)))
    if scale == 2:
        picture = image.reduce(2)
    else:
        picture = image.resize((width, height), Image.Resampling.BILINEAR if scale < 1 else Image.Resampling.BOX)
    _sign(picture, index, _mark(prompt) if watermark else ("", Lettering(None)))
    if layer:
        cut = picture.crop(layer)
        picture = Image.new("RGBA", picture.size)
        picture.paste(cut, layer)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG" if png else "JPEG", quality=90, compress_level=1)
    return buffer.getvalue()


def _compose(canvas: Canvas) -> None:
    """Back to front, light on one side, the near bank, tree and subject on the other."""
    scene, unit, middle, chance = canvas.scene, canvas.unit, canvas.width / 2, canvas.chance("composition")
    horizon = canvas.height * (0.6 + 0.06 * min(1.0, max(0.0, canvas.height / canvas.width - 1)))
    side = chance.choice((-1, 1))
    light_x = middle - side * min(unit * 0.62, middle * 0.5) * chance.uniform(0.5, 0.9)
    low = unit * {"sunset": 0.24, "dawn": 0.3}.get(scene.time, 0.46)
    if scene.setting not in {"sea", "city"}:
        low += landscape.mountain_height(canvas, horizon) * 0.62 - unit * 0.22
    light_y = max(horizon - low, unit * (0.19 if "moon" in scene.subjects else 0.13))
    landscape.paint_sky(canvas, horizon, complex(light_x, light_y))
    front = landscape.paint_land(canvas, horizon, light_x, side)
    if scene.time != "night":
        landscape.paint_birds(canvas, horizon)
    if scene.setting not in {"sea", "city"} and "rocket" not in scene.subjects:  # it needs the sky free
        _plant_trees(canvas, front, side)
    _place_subjects(canvas, front, horizon, side)
    landscape.paint_weather(canvas)


def _plant_trees(canvas: Canvas, front: Ridge, side: int) -> None:
    """The large tree beside the subject, and more of them along a very wide picture."""
    unit, chance = canvas.unit, canvas.chance("trees")
    height = unit * (0.44 if canvas.scene.setting == "peak" else 0.56)
    first = canvas.width / 2 + side * min(unit, canvas.width) * 0.36
    for number in range(-8, 9):
        x = first + number * unit * 2.3 + (chance.uniform(-0.7, 0.7) * unit if number else 0)
        size = height * (chance.uniform(0.6, 1.05) if number else 1)
        if (number == 0 or size / 2 < x < canvas.width - size / 2) and front(x) < canvas.height - unit * 0.04:
            foot = complex(x, front(x) + unit * 0.012)
            landscape.paint_large_tree(canvas, foot, size, -side, name=f"tree {number}")


def _place_subjects(canvas: Canvas, front: Ridge, horizon: float, side: int) -> None:
    """Up to three, side by side, looking away from the tree, towards the light."""
    unit, middle = canvas.unit, canvas.width / 2
    named = [name for name in canvas.scene.subjects if name != "moon"]
    steps = {1: (0.08,), 2: (0.1, -0.16), 3: (0.14, -0.1, -0.26)}
    for name, step in zip(named, steps.get(len(named), ()), strict=True):
        x = middle + side * step * min(unit, middle * 1.3)
        if name == "rocket":
            foot, height = complex(middle + side * unit * 0.12, horizon * 0.62), unit * 0.24
        elif name == "bird":
            foot, height = complex(x - side * unit * 0.1, horizon * 0.55), unit * 0.14
        elif name in {"boat", "whale"}:
            foot = complex(x - side * unit * 0.16, horizon + (canvas.height - horizon) * 0.36)
            height = unit * 0.2
        else:
            foot = complex(x, front(x) + unit * 0.012)
            height = unit * (0.13 if len(named) > 1 and name != "house" else 0.17)
            height *= 2.2 if name == "lighthouse" else 1.15 if name == "person" else 1
            if canvas.scene.setting == "sea":  # who cannot swim sits on a rock
                reach = min(height, unit * 0.2)
                rock = (x - reach, foot.imag - reach * 0.12, x + reach, foot.imag + reach * 0.36)
                canvas.draw.chord(rock, 180, 360, fill=mix(canvas.dark, canvas.land[4], 0.35))
        draw_subject(name, canvas, foot, height, flip=side > 0)


# Each paint, and how much of the landscape's darkest colour is in it by day and at night (in hundredths).
_PAINTS = """
fur 26242f 40 40; fox e2682c 16 42; tail b95228 16 42; white fff7ec 6 20; ink 2e2226 0 0
wall faf0de 8 50; side faf0de 28 61; wood 603e34 30 30; roof b04434 20 20; gable b04434 32 32; glass ffd678 0 0
sail fff8ea 3 45; jib e26046 8 35; hull 5c342e 35 35; back 2c527c 20 45; belly c6d3de 4 12; fin 244264 15 34
coat d24c3e 12 40; scarf f2c14e 6 25; hair 3a2a26 20 40; plume f4f1ea 6 30; wing 5f7287 14 36; beak eaa03c 4 20
lamp ffce6e 0 0; eye 181c26 0 0; body faf6f0 6 6; red de463c 8 8; flame ffa83c 0 0; core ffeca0 0 0; port 8cc8de 0 0
spark ffc460 0 0
"""
# Strokes from back to front, one a line: what, its paint, and points in heights of the subject around its foot, y
# pointing up. Curves and outlines are filled; a slash stands between two of them. The other points go on with a size:
# radius and alpha of a disc, half length, thickness and alpha of a streak, radius and strength of a glow.
_SUBJECTS = {
    "cat": """
        curve fur -.16,.03 -.42,0 -.62,.1 -.66,.3 -.57,.46 -.51,.42 -.57,.28 -.53,.16 -.4,.1 -.2,.13
        curve fur -.3,0 -.34,.16 -.25,.38 -.15,.53 0,.58 .15,.53 .25,.38 .34,.16 .3,0 0,-.02
        curve fur -.23,.68 -.18,.56 0,.51 .18,.56 .23,.68 .16,.81 0,.84 -.16,.81
        outline fur -.225,.68 -.2,1 -.03,.82 / .225,.68 .2,1 .03,.82""",
    "fox": """
        curve tail -.1,0 -.42,-.02 -.68,.1 -.8,.32 -.74,.54 -.6,.66 -.6,.46 -.5,.3 -.26,.2
        curve white -.8,.34 -.74,.54 -.6,.66 -.61,.5 -.7,.46
        curve fox .2,0 .22,.22 .17,.46 .06,.6 -.1,.58 -.22,.4 -.34,.16 -.32,0 -.05,-.02
        curve white .18,.5 .2,.28 .13,.14 .04,.3 .02,.52
        outline fox .2,0 .195,.2 .115,.2 .11,0 / .06,0 .055,.2 -.025,.2 -.03,0
        outline ink .22,0 .2,.07 .11,.07 .11,0 / .08,0 .06,.07 -.03,.07 -.03,0
        outline fox .2,.78 .17,1.06 .04,.86 / -.18,.78 -.17,1.06 -.03,.86
        outline ink .176,.84 .167,.99 .068,.87 / -.158,.84 -.167,.99 -.051,.87
        curve fox .25,.72 .14,.58 .02,.49 -.1,.58 -.23,.72 -.16,.85 0,.88 .16,.85
        curve white .01,.5 .11,.57 .23,.7 .09,.7 / .01,.5 -.09,.57 -.21,.7 -.07,.7
        disc ink .1,.74,.018,255 -.08,.74,.018,255 .01,.515,.026,255""",
    "lighthouse": """
        glow lamp 0,.89,1,.55
        curve side -.34,0 -.2,.08 .2,.08 .34,0
        outline wall -.155,.02 -.092,.79 .092,.79 .155,.02
        outline coat -.138,.22 -.123,.41 .123,.41 .138,.22 / -.108,.59 -.092,.78 .092,.78 .108,.59
        outline wood -.035,.03 -.035,.15 .035,.15 .035,.03
        outline ink -.15,.79 -.15,.82 .15,.82 .15,.79
        outline glass -.072,.82 -.072,.94 .072,.94 .072,.82
        outline coat -.1,.94 -.05,1.01 0,1.05 .05,1.01 .1,.94""",
    "person": """
        outline ink -.1,0 -.085,.3 -.01,.3 -.025,0 / .025,0 .01,.3 .085,.3 .1,0
        curve coat -.2,.2 -.145,.5 -.1,.7 0,.76 .1,.7 .145,.5 .2,.2 0,.17
        outline scarf .03,.73 .2,.67 .36,.7 .35,.62 .2,.6 .05,.66
        curve hair -.115,.9 -.07,1 .03,1.01 .11,.93 .11,.76 .02,.71 -.1,.76
        curve scarf -.1,.75 0,.72 .1,.75 .1,.69 0,.655 -.1,.69""",
    "bird": """
        curve wing .12,.06 .3,.45 .78,.86 .62,.5 .42,.14 .3,-.02
        outline plume -.2,.08 -.6,.06 -.66,-.04 -.2,-.1
        curve plume -.32,-.04 -.1,.12 .24,.14 .5,.12 .64,.04 .5,-.06 .1,-.14
        outline beak .6,.09 .8,.02 .6,-.01
        curve wing .14,.04 -.12,.5 -.62,.92 -.5,.5 -.26,.12 -.08,-.04
        disc ink .52,.06,.022,255""",
    "house": """
        disc smoke -.42,1.12,.05,150 -.455,1.29,.072,126 -.56,1.46,.094,102 -.735,1.63,.116,78 -.98,1.8,.138,54
        outline wood -.33,.6 -.33,1.04 -.46,1.04 -.46,.6
        outline wall .6,0 .6,.5 .24,.92 -.12,.5 -.12,0
        outline side -.12,0 -.12,.5 -.78,.5 -.78,0
        outline roof .24,.98 -.5,.98 -.88,.46 -.14,.46
        outline gable .7,.45 .26,.98 .2,.98 .2,.9 .6,.43
        outline wood .36,0 .36,.34 .14,.34 .14,0
        outline glass -.28,.16 -.28,.36 -.46,.36 -.46,.16 / -.54,.16 -.54,.36 -.7,.36 -.7,.16
        outline glass .3,.52 .3,.68 .18,.68 .18,.52
        glow lamp -.48,.26,.9,.4""",
    "boat": """
        streak hull 0,-.06,.34,.024,130
        streak sail 0,-.135,.305,.024,115 0,-.21,.27,.024,100 0,-.285,.235,.024,85 0,-.36,.2,.024,70
        outline hull -.018,.1 -.018,1.04 .018,1.04 .018,.1
        outline sail -.04,.98 -.16,.84 -.27,.66 -.36,.46 -.43,.23 -.24,.2 -.04,.21
        outline jib .05,.9 .2,.54 .34,.25 .05,.22
        outline hull .48,.15 -.52,.15 -.4,0 .36,0
        outline sail .48,.15 -.52,.15 -.495,.118 .455,.118""",
    "whale": """
        curve back 1,0 .98,.3 .72,.56 .3,.64 -.14,.52 -.5,.28 -.76,.3 -.86,.42 -.92,.3 -.84,.08 -.6,-.06 0,-.12 .7,-.12
        curve back -.8,.3 -.72,.5 -.54,.64 -.74,.68 -.88,.56 -1.02,.68 -1.22,.64 -1.04,.48 -.92,.28
        curve belly .99,.02 .97,.16 .7,.2 .3,.12 0,-.04 .5,-.12 .9,-.1
        disc eye .66,.29,.03,255
        curve fin .34,.12 .22,-.08 -.02,-.2 .06,.06 .2,.18
        streak foam .98,-.04,.2,.045,190 .18,-.04,.24,.045,190 -.62,-.04,.22,.045,190
        disc foam """
    + " ".join(
        f"{0.5 + reach * far},{0.62 + lift * (2.1 * far - 1.3 * far**2)},{0.022 + 0.012 * far},200"
        for reach, lift in ((-0.34, 0.3), (-0.18, 0.42), (0.18, 0.42), (0.34, 0.3))
        for far in (0.15, 0.3, 0.45, 0.6, 0.8, 1)
    ),
    "rocket": "disc smoke "
    + " ".join(
        f"{(-1) ** puff * (0.04 + puff * 0.004)},{-0.34 - 0.115 * puff},{0.07 + 0.012 * puff},{190 - 9 * puff}"
        for puff in range(14)
    )
    + """
        glow spark 0,-.12,.9,.55
        curve flame -.1,.04 -.12,-.12 0,-.42 .12,-.12 .1,.04
        curve core -.06,.04 -.065,-.08 0,-.24 .065,-.08 .06,.04
        outline red -.12,.36 -.32,.12 -.3,-.06 -.1,.06 / .12,.36 .32,.12 .3,-.06 .1,.06
        curve body -.11,.02 -.18,.3 -.17,.6 -.09,.88 0,1.02 .09,.88 .17,.6 .18,.3 .11,.02
        curve shade -.04,.02 -.09,.3 -.08,.6 -.03,.96 -.09,.88 -.17,.6 -.18,.3 -.11,.02
        curve red -.125,.78 -.07,.92 0,1.03 .07,.92 .125,.78 0,.76
        disc red 0,.54,.088,255
        disc port 0,.54,.062,255
        outline red -.02,-.04 -.02,.24 .02,.24 .02,-.04""",
}


def draw_subject(name: str, canvas: Canvas, foot: complex, height: float, *, flip: bool) -> None:
    """Draw a subject standing at `foot`, `height` pixels high, looking right, or left with `flip`."""
    paints = _mix_paints(canvas)
    if name == "cat":  # seen from behind, with a rim of light
        rim = {"fur": mix(paints["fur"], canvas.light, 0.6)}
        _draw_strokes(name, rim, canvas, foot + height * complex(-0.022 if flip else 0.022, -0.012), height, flip=flip)
    _draw_strokes(name, paints, canvas, foot, height, flip=flip)


def _mix_paints(canvas: Canvas) -> dict[str, Color]:
    """The paints in this picture's light."""
    paints, night = {}, canvas.scene.time == "night"
    for name, color, by_day, at_night in re.findall(r"(\w+) (\w+) (\d+) (\d+)", _PAINTS):
        paints[name] = mix(parse_color(color), canvas.dark, int(at_night if night else by_day) / 100)
    if canvas.scene.season == "winter":
        paints |= {"roof": canvas.snow, "gable": mix(canvas.snow, canvas.dark, 0.15)}
    if canvas.scene.time == "day":
        paints["glass"] = (126, 170, 190)
        del paints["lamp"]
    return {**paints, "smoke": canvas.sky[-1], "foam": canvas.light, "shade": mix(paints["body"], canvas.sky[0], 0.3)}


def _draw_strokes(
    name: str, paints: dict[str, Color], canvas: Canvas, foot: complex, height: float, *, flip: bool
) -> None:
    """The strokes whose paint is among the paints: there is no lamp by day."""
    for line in _SUBJECTS[name].strip().splitlines():
        what, paint, shapes = line.split(maxsplit=2)
        for shape in shapes.split("/") if paint in paints else ():
            color = paints[paint]
            points = [[float(number) for number in word.split(",")] for word in shape.split()]
            places = [foot + height * complex(-x if flip else x, -y) for x, y, *_ in points]
            if what in {"curve", "outline"}:
                canvas.polygon(rounded(places) if what == "curve" else places, color)
                continue
            for place, (_, _, size, *rest) in zip(places, points, strict=True):
                if what == "disc":
                    canvas.disc(place, size * height, color, round(rest[0]))
                elif what == "streak":
                    canvas.streak(place, size * height, rest[0] * height, color, round(rest[1]))
                else:
                    canvas.glow(place, size * height, color, rest[0])


def _mark(prompt: str) -> tuple[str, Lettering]:
    """The watermark in the language of the prompt's set; "AI" alone where no font has Chinese characters."""
    if language_of(prompt) == "en":
        return MARK.english, Lettering(None)
    lettering = find_lettering()
    return lettering.legible(MARK.chinese) or "AI", lettering


def _sign(picture: Image.Image, index: int, mark: tuple[str, Lettering]) -> None:
    """The seal with the frame's number, "demo" beside it, and the watermark where there is one."""
    unit = min(picture.size)
    side, margin = max(16, round(unit * 0.042)), round(unit * 0.028)
    left, bottom = margin, picture.height - margin
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rounded_rectangle((left, bottom - side, left + side, bottom), side * 0.2, fill=(190, 48, 40))
    font = ImageFont.load_default(side * 0.62)
    draw.text((left + side / 2, bottom - side / 2), str(index + 1), font=font, fill=(255, 246, 232), anchor="mm")
    own = Lettering(None)
    words = [("demo", own, left + side * 1.3, "ls", 0.46), (*mark, picture.width - margin, "rs", 0.6)]
    for text, lettering, x, anchor, size in words if mark[0] else words[:1]:
        font, place = lettering.font(max(9, side * size)), (x, bottom - side * 0.1)
        # Readable on snow and at night: dark on light, light on dark.
        ground = picture.crop(draw.textbbox(place, text, font=font, anchor=anchor)).convert("L")
        ink = (30, 36, 48) if ImageStat.Stat(ground).mean[0] > 165 else (255, 255, 255)
        draw.text(place, text, font=font, fill=(*ink, 210), anchor=anchor)
