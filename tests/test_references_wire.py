"""Each kind of reference as it reaches the wire, what is refused before it, and what a record keeps of it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from seedream_magic import InvalidRequest, Seedream
from seedream_magic.images.history import records
from service import jpeg

LINK = "https://pictures.example.com/fox.jpg?v=2"


class Service:
    """The API and a host of pictures behind one transport; remembers the bodies, and counts the pictures fetched."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.fetched: list[str] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.bodies.append(json.loads(request.content))
            encoded = base64.b64encode(jpeg(9)).decode()
            return httpx.Response(200, json={"data": [{"b64_json": encoded}]})
        self.fetched.append(str(request.url))
        assert "authorization" not in request.headers
        return httpx.Response(self.status, content=jpeg(5), headers={"Content-Type": "image/jpeg"})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def seedream(service: Service, store: Path) -> Seedream:
    """A front door to that service."""
    return Seedream("ark", api_key="sk-CANARY", store=store, transport=httpx.MockTransport(service))


def uri(data: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_bytes_go_out_unchanged(seedream: Seedream, service: Service, tmp_path: Path) -> None:
    """A path, a `Path`, bytes and a data URI give the same text: the file's own bytes, typed by what they are."""
    path = tmp_path / "狐狸 1.png"  # the name lies about the type
    path.write_bytes(jpeg(3))
    for reference in (str(path), path, jpeg(3), uri(jpeg(3), "PNG"), path.name):
        seedream.generate("x", refs=reference, fresh=True)
    assert [body["image"] for body in service.bodies] == [uri(jpeg(3))] * 5


def test_several_references_are_a_list(seedream: Seedream, service: Service, tmp_path: Path) -> None:
    """In the order given; a glob in the order of its numbers."""
    for number in (10, 2):
        (tmp_path / f"fox{number}.jpg").write_bytes(jpeg(number))
    seedream.generate("x", refs=[jpeg(7), "fox*.jpg"])
    assert service.bodies[0]["image"] == [uri(jpeg(7)), uri(jpeg(2)), uri(jpeg(10))]


@pytest.mark.parametrize("kind", ["picture", "array"])
def test_what_has_no_bytes_yet_is_encoded_without_loss(seedream: Seedream, service: Service, kind: str) -> None:
    """A picture of Pillow and an array reach the wire as PNG with the same pixels."""
    picture = Image.effect_noise((48, 32), 90).convert("RGB")
    seedream.generate("x", refs=picture if kind == "picture" else np.asarray(picture))
    head, _, encoded = service.bodies[0]["image"].partition(",")
    sent = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert head == "data:image/png;base64"
    assert (sent.size, sent.tobytes()) == (picture.size, picture.tobytes())


def test_a_link_is_fetched_and_sent_as_bytes(seedream: Seedream, service: Service, store: Path) -> None:
    """Planning fetches nothing; the run fetches once, without the key, and the same link is the same request."""
    plan = seedream.plan("x", refs=LINK)
    assert (service.fetched, plan.short_body["image"]) == ([], LINK)
    made = seedream.run(plan)
    assert service.fetched == [LINK]
    assert service.bodies[0]["image"] == uri(jpeg(5))
    assert seedream.plan("x", refs=LINK).stored == made.run_id
    (kept,) = (store / "references").iterdir()
    assert kept.read_bytes() == jpeg(5)


def test_a_link_that_cannot_be_fetched_stops_the_run(seedream: Seedream, service: Service, store: Path) -> None:
    """Nothing is sent, and the record says so."""
    service.status = 404
    with pytest.raises(InvalidRequest, match="could not be fetched") as raised:
        seedream.generate("x", refs=LINK)
    assert (raised.value.billed, service.bodies) == ("no", [])
    assert [record.facts["outcome"] for record in records(store)] == ["not_sent"]


@pytest.mark.parametrize(
    ("refs", "options", "words"),
    [
        ([jpeg(1)] * 2, {"images": 14}, "16"),
        ([jpeg(1)] * 15, {}, "14"),
        ([jpeg(1)], {"model": "doubao-seedream-3-0-t2i-250415"}, "takes no"),
        (["missing.png"], {}, "no file"),
        ([b"<svg/>"], {}, "SVG|no picture"),
        (["http://x.example/a.png"], {}, "https"),
        ([object()], {}, "object"),
    ],
)
def test_limits_refuse_before_sending(
    refs: list[object], options: dict[str, Any], words: str, seedream: Seedream, service: Service
) -> None:
    """One sentence that names the limit; no request, no folder."""
    with pytest.raises(InvalidRequest, match=words):
        seedream.generate("x", refs=refs, **options)
    assert service.bodies == []
    assert list(seedream.store.iterdir()) == []


def test_a_picture_over_the_limits_is_scaled_where_asked(seedream: Seedream, service: Service) -> None:
    """Without `fit` it is refused and the sentence names --fit; with it the note tells the pixels that are sent."""
    large = png(Image.new("L", (7000, 6000)))
    with pytest.raises(InvalidRequest, match="--fit"):
        seedream.plan("x", refs=large)
    plan = seedream.plan("x", refs=large, fit=True)
    (reference,) = plan.request.references
    assert (reference.width or 0) * (reference.height or 0) <= 36_000_000
    assert f"{reference.width}x{reference.height}" in " ".join(plan.warnings)
    assert service.bodies == []


def test_the_record_names_files_not_bytes(seedream: Seedream, store: Path) -> None:
    """`request.json` stays small; a signed link loses its signature in it."""
    made = seedream.generate("x", refs=[jpeg(1), "https://x.example/a.jpg?X-Tos-Signature=canary"])
    text = (made.folder / "request.json").read_text()
    assert "canary" not in text
    assert "base64" not in text
    body = json.loads(text)["body"]
    assert all((store / name).is_file() for name in body["image"])


def test_references_by_the_notebooks_names(
    ip: InteractiveShell, service: Service, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--ref hero`, `--ref hero[1]`, `--ref a.b`: variables, their items and attributes; nothing is called."""
    ip.run_cell("%load_ext seedream_magic\n%seedream use demo")
    monkeypatch.setenv("SEEDREAM_STORE", str(store))
    ip.user_ns |= {"英雄": [jpeg(1), jpeg(2)], "picture": Image.new("RGB", (40, 40))}
    shown = {}
    for typed in ("英雄[1]", "英雄", "picture", "英雄[7]", "open('x')", "picture.nothing"):
        with capture_output() as captured:
            ip.run_cell(f'%%seedream --dry-run --ref "{typed}"\nx')
        shown[typed] = captured.stdout
    assert shown["英雄[1]"].count("data:image/jpeg") == 2  # in the body and in the curl line
    assert shown["英雄"].count("data:image/jpeg") == 4
    assert "data:image/png" in shown["picture"]
    assert [name for name, text in shown.items() if "Nothing was sent." in text and "data:" not in text] == [
        "英雄[7]",
        "open('x')",
        "picture.nothing",
    ]
