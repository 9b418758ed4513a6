"""References as notebooks hold them: open files, uploads, what shows itself as a picture, tensors, AVIF, paths in ~."""

from __future__ import annotations

import base64
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image as ShownImage
from PIL import Image, features

from asking import run_cell
from raw_server import RawServer
from seedream_magic import InvalidRequest
from seedream_magic.api.references import objects
from seedream_magic.api.references.make_references import make_references
from seedream_magic.api.references.reference import Reference
from seedream_magic.notebook.completion import Surroundings, complete
from service import encoded, noise

PNG = encoded(noise(), "PNG")
JPEG = encoded(noise(), "JPEG")
TEXT = base64.b64encode(PNG).decode()


def read(value: object) -> list[Reference]:
    return list(make_references([value]))


def shows(**representations: object) -> object:
    """An object that shows itself so: `_repr_png_="…"`."""
    methods = {name: lambda self, *_, held=held, **__: held for name, held in representations.items()}
    return type("Chart", (), methods)()


def file_of(name: str) -> dict[str, Any]:
    """A file as ipywidgets 8 has it."""
    facts = {"name": name, "type": "image/png", "size": len(PNG), "last_modified": datetime.now(UTC)}
    return facts | {"content": memoryview(PNG)}


def files_of_7(*names: str) -> dict[str, Any]:
    """What ipywidgets 7 has as the value of an upload."""
    return {name: {"metadata": {"name": name, "type": "image/png", "size": len(PNG)}, "content": PNG} for name in names}


def upload_of(*names: str) -> Any:
    """The widget of an upload, of the ipywidgets that is installed, with these files in it."""
    upload = ipywidgets.FileUpload(multiple=True)
    seven = ipywidgets.__version__.startswith("7")
    upload.set_trait("value", files_of_7(*names) if seven else [file_of(name) for name in names])
    return upload


def zipped() -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", PNG)
    return zipfile.ZipFile(buffer).open("a.png")


