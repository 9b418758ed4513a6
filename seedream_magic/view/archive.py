"""A set as an archive: the originals, their captions, and what was asked for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from seedream_magic.api.redaction import redacted
from seedream_magic.errors import ImageInvalid, InvalidRequest
from seedream_magic.images.image_set import Frame, ImageSet
from seedream_magic.images.store import find_record
from seedream_magic.view.pictures import lost, original, progress
from seedream_magic.view.provenance import DIGITAL_SOURCE_TYPE, TOOL, Provenance, provenance_of, sound
from seedream_magic.view.words import ENGLISH, caption_of, error_name, error_text, one_line, words_for

_SAFE_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_SECRET = re.compile(r"api_?key|authorization|password|secret|token$", re.IGNORECASE)
_TYPED = frozenset({"prompt", "storyboard"})
_SHARED = (
    "run_id",
    "state",
    "outcome",
    "provider",
    "base_url",
    "client_request_id",
    "began",
    "expected",
    "seconds",
    "body",
    "references",
    "storyboard",
    "lineage",
    "usage",
    "frames",
    "error",
)
"""What of a run's record is handed on; the author's computer, process and notebook are nobody else's."""


def write_archive(images: ImageSet, path: Path) -> ImageSet:
    """Write the originals, `captions.json`, `captions.txt` and `request.json`; return the set as it was written.

    The same set gives the same bytes: the order is fixed, and every entry has the date of the run.
    """
    provenance = provenance_of(images)
    hashes: dict[int, str] = {}
    written: list[Frame] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        for frame in progress(images.frames, "zip"):
            try:
                data = original(frame.path) if frame.path else b""
            except ImageInvalid as error:  # lost since it was looked for
                written.append(lost(frame, error))
                continue
            written.append(frame)
            if frame.ok:
                archive.writestr(_entry(_name(frame), provenance.created), data)
                hashes[frame.index] = hashlib.sha256(data).hexdigest()
        images = replace(images, frames=tuple(written))
        captions = [_caption(frame, hashes) for frame in images]
        texts = {
            "captions.json": _json({**_about(provenance), "run_id": images.run_id, "frames": captions}),
            "captions.txt": _captions_text(images, captions),
            "request.json": _json({**_about(provenance), **_request(images)}),
        }
        for name, text in texts.items():
            archive.writestr(_entry(name, provenance.created), text.encode())
        archive.comment = provenance.line(ENGLISH).encode()[:1000]
    return images


def _name(frame: Frame) -> str:
    """The number of a frame and the ending of its file, which is the name that the store gave it."""
    ending = frame.path.suffix.lower() if frame.path is not None else ""
    return f"{frame.index + 1:02d}{ending if _SAFE_ENDING.fullmatch(ending) else ''}"


def _entry(name: str, created: datetime | None) -> zipfile.ZipInfo:
    """A member of the archive; what Python would take from the clock and the system is fixed."""
    date = created.timetuple()[:6] if created and created.year >= 1980 else (1980, 1, 1, 0, 0, 0)
    entry = zipfile.ZipInfo(name, date)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def _about(provenance: Provenance) -> dict[str, Any]:
    return {
        "generated_by_ai": True,
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "prompt": provenance.prompt,
        "model": provenance.model,
        "created": provenance.created.isoformat() if provenance.created else None,
        "tool": TOOL,
    }


def _caption(frame: Frame, hashes: Mapping[int, str]) -> dict[str, Any]:
    """A frame for `captions.json`; `index` counts from 0."""
    error = frame.error
    return {
        "index": frame.index,
        "file": _name(frame) if frame.ok else None,
        "prompt": frame.prompt,
        "pixels": f"{frame.width}x{frame.height}" if frame.ok and frame.width else None,
        "sha256": hashes.get(frame.index),
        "error": None if error is None else _clean_text(f"{error_name(error)}: {error_text(error)}"),
    }


def _captions_text(images: ImageSet, captions: list[dict[str, Any]]) -> str:
    """What a person reads: the prompt, and a paragraph for each frame, numbered from 1."""
    paragraphs = [images.prompt]
    for frame, caption in zip(images, captions, strict=True):
        facts = (caption["file"], caption["pixels"], one_line(caption["error"] or "", 500))
        head = "  ".join([f"{frame.index + 1}.", *(fact for fact in facts if fact)])
        paragraphs.append(f"{head}\n{caption_of(frame, images)}".rstrip())
    origin = f"{provenance_of(images).line(words_for(images.prompt))} · {TOOL}"
    return sound("\n\n".join([*paragraphs, f"{origin}\n"]))


def _request(images: ImageSet) -> dict[str, Any]:
    """The run's record without what would give something away; without a record, what the set itself tells."""
    facts: Mapping[str, Any] = {
        "run_id": images.run_id,
        "provider": images.provider,
        "body": images.request.body,
        "usage": images.usage,
    }
    with contextlib.suppress(InvalidRequest):  # no such run: a set that was put together by hand
        facts = find_record(images.folder.parent, images.run_id).facts
    return {name: _clean(facts[name]) for name in _SHARED if name in facts}


def _clean(value: Any, name: str = "") -> Any:
    """`value` without keys, signed links, embedded pictures and folders. What was typed as a prompt stays."""
    if isinstance(value, Mapping) and name not in _TYPED:
        return {key: _clean(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, name) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    return _clean_named(name, value) if isinstance(value, str) and name not in _TYPED else value


def _clean_named(name: str, text: str) -> str:
    if _SECRET.search(name):
        return "…"
    if name == "source" and "://" not in text and not text.startswith("data:"):
        return re.split(r"[\\/]", text)[-1]  # a path
    return _clean_text(text)


def _clean_text(text: str) -> str:
    if text.startswith("data:"):
        head = text.partition(",")[0][:80]
        return f"{head},({len(text)} characters)"
    return redacted(text) if "://" in text else text


def _json(value: Mapping[str, Any]) -> str:
    """Readable UTF-8; a lone surrogate, which has no place in it, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"
