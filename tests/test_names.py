"""A misspelt name of Python is told in the reader's language, with the one that was meant."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import run_cell
from seedream_magic import InvalidRequest, Seedream, export_dataset
from seedream_magic.words.language import choose_language

EXPORT: Any = export_dataset
KEYWORDS: dict[str, Callable[[Any, Any], object]] = {
    "Seedream() has no modle: did you mean model?": lambda _, __: Seedream(modle="x"),  # type: ignore[call-arg]
    "Seedream.generate() has no promt: did you mean prompt?": lambda client, _: client.generate(promt="a fox"),
    "Seedream.generate() has no n: did you mean images?": lambda client, _: client.generate("a fox", n=2),
    "Seedream.generate() has no 张数: did you mean images?": lambda client, _: client.generate("a fox", 张数=2),
    "ImageSet has no retry: did you mean redo?": lambda _, images: images.retry(),
    "Seedream.generate() has no imges: did you mean images?": lambda client, _: client.generate("a fox", imges=3),
    "Seedream.plan() has no waterark: did you mean watermark?": lambda client, _: client.plan("a fox", waterark=False),
    "Seedream.stream() has no siez: did you mean size?": lambda client, _: asyncio.run(
        anext(client.stream("a fox", siez="2K"))
    ),
    "Seedream.agenerate() has no siez: did you mean size?": lambda client, _: asyncio.run(
        client.agenerate("a fox", siez="2K")
    ),
    "Seedream.sweep() has no imges": lambda client, _: client.sweep("a {x} fox", vary={"x": "ab"}, imges=3),
    "Seedream.map() has no sise": lambda client, _: client.map(["a fox"], sise="2K"),
    "Seedream.plan() has no nothing.": lambda client, _: client.plan("a fox", nothing=1),
    "ImageSet.redo() has no promt": lambda _, story: story.redo(0, promt="a cat"),
    "ImageSet.export() has no titel: did you mean title?": lambda _, story: story.export("fox.pdf", titel="Fox"),
    "Frame.vary() has no image: did you mean images?": lambda _, story: story[0].vary("at night", image=2),
    "export_dataset() has no fromat": lambda _, story: EXPORT(story, "foxes", fromat="webdataset"),
    "Seedream.generate() needs prompt.": lambda client, _: client.generate(images=2),
    "Frame.vary() needs prompt.": lambda _, story: story[0].vary(),
    "Seedream.plan() takes only prompt without a keyword: write images=… for the next.": lambda client, _: client.plan(
        "a fox", 4
    ),
}


@pytest.mark.parametrize("told", KEYWORDS)
def test_a_misspelt_keyword_is_told_with_the_one_that_was_meant(seedream: Seedream, told: str) -> None:
    """In one sentence of ours; nothing is sent."""
    story = seedream.generate("a fox whose keywords are misspelt")
    with pytest.raises(InvalidRequest) as refused:
        KEYWORDS[told](seedream, story)
    assert told in str(refused.value)


def test_what_is_async_is_known_for_it(seedream: Seedream) -> None:
    """Programs ask before they call: what is not is not awaited, and draws nothing."""
    assert inspect.iscoroutinefunction(seedream.agenerate)
    assert inspect.isasyncgenfunction(seedream.stream)


def test_a_misspelt_attribute_is_told_with_the_one_that_was_meant(seedream: Seedream) -> None:
    """It is Python's own error, in the reader's language and without a traceback in a notebook; what a frame has is not
    looked for in vain in a set, nor the other way round; copies and pickles are what they were.
    """
    story = seedream.generate("a fox whose attributes are misspelt")
    misspelt = (
        *((story, "exprot", "export"), (story[0], "pth", "path"), (seedream, "genrate", "generate")),
        *((story, "vary", "images[0].vary"), (story, "path", "images[0].path"), (story[0], "redo", "images.redo")),
    )
    for value, name, meant in misspelt:
        with pytest.raises(AttributeError) as refused:
            getattr(value, name)
        told = f"{type(value).__name__} has no {name}: did you mean {meant}?"
        assert str(refused.value) == told
        assert isinstance(refused.value, InvalidRequest)
        assert refused.value._render_traceback_() == [f"NoSuchAttribute: {told}"]
        assert not hasattr(value, name)
        assert not hasattr(value, "_ipython_canary_method_should_not_exist_")
    choose_language("zh")
    with pytest.raises(AttributeError, match=r"^ImageSet 没有 exprot，是想写 export 吗？$"):
        getattr(story, "exprot")  # noqa: B009 - no attribute, as a type checker would say
    assert copy.copy(story) == story
    assert pickle.loads(pickle.dumps(story)) == story


def test_a_setting_that_there_is_not_is_told_with_the_one_that_was_meant(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that has a value of another kind: `%config` logs it, which a notebook shows."""
    choose_language("zh")
    run_cell(shell, '%config SeedreamMagics.modle = "x"')
    assert "SeedreamMagics 没有 modle，是想写 model 吗？" in caplog.text
    assert run_cell(shell, '%config SeedreamMagics.size = "2K"')[1] == ""
