"""References from files, links, bytes and objects: what is taken, what is refused and in which words."""

from __future__ import annotations

import base64
import io
import math
import os
import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from seedream_magic import Frame, ImageSet, InvalidRequest
from seedream_magic.api.models import SEEDREAM_3_0, SEEDREAM_5_0_PRO, Model
from seedream_magic.api.references import make_references as make_references_module
from seedream_magic.api.references import sources
from seedream_magic.api.references.make_references import make_references, read_fetched, scale_to_limits
from seedream_magic.api.references.objects import MAXIMUM_FILE
from seedream_magic.api.references.reference import (
    COMMON_BYTES,
    MAXIMUM_BYTES,
    Reference,
    reference_complaints,
    unsigned,
)
from seedream_magic.api.request import ImageRequest
from seedream_magic.errors import ImageError
from service import encoded, noise, png_of

PADDING = bytes(MAXIMUM_BYTES)
"""Behind a picture's end it changes nothing but the size of the file."""


ROW = zlib.compress(b"\0")
"""Next to nothing of the pixels of a PNG."""


def opened(reference: Reference) -> Image.Image:
    picture = Image.open(io.BytesIO(reference.data))
    picture.load()
    return picture


def rotated_photo() -> bytes:
    """A JPEG that lies on its side: 60x40 pixels, red on its left, which is the top once it is turned upright."""
    picture = Image.new("RGB", (60, 40), "blue")
    picture.paste("red", (0, 0, 30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(picture, "JPEG", exif=exif, quality=95)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def heif(brand: bytes, *sizes: tuple[int, int], others: bytes = b"") -> bytes:
    """The boxes of a HEIC file as a phone writes them, without the compressed picture."""
    extents = b"".join(box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes)
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", extents)))
    return box(b"ftyp", brand + bytes(4) + others) + meta + box(b"mdat", b"hevc")


def one(value: object, base: Path | None = None) -> Reference:
    (reference,) = make_references([value], base=base)
    return reference


def refusal(value: object, base: Path | None = None) -> str:
    """What is said of a value that is no reference: always one line."""
    with pytest.raises(InvalidRequest) as told:
        make_references([value], base=base)
    (line,) = told.value.lines()
    line.encode()
    return line


def image_set(*frames: Frame) -> ImageSet:
    return ImageSet(ImageRequest("doubao-seedream-4-5", "a fox"), "demo", "run", Path("run"), frames)


ANIMATION = encoded(noise(), "GIF", save_all=True, append_images=[Image.new("RGB", (64, 48))])

PICTURES = {
    "image/jpeg": encoded(noise(), "JPEG"),
    "image/png": encoded(noise(), "PNG"),
    "image/webp": encoded(noise(), "WEBP"),
    "image/bmp": encoded(noise(), "BMP"),
    "image/tiff": encoded(noise(), "TIFF"),
    "image/gif": ANIMATION,
    "image/heic": heif(b"heic", (512, 512), (64, 48)[::1], (512, 512)),
    "image/heif": heif(b"mif1", (64, 48)),
}


@pytest.mark.parametrize("media_type", PICTURES)
def test_a_file_is_what_its_bytes_are(media_type: str, tmp_path: Path) -> None:
    """Type and pixels come from the bytes, which stay as they are, whatever the name of the file says."""
    for name in ("picture.jpg", "picture"):
        (tmp_path / name).write_bytes(PICTURES[media_type])
        size = (512, 512) if media_type == "image/heic" else (64, 48)
        assert one(name) == Reference(name, media_type, PICTURES[media_type], *size)
    phone = one(heif(b"mif1", (64, 48), others=b"mif1heic"))  # its brand stands behind the general one
    assert (phone.media_type, phone.width, one(heif(b"heic")).width) == ("image/heic", 64, None)


def test_a_path_is_relative_to_the_base_or_the_home(tmp_path: Path, isolated_session: Path) -> None:
    """A notebook's folder, the current one, or ~; a link is followed; Chinese names, and marks of a glob, are found."""
    folder = tmp_path / "note books"
    folder.mkdir()
    for name in ("小猫.png", "hero[2].png", "-n.png"):
        (folder / name).write_bytes(PICTURES["image/png"])
        assert one(name, base=folder) == one(Path(name), base=folder)
    (isolated_session / "home.png").symlink_to(folder / "-n.png")
    assert one("~/home.png").source == "~/home.png"
    assert one("note books/小猫.png").data == one(folder / "-n.png", base=Path("elsewhere")).data


def test_a_glob_is_read_in_its_natural_order(tmp_path: Path) -> None:
    """2 comes before 10, folders are passed over, and each file is named."""
    for name in ("f10.png", "f2.png", "F1.png", "f2b.png"):
        (tmp_path / name).write_bytes(PICTURES["image/png"])
    (tmp_path / "f3.png").mkdir()
    assert [found.source for found in make_references(["[fF]*.png"])] == ["F1.png", "f2.png", "f2b.png", "f10.png"]
    assert len(make_references(["**/f*.png"], base=tmp_path)) == 3


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("heor.png", "Did you mean hero.png?"),
        ("HE*.PNG", "No file matches HE*.PNG. Did you mean hero.png?"),
        ("zz*.gif", "No file matches zz*.gif in FOLDER. Nothing was sent."),
        ("notes.tx", "There is no file notes.tx in FOLDER. Nothing was sent."),
        ("./notes.tx", "There is no file ./notes.tx. Nothing was sent."),
        ("gone/hero.png", "There is no folder gone either."),
    ],
)
def test_a_missing_file_is_named_with_the_one_that_was_meant(typed: str, meant: str, tmp_path: Path) -> None:
    """Only pictures are proposed."""
    (tmp_path / "hero.png").write_bytes(PICTURES["image/png"])
    (tmp_path / "notes.txt").write_text("hero")
    assert meant in refusal(typed).replace(str(tmp_path.resolve()), "FOLDER")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x.png is empty;"),
        ("一只猫".encode(), "x.png is text;"),
        (b'<?xml version="1.0"?>\n<SVG xmlns=""/>', "x.png is an SVG drawing;"),
        (b"%PDF-1.7\n", "x.png is a PDF;"),
        (encoded(noise(), "PPM"), "bytes of another kind;"),
    ],
)
def test_what_is_no_picture_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    """In one line that says what it is and what is taken."""
    (tmp_path / "x.png").write_bytes(content)
    line = refusal("x.png")
    assert words in line
    assert "a reference is a JPEG, PNG, WebP, BMP, TIFF, GIF or HEIC picture." in line


