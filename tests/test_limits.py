"""What newer models take beyond the page's seven keys: sent where the model has it, refused where it has not."""

from __future__ import annotations

from typing import Any

import pytest

from seedream_magic.api.make_request import make_request
from seedream_magic.api.references.reference import Reference
from seedream_magic.api.request import request_from_body
from seedream_magic.errors import InvalidRequest

LITE = "doubao-seedream-5-0-lite-260128"
PRO = "dola-seedream-5-0-pro-260628"
FLASH = "doubao-seedream-5-0-flash-260915"
SEEDREAM_4_0 = "doubao-seedream-4-0-250828"
SEEDREAM_4_5 = "doubao-seedream-4-5"
REFERENCE = Reference("cut-out.png", "image/png", b"\x89PNG", 600, 600)


@pytest.mark.parametrize(
    ("model", "options", "sent"),
    [
        (LITE, {"output_format": "PNG"}, {"output_format": "png"}),
        (LITE, {"web_search": True}, {"tools": [{"type": "web_search"}]}),
        (SEEDREAM_4_0, {"optimize_prompt": "fast"}, {"optimize_prompt_options": {"mode": "fast"}}),
        (SEEDREAM_4_5, {"optimize_prompt": "standard"}, {"optimize_prompt_options": {"mode": "standard"}}),
        (FLASH, {"background": "opaque"}, {"background": "opaque"}),
        (
            PRO,
            {"background": "transparent", "output_format": "png", "references": (REFERENCE,)},
            {"background": "transparent", "output_format": "png"},
        ),
        (PRO, {"layer_decomposition": True, "references": (REFERENCE,)}, {"layer_decomposition": True, "size": "2K"}),
        ("ep-20260101-abcde", {"web_search": True, "output_format": "png"}, {"output_format": "png"}),
    ],
)
def test_fields_where_the_model_has_them(model: str, options: dict[str, Any], sent: dict[str, Any]) -> None:
    """They stand in the body as the API spells them, and are read back from it."""
    request, _ = make_request("x", model=model, **options)
    assert sent.items() <= request.body.items()
    assert request_from_body(request.body, references=request.references) == request


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (SEEDREAM_4_5, {"output_format": "png"}, "does not take --output-format"),
        (SEEDREAM_4_5, {"web_search": True}, "does not take --web-search"),
        (LITE, {"background": "opaque"}, "does not take --background"),
        (LITE, {"layer_decomposition": True, "references": (REFERENCE,)}, "does not take --layer-decomposition"),
        (SEEDREAM_4_5, {"optimize_prompt": "fast"}, "does not take --optimize-prompt fast"),
        (PRO, {"background": "transparent", "output_format": "jpeg"}, "png"),
        (PRO, {"background": "transparent"}, "exactly one --ref"),
        (PRO, {"layer_decomposition": True}, "exactly one --ref"),
        (PRO, {"layer_decomposition": True, "references": (REFERENCE,), "size": "1024x1024"}, "1K, 1.5K or 2K"),
        (PRO, {"output_format": "gif"}, "jpeg or png"),
        (PRO, {"background": "red"}, "opaque or transparent"),
        (PRO, {"web_search": "yes"}, "True or False"),
    ],
)
def test_fields_that_are_refused(model: str, options: dict[str, Any], words: str) -> None:
    """One sentence names the option; `check=False` sends what only the model's table refuses."""
    with pytest.raises(InvalidRequest, match=words):
        make_request("x", model=model, **options)


def test_a_table_can_be_overruled() -> None:
    """`--no-check` sends although the model's limits say no."""
    request, warnings = make_request("x", model=SEEDREAM_4_5, output_format="png", check=False)
    assert request.body["output_format"] == "png"
    assert "does not take" in warnings[0]


def test_layers_need_no_prompt() -> None:
    """The prompt may be left out there and nowhere else; up to 17 pictures may be billed."""
    request, _ = make_request("", model=PRO, layer_decomposition=True, references=(REFERENCE,))
    assert "prompt" not in request.body
    assert (request.images_expected, request.images_at_most) == (None, 17)
    with pytest.raises(InvalidRequest, match="prompt is empty"):
        make_request("", model=PRO)


@pytest.mark.parametrize("name", ["output_format", "background", "image", "layer_decomposition", "tools"])
def test_extra_may_not_repeat_them(name: str) -> None:
    """A field that an option sets is not set twice."""
    options: dict[str, dict[str, Any]] = {
        "output_format": {"output_format": "png"},
        "background": {"background": "opaque"},
        "image": {"references": (REFERENCE,)},
        "layer_decomposition": {"layer_decomposition": True},
        "tools": {"web_search": True},
    }
    with pytest.raises(InvalidRequest, match="give it once"):
        make_request("x", model=PRO, extra={name: 1}, **options[name])
