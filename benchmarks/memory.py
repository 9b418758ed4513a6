"""Peak memory of a set of fifteen 4K pictures, above that of the same process before it asks; in decoded frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from pictures import KEY, Service, served
from table import TURNS, Figures, Row, in_process

IMAGES = 15
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
url, small, key, store, images, form, stream = sys.argv[1:]
Seedream("anyfast", api_key=key, base_url=small, store=Path(store)).generate(f"warm {store}", response_format=form)
# Prompts of its own each time: what the library has is not asked for again.
client = Seedream("anyfast", api_key=key, base_url=url, store=Path(store))
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
url, _, key, store, images, form, _ = sys.argv[1:]
client = openai.OpenAI(api_key=key, base_url=url)
extra = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": int(images)}}
rest = now()
threading.Thread(target=watch).start()
answer = client.images.generate(model="doubao-seedream-4-5", prompt="a set", response_format=form, extra_body=extra)
for number, item in enumerate(answer.data):
    data = base64.b64decode(item.b64_json) if item.b64_json else httpx.get(item.url).content
    Path(store, f"{number}").write_bytes(data)
done.set()
print(json.dumps([peak - rest]))
"""
)


def _peak(program: str, services: Sequence[Service], images: int, form: str, stream: str) -> float:
    urls = [service.url for service in services]
    with tempfile.TemporaryDirectory() as store:
        return float(in_process(program, *urls, KEY, store, str(images), form, stream)[0]) / FRAME


def rows() -> Iterator[Row]:
    """PNG by link, and in base64 in one JSON object and by events; JPEG by link."""
    png = (("url", "json"), ("b64_json", "json"), ("b64_json", "stream"))
    for kind, ways in (("PNG", png), ("JPEG", png[:1])):
        with served(side=4096, kind=kind) as service, served(side=256, kind=kind) as small:
            for form, stream in ways:
                yield _row((service, small), kind, form, stream)


def _row(services: Sequence[Service], kind: str, form: str, stream: str) -> Row:
    programs = {f"ours, {IMAGES}": (_OURS, IMAGES), "ours, 2": (_OURS, 2)}
    if stream == "json":  # the peer reads no events of images
        programs["openai-python"] = (_PEER, IMAGES)
    # Two processes at a time: memory, unlike time, is the same beside another one.
    with ThreadPoolExecutor(2) as pool:
        asked = {
            way: [pool.submit(_peak, program, services, images, form, stream) for _ in range(TURNS)]
            for way, (program, images) in programs.items()
        }
    figures = Figures({way: [peak.result() for peak in peaks] for way, peaks in asked.items()})
    most = figures.median(f"ours, {IMAGES}")
    goal = f"at most 2.5 decoded frames ({FRAME:.0f} MiB each) above rest; it is {most:.1f}"
    way = {"url": "link", "b64_json": "base64"}[form]
    name = f"peak memory, {IMAGES} x 4K {kind} by {way}, {stream}"
    return Row(name, "x", figures.of, goal, most <= 2.5, _LIMIT)


_LIMIT = (
    "What is held: the bytes of two pictures while they are checked (one a core, 26 MiB each for PNG), then the pixels "
    "of one while its preview is drawn (64 MiB for a PNG, for Pillow has four bytes a pixel) and what that thread keeps"
)