@pytest.mark.parametrize("media_type", PICTURES)
def test_a_cut_picture_is_refused(media_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is cut, down to its signature; a decoder that somebody registered with Pillow does not see it."""
    monkeypatch.setitem(Image.OPEN, "GREEDY", (lambda *_: pytest.fail("it was asked"), None))
    monkeypatch.setattr(Image, "ID", ["GREEDY", *Image.ID])
    whole = PICTURES[media_type]
    for data in (whole[: len(whole) * 3 // 10], whole[: len(whole) * 9 // 10], b"\x89PNG\r\n\x1a\n"):
        assert "cut off or damaged" in refusal(data)


def test_what_cannot_be_read_as_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder's line says how its pictures are named; nothing waits for a pipe; a giant is refused by its size."""
    (tmp_path / "photos").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    with (tmp_path / "scan.tiff").open("wb") as stream:
        stream.truncate(MAXIMUM_FILE + 1)
    assert "photos/ is a folder; give its pictures as photos/*.png." in refusal("photos/")
    assert "pipe.png is not a file." in refusal("pipe.png")
    assert "loop.png cannot be read: " in refusal("loop.png")
    assert "scan.tiff has 256.1 MB" in refusal("scan.tiff")
    (tmp_path / "secret.png").write_bytes(PICTURES["image/png"])
    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr(Path, "open", lambda *_: os.open(tmp_path, os.O_WRONLY))
        assert "secret.png cannot be read: Is a directory." in refusal("secret.png")


def test_no_more_than_fourteen_are_taken_and_none_is_read_before(tmp_path: Path) -> None:
    """Whether they come from one glob, from many values, or from a value without an end."""
    for number in range(15):
        (tmp_path / f"{number}.png").write_bytes(b"no picture")
    assert "*.png stands for 15 files; one request takes 14 at most." in refusal("*.png")
    assert "More than 14 references" in refusal(["0.png", "[1-9]*.png"])
    assert "More than 14 references" in refusal(iter(lambda: b"", None))


SIGNINGS = (
    "X-Tos-Algorithm=TOS4&X-Tos-Date=1&X-Tos-Signature={}",
    "X-Amz-Credential=1&X-Amz-Security-Token={0}&x-amz-signature={0}",
    "X-Goog-Expires=1&X-Goog-Signature={}",
    "GoogleAccessId=a&Expires=1&Signature={}",
    "OSSAccessKeyId=a&Expires=1&Signature={}&security-token={}",
    "sv=2023-01-01&SP=r&sr=b&se=2030&sig={}",
    "Policy={}&Key-Pair-Id=a&Signature={}",
    "token={}",
    "auth_key={}",
    "sign={}",
    "q-sign-algorithm=sha1&q-ak=a&q-key-time=1&q-signature={}",
    "x-expires=1&x-signature={}",
)


@pytest.mark.parametrize("signing", SIGNINGS)
def test_a_signature_makes_no_other_picture_and_is_not_shown(signing: str) -> None:
    """Signed anew it is the same reference, with another parameter another one; also where it is nested or encoded."""
    first, again = (signing.replace("{}", secret).replace("{0}", secret) for secret in ("canary", "canary2"))
    link = "https://cdn.example/get"
    assert one(f"{link}?{first}").identity == one(f"{link}?{again}").identity == link
    named = one(f"{link}?id=1&{first}").identity
    assert one(f"{link}?{again}&id=1").identity == one(named).identity == named
    assert one(f"{link}?id=2&{first}").identity != named
    nested = quote(f"https://in.example/b.png?{first}", safe="")
    encoded = "".join(f"%{ord(sign):02X}" if sign in "-_" else sign for sign in first)
    for signed in (f"{link}?{query}" for query in (first, f"v=1&{first}", f"url={nested}", encoded)):
        reference = one(signed)
        assert unsigned(signed) == reference.summary == link
        assert "canary" not in unquote(reference.identity + repr(reference))
        assert reference.body_value == signed


@pytest.mark.parametrize("query", ["?", "?id=1&ID=2;size=%20L&&x", "?se=1&sp=2&sv=3&design=4&tokens=5"])
def test_a_link_without_a_signature_is_its_own_identity(query: str) -> None:
    """To the letter: earlier runs are found by it. The short words of Azure sign nothing where there is no `sig`."""
    link = f"https://cdn.example/a.png{query}"
    assert one(link).identity == one(link).summary == unsigned(link) == link


DATA = base64.b64encode(PICTURES["image/png"]).decode()
URIS = {
    "another type and a name": f" data:image/jpg;name=a.png;base64,{DATA}\n",
    "capitals and a type that is not taken": f"DATA:IMAGE/SVG+XML;BASE64,{DATA}",
    "lines": "data:image/png;base64," + "\n".join(DATA[start : start + 76] for start in range(0, len(DATA), 76)),
    "the alphabet of links": "data:image/png;base64," + DATA.translate(str.maketrans("+/", "-_")).rstrip("="),
    "percent signs": "data:image/png," + "".join(f"%{byte:02x}" for byte in PICTURES["image/png"]),
}


@pytest.mark.parametrize("uri", URIS.values(), ids=URIS)
def test_a_data_uri_is_sent_with_its_real_type(uri: str) -> None:
    """However it is written; what its type says is not trusted. It goes out in lower case, as the API asks for."""
    assert one(uri).body_value == f"data:image/png;base64,{DATA}"


@pytest.mark.parametrize(
    ("mode", "colour", "shown", "seen"),
    [
        ("P", 0, "RGB", (0, 0, 0)),
        ("YCbCr", (255, 128, 128), "RGB", (255, 255, 255)),
        ("I;16", 0x8000, "L", 0x80),
        ("I;16B", 0x8000, "L", 0x80),
        ("I", 200, "L", 200),
        ("I", 2**30, "L", 255),
        ("F", 0.5, "L", 128),
        ("F", 128.0, "L", 128),
        ("1", 1, "L", 255),
        ("CMYK", (0, 0, 0, 255), "RGB", (0, 0, 0)),
        ("LAB", (255, 128, 128), "RGB", (254, 255, 254)),
        ("RGBA", (9, 8, 7, 255), "RGB", (9, 8, 7)),
        ("LA", (9, 8), "RGBA", (9, 9, 9, 8)),
    ],
)
def test_a_pillow_picture_of_any_mode_becomes_a_png(mode: str, colour: Any, shown: str, seen: object) -> None:
    """In eight bits a channel: 16 bits are scaled and not clipped, inks become light, transparency stays."""
    reference = one(Image.new(mode, (20, 30), colour))
    picture = opened(reference)
    assert (reference.source, reference.media_type) == ("a PIL image", "image/png")
    assert (picture.mode, picture.size, picture.getpixel((3, 3))) == (shown, (20, 30), seen)


def test_what_a_picture_says_beside_its_pixels_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upright, clear colours, a profile of such pixels; as a JPEG only where it is large and nothing shows through."""
    photo = one(Image.open(io.BytesIO(rotated_photo())))
    red, _, blue = opened(photo).getpixel((20, 10))  # type: ignore[misc] # a pixel of RGB is a tuple
    assert (photo.width, photo.height, red > 200 > blue) == (40, 60, True)
    assert one(rotated_photo()).data == rotated_photo()  # of a file nothing is touched
    palette = Image.new("P", (20, 20), 3)
    palette.info["transparency"] = 3
    assert opened(one(palette)).getpixel((0, 0))[3:] == (0,)  # type: ignore[index] # a pixel of RGBA is a tuple
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for picture in (coloured := noise(), grey := noise().convert("L")):
        picture.info["icc_profile"] = profile
    assert [opened(one(picture)).info.get("icc_profile") for picture in (coloured, grey)] == [profile, None]
    monkeypatch.setattr(make_references_module, "COMMON_BYTES", 5000)
    pictures = (noise(), noise(mode="RGBA"), Image.new("RGB", (64, 48)))
    assert [one(picture).media_type for picture in pictures] == ["image/jpeg", "image/png", "image/png"]


@pytest.mark.parametrize("kind", ["u1", "f2", "f4", ">f8"])
def test_an_array_becomes_a_png(kind: str) -> None:
    """Grey or coloured, whatever its numbers are and however they lie in memory; no shade is lost."""
    shades = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colours = np.dstack([shades, shades[:, ::-1], shades[::-1]])
    for array, mode in ((shades, "L"), (shades[..., None], "L"), (colours, "RGB"), (np.asfortranarray(colours), "RGB")):
        reference = one(array if kind == "u1" else (array / 255).astype(kind))
        assert (reference.source, reference.media_type) == ("a numpy array", "image/png")
        assert opened(reference).mode == mode
        assert np.array_equal(np.asarray(opened(reference)), array.squeeze())
    assert opened(one(np.dstack([colours, shades]))).mode == "RGBA"
    assert opened(one(np.ones((5, 6), bool))).getpixel((5, 4)) == 255


class Figure:
    """What a figure of Matplotlib offers; `drawn` is what it writes."""

    drawn = PICTURES["image/png"]

    def savefig(self, file: io.BytesIO, *, format: str) -> None:  # noqa: A002 - Matplotlib's own name
        assert format == "png"
        file.write(self.drawn)


def test_frames_sets_and_figures_are_their_pictures(tmp_path: Path) -> None:
    """Of a set those that have arrived; lists may hold lists, and a single value needs none; a figure draws itself."""
    assert make_references([]) == ()
    assert make_references("https://cdn.example/a.png") == make_references(["https://cdn.example/a.png"])
    assert one(Figure()) == Reference("a figure", "image/png", Figure.drawn, 64, 48)
    assert {one(kind(Figure.drawn)).data for kind in (bytes, bytearray, memoryview)} == {Figure.drawn}
    paths = [tmp_path / f"0{number}.png" for number in (1, 2)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(Image.new("RGB", (30, 20), (number, 0, 0)), "PNG"))
    first, second = (Frame(index, "a fox", path=path) for index, path in enumerate(paths))
    images = image_set(first, Frame(2, "a fox", error=ImageError("gone")), second)
    expected = [Reference(str(path), "image/png", path.read_bytes(), 30, 20) for path in paths]
    for values in (images, [[first], (second,)], [iter(images.ok)], [first, [[second]]]):
        assert list(make_references(values)) == expected


FAILED = Frame(2, "a fox", error=ImageError("The link is past its time."))


class Raising:
    """An object that fails at whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} today")


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Mute(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise Speechless


class Pretender:
    """Says that it is an array, and is none."""

    __array_interface__ = {"shape": (5, 6), "typestr": "|u1"}  # noqa: RUF012 - as arrays have it

    def tobytes(self) -> bytes:
        return b"too few"


ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)


