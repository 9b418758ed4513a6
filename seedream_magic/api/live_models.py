"""What a key may use, as the provider itself says: `GET /models`. It bills nothing, and not every provider answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from seedream_magic.api.answer import raise_refusal
from seedream_magic.api.connection import Transport, new_client, reading
from seedream_magic.api.credentials import Headers, Key
from seedream_magic.api.documents import parse
from seedream_magic.api.encoding import inflate
from seedream_magic.api.models import find_model
from seedream_magic.api.network_errors import Progress, causes, no_connection
from seedream_magic.api.proxies import proxy_for
from seedream_magic.api.redaction import clean_text, scrub, without_secret
from seedream_magic.bridge import iterate
from seedream_magic.errors import ApiError, AuthFailed, SeedreamError
from seedream_magic.words import network as texts

_SECONDS = 30.0
_MAXIMUM_BYTES = 16 * 2**20
_MOST = 2000
_LONGEST_ID = 120


@dataclass(frozen=True)
class LiveModel:
    """A model that the provider lists; `state` is its word for one that is not simply there: Retiring, Shutdown."""

    model_id: str
    state: str
    draws: bool


def ask_models(base_url: str, key: Key, headers: Headers, transport: Transport | None) -> tuple[LiveModel, ...]:
    """The models that draw, in the order of the provider, those of Seedream first.

    Raises `NoConnection` where nothing answers, `AuthFailed` for a key that is refused, another `ApiError` where the
    provider does not answer such a question.
    """
    with closing(iterate(partial(_ask, base_url, key, headers, transport))) as found:
        listed = next(found)
    seedream = [model for model in listed if _is_seedream(model.model_id)]
    others = [model for model in listed if model.draws and not _is_seedream(model.model_id)]
    return (*seedream, *others)


def _is_seedream(model_id: str) -> bool:
    return find_model(model_id) is not None or "seedream" in model_id.lower()


async def _ask(
    base_url: str, key: Key, headers: Headers, transport: Transport | None
) -> AsyncGenerator[list[LiveModel], None]:
    yield await _listed(f"{base_url}/models", key, headers, transport)


async def _listed(url: str, key: Key, headers: Headers, transport: Transport | None) -> list[LiveModel]:
    loop = asyncio.get_running_loop()
    progress = Progress(loop.time, loop.time(), proxy=proxy_for(url))
    try:
        async with (
            asyncio.timeout(_SECONDS),
            new_client(transport, url=url, timeout=httpx.Timeout(_SECONDS, connect=10)) as http,
        ):
            request = http.build_request("GET", url, headers={"Accept": "application/json"})
            if transport is None:
                request.extensions["trace"] = progress.follow
            request.headers.update(headers.reveal() | {"Authorization": f"Bearer {key.reveal()}"})
            try:
                response = await http.send(request, stream=True)
            finally:
                for name in ("Authorization", *headers.names):  # errors keep the request
                    request.headers.pop(name, None)
            if not 200 <= response.status_code < 300:
                await _refuse(response, key)
            body = bytearray()
            async with reading(response) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > _MAXIMUM_BYTES:
                        break
            return _read(bytes(body), response.headers.get("content-encoding", ""), key)
    except SeedreamError:
        raise
    except Exception as exc:
        for link in causes(exc):  # its frames hold the key
            link.__traceback__ = None
        scrub(exc, key.reveal())
        raise no_connection(httpx.URL(url).netloc.decode(), exc, progress) from exc


async def _refuse(response: httpx.Response, key: Key) -> None:
    """Raise what a refusal means: a key that is not taken, else that there is no answer to such a question."""
    try:
        await raise_refusal(response, key)
    except AuthFailed:
        raise
    except SeedreamError as error:
        raise ApiError(
            texts.MODELS_NOT_LISTED(host=response.url.host, status=response.status_code),
            status=response.status_code,
            billed="no",
            hint=texts.MODELS_SILENT(),
            request_id=error.request_id,
        ) from None


def _read(body: bytes, codings: str, key: Key) -> list[LiveModel]:
    """The models of an answer: a list, or an object that has one as `data` or `models`, of objects or bare ids."""
    try:
        text = inflate(body, codings, maximum=_MAXIMUM_BYTES).decode("utf-8", "replace")
        value: Any = parse(without_secret(text, key.reveal()))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("data", "models") if isinstance(value.get(name), list)), None)
    if not isinstance(value, list):
        raise ApiError(texts.NO_MODELS(), status=200, billed="no", hint=texts.MODELS_SILENT())
    found = [_model(entry) for entry in value[:_MOST]]
    return [model for model in found if model is not None]


def _model(entry: object) -> LiveModel | None:
    facts: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"id": entry}
    name = facts.get("id") or facts.get("model") or facts.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    state = facts.get("status")
    kinds = facts.get("modalities")
    made = kinds.get("output_modalities") if isinstance(kinds, Mapping) else None
    draws = facts.get("domain") == "ImageGeneration" or (isinstance(made, list) and "image" in made)
    usual = not isinstance(state, str) or state.lower() in {"", "active", "available", "online", "running"}
    return LiveModel(clean_text(name)[:_LONGEST_ID], "" if usual else clean_text(state)[:40], draws)
