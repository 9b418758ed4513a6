"""A scripted image service on a raw socket: the answers and pictures that many tests need."""

from __future__ import annotations

import io
import json
import random
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import Image

from raw_server import EVENT_STREAM, Behaviour, Gate, RawServer, Reply, Request, head, json_reply, raw_server, sse
from seedream_magic.images.verify import PictureFacts

POST = ("POST", "/v1/images/generations")
PICTURE = ("GET", "/picture/")


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of this kind."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def jpeg(shade: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A small whole JPEG; another `shade` is another picture."""
    return encoded(Image.new("RGB", size, (shade * 17 % 256, 90, 160)), "JPEG")


def noise(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture that no encoder makes small."""
    channels = len(Image.new(mode, (1, 1)).tobytes())
    return Image.frombytes(mode, (width, height), random.Random(7).randbytes(width * height * channels))


def held(data: bytes, facts: PictureFacts) -> tuple[bytes, PictureFacts]:
    """For a download whose picture is looked at, not saved."""
    return data, facts


@cache
def black_png(side: int) -> bytes:
    """A square PNG of one bit a pixel: small for any number of pixels, and made much sooner than by Pillow."""
    packer, row = zlib.compressobj(1, wbits=-zlib.MAX_WBITS), bytes(1 + (side + 7) // 8)
    times, rest = divmod(side, 50)
    again = packer.compress(row * 50) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(row * rest) + packer.flush()
    check = struct.pack(">HH", len(row) * side % 65521, 1)  # Adler-32 of so many zeros
    return png_of(side, side, b"\x78\x01" + again * times + end + check)


def gzip_bomb(size: int, start: bytes = b"", *, byte: bytes = b"A") -> bytes:
    """Gzip that unpacks to `start` and whole MiB of one byte. One MiB is packed, for to pack them all takes seconds."""
    packer, block, times = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), byte * 2**20, size // 2**20
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    check = zlib.crc32(start)
    for _ in range(times):
        check = zlib.crc32(block, check)
    end = packer.flush() + struct.pack("<II", check, (len(start) + times * 2**20) % 2**32)
    return b"\x1f\x8b\x08".ljust(10, b"\0") + first + again * times + end


def png_of(width: int, height: int, packed: bytes, *, bits: int = 1, colours: int = 0, interlaced: int = 0) -> bytes:
    """A PNG of these packed rows."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def link(request: Request, index: int) -> str:
    """The signed link of a picture on the same server."""
    return f"http://{request.headers['host']}/picture/{index}.jpeg?X-Tos-Signature=canary{index}"


def succeeded(request: Request, index: int) -> bytes:
    """The event of a finished picture."""
    name = "image_generation.partial_succeeded"
    return sse(name, {"type": name, "image_index": index, "url": link(request, index), "size": "64x48"})


def completed(images: int) -> bytes:
    """The last event and the end mark."""
    name = "image_generation.completed"
    usage = {"generated_images": images, "output_tokens": 12 * images, "total_tokens": 12 * images}
    return sse(name, {"type": name, "usage": usage}) + sse(None, "[DONE]")


def whole_answer(request: Request) -> Behaviour:
    """What the service answers when all goes well: as many pictures as asked for, in the form that was asked for."""
    body: dict[str, Any] = request.json()
    count = body.get("sequential_image_generation_options", {}).get("max_images", 1)
    if body.get("stream"):
        events = b"".join(succeeded(request, index) for index in range(count)) + completed(count)
        return Reply(200, EVENT_STREAM, events)
    data = [{"url": link(request, index)} for index in range(count)]
    return json_reply({"data": data, "created": 1, "usage": {"generated_images": count, "total_tokens": 12 * count}})


def picture(request: Request) -> Behaviour:
    """The bytes behind a link of `link`."""
    index = int(request.path.removeprefix("/picture/").partition(".")[0])
    return Reply(200, {"Content-Type": "image/jpeg"}, jpeg(index))


def first_picture(request: Request) -> Behaviour:
    """As `picture`, but that every link except the first has ended."""
    return picture(request) if request.path.startswith("/picture/0") else Reply(404)


def stream_head() -> bytes:
    """The head of a stream whose end is the end of the connection."""
    return head(200, EVENT_STREAM)


def bodies(requests: Iterable[Request]) -> list[dict[str, Any]]:
    """The JSON bodies of the POSTs among these requests."""
    return [json.loads(request.body) for request in requests if request.method == "POST"]


class SlowService:
    """It sends the first picture at once and the second when `release` is set. It looks at the prompt: "whole" it
    answers whole, "refused" it refuses.
    """

    def __init__(self) -> None:
        self.release = threading.Event()

    def post(self, request: Request) -> Behaviour:
        prompt = request.json()["prompt"]
        if prompt == "refused":
            error = {"code": "InputTextSensitiveContentDetected", "message": "no"}
            return json_reply({"error": error}, status=400)
        if prompt == "whole":
            return whole_answer(request)
        return Gate(stream_head() + succeeded(request, 0), self.release, succeeded(request, 1) + completed(2))

    @contextmanager
    def serving(self) -> Iterator[RawServer]:
        """The service on a port; what still waits at the end is released."""
        with raw_server({POST: self.post, PICTURE: picture}) as server:
            yield server
            self.release.set()
