"""The demo's painter and what it reads off a prompt."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from PIL import Image, ImageChops, ImageStat

from seedream_magic.demo.painter import paint
from seedream_magic.demo.prompts import read_scene

SEASONS = "Generate a set of illustrations showing four seasons"


def picture(
    prompt: str, index: int = 0, *, width: int = 640, height: int = 640, watermark: bool = False, take: int = 1
) -> Image.Image:
    content = paint(prompt, index, width=width, height=height, watermark=watermark, take=take)
    return Image.open(io.BytesIO(content)).convert("RGB")


def mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image).mean


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(mean(ImageChops.difference(first, second)))


def test_same_arguments_give_the_same_bytes() -> None:
    """A link can be served again without keeping the picture: painting is deterministic."""
    first, again = (paint("a fox", 2, width=640, height=480, watermark=True, take=2) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "prompt", ["a fox in the hills", "一只猫", "sea at night", "a city in winter at noon", SEASONS]
)
def test_frames_and_takes_look_different(prompt: str) -> None:
    """No frame or take can be mistaken for the one before it, however much the prompt decides."""
    takes = [picture(prompt, width=256, height=256, take=take) for take in range(1, 6)]
    frames = [picture(prompt, index, width=256, height=256) for index in range(5)]
    assert min(difference(*pair) for pair in pairwise(takes)) > 12
    assert prompt.endswith("noon") or min(difference(*pair) for pair in pairwise(frames)) > 12


@pytest.mark.parametrize(("width", "height"), [(800, 1424), (4096, 4096), (2048, 128)])
def test_size_is_exact_and_the_file_a_baseline_jpeg(width: int, height: int) -> None:
    """Every size the service takes comes out to the pixel, as a plain JPEG."""
    image = Image.open(io.BytesIO(paint("mountain lake", 0, width=width, height=height, watermark=True)))
    assert (image.format, image.size, image.mode) == ("JPEG", (width, height), "RGB")
    assert not image.info.get("progressive")


def test_four_seasons_walk_through_the_year() -> None:
    """Frames go from spring to winter over one and the same landscape."""
    scenes = [read_scene(SEASONS, index) for index in range(4)]
    assert [scene.season for scene in scenes] == ["spring", "summer", "autumn", "winter"]
    assert len({scene.landscape for scene in scenes}) == 1
    summer, autumn, winter = (mean(picture(SEASONS, index, width=320, height=320)) for index in (1, 2, 3))
    assert autumn[0] - autumn[2] > 60, "autumn is red and orange"
    assert summer[1] > summer[0] + 25, "summer is green and blue"
    assert min(winter) > 150, "winter is bright with snow"


def test_the_hour_and_a_colour_word_light_the_picture() -> None:
    """Night is darker than noon; the words purple and 紫 move the colours: green loses against red and blue."""
    night, noon = (sum(mean(picture(prompt, width=320, height=320))) for prompt in ("湖的夜晚", "湖的正午"))
    assert night < 0.6 * noon
    red, green, blue = mean(picture("a purple summer lake", width=320, height=320))
    plain = mean(picture("a summer lake", width=320, height=320))
    assert red - green > plain[0] - plain[1] + 10
    assert blue > green
    assert read_scene("紫色的湖", 0).tint == read_scene("a purple lake", 0).tint


@pytest.mark.parametrize(
    ("prompt", "season", "time", "setting", "subjects"),
    [
        ("雪夜里的狐狸", "winter", "night", None, ("fox",)),
        ("a boat on the autumn sea at dusk", "autumn", "sunset", "sea", ("boat",)),
        ("春天的城市，清晨", "spring", "dawn", "city", ("house",)),
        ("sea", None, "day", "sea", ("boat",)),  # no animal is made up
        ("鲸鱼跃出海面", None, "day", "sea", ("whale",)),
        ("leaves fall in autumn", "autumn", "day", None, None),
        ("a girl and a seagull at the lighthouse", None, "day", "sea", ("person", "bird", "lighthouse")),
        ("灯塔旁的老人和白鹭", None, "day", "sea", ("lighthouse", "person", "bird")),
        ("月亮 and a rocket", None, "night", None, ("moon", "rocket")),
    ],
)
def test_words_of_both_languages_choose_the_scene(
    prompt: str, season: str | None, time: str, setting: str | None, subjects: tuple[str, ...] | None
) -> None:
    """Season, hour, setting and subject follow the prompt; what it leaves open is free."""
    scene = read_scene(prompt, 0)
    assert scene.time == time
    assert season in {None, scene.season}
    assert setting in {None, scene.setting}
    assert subjects in {None, scene.subjects}


def test_a_storyboard_frame_follows_its_own_line() -> None:
    """Line `2. …` of a storyboard is what the second frame shows; the style above it holds for all."""
    prompt = "watercolour, winter\n\n1. a cat at dawn\n2. a fox at night\n3. a house"
    scenes = [read_scene(prompt, index) for index in range(3)]
    assert [scene.subjects for scene in scenes] == [("cat",), ("fox",), ("house",)]
    assert [scene.time for scene in scenes[:2]] == ["dawn", "night"]
    assert {scene.season for scene in scenes} == {"winter"}


def test_watermark_and_seal() -> None:
    """A watermark changes the bottom right alone; the red seal at the bottom left is always there, with its numeral."""
    plain, marked = (picture("a calm lake", watermark=flag) for flag in (False, True))
    box = ImageChops.difference(plain, marked).point(lambda value: 255 if value > 40 else 0).getbbox()
    assert box is not None
    assert box[0] > 640 * 0.6
    assert box[1] > 640 * 0.9
    first, second = (picture(SEASONS, index).crop((18, 595, 45, 622)) for index in (0, 4))
    red, green, _ = mean(first)
    assert red > 150 > green + 50
    assert difference(first, second) > 3