HELD: dict[str, tuple[Callable[[], object], str]] = {
    "BytesIO": (lambda: io.BytesIO(PNG), "an open file"),
    "a file in an archive": (zipped, "an open file"),
    "an answer of the web": (lambda: SimpleNamespace(read=lambda _: PNG), "an open file"),
    "IPython's Image": (lambda: ShownImage(data=PNG), "a picture of type Image"),
    "_repr_png_": (lambda: shows(_repr_png_=PNG), "a picture of type Chart"),
    "_repr_png_ in base64": (lambda: shows(_repr_png_=TEXT), "a picture of type Chart"),
    "_repr_png_ with metadata": (lambda: shows(_repr_png_=(PNG, {"width": 9})), "a picture of type Chart"),
    "_repr_png_ before JPEG": (lambda: shows(_repr_jpeg_=JPEG, _repr_png_=PNG), "a picture of type Chart"),
    "a mimebundle": (
        lambda: shows(_repr_mimebundle_={"text/plain": "x", "image/png": TEXT}), "a picture of type Chart"
    ),
    "a mimebundle with metadata": (
        lambda: shows(_repr_png_=None, _repr_mimebundle_=({"image/png": PNG}, {})), "a picture of type Chart"
    ),
    "an upload of ipywidgets 7": (lambda: files_of_7("hero.png"), "the upload hero.png"),
    "an upload of ipywidgets 8": (lambda: (file_of("hero.png"),), "the upload hero.png"),
    "a file of an upload": (lambda: file_of("hero.png"), "the upload hero.png"),
    "the widget of an upload": (lambda: upload_of("hero.png"), "the upload hero.png"),
    "its value": (lambda: upload_of("hero.png").value, "the upload hero.png"),
    "the widget of a picture": (lambda: ipywidgets.Image(value=PNG), "a bytes object"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_what_notebooks_hold_is_read(name: str) -> None:
    """To the byte, and named for people; an upload does not bear the name of a file that may be another one."""
    make, source = HELD[name]
    (reference,) = read(make())
    assert (reference.data, reference.source, reference.width) == (PNG, source, 64)


def test_jpeg_and_links_that_show_themselves(tmp_path: Path) -> None:
    """`_repr_jpeg_`, IPython's picture of a file, and of a link, which is fetched like any other."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    assert [read(value)[0].data for value in (shows(_repr_jpeg_=JPEG), ShownImage(str(tmp_path / "a.jpg")))] == [
        JPEG
    ] * 2
    (link,) = read(ShownImage(url="https://pictures.example/a.png"))
    assert (link.url, link.data) == ("https://pictures.example/a.png", b"")


def test_several_uploads_are_several_references() -> None:
    """Of either ipywidgets, in their order."""
    upload = upload_of("a.png", "b.png")
    for value in (upload, upload.value, files_of_7("a.png", "b.png"), [file_of("a.png"), file_of("b.png")]):
        assert [reference.source for reference in read(value)] == ["the upload a.png", "the upload b.png"]


def test_an_open_file_is_read_from_its_beginning_and_left_where_it_stood(tmp_path: Path) -> None:
    """Also where it was read to its end; one of the system, a temporary one, one in memory."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    with path.open("rb") as file, tempfile.NamedTemporaryFile() as temporary, io.BytesIO(PNG) as memory:
        temporary.write(PNG)
        for stream, place in ((file, 5), (temporary, len(PNG)), (memory, 0)):
            stream.seek(place)
            assert read(stream)[0].data == PNG
            assert stream.tell() == place


def test_a_path_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, as a path object, as a glob."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.png").write_bytes(PNG)
    for value in ("~/a.png", Path("~/a.png"), "~/*.png"):
        assert read(value)[0].data == PNG


class Tensor:
    """What a tensor of torch offers, on NumPy's arrays."""

    __module__ = "torch"

    def __init__(self, array: Any) -> None:
        self.array, self.shape = array, array.shape

    def __array__(self) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __len__(self) -> int:
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        return iter(map(Tensor, self.array))

    def is_floating_point(self) -> bool:
        return bool(self.array.dtype.kind == "f")

    def detach(self) -> Tensor:
        return self

    cpu = detach

    def float(self) -> Tensor:
        return Tensor(self.array.astype("float32"))

    def permute(self, *places: int) -> Tensor:
        return Tensor(self.array.transpose(places))

    def numpy(self) -> Any:
        return self.array


FLOATS = np.asarray(noise(), dtype="float64") / 255


@pytest.mark.parametrize(
    "value",
    [
        FLOATS,
        FLOATS.astype("float16"),
        np.where(FLOATS == 1, 1 + 9e-4, FLOATS),
        np.where(FLOATS == 0, -9e-4, FLOATS),
        Tensor(FLOATS.transpose(2, 0, 1)),
        Tensor(FLOATS),
        Tensor(FLOATS.transpose(2, 0, 1)[None]),
    ],
)
def test_floats_from_0_to_1_are_pixels(value: object) -> None:
    """Of NumPy and of torch, colours first or last, a batch of one; a rounding beyond 0 and 1 is none."""
    (reference,) = read(value)
    with Image.open(io.BytesIO(reference.data)) as picture:
        difference = np.abs(np.asarray(picture, dtype=int) - np.asarray(noise(), dtype=int))
    assert (picture.size, difference.max() <= 1) == ((64, 48), True)


def test_a_batch_of_tensors_is_several_pictures_and_the_range_is_told() -> None:
    """As diffusion pipelines hand them out; from -1 to 1 they are no picture yet."""
    assert len(read(Tensor(np.stack([FLOATS.transpose(2, 0, 1)] * 3)))) == 3
    with pytest.raises(InvalidRequest, match="floats from -1 to 1 is not a picture: they go from 0 to 1"):
        read(Tensor(FLOATS.transpose(2, 0, 1) * 2 - 1))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_sent_as_what_the_service_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognised by its bytes, under any name; where Pillow cannot read it, that is what is said."""
    (tmp_path / "a.png").write_bytes(encoded(noise(), "AVIF"))
    (reference,) = read(tmp_path / "a.png")
    assert (reference.media_type, reference.width, reference.height) == ("image/png", 64, 48)
    monkeypatch.setattr(Image, "OPEN", {})
    with pytest.raises(
        InvalidRequest, match=r"a.png is an AVIF picture, which this Pillow cannot read; save it as PNG"
    ):
        read(tmp_path / "a.png")


class Broken:
    """It fails at showing itself."""

    def _repr_png_(self) -> bytes:
        raise OSError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (io.StringIO("x"), 'open it with "rb"'),
        (io.BytesIO(b"x" * 2000), "more than 0.1 MB"),
        (io.BytesIO(b""), "an open file is empty"),
        (Broken(), "cannot be read as a picture: OSError."),
        (shows(_repr_png_="x"), "cannot be read as a picture"),
        (shows(_repr_html_="<b>"), "Chart cannot be a reference: give a path"),
        (shows(_repr_mimebundle_={"text/html": "x"}), "Chart cannot be a reference"),
        (ShownImage, "cannot be a reference"),
        (ipywidgets.FileUpload(), "holds no picture"),
        (ipywidgets.IntSlider(), "int cannot be a reference"),
        ({"a.png": b"x"}, "dict cannot be a reference"),
        ({}, "dict cannot be a reference"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_holds_no_picture_is_told(value: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, never an error of another kind or an empty reason."""
    monkeypatch.setattr(objects, "MAXIMUM_FILE", 1000)
    with pytest.raises(InvalidRequest) as refused:
        read(value)
    (line,) = refused.value.lines()
    assert words in line


def test_a_cell_takes_them_by_their_variables(shell: InteractiveShell, server: RawServer) -> None:
    """`--ref` names what the notebook holds; Tab offers it."""
    shell.user_ns |= {"memory": io.BytesIO(PNG), "shown": ShownImage(data=PNG), "upload": upload_of("hero.png")}
    error, _, _ = run_cell(shell, "%%seedream --quiet --ref memory --ref shown --ref upload.value\na fox")
    assert error is None
    sent = server.requests[0].json()["image"]
    assert sent == [f"data:image/png;base64,{TEXT}"] * 3
    line = "%%seedream --ref "
    _, offered = complete(line, 0, len(line), Surroundings(shell.user_ns, lambda _: None))
    assert {"memory", "shown", "upload"} <= {candidate.text for candidate in offered}
