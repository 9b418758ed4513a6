"""Draw with ByteDance's Seedream in notebooks: `%load_ext seedream_magic`, then `%%seedream`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from seedream_magic import forks as forks
from seedream_magic.loading import uncollected
from seedream_magic.version import __version__ as __version__

if TYPE_CHECKING:
    from seedream_magic.api.storyboard import Storyboard
    from seedream_magic.errors import (
        ApiError,
        AuthFailed,
        ConfigError,
        ContentRefused,
        ImageError,
        ImageInvalid,
        ImageLinkExpired,
        ImageTooLarge,
        InvalidRequest,
        MissingKey,
        ModelNotFound,
        NoConnection,
        OutcomeUnknown,
        PaymentRequired,
        RateLimited,
        RequestRefused,
        ResponseBroken,
        SeedreamError,
        SeedreamInterrupted,
        ServerFailed,
        UnsafeURL,
    )
    from seedream_magic.images.dataset import export_dataset
    from seedream_magic.images.image_set import Frame, ImageSet
    from seedream_magic.images.light_table import light_table
    from seedream_magic.notebook.panel import Panel
    from seedream_magic.seedream import Seedream
    from seedream_magic.sweep.sweep import Sweep

_HOMES = {
    "Frame": "seedream_magic.images.image_set",
    "ImageSet": "seedream_magic.images.image_set",
    "Panel": "seedream_magic.notebook.panel",
    "Sweep": "seedream_magic.sweep.sweep",
    "Seedream": "seedream_magic.seedream",
    "Storyboard": "seedream_magic.api.storyboard",
    "export_dataset": "seedream_magic.images.dataset",
    "light_table": "seedream_magic.images.light_table",
}
__all__ = [
    "ApiError",
    "AuthFailed",
    "ConfigError",
    "ContentRefused",
    "Frame",
    "ImageError",
    "ImageInvalid",
    "ImageLinkExpired",
    "ImageSet",
    "ImageTooLarge",
    "InvalidRequest",
    "MissingKey",
    "ModelNotFound",
    "NoConnection",
    "OutcomeUnknown",
    "Panel",
    "PaymentRequired",
    "RateLimited",
    "RequestRefused",
    "ResponseBroken",
    "Seedream",
    "SeedreamError",
    "SeedreamInterrupted",
    "ServerFailed",
    "Storyboard",
    "Sweep",
    "UnsafeURL",
    "export_dataset",
    "light_table",
]


def __getattr__(name: str) -> Any:
    """Public names load when first used, so that loading the extension stays light (no httpx, Pillow, ipywidgets)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        return getattr(importlib.import_module(_HOMES.get(name, "seedream_magic.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext seedream_magic`."""
    importlib.import_module("seedream_magic.notebook.magic").register(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext seedream_magic`."""
    importlib.import_module("seedream_magic.notebook.magic").unregister(ipython)
