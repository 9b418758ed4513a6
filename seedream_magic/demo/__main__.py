"""`python -m seedream_magic.demo`: the demo service alone, until Ctrl-C. Its base URL is the first line it prints."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from seedream_magic.errors import reason_of
from seedream_magic.words import demo as texts

from .server import DemoService, DemoSettings, serve


def main(arguments: list[str] | None = None) -> int:
    """Serve in the foreground; 0 after Ctrl-C or SIGTERM, 1 if the port is taken."""
    settings = _read_settings(arguments)
    # Without a handler Python prints tornado's remarks about broken requests on stderr.
    logging.getLogger("tornado").addHandler(logging.NullHandler())
    try:
        service = DemoService(settings)
    except OSError as exc:
        refusal = texts.CANNOT_LISTEN(port=settings.port, why=reason_of(exc))
        sys.stderr.write(f"seedream_magic.demo: {refusal}\n")
        return 1
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(serve(service, lambda stopped: _announce(service, stopped)))
    return 0


def _announce(service: DemoService, stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    key = service.settings.key or "any-key"
    body = '{"model":"doubao-seedream-4-5","prompt":"four seasons","sequential_image_generation":"auto"}'
    lines = (
        service.base_url,
        texts.STARTED(),
        f"  curl {service.base_url}/images/generations -H 'Authorization: Bearer {key}' \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(texts.NO_PORT(port=text))
    return int(text)


def _read_settings(arguments: list[str] | None) -> DemoSettings:
    usual = DemoSettings()
    parser = argparse.ArgumentParser(prog="python -m seedream_magic.demo", description=texts.ABOUT())
    parser.add_argument("--port", type=_port, default=usual.port, help=texts.PORT())
    parser.add_argument("--delay", type=float, default=usual.delay, help=texts.DELAY())
    parser.add_argument("--key", help=texts.KEY())
    parser.add_argument("--link-life", type=float, default=usual.link_life, help=texts.LINK_LIFE())
    parser.add_argument("--shape", choices=("ark", "seed"), default=usual.shape, help=texts.SHAPE())
    return DemoSettings(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
