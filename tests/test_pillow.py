"""Pillow's switches of the process say nothing of what is accepted, refused and drawn here, and stay as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from kernel import INHERITED, ROOT
from seedream_magic.pillow import as_shipped

SWITCHES = {
    "shipped": "",
    "small": "Image.MAX_IMAGE_PIXELS = 100; PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 10",
    "warnings": "Image.MAX_IMAGE_PIXELS = 200_000; warnings.simplefilter('error')",
    "generous": "Image.MAX_IMAGE_PIXELS = None; ImageFile.LOAD_TRUNCATED_IMAGES = True",
}
PROGRAM = """
import hashlib, io, json, sys, warnings
from importlib.util import find_spec
from pathlib import Path
from PIL import Image, ImageFile, PngImagePlugin
sys.path.insert(0, sys.argv[3])
from service import black_png

noise = Image.effect_noise((300, 200), 80).convert("RGB")
def saved(kind, **options):
    buffer = io.BytesIO()
    noise.save(buffer, kind, **options)
    return buffer.getvalue()

frames = {"save_all": True, "append_images": [noise.rotate(10), noise.rotate(20)]}
files = {kind: saved(kind) for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")}
files |= {"packed TIFF": saved("TIFF", compression="tiff_lzw"), "moving GIF": saved("GIF", **frames)}
files |= {f"black {side}": black_png(side) for side in (6500, 14000)}
exec(sys.argv[1])

from seedream_magic import Seedream
from seedream_magic.api.references.make_references import make_references, scale_to_limits
from seedream_magic.errors import SeedreamError

def told(action):
    try:
        return str(action())
    except SeedreamError as error:
        return str(error)

outcomes = {}
for name, data in files.items():
    damaged = data[:len(data) // 2] + b"\\xff\\xd9" * 20 + data[len(data) // 2 + 40:]
    broken = () if name.startswith("black") else ((" cut", data[:-len(data) // 3]), (" damaged", damaged))
    for how, form in (("", data), *broken):
        outcomes[name + how] = told(lambda: make_references([form]))
outcomes["fit"] = told(lambda: scale_to_limits(make_references([files["black 6500"]])[0])[1])
store = Path(sys.argv[2])
images = Seedream("demo", store=store).generate("a kite", images=2, refs=[files["JPEG"], files["GIF"]])
outcomes["pictures"] = [hashlib.sha256(frame.image.tobytes()).hexdigest() for frame in images]
outcomes["output"] = sorted(images._repr_mimebundle_())
for ending in ("html", "zip", "gif", "jpg", "png", *(["pdf"] if find_spec("fpdf") else [])):
    outcomes[ending] = images.export(store / f"out.{ending}").stat().st_size // 100
print(json.dumps(outcomes))
"""


def test_what_is_accepted_refused_and_drawn_hangs_on_no_switch(tmp_path: Path) -> None:
    """Each setting in a process of its own: references of every kind, whole, cut and damaged, --fit, a set, exports."""
    plain = {name: os.environ[name] for name in INHERITED if name in os.environ}
    plain |= {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "SEEDREAM_DEMO_DELAY": "0", "SEEDREAM_LIBRARY": ""}
    outcomes: dict[str, Any] = {}
    for name, switch in SWITCHES.items():
        command = [sys.executable, "-c", PROGRAM, switch, str(tmp_path / name), str(ROOT / "tests")]
        ended = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
        outcomes[name] = json.loads(ended.stdout) if ended.stdout else ended.stderr
    shipped = outcomes.pop("shipped")
    assert "is cut off or damaged" in shipped["BMP cut"]
    assert "too many pixels" in shipped["black 14000"]
    for name, found in outcomes.items():
        assert found == shipped, name


def test_the_switches_are_afterwards_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where two threads are inside at once, where it raises, and where somebody sets one meanwhile."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with as_shipped():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait(10)
    with pytest.raises(ValueError, match="x"), as_shipped():
        raise ValueError("x")
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == (False, None)
    Image.MAX_IMAGE_PIXELS = 9
    leave.set()
    thread.join()
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == (True, 9)
