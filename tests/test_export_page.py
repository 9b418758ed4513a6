"""The page of a set, opened from a file in a real browser: the carousel, with the originals inside."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from lab import browser_page
from seedream_magic import ImageSet
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE
from test_carousel import Reader
from test_export import HOSTILE, made_set

WIDE = (1800, 1200)
"""More pixels than a preview has."""
WIDE_ALONE = "1800×1200"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Three frames larger than their previews, the second refused."""
    return made_set(tmp_path_factory.mktemp("run"), prompt="四季 <&> seasons", size=WIDE, failed=(1,))


@pytest.fixture(scope="module")
def exported(images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.export(tmp_path_factory.mktemp("page") / "new" / "set.html", with_facts=True)


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def test_originals_are_inside_bit_by_bit(
    images: ImageSet, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture's link holds the bytes of its file and names it, also where the notebook could link to the file."""
    monkeypatch.chdir(images.folder.parent)
    for path in (exported, images.export(tmp_path / "set.html")):
        links = [given["href"].partition(",") for given in read(path).all("a", "seedream-original")]
        assert {head for head, _, _ in links} == {"data:image/jpeg;base64"}
        inside = [base64.b64decode(data, validate=True) for _, _, data in links]
        assert inside == [frame.path.read_bytes() for frame in images.ok if frame.path]
    assert [given["download"] for given in read(exported).all("a", "seedream-original")] == [
        "四季-seasons-01.jpg",
        "四季-seasons-03.jpg",
    ]


def test_the_page_asks_for_nothing_and_tells_no_folder(images: ImageSet, exported: Path, tmp_path: Path) -> None:
    """No address but data: and IPTC's term; neither the author's folders nor their run's, and no cell that needs it."""
    reader = read(exported)
    for tag, given in reader.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert given.get(name, "data:").startswith("data:"), (tag, name)
    text = re.sub(r"data:[^\"]+", "", exported.read_text(encoding="utf-8"))
    names = {DIGITAL_SOURCE_TYPE, "http://www.w3.org/2000/svg"}  # the other one names a kind of element
    assert set(re.findall(r"https?://[^\s\"<]+", text)) == names
    assert str(images.folder.parent) not in text
    assert not re.search("Seedream\\(|run:2025|data-(path|ref|redo|vary)|%seedream \\w+ 2025", text)
    (policy,) = [given["content"] for given in reader.all("meta") if given.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    named = {given["name"]: given["content"] for given in reader.all("meta") if "name" in given}
    assert named.items() >= {
        ("digital-source-type", DIGITAL_SOURCE_TYPE),
        ("ai-generated", "true"),
        ("ai-model", "doubao-seedream-4-5"),
        ("dcterms.created", "2025-03-04T05:06:07+00:00"),
        ("dcterms.description", "四季 <&> seasons"),
    }
    assert named["generator"].startswith("seedream-magic ")
    assert "由 AI 生成 · doubao-seedream-4-5 · 2025-03-04" in reader.words


def test_a_client_reads_pictures_and_words_alone(images: ImageSet, tmp_path: Path) -> None:
    """Without facts: no model, bill, run, failure or tool to copy; only the file's own metadata name the model."""
    noted = replace(images, usage={"total_tokens": 77}, seconds=41.0).with_note("From another store.")
    page = noted.export(tmp_path / "book.html", title="The <Four> Seasons", author="Li & Co")
    reader = read(page)
    assert "The <Four> Seasons Li & Co 1 / 2" in reader.words
    assert not re.search(
        "doubao|billed|计费|张|token|41 s|another store|Sensitive|seedream-magic|2025\\d{4}T", reader.words
    )
    assert WIDE_ALONE not in reader.words  # each picture says its own size
    assert not reader.all("div", "seedream-facts")
    assert len(reader.all("a", "seedream-original")) == 2
    assert {given["name"]: given["content"] for given in reader.all("meta") if "name" in given}["ai-model"]
    plain = read(noted.export(tmp_path / "plain.html", captions=False))
    assert "seasons" not in plain.words
    assert not plain.all("h1")


def test_text_from_outside_changes_no_tag(tmp_path: Path) -> None:
    """The same set with a hostile prompt has the same elements, and its whole text, as it was typed, below."""
    readers = []
    for name, prompt in (("plain", "first line\n\n" + "word " * 60), ("hostile", HOSTILE + "\n\n" + "word " * 60)):
        (tmp_path / name).mkdir()
        images = made_set(tmp_path / name, count=4, prompt=prompt, failed=(1,))
        (images.folder / "03.jpg").write_bytes(b"\xff\xd8\xff no picture")
        Image.new("RGB", (20, 20), (1, 2, 3)).save(images.folder / "04.jpg", "WEBP")
        readers.append(read(images.export(tmp_path / f"{name}.html", with_facts=True)))
    plain, hostile = readers
    assert plain.structure == hostile.structure
    assert "四季 <b>&amp;\"'</script></title> ]]> 🎉" in "".join(hostile.text)
    assert "first line\n\n" + "word " * 60 in "".join(plain.text)
    assert len(plain.all("p", "prompt")) == 1
    assert "03.jpg cannot be read as a picture." in plain.words
    assert str(tmp_path) not in (tmp_path / "plain.html").read_text(encoding="utf-8")
    links = [given["href"].partition(";")[0] for given in plain.all("a", "seedream-original")]
    assert (links[0], links[-1]) == ("data:image/jpeg", "data:image/webp")


@pytest.fixture
def shown(exported: Path, opened: Browser) -> Iterator[Page]:
    """The page on a desktop, in the dark; nothing goes wrong on it, and nothing is asked for."""
    failures: list[str] = []
    with browser_page(opened, color_scheme="dark") as page:
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda message: failures.append(message.text))
        page.on("request", lambda asked: failures.append(asked.url))
        page.goto(exported.as_uri())
        page.locator(".seedream-live").wait_for()
        yield page
    assert [failure for failure in failures if failure[:5] not in {"file:", "blob:", "data:"}] == []


@pytest.mark.browser
def test_a_reader_meets_the_originals(shown: Page, images: ImageSet) -> None:
    """From file://: full size and Download give them; paths, --ref and cells are the author's and not there."""
    root = shown.locator(".seedream-live")
    for key in ("path", "ref", "redo", "vary"):
        expect(shown.locator(f'[data-key="{key}"]')).to_have_count(0)
    shown.get_by_role("button", name="更多", exact=True).click()
    for name in ("网格", "复制图片", "复制提示词"):
        expect(shown.get_by_role("button", name=name, exact=True)).to_be_visible()
    for link in (shown.locator("a[data-key=download]"), shown.locator("a.seedream-original").first):
        with shown.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == "四季-seasons-01.jpg"
        assert download.value.path().read_bytes() == (images.folder / "01.jpg").read_bytes()
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert shown.evaluate(brightness) < 60
    shown.emulate_media(color_scheme="light")
    assert shown.evaluate(brightness) > 230
    for width in (320, 1400):
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    root.get_by_role("button", name="放大", exact=True).click()
    expect(root.locator("dialog img")).to_have_js_property("naturalWidth", WIDE[0])
    root.locator("dialog").get_by_role("button", name="下一帧").click()
    expect(root.locator("dialog .seedream-position")).to_have_text("3 / 3")
    expect(root.locator("dialog img")).to_have_js_property("naturalWidth", WIDE[0])


@pytest.mark.browser
def test_without_scripts_it_is_a_labelled_strip(exported: Path, images: ImageSet, opened: Browser) -> None:
    """Every picture with its count and caption, the reason of the failed one, and originals to download."""
    with browser_page(opened, java_script_enabled=False) as page:
        page.goto(exported.as_uri())
        expect(page.get_by_role("img")).to_have_count(2)
        expect(page.get_by_text("2 / 3", exact=True)).to_be_visible()
        expect(page.get_by_text("OutputImageSensitiveContentDetected")).to_be_visible()
        expect(page.locator("button")).to_have_count(0)
        expect(page.locator("h1")).to_have_text("四季 <&> seasons")
        with page.expect_download() as download:
            page.locator("a.seedream-original").first.click()
        assert download.value.path().read_bytes() == (images.folder / "01.jpg").read_bytes()


@pytest.mark.browser
def test_paper_has_each_original_on_its_page(images: ImageSet, tmp_path: Path, opened: Browser) -> None:
    """Printed from the browser: a page for each picture, with all its pixels, on phones no wider than the screen."""
    pdfium = pytest.importorskip("pypdfium2")
    exported = images.export(tmp_path / "book.html", title="Seasons")
    with browser_page(opened, viewport={"width": 390, "height": 800}) as page:
        page.goto(exported.as_uri())
        page.locator(".seedream-live").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        printed = page.pdf(format="A4")
    with pdfium.PdfDocument(printed) as document:
        pictures = [[one for one in sheet.get_objects() if one.type == 3] for sheet in document]
        assert [len(found) for found in pictures] == [1, 1]
        assert {found[0].get_px_size() for found in pictures} == {WIDE}


@pytest.mark.browser
def test_paper_lies_as_the_pictures_do_and_tells_their_words_once(tmp_path: Path, opened: Browser) -> None:
    """Wide pictures print on the longer side of the paper; the prompt of a picture alone stands below it, not above."""
    pdfium = pytest.importorskip("pypdfium2")
    for name, size, wide in (("wide", (480, 300), True), ("tall", (300, 480), False)):
        (tmp_path / name).mkdir()
        images = made_set(tmp_path / name, count=1, prompt="one hare", size=size)
        with browser_page(opened) as page:
            page.goto(images.export(tmp_path / f"{name}.html").as_uri())
            expect(page.get_by_text("one hare", exact=True).filter(visible=True)).to_have_count(1)
            with pdfium.PdfDocument(page.pdf(prefer_css_page_size=True)) as document:
                sheets = [(sheet.get_size(), sheet.get_textpage().get_text_bounded()) for sheet in document]
        assert [(size[0] > size[1], text.count("one hare")) for size, text in sheets] == [(wide, 1)]
