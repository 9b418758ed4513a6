"""A client that drops `update_display_data`, as many a program does: displays are all it has."""

from __future__ import annotations

import pytest

from kernel import Kernel
from service import SlowService

pytestmark = pytest.mark.kernel


def texts(kernel: Kernel) -> list[str]:
    """The text of each output, as such a client shows it."""
    return [output.text for output in kernel.without_updates.outputs]


def test_the_end_of_a_run_is_shown_and_nothing_waits(slow_kernel: Kernel, slow: SlowService) -> None:
    """A set stands there whole, once; a call whose set is bound leaves nothing, and a failed one its error alone."""
    slow.release.set()
    slow_kernel.run("%%seedream story << -n 2\na kite")
    (shown,) = texts(slow_kernel)
    assert "2 images billed" in shown
    assert slow_kernel.run("story = story.redo(0)").ename is None
    assert texts(slow_kernel) == []
    slow_kernel.run("story = story.redo(1)\nstory")
    (shown,) = texts(slow_kernel)
    assert "waiting" not in shown
    slow_kernel.run("print('before')\nstory = story.redo(1, fresh=True)\nprint('after')")
    assert slow_kernel.result.stdout == "before\nafter\n"
    slow_kernel.run("%%seedream -n 2\nrefused")
    (shown,) = texts(slow_kernel)
    assert "ContentRefused" in shown


def test_a_cell_that_shows_more_keeps_it(slow_kernel: Kernel, slow: SlowService) -> None:
    """What was printed before is not cleared away; the whole set comes last."""
    slow.release.set()
    slow_kernel.run("print('before')\nget_ipython().run_cell_magic('seedream', '-n 2', 'a kite')")
    printed, *_, last = texts(slow_kernel)
    assert printed == "before\n"
    assert "2 images billed" in last