REFUSED = [
    (FAILED, "Frame 3 has no picture: The link is past its time."),
    (Frame(2, "a fox"), "Frame 3 has no picture yet."),
    (image_set(FAILED), "ImageSet holds no picture"),
    (3, "int cannot be a reference: give a path, an https link, bytes, a picture, an array, an open"),
    ({"a.png": 1}, "dict cannot be a reference"),
    ([], "list holds no picture"),
    (ENDLESS, "lists within lists"),
    (" \n", "A reference is empty"),
    ("a\0b.png", "There is no file"),
    ("\udc80.png", "There is no file ?.png"),
    ("x" * 5000, "There is no file"),
    (Raising(), "type Raising cannot be read as a picture: no path today."),
    (Mute(), "type Mute cannot be read as a picture: Speechless."),
    (Pretender(), "a numpy array cannot be read: not enough image data."),
    (Image.new("RGB", (0, 0)), "a PIL image cannot be read"),
    (Image.open(io.BytesIO(PICTURES["image/jpeg"][:-500])), "a PIL image cannot be read"),
    (np.zeros((3, 512, 512), np.uint8), "An array of shape 3x512x512 is not a picture"),
    (np.array(6), "An array of shape () is not a picture"),
    (np.zeros((5, 6), int), "An array of int64 is not a picture"),
    (np.full((5, 6), 200.0), "An array of floats from 200 to 200 is not a picture"),
    (np.full((5, 6), np.nan), "An array of floats from nan to nan is not a picture"),
    (np.broadcast_to(np.uint8(0), (20_000, 20_000)), "An array of 20000x20000 pixels is too large"),
    ("http://cdn.example/a.png", "begins with https://"),
    ("file:///home/me/a.png", "give the path of the file itself"),
    ("https://me:secret@cdn.example/a.png", "no user name or password"),
    ("https://cdn.example/a.png#top", "leave out the part from # on"),
    ("https:///a.png", "not the link of a picture"),
    ("https://cdn.example/a\n.png", "not the link of a picture"),
    ("https://[::1/", "not a link"),
    ("https://cdn.example/\udc80", "not a link"),
    ("https://cdn.example/" + "a" * 5000, "not the link of a picture"),
    ("data:text/html;base64,PGI+", "begins with data:image/png"),
    ("data:image/png;base64", "begins with data:image/png"),
    ("data:image/png;base64,!!!!", "The data URI is damaged"),
    ("data:image/png;base64,é", "The data URI is damaged"),
    ("data:image/png;base64,", "a data URI is empty"),
    ("data:image/png;base64," + "A" * 400_001, "The data URI has 0.5 MB; give the picture as a file."),
]


