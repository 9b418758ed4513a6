"""A field for the API key, whose value no widget ever holds: what a page holds of widgets, a notebook may save.

The field is the page's own (`panel.js`). It agrees with the kernel on a secret (Diffie-Hellman, group 14 of RFC 3526)
and hands over the key covered by it, once: a widget sees a number and the covered bytes, from which nobody can tell it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import ipywidgets as widgets

from seedream_magic.api.credentials import remember_key, store_key_in_keyring
from seedream_magic.api.providers import Provider
from seedream_magic.errors import MissingKey, SeedreamError
from seedream_magic.notebook.kernel_loop import KernelLoop, Latest
from seedream_magic.notebook.panel.controls import button, column, errors, lines, row, set_visible
from seedream_magic.view.markup import element
from seedream_magic.words import panel as texts

PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
GENERATOR, EXPONENT_BITS = 2, 512
LONGEST_KEY = 200

_SKIPPED = 10
"""Bytes of the secret that cover nothing: the first are the least even."""


class KeyEntry:
    """The row that asks for a key; `taken` is called once there is one. `use_demo` draws without."""

    def __init__(self, loop: KernelLoop, taken: Callable[[], None], use_demo: Callable[[], None]) -> None:
        self._provider: Provider | None = None
        self._own = 0
        self._taken = taken
        self._kept: Latest[str] = Latest(loop, self._told)
        self._note, self._field, self._message = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._covered = widgets.Text(continuous_update=False)
        self._covered.add_class("seedream-panel-covered")
        set_visible(self._covered, visible=False)
        loop.watch(self._covered, self._uncover)
        demo = button(loop, texts.USE_DEMO(), texts.USE_DEMO_HINT(), use_demo)
        self.widget = column(row(self._note, self._field, demo, self._covered), self._message, kind="key")
        set_visible(self.widget, visible=False)

    def ask(self, provider: Provider, missing: SeedreamError | None) -> None:
        """Ask for the key of this provider, or for none."""
        set_visible(self.widget, visible=missing is not None)
        if missing is None:
            return
        self._provider, self._own = provider, secrets.randbits(EXPONENT_BITS)
        needed = texts.NO_KEY(provider=provider.name) if isinstance(missing, MissingKey) else str(missing)
        self._note.value = lines([needed])
        looks = {"type": "password", "autocomplete": "off", "spellcheck": "false", "class": "seedream-panel-key-field"}
        named = {"aria-label": texts.KEY(), "title": texts.KEY_HINT(), "placeholder": texts.KEY_BENEATH()}
        number = f"{pow(GENERATOR, self._own, PRIME):x}"
        agreed = {"data-prime": f"{PRIME:x}", "data-number": number, "data-skipped": str(_SKIPPED)}
        save = {"type": "button", "class": "jupyter-button widget-button seedream-panel-key-save"}
        field, send = element("input", {**looks, **named}), element("button", {**save, **agreed}, texts.KEY_SAVE())
        self._field.value = str(element("div", {"class": "seedream-panel-key-row"}, field, send))

    def close(self) -> None:
        """Tell of nothing any more."""
        self._kept.close()

    def _uncover(self) -> None:
        """Take a key that the page has covered; the widget forgets even that, and the secret serves once."""
        text, provider = self._covered.value, self._provider
        if not text or provider is None:
            return
        self._covered.value, own, self._own = "", self._own, secrets.randbits(EXPONENT_BITS)
        self._kept.do(lambda: _keep(provider, text, own))

    def _told(self, trouble: str) -> None:
        self._message.value = errors([trouble])
        self._taken()


def uncovered(text: str, own: int) -> str:
    """The key that a page has covered with the secret that its number and our own make. Raises `ValueError`."""
    number, _, cover = text.partition(":")
    other = int(number[:512], 16)
    if not 1 < other < PRIME - 1 or len(cover) > 2 * LONGEST_KEY:
        raise ValueError("number")
    secret = pow(other, own, PRIME).to_bytes(256, "big")[_SKIPPED:]
    return bytes(one ^ over for one, over in zip(bytes.fromhex(cover), secret, strict=False)).decode()


def _keep(provider: Provider, text: str, own: int) -> str:
    """Keep the key as `%seedream key` does; what is wrong with it, if anything is."""
    try:
        store_key_in_keyring(provider, remember_key(provider, uncovered(text, own)))
    except SeedreamError as error:
        return str(error)
    except ValueError:
        return texts.KEY_LOST()
    return ""
