"""What the page does for the panel that widgets cannot: keys, and the names of files before they are sent."""

from __future__ import annotations

import os

# Ctrl+Enter draws; the field in which it is pressed loses the focus for a moment, for some report their text only then.
# Other keys stay in the panel: a notebook would move its cells when an arrow chooses in a list. Widgets cannot run
# scripts, but a broken picture's error handler is one; where a page forbids that, all else works without.
# The files of an upload are told before they are sent: the field in which they are chosen is outside the page, and is
# met at the click that the button passes on to it.
KEYS = """const tie = (left) => {
  const panel = this.closest('.seedream-panel');
  if (!panel) { if (left) requestAnimationFrame(() => tie(left - 1)); return; }
  const isCommand = (event) => event.ctrlKey || event.metaKey;
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !isCommand(event) || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    const field = document.activeElement;
    field.blur();
    field.focus();
    panel.querySelector('.seedream-generate').click();
  }, true);
  panel.addEventListener('click', (event) => {
    if (!event.target.closest('.widget-upload')) return;
    const inputs = HTMLInputElement.prototype;
    inputs.click = function () {
      delete inputs.click;
      this.addEventListener('change', () => announce([...this.files]), { capture: true, once: true });
      this.click();
    };
    setTimeout(() => { delete inputs.click; });
  }, true);
  const announce = (files) => {
    const field = panel.querySelector('.seedream-chosen-files input');
    field.value = JSON.stringify({ at: Date.now(), files: files.map(({ name, size }) => [name, size]) });
    field.dispatchEvent(new Event('change', { bubbles: true }));
  };
  panel.addEventListener('keydown', (event) => {
    if (!isCommand(event) && !['Escape', 'Tab'].includes(event.key)) event.stopPropagation();
  });
};
tie(600);"""


def in_voila() -> bool:
    """Whether this is a page of Voilà's, where outputs stand still once it has loaded; widgets go on there."""
    return any(name.startswith("VOILA_") for name in os.environ)
