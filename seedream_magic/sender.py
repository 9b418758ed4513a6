"""Who sends a plan: a client, whose key goes to its own service alone, and what runs share that go on together.

`Seedream` is the one client; batches, sweeps and single drawings ask no more of it than stands here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from seedream_magic.api.connection import Transport
from seedream_magic.api.credentials import Key
from seedream_magic.api.limiter import Limiter
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import EMBEDDED
from seedream_magic.api.retry import PACE, Pace
from seedream_magic.errors import ConfigError
from seedream_magic.planning import PlanningClient
from seedream_magic.words import runs as texts

CONCURRENCY = 8
"""Runs of a batch or a sweep at once, where nobody says how many."""


class Sender(PlanningClient, Protocol):
    """For whom a plan is drawn: what of `Seedream` is used here, beside what a plan is made with."""

    ask_when_unknown: bool
    copy_replays: bool

    @property
    def base_url(self) -> str:
        """Where requests go; asking for the demo's address starts the demo."""

    @property
    def transport(self) -> Transport | None:
        """In place of the network's own."""

    def key(self) -> Key:
        """The key for the provider."""


Doubt = Literal["pause", "refuse", "send"]


@dataclass(frozen=True)
class Shared:
    """What runs that go on together share: the slots for downloads, the limiter, the tokens for further attempts.

    `slots` and `limiter` are None for a run that goes alone. `doubt` says what becomes of a request that may have been
    paid for already: it is sent after a pause in which a person can stop it; refused, for nobody looks on at so many;
    or sent at once, for a person has asked for just that.
    """

    slots: asyncio.Semaphore | None = None
    limiter: Limiter | None = None
    pace: Pace = PACE
    doubt: Doubt = "pause"


ALONE = Shared()


def key_for(sender: Sender, plan: Plan) -> Key:
    """The key for a plan of this client's own provider and address; no other plan is sent, and gets no key."""
    check_service(sender, plan)
    return sender.key()


def check_service(sender: Sender, plan: Plan) -> None:
    """Raises `ConfigError` for a plan that is not of this client's own provider and address."""
    address = sender.given_base_url or EMBEDDED
    if plan.provider == sender.provider and plan.base_url == address:
        return
    own, given, name = sender.provider.name, sender.given_base_url, plan.provider.name
    own = texts.PROVIDER_AT(provider=own, address=given) if given else own
    raise ConfigError(
        texts.PLAN_OF_ANOTHER(provider=name, address=plan.base_url, own=own),
        hint=texts.MAKE_PLAN_HERE(provider=name),
    )
