"""What this process has met of the gateways behind each base URL, and what it tells a person of them.

Before a request: what will go wrong, and the options that help. After a refusal: what to do. After a good answer: what
did not get through. Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from seedream_magic.api.gateways import Gateway, attempts_reported, find_gateway
from seedream_magic.api.wrapped import Wrapped
from seedream_magic.errors import plural


@dataclass(frozen=True)
class Seen:
    """What this process has met at one base URL."""

    gateway: Gateway | None = None
    refused_fields: tuple[str, ...] = ()
    repeated: bool = False
    drops_fields: bool = False
    counts_references: bool = False


_SEEN: dict[str, Seen] = {}


def seen(base_url: str) -> Seen:
    """What this process has met at a base URL."""
    return _SEEN.get(_place(base_url), Seen())


def remember(base_url: str, **facts: Any) -> None:
    """Keep facts (fields of `Seen`) of a base URL for the requests that follow in this process."""
    _SEEN[_place(base_url)] = replace(seen(base_url), **facts)


def remember_refusal(base_url: str, wrapped: Wrapped, *, unknown: bool) -> None:
    """Keep what a refusal says of the gateway at a base URL."""
    if wrapped.gateway is not None:
        before = seen(base_url)
        fields = tuple(dict.fromkeys((*before.refused_fields, *wrapped.refused_fields)))
        repeated = before.repeated or (unknown and wrapped.attempts != 1)
        remember(base_url, gateway=wrapped.gateway, refused_fields=fields, repeated=repeated)


def plan_warnings(base_url: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What to say before a request goes to a base URL where a gateway has failed before. No network is touched."""
    met = seen(base_url)
    gateway = met.gateway
    if gateway is None:
        return ()
    refused = [name for name in met.refused_fields if name in body]
    lost = _lost(gateway, body, base_url) if met.drops_fields else []
    reasons = [f"does not take {', '.join(refused)}"] if refused else []
    reasons += [f"drops {', '.join(lost)}"] if lost else []
    reasons += _faults(gateway, body, repeated=met.repeated) if met.repeated or met.drops_fields else []
    if not reasons:
        return ()
    options = options_that_help(gateway, body, met.refused_fields)
    return (f"{gateway.name} at this base URL {' and '.join(reasons)}{f': add {options}' if options else ''}.",)


def advice(wrapped: Wrapped, body: Mapping[str, Any], *, unknown: bool) -> str:
    """What to do about a refusal that a gateway caused or may have multiplied; empty where its code says it better.

    `body` is what was sent, `unknown` whether it may have been billed.
    """
    gateway = wrapped.gateway
    if gateway is None or not (wrapped.refused_fields or unknown):
        return ""
    options = options_that_help(gateway, body, wrapped.refused_fields)
    if wrapped.refused_fields:
        names = ", ".join(wrapped.refused_fields)
        setting = f", or have {gateway.dropping_setting} set in its configuration" if gateway.dropping_setting else ""
        return f"{gateway.name} does not take {names} for this model. Run the cell with {options}{setting}."
    faults = " and ".join(_faults(gateway, body, repeated=wrapped.attempts != 1))
    after = f", then run the cell with {options}" if options else " before running the cell again"
    return f"{gateway.name} {faults}. See at the provider what was billed{after}." if faults else ""


def answer_notes(headers: Mapping[str, str], body: Mapping[str, Any], *, base_url: str, images: int) -> list[str]:
    """What a good answer with these headers tells of its way: that it was asked for again, what did not get through.

    `body` is what was sent, `images` how many it can bill.
    """
    gateway = find_gateway(headers, "")
    if gateway is None:
        return []
    notes = []
    attempts = attempts_reported(gateway, headers)
    if attempts and attempts > 1:
        further = (attempts - 1) * images
        notes.append(f"{gateway.name} sent it on {attempts} times: {plural(further)} more may be billed.")
    name, value = gateway.passing_header
    if gateway.passes is not None and headers.get(name) == value and (lost := _lost(gateway, body, base_url)):
        remember(base_url, gateway=gateway, drops_fields=True)
        way = "for what it drops, send to the service's own base URL"
        notes.append(f"{gateway.name} dropped {', '.join(lost)}, and the pictures were drawn without; {way}.")
    return notes


def usage_note(usage: Mapping[str, Any], body: Mapping[str, Any], *, base_url: str) -> str:
    """That references did not reach the service, where its own count says so; else empty.

    A count that lacks says something only where the same service has given one before.
    """
    sent = body.get("image")
    number = len(sent) if isinstance(sent, list) else int(bool(sent))
    plural = usage.get("input_images")
    if number and isinstance(plural, int) and plural > 0:
        remember(base_url, counts_references=True)
    dropped = plural == 0 or (plural is None and "input_images" not in usage and seen(base_url).counts_references)
    if not number or isinstance(plural, bool) or not dropped:
        return ""
    what = "the reference" if number == 1 else f"any of the {number} references"
    return f"The service did not count {what}: something on the way dropped it, and the picture was drawn without."


def options_that_help(gateway: Gateway, body: Mapping[str, Any], refused_fields: tuple[str, ...] = ()) -> str:
    """The options of a cell with which a request with this body passes the gateway once; empty where none helps."""
    fields: dict[str, Any] = {name: None for name in refused_fields if name in body}
    if gateway.retries_field and body.get(gateway.retries_field) != 0:
        fields[gateway.retries_field] = 0
    options = ["--no-stream"] if body.get("stream") and not gateway.streams else []
    options += [f"--extra '{json.dumps(fields)}'"] if fields else []
    return " ".join(options)


def _faults(gateway: Gateway, body: Mapping[str, Any], *, repeated: bool) -> list[str]:
    """What a gateway does to a request with this body; empty where nothing is known to go wrong."""
    at_zero = bool(gateway.retries_field) and body.get(gateway.retries_field) == 0
    faults = ["cannot pass on a streamed set"] if body.get("stream") and not gateway.streams else []
    return faults + ([gateway.repeats_at_zero if at_zero else gateway.repeats] if repeated else [])


def _place(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/').removesuffix('/images/generations')}"


def _lost(gateway: Gateway, body: Mapping[str, Any], base_url: str) -> list[str]:
    """Fields of the body that the gateway dropped and whose lack changes the pictures."""
    harmless = {"sequential_image_generation": "disabled", "stream": False, "watermark": True}
    if gateway.passes is None or (gateway.whole_path and base_url.rstrip("/").endswith(gateway.whole_path)):
        return []
    unlike = [name for name, value in body.items() if name not in gateway.passes and harmless.get(name) != value]
    return [name for name in unlike if name != "stream"]
