"""Peak memory of a set of fifteen 4K pictures, above that of the same process before it asks; in decoded frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pictures import KEY, Service, served
from table import TURNS, Row, in_process, in_turn

FRAME = 4096 * 4096 * 3 / 2**20
"""MiB of one decoded picture."""
_PEAK = """
import json, resource, sys, threading, time
from pathlib import Path
def now():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
peak, done = 0.0, threading.Event()
def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, now())
"""
_OURS = (
    _PEAK
    + """
from PIL import Image
from seedream_magic import Seedream
import seedream_magic.view.carousel
url, key, store, images, form, stream = sys.argv[1:]
# Prompts of its own each time: what the library has is not asked for again.
client = Seedream("anyfast", api_key=key, base_url=url, store=Path(store))
client.generate(f"warm {store}", response_format=form, stream=False)
rest = now()
threading.Thread(target=watch).start()
made = client.generate(f"{images} {store}", images=int(images), response_format=form, stream=stream == "stream")
made._repr_mimebundle_()
done.set()
assert len(made.ok) == int(images) and not made.replayed
print(json.dumps([peak - rest]))
"""
)
_PEER = (
    _PEAK
    + """
import base64, httpx, openai
url, key, store, images, form = sys.argv[1:]
client = openai.OpenAI(api_key=key, base_url=url)
extra = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": int(images)}}
rest = now()
threading.Thread(target=watch).start()
answer = client.images.generate(model="doubao-seedream-4-5", prompt="a set", response_format=form, extra_body=extra)
for number, item in enumerate(answer.data):
    data = base64.b64decode(item.b64_json) if item.b64_json else httpx.get(item.url).content
    Path(f"peer{number}").write_bytes(data)
done.set()
print(json.dumps([peak - rest]))
"""
)


def _peak(program: str, *arguments: str) -> float:
    return float(in_process(program, *arguments)[0]) / FRAME


def rows() -> Iterator[Row]:
    """JPEG and PNG by link; in base64 by events and in one JSON object.

    Fifteen PNG take 13 to 19 s, so three turns of them; five pictures and the peer once.
    """
    for kind, ways in (
        ("PNG", (("url", "json"), ("b64_json", "json"), ("b64_json", "stream"))),
        ("JPEG", (("url", "json"), ("b64_json", "stream"), ("b64_json", "json"))),
    ):
        with served(side=4096, kind=kind) as service:
            for form, stream in ways:
                yield _row(service, kind, form, stream)


def _row(service: Service, kind: str, form: str, stream: str) -> Row:
    store = str(Path(f"runs {kind} {form} {stream}").absolute())
    draw = partial(_ours, service.url, store, form=form, stream=stream)
    figures = in_turn({"ours, 15": partial(draw, "15")}, turns=3 if kind == "PNG" else TURNS, warm=0)
    others = {"ours, 5": [draw("5")], "openai-python": [_peak(_PEER, service.url, KEY, store, "15", form)]}
    most = figures.median("ours, 15")
    goal = f"at most 2.5 decoded frames ({FRAME:.0f} MiB each) above rest; it is {most:.1f}"
    way = {"url": "link", "b64_json": "base64"}[form]
    name = f"peak memory, 15 x 4K {kind} by {way}, {stream}"
    return Row(name, "x", {**figures.of, **others}, goal, most <= 2.5, "" if most <= 2.5 else _NOTE)


_NOTE = (
    "What is held: the bytes of two pictures while they are checked (one a core, 26 MiB each for PNG), then the pixels "
    "of one while its preview is drawn (64 MiB for a PNG, for Pillow has four bytes a pixel) and what that thread keeps"
)
_turns = iter(range(1000))


def _ours(url: str, store: str, images: str, form: str, stream: str) -> float:
    return _peak(_OURS, url, KEY, f"{store} {next(_turns)}", images, form, stream)
