"""The floor of a whole set: what a person would write with httpx and asyncio, whatever can go wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from pictures import KEY


async def _save(client: httpx.AsyncClient, url: str, path: Path) -> None:
    answer = await client.get(url)
    answer.raise_for_status()
    await asyncio.to_thread(path.write_bytes, answer.content)


async def _draw(base_url: str, body: dict[str, Any], folder: Path) -> None:
    # No certificates are read for a service on this machine: ours reads none for it, either.
    async with httpx.AsyncClient(timeout=600, trust_env=False, verify=False) as client:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await client.post(f"{base_url}/images/generations", json=body, headers=headers)
        answer.raise_for_status()
        items = answer.json()["data"]
        await asyncio.to_thread(folder.mkdir)
        await asyncio.gather(
            *(_save(client, item["url"], folder / f"{number:02d}.jpg") for number, item in enumerate(items, 1))
        )


def draw(base_url: str, body: dict[str, Any], folder: Path) -> None:
    """Ask for a set, and save its pictures in a new folder, all at once."""
    asyncio.run(_draw(base_url, body, folder))