@pytest.mark.parametrize(("value", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_anything_else_is_refused_by_its_kind(value: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what only pretends, and whatever foreign objects raise; a giant is not decoded, a password not repeated."""
    monkeypatch.setattr(sources, "MAXIMUM_FILE", 300_000)
    line = refusal(value)
    assert words in line
    assert "secret" not in line


def complaints(*found: Reference, model: Model | None = None, images: int = 1, strict: bool = False) -> list[str]:
    """The sentences; those that refuse begin with an exclamation mark."""
    told = reference_complaints(found, model=model, images_at_most=images, strict=strict)
    return [f"{'!' if refuses else ''}{text}" for text, refuses in told]


LINK = Reference("https://cdn.example/a.png", url="https://cdn.example/a.png")


@pytest.mark.parametrize(
    ("count", "model", "images", "strict", "expected"),
    [
        (1, SEEDREAM_3_0, 1, False, "!Seedream 3.0 takes no references; leave --ref out or choose another model."),
        (10, SEEDREAM_5_0_PRO, 1, True, None),
        (11, SEEDREAM_5_0_PRO, 1, True, "!Seedream 5.0 Pro takes at most 10 references, not 11."),
        (11, SEEDREAM_5_0_PRO, 1, False, "Seedream 5.0 Pro takes at most 10 references, not 11."),
        (11, None, 5, False, "!11 references and 5 images are 16; one request takes 15: ask for at most 4 images."),
        (15, None, 1, False, "!15 references and 1 image are 16; one request takes 15: give at most 14 references."),
    ],
)
def test_references_are_counted(
    count: int, model: Model | None, images: int, expected: str | None, *, strict: bool
) -> None:
    """By the model, and together with the images, whoever serves it."""
    told = complaints(*[LINK] * count, model=model, images=images, strict=strict)
    assert told == ([expected] if expected else [])


def sized(size: int = 1000, width: int = 100, height: int = 100) -> Reference:
    return Reference("photos/cat.png", "image/png", bytes(size), width, height)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (sized(COMMON_BYTES + 1), "photos/cat.png has 10.1 MB; older services take at most 10 MB."),
        (sized(MAXIMUM_BYTES + 1), "!photos/cat.png has 30.1 MB; a reference takes at most 30 MB. --fit scales"),
        (sized(width=6001, height=6000), "has 6001x6000 pixels, 36,006,000; a reference takes at most 36,000,000. --"),
        (sized(width=1601), "has 1601x100 pixels, which is outside the ratios 1:16 to 16:1; crop it."),
        (sized(MAXIMUM_BYTES + 1, height=1601), "a reference takes at most 30 MB. Save it as a smaller JPEG."),
        (replace(LINK, data=b"png", width=6001, height=6000), "Save it and give its path with --fit, which scales it"),
        (Reference("a.heic", "image/heic", b"heic", 9000, 6000), "36,000,000. Save it as a smaller JPEG."),
        (sized(width=14), "photos/cat.png has 14x100 pixels; each side of a reference has more than 14."),
        (replace(sized(width=14), source="/photos" * 20), f"!…{('/photos' * 20)[-79:]} has 14x100 pixels"),
    ],
)
def test_each_limit_holds_at_its_edge(reference: Reference, expected: str) -> None:
    """Each sentence names the file and the figure, and --fit where it helps."""
    assert expected in "\n".join(complaints(reference))
    edges = (sized(COMMON_BYTES), sized(width=6000, height=6000), sized(width=1600), sized(width=15), LINK)
    assert complaints(*edges, Reference("a.heic", "image/heic", b"heic")) == []


def test_what_is_within_the_limits_is_not_touched() -> None:
    """The very same reference; nor are links, HEIC and what is to be cropped. A link that is scaled stays one."""
    strip = sized(MAXIMUM_BYTES + 1, 1601, 100)
    for reference in (sized(MAXIMUM_BYTES, 6000, 6000), LINK, one(heif(b"heic", (9000, 9000))), sized(width=14), strip):
        assert scale_to_limits(reference) == (reference, "")
    assert scale_to_limits(read_fetched(LINK, PICTURES["image/png"] + PADDING))[0].identity == LINK.url


def test_a_scan_of_40_mb_is_scaled(tmp_path: Path) -> None:
    """To the largest size that fits; its picture is not decoded before that is asked for."""
    Image.new("L", (8000, 5100), 100).save(tmp_path / "scan.tiff")
    scan = one("scan.tiff")
    too_large = ["!scan.tiff has 40.9 MB; a refere", "!scan.tiff has 8000x5100 pixels,"]
    assert [text[:32] for text in complaints(scan)] == too_large
    reference, sentence = scale_to_limits(scan)
    assert complaints(reference) == []
    assert (reference.source, reference.media_type) == ("scan.tiff", "image/jpeg")
    assert (reference.width, reference.height) == (7513, 4790) == opened(reference).size
    megabytes = f"{math.ceil(len(reference.data) / 1e5) / 10} MB"
    assert sentence == f"scan.tiff: 8000x5100, 40.9 MB, sent as 7513x4790 JPEG, {megabytes}."


@pytest.mark.parametrize(
    ("data", "media_type", "mode", "size"),
    [
        (encoded(noise(mode="CMYK"), "JPEG", icc_profile=b"damaged" * 30), "image/jpeg", "RGB", (64, 48)),
        (encoded(Image.new("I;16", (64, 48), 0x8000), "PNG"), "image/jpeg", "L", (64, 48)),
        (encoded(noise(mode="RGBA"), "WEBP"), "image/png", "RGBA", (64, 48)),
        (ANIMATION, "image/jpeg", "RGB", (64, 48)),
        (rotated_photo(), "image/jpeg", "RGB", (40, 60)),
    ],
    ids=["CMYK", "16 bits", "WebP with alpha", "animation", "rotated"],
)
def test_every_kind_can_be_fitted(data: bytes, media_type: str, mode: str, size: tuple[int, int]) -> None:
    """Upright, in eight bits and screen colours, as JPEG unless something shows through."""
    reference, sentence = scale_to_limits(one(data + PADDING))
    assert (reference.media_type, opened(reference).mode, opened(reference).size) == (media_type, mode, size)
    assert (reference.width, reference.height) == size
    assert sentence.startswith("a bytes object: ")
    assert ("(its first picture)" in sentence) == (data == ANIMATION)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_it_is_scaled_until_its_bytes_fit(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise compresses badly: fewer pixels it must be, and no fewer than needed; a panorama of 16 to 1 stays one."""
    monkeypatch.setattr(make_references_module, "MAXIMUM_BYTES", 20_000)
    reference, _ = scale_to_limits(one(encoded(noise(200, 100, mode), "PNG") + PADDING))
    assert 15_000 < len(reference.data) <= 20_000
    assert reference.width == 2 * (reference.height or 0)
    for area in range(5000, 9000, 97):
        width, height = make_references_module._size_within((1600, 100), area)
        assert (width * height <= area, width <= 16 * height) == (True, True)


def test_a_jpeg_is_decoded_at_half_its_size_where_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it may be larger than what is decoded of other kinds, which are refused."""
    monkeypatch.setattr(make_references_module, "MAXIMUM_PIXELS", 300_000)
    monkeypatch.setattr(make_references_module, "MAXIMUM_DECODED_PIXELS", 1_000_000)
    picture = Image.new("RGB", (1600, 1200))
    assert scale_to_limits(one(encoded(picture, "JPEG") + PADDING))[0].width == 632
    with pytest.raises(InvalidRequest, match="too many pixels to be opened here"):
        scale_to_limits(one(encoded(picture, "PNG") + PADDING))


def test_a_bomb_is_not_decoded() -> None:
    """A few bytes that say millions of pixels: only the size is read, and no warning is shown."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        reference = one(png_of(10_000, 12_001, ROW))
    assert shown == []
    assert "!a bytes object has 10000x12001 pixels" in complaints(reference)[0]
    with pytest.raises(InvalidRequest, match="too many pixels to be opened here"):
        scale_to_limits(reference)
    assert "too many pixels to be opened here" in refusal(png_of(30_000, 30_000, ROW))
    with pytest.raises(InvalidRequest, match=r"a bytes object \(PNG, \d+ bytes\) is cut off or damaged"):
        scale_to_limits(one(png_of(6001, 6000, ROW)))  # found only when it is scaled


SEEDS = [*PICTURES.values(), png_of(4, 4, ROW), b"", b"RIFF\x00\x00\x00\x00WEBP", b"\0\0\0\x18ftypheic"]


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.sampled_from(SEEDS), cut=st.integers(0, 400), middle=st.binary(max_size=60), rest=st.binary(max_size=9))
def test_no_bytes_raise_anything_else(start: bytes, cut: int, middle: bytes, rest: bytes) -> None:
    """Pictures with random bytes in place of some of theirs are references or an `InvalidRequest`."""
    data = start[:cut] + middle + (rest or start[cut + len(middle) :])
    try:
        reference = one(data)
        assert reference.data == data
        scale_to_limits(Reference("x", reference.media_type, data + PADDING, reference.width, reference.height))
    except InvalidRequest as refused:
        assert len(refused.lines()) == 1  # noqa: PT017 - either outcome is right
