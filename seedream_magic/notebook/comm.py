"""How the front-end extension reaches `actions`, which are loaded when a page first asks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from seedream_magic.notebook.desk import Desk

TARGET = "seedream"
"""The name under which the extension opens its comm."""


def register_actions(desk: Desk) -> None:
    """From now on the extension is answered; without a kernel (a terminal) nobody asks."""
    manager = _comm_manager(desk)
    if manager is not None:
        manager.register_target(TARGET, partial(_open, desk))


def unregister_actions(desk: Desk) -> None:
    """The extension is not answered any more."""
    manager = _comm_manager(desk)
    if manager is not None:
        manager.targets.pop(TARGET, None)


def _comm_manager(desk: Desk) -> Any:
    return getattr(getattr(desk.shell, "kernel", None), "comm_manager", None)


def _open(desk: Desk, comm: Any, _opening: object) -> None:
    """A page has opened a comm: each of its messages gets an answer, which carries its number."""

    def receive(message: Mapping[str, Any]) -> None:
        data = message["content"]["data"]
        from seedream_magic.notebook.actions import answer  # noqa: PLC0415 - load time, see `desk`

        comm.send({"id": data.get("id"), **answer(desk, data)})

    comm.on_msg(receive)
