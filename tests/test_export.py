"""A set leaves the notebook as one file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from raw_server import Reply, raw_server
from seedream_magic import ConfigError, ImageSet, InvalidRequest
from served import door
from service import PICTURE, POST, jpeg, picture, whole_answer


@pytest.fixture
def images(store: Path) -> ImageSet:
    """Two pictures, and one that could not be fetched."""
    with raw_server({POST: whole_answer, PICTURE: picture, ("GET", "/picture/1"): Reply(404)}) as server:
        return door(server, store).generate("four 季节", images=3)


def test_contact_sheet(images: ImageSet, tmp_path: Path) -> None:
    """A JPEG that decodes; the path is returned; a file that was there is replaced whole."""
    target = tmp_path / "sheet.jpg"
    target.write_text("old")
    assert images.export(str(target)) == target
    with Image.open(target) as sheet:
        assert sheet.format == "JPEG"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_archive_holds_the_original_bytes(images: ImageSet, tmp_path: Path) -> None:
    """The pictures as the service made them, under their numbers, and the words."""
    with zipfile.ZipFile(images.export(tmp_path / "set.zip")) as archive:
        assert archive.namelist() == ["01.jpg", "03.jpg", "captions.txt"]
        assert archive.read("03.jpg") == jpeg(2)
        assert "季节" in archive.read("captions.txt").decode()
        Image.open(io.BytesIO(archive.read("01.jpg"))).load()


def test_what_cannot_be_exported_is_told(images: ImageSet, tmp_path: Path) -> None:
    """Another ending, and a place that cannot be written, in the package's own errors."""
    for name in ("sheet.bmp", "sheet", "sheet."):
        with pytest.raises(InvalidRequest, match=r"\.jpg"):
            images.export(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be written"):
        images.export(tmp_path / "nowhere" / "sheet.jpg")
