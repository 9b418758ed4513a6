"""`python -m seedream_magic.demo`: the demo service alone, until Ctrl-C. Its base URL is the first line it prints."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from .server import DemoService, DemoSettings, serve


def main(arguments: list[str] | None = None) -> int:
    """Serve in the foreground; 0 after Ctrl-C or SIGTERM, 1 if the port is taken."""
    settings = _read_settings(arguments)
    # Without a handler Python prints tornado's remarks about broken requests on stderr.
    logging.getLogger("tornado").addHandler(logging.NullHandler())
    try:
        service = DemoService(settings)
    except OSError as exc:
        reason = exc.strerror or exc
        sys.stderr.write(f"seedream_magic.demo: cannot listen on 127.0.0.1:{settings.port}: {reason}\n")
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
        "The Seedream demo service: no network, no cost. Ctrl-C ends it. Try:",
        f"  curl {service.base_url}/images/generations -H 'Authorization: Bearer {key}' \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return int(text)


def _read_settings(arguments: list[str] | None) -> DemoSettings:
    usual = DemoSettings()
    parser = argparse.ArgumentParser(prog="python -m seedream_magic.demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=usual.port, help="default: a free one")
    parser.add_argument("--delay", type=float, default=usual.delay, help="seconds a picture takes (1)")
    parser.add_argument("--key", help="the only key accepted; default: any")
    parser.add_argument("--link-life", type=float, default=usual.link_life, help="seconds a link is served (86400)")
    parser.add_argument("--shape", choices=("ark", "seed"), default=usual.shape, help="of the JSON answer (ark)")
    return DemoSettings(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
