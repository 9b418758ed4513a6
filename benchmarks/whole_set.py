"""A whole set of eight pictures by links: from the request to the last file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai

import bare_script
from pictures import KEY, Service, served
from seedream_magic import Seedream
from table import Row, in_turn, seconds

MODEL = "doubao-seedream-4-5"
IMAGES = 8
_LIMIT = (
    "In a profile 94 ms of processor time, the bare script's 33. Of ours a third saves the pictures so that they "
    "outlast a power cut (a fifth are syncs), a sixth receives them, a fifteenth checks them; the rest are "
    "records, the plan and the library. Paced, 16 ms pass until the request leaves, 12 from the answer to the "
    "downloads, 11 for the last records; all eight links answer at once, and two cores serve, receive, check and "
    "sync them"
)
_numbers = itertools.count()


def set_body(images: int, prompt: str = "a set") -> dict[str, Any]:
    """The request of a set as JSON."""
    count = {"sequential_image_generation_options": {"max_images": images}}
    return {"model": MODEL, "prompt": prompt, "size": "2048x2048", "sequential_image_generation": "auto", **count}


def by_seedream(service: Service) -> None:
    """Ours, as a person calls it."""
    number = next(_numbers)
    client = Seedream("anyfast", api_key=KEY, base_url=service.url, store=Path("runs"))
    images = client.generate(f"a set, number {number}", images=IMAGES, stream=False)
    assert len(images.ok) == IMAGES


def by_script(service: Service) -> None:
    """The floor."""
    folder = Path(f"script{next(_numbers)}")
    bare_script.draw(service.url, set_body(IMAGES), folder)
    assert len(list(folder.iterdir())) == IMAGES


def by_openai(service: Service) -> None:
    """The peer: openai-python, then each picture after the other, as its examples do."""
    folder = Path(f"openai{next(_numbers)}")
    folder.mkdir()
    body = set_body(IMAGES)
    extra = {name: body[name] for name in ("sequential_image_generation", "sequential_image_generation_options")}
    with openai.OpenAI(api_key=KEY, base_url=service.url) as client, httpx.Client(verify=False) as pictures:
        answer: Any = client.images.generate(model=MODEL, prompt="a set", size="2048x2048", extra_body=extra)
        for number, item in enumerate(answer.data, 1):
            (folder / f"{number:02d}.jpg").write_bytes(pictures.get(item.url).content)


def rows() -> Iterator[Row]:
    """Paced: each link takes half a second, as a host far away; unpaced: it answers at once."""
    for name, delay, most in (("paced, 0.5 s a link", 0.5, 1.05), ("unpaced", 0.0, 1.5)):
        with served(side=2048, delay=delay) as service:
            ways = {"ours": by_seedream, "floor": by_script, "peer": by_openai}
            figures = in_turn({way: partial(seconds, partial(draw, service)) for way, draw in ways.items()})
        floor, peer = figures.ratio("ours", "floor"), figures.ratio("ours", "peer")
        beside_peer = " and at most 0.4x openai-python" if delay else ""
        goal = f"at most {most:g}x the bare script{beside_peer}; it is {floor:.2f}x and {peer:.2f}x"
        met = floor <= most and (peer <= 0.4 or not delay)
        yield Row(f"whole set, {IMAGES} x 2K by links, {name}", "s", figures.of, goal, met, _LIMIT)
