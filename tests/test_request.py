"""What a person asks for becomes the body that is sent, or one sentence that says why not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requesting import (
    CUT_OUT,
    ENDPOINT,
    FLASH,
    LITE,
    PRO,
    SEEDREAM_3_0,
    SEEDREAM_4_0,
    SEEDREAM_4_5,
    made,
    made_with_warnings,
    refusal_of,
    verdict,
)
from seedream_magic import InvalidRequest, Seedream, Storyboard
from seedream_magic.api.request import request_from_body

AUTO = "sequential_image_generation"


def test_defaults_are_sent_explicitly() -> None:
    """No gateway's default can bill a set or leave a mark out: all seven keys are there without being asked for."""
    assert made("a fox").body == {
        "model": SEEDREAM_4_5,
        "prompt": "a fox",
        "size": "2048x2048",
        "sequential_image_generation": "disabled",
        "stream": False,
        "response_format": "url",
        "watermark": True,
    }


@pytest.mark.parametrize(
    ("asked", "sent", "bill"),
    [
        ({"images": 1}, ("disabled", None, False), (1, 1)),
        ({"images": 2}, ("auto", {"max_images": 2}, True), (2, 2)),
        ({"images": 15, "stream": False}, ("auto", {"max_images": 15}, False), (15, 15)),
        ({"images": "auto"}, ("auto", None, True), (15, None)),
    ],
)
def test_number_of_images(asked: dict[str, Any], sent: tuple[Any, ...], bill: tuple[int, int | None]) -> None:
    """One is `disabled`, more are a set with its cap, streamed unless said otherwise; of `auto` the model decides."""
    request = made(**asked)
    assert tuple(request.body.get(key) for key in (AUTO, f"{AUTO}_options", "stream")) == sent
    assert (request.images_at_most, request.images_expected) == bill


PRESETS = {
    SEEDREAM_4_0: ("1K", "2K", "4K"),
    SEEDREAM_4_5: ("2K", "4K"),
    LITE: ("2K", "3K", "4K"),
    PRO: ("1K", "1.5K", "2K"),
    FLASH: ("1K", "1.5K", "2K"),
    SEEDREAM_3_0: (),
    ENDPOINT: ("1K", "1.5K", "2K", "3K", "4K"),
}


@pytest.mark.parametrize("model", PRESETS)
@pytest.mark.parametrize("preset", ["1K", "1.5K", "2K", "3K", "4K"])
def test_presets_of_each_model(model: str, preset: str) -> None:
    """A strict provider refuses a preset the model lacks; elsewhere a documented one is only warned of."""
    offered = preset in PRESETS[model]
    documented = preset in {"1K", "2K", "4K"}
    assert verdict(model=model, strict=True, size=preset) == ("sent" if offered else "refused")
    lenient = "sent" if offered else "warned" if documented else "refused"
    assert verdict(model=model, strict=False, size=preset) == lenient
    assert verdict(model=model, strict=True, size=preset, check=False) == ("sent" if offered else "warned")


@pytest.mark.parametrize(
    ("model", "strict", "lenient", "sizes"),
    [
        # the least and the largest area exactly, a side longer than 4096, the vendor's examples, exactly 16:1
        (SEEDREAM_4_5, "sent", "sent", "2560x1440 4096x4096 5504x3040 3750x1250 8192x512 512x8192"),
        (SEEDREAM_4_5, "refused", "warned", "2559x1440 1024x1024 1500x1500"),  # from what the documentation calls least
        (SEEDREAM_4_5, "refused", "refused", "1023x1024 4097x4096 8193x512 512x8193"),
        (SEEDREAM_4_0, "sent", "sent", "1280x720 1600x600"),
        (SEEDREAM_4_0, "refused", "refused", "1279x720 800x800"),
        (LITE, "refused", "warned", "2560x1439"),
        (PRO, "sent", "sent", "1280x720 1500x1000 2140x2160"),
        (PRO, "refused", "warned", "2150x2151"),  # 4,624,650, just over 4,624,220
        (SEEDREAM_3_0, "refused", "refused", "511x512"),
        (SEEDREAM_3_0, "refused", "warned", "2049x2048"),
        (ENDPOINT, "sent", "sent", "1x1 99999x1"),  # a model that is not known is not checked
    ],
)
def test_pixel_limits(model: str, strict: str, lenient: str, sizes: str) -> None:
    """Area and ratio hold at their last pixel and not one further; --no-check sends whatever was typed."""
    for size in sizes.split():
        assert verdict(model=model, strict=True, size=size) == strict, size
        assert verdict(model=model, strict=False, size=size) == lenient, size
        assert made(model=model, size=size, strict=True, check=False).size == size


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"ratio": "16:9"}, "2848x1600"),
        ({"ratio": "9:16", "size": "4K"}, "3040x5504"),
        ({"ratio": "16:9", "model": PRO}, "2816x1584"),
        ({"model": SEEDREAM_4_5}, "2048x2048"),
        ({"model": PRO}, "2K"),
        ({"model": SEEDREAM_3_0}, "1024x1024"),
        ({"model": ENDPOINT}, "2048x2048"),
    ],
)
def test_the_size_that_is_sent(asked: dict[str, Any], size: str) -> None:
    """With a ratio its pixels; without any size one that the model takes, the documented default of an unknown one."""
    assert made(strict=True, **asked).body["size"] == size


@pytest.mark.parametrize("model", [PRO, FLASH, SEEDREAM_3_0])
@pytest.mark.parametrize("stream", [None, True, False])
def test_keys_that_a_model_refuses_are_never_sent(model: str, stream: bool | None) -> None:  # noqa: FBT001 - a table
    """Pro and Flash answer 400 to `sequential_image_generation` and `stream`, even to their defaults."""
    request, warnings = made_with_warnings(model=model, stream=stream, strict=True)
    assert set(request.body) == {"model", "prompt", "size", "response_format", "watermark"}
    assert bool(warnings) == bool(stream)
    assert made(model=model, images=4, check=False).body["sequential_image_generation"] == "auto"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"model": LITE, "output_format": "PNG"}, {"output_format": "png"}),
        ({"model": LITE, "web_search": True}, {"tools": [{"type": "web_search"}]}),
        ({"model": SEEDREAM_4_0, "optimize_prompt": "fast"}, {"optimize_prompt_options": {"mode": "fast"}}),
        (
            {"model": PRO, "background": "transparent", "output_format": "png", "references": (CUT_OUT,)},
            {"background": "transparent", "output_format": "png"},
        ),
        (
            {"model": PRO, "layer_decomposition": True, "references": (CUT_OUT,)},
            {"layer_decomposition": True, "size": "2K"},
        ),
        ({"model": ENDPOINT, "web_search": True, "output_format": "png"}, {"output_format": "png"}),
    ],
)
def test_fields_where_the_model_has_them(asked: dict[str, Any], sent: dict[str, Any]) -> None:
    """They stand in the body as the API spells them, and are read back from it."""
    request = made(**asked)
    assert sent.items() <= request.body.items()
    assert request_from_body(request.body, references=request.references) == request
    assert not {"output_format", "tools", "background"} & set(made(web_search=False, output_format=None).body)


LAYERS = {"layer_decomposition": True, "references": (CUT_OUT,)}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"size": "800x800", "strict": True},
         "800x800 has 640,000 pixels; Seedream 4.5 takes 3,686,400 to 16,777,216, for example 2048x2048."),
        ({"size": "2048x2048", "ratio": "16:9"}, "--ratio goes with a preset"),
        ({"model": PRO, "images": 4}, "makes one image a request"),
        *(({name: value}, f"{name} is True or False") for name in ("stream", "watermark", "web_search")
          for value in ("no", 0)),
        *(({"prompt": prompt}, "prompt is empty") for prompt in ("", "\u3000\u00a0")),
        ({"prompt": "\ud800"}, "position 1;"),
        *(({"prompt": prompt}, "is text") for prompt in (None, b"fox")),
        ({"model": None}, "model id"),
        *(({"model": SEEDREAM_4_5, name: value}, f"does not take {option}")
          for name, value, option in (("output_format", "png", "--output-format"), ("web_search", True, "--web-search"),
                                      ("optimize_prompt", "fast", "--optimize-prompt fast"))),
        ({"model": LITE, "background": "opaque"}, "does not take --background"),
        ({"model": LITE, **LAYERS}, "does not take --layer-decomposition"),
        ({"model": PRO, "background": "transparent", "output_format": "jpeg"}, "--output-format png"),
        ({"model": PRO, "background": "transparent"}, "exactly one --ref"),
        ({"model": PRO, "layer_decomposition": True}, "exactly one --ref"),
        ({"model": PRO, **LAYERS, "size": "1024x1024"}, "1K, 1.5K or 2K"),
        ({"model": ENDPOINT, **LAYERS, "images": 2}, "goes without --images"),
        ({"model": PRO, "output_format": "gif"}, "jpeg or png"),
        ({"model": PRO, "background": "red"}, "opaque or transparent"),
        ({"references": (CUT_OUT,), "extra": {"image": None}}, "so does --ref; give it once"),
        *(({"extra": {name: value}}, f"{name}'") for name in ("prompt",) for value in ("b", None)),
        ({"extra": {"model": None}}, "model id"),
        *(({"extra": {AUTO: "auto", f"{AUTO}_options": {"max_images": most}}}, "1 to 15")
          for most in (0, 16)),
        *(({"extra": extra}, "extra takes") for extra in (
            {"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud800"}, [1], {"a": 10**5000})),
    ],
)  # fmt: skip
def test_what_is_refused(asked: dict[str, Any], words: str) -> None:
    """One sentence names the option and the fix; nothing is sent."""
    assert words in refusal_of(**asked)


def test_layers_need_no_prompt() -> None:
    """The prompt may be left out there and nowhere else; up to 17 pictures may be billed."""
    for asked in (LAYERS, {"references": (CUT_OUT,), "extra": {"layer_decomposition": True}}):
        request = made("", model=PRO, **asked)
        assert "prompt" not in request.body
        assert (request.images_expected, request.images_at_most) == (None, 17)
    assert "prompt is empty" in refusal_of("", model=PRO)


@given(prompt=st.text(alphabet=st.characters(codec=None), max_size=50))
@settings(max_examples=300, deadline=None)
def test_any_prompt_is_sent_whole_or_refused(prompt: str) -> None:
    """A body that was made can be encoded and holds the prompt, all but blank lines around it; else it is refused."""
    try:
        request = made(prompt)
    except InvalidRequest:
        return
    sent = json.loads(json.dumps(request.body, ensure_ascii=False).encode())["prompt"]
    before, _, after = prompt.partition(sent)
    assert sent.strip()
    assert not (before + after).strip()
    assert (before or "\n")[-1] == (after or "\n")[0] == "\n"


def test_extra_fields_follow_the_others() -> None:
    """They are sent as they are, after the seven keys; changing the dict afterwards does not change the request."""
    extra = {"seed": 7, "optimize_prompt_options": {"mode": "fast"}, "further": [None]}
    request = made(extra=extra)
    assert list(request.body)[-3:] == list(extra)
    extra["optimize_prompt_options"]["mode"] = "other"  # type: ignore[index] # a dict, whatever its values' type
    assert request.body["optimize_prompt_options"] == {"mode": "fast"}


@pytest.mark.parametrize("images", [None, 4])
@pytest.mark.parametrize("name", ["response_format", "size", "watermark", "stream", AUTO, "image", "seed"])
def test_null_takes_a_field_out_of_the_body(name: str, images: int | None) -> None:
    """A gateway that refuses a field can be served; the rest goes as ever, and read back it is the same body."""
    images = None if name == AUTO else images  # it says how many
    request = made(extra={name: None}, images=images)
    usual = {key: value for key, value in made(images=images).body.items() if key != name}
    assert request.body == usual
    assert request_from_body(request.body).body == usual
    assert request.images_at_most == (images or 1)


def test_extra_may_set_what_no_option_sets() -> None:
    """What may be billed follows a number of images; a model's own limits hold, and keys it refuses stay out."""
    request = made(extra={AUTO: "auto", f"{AUTO}_options": {"max_images": 3}})
    assert request.body[AUTO] == "auto"
    assert (request.images_at_most, request.images_expected) == (3, 3)
    request = made(extra={"model": PRO})
    assert (request.model, request.body["model"], "stream" in request.body) == (PRO, PRO, False)


@pytest.mark.parametrize(
    ("extra", "most"),
    [
        ({"n": 8}, 8), ({"n": "8"}, 8), ({"n": 8.0}, 8), ({"n": " +8 "}, 8), ({"n": "８"}, 8), ({"n": 0}, 1),
        ({"num_images": 4}, 4), ({"batch_size": "3"}, 3), ({"num_outputs": 2, "n": 5}, 5), ({"max_images": 6}, 6),
        ({AUTO: "Auto"}, 15), ({AUTO: " AUTO"}, 15), ({AUTO: "enabled"}, 15), ({AUTO: True}, 15), ({AUTO: []}, 15),
        ({AUTO: "Disabled"}, 1), ({AUTO: None}, 1), ({AUTO: "auto", "n": 2}, 30),
        ({AUTO: "Auto", f"{AUTO}_options": {"max_images": 3}}, 3),
        ({AUTO: "auto", f"{AUTO}_options": {"max_images": "3"}}, 3),
        ({AUTO: "auto", f"{AUTO}_options": {"maxImages": 3}}, 15),
        ({AUTO: "auto", f"{AUTO}_options": "4"}, 15),
        ({AUTO: "auto", "max_images": 4}, 15), ({"n": 2, "layer_decomposition": "true"}, 17),
        ({"N": 8}, 8), ({"ｎ": 8}, 8), ({"n ": 8}, 8), ({"numberOfImages": 4}, 4), ({"Batch-Size": 3}, 3),
        ({"parameters": {"n": 4}}, 4), ({"input": {"parameters": [{"sampleCount": "7"}]}}, 7),
        ({"extra_body": {AUTO: "auto"}}, 15), ({"Sequential_Image_Generation": "auto"}, 15),
        ({"extra_body": {AUTO: "disabled"}}, 1), ({"options": {"maxImages": 9}}, 9), ({"style": {"words": ["n"]}}, 1),
        ({f"{AUTO}_options": {"max_images": 9}}, 1),
        ({"layer_decomposition": 1}, 17), ({"layer_decomposition": "false"}, 1), ({"seed": 9}, 1), ({"n": None}, 1),
    ],
)  # fmt: skip
def test_every_spelling_of_a_number_of_images_counts(extra: dict[str, Any], most: int) -> None:
    """As gateways and other services read it; what is sent stays as it was given."""
    request = made(extra=extra)
    assert (request.images_at_most, request.uncounted) == (most, ())
    assert {name: value for name, value in extra.items() if value is not None}.items() <= request.body.items()


@pytest.mark.parametrize("value", ["eight", [8], {"x": 8}, True, -1, 8.5, "", "1e3", "0x8"])
def test_what_cannot_be_counted_is_named(value: object) -> None:
    """A cap refuses such a request; without one it is sent."""
    assert made(extra={"n": value, "batch": 2}).uncounted == ("n",)
    assert made(extra={"parameters": {"Num-Images": value}}).uncounted == ("Num-Images",)


def test_an_optional_field_reads_as_an_attribute() -> None:
    """None where it was not asked for; what is no field is no attribute."""
    request = made(model=LITE, output_format="png")
    assert (getattr(request, "output_format"), getattr(request, "background")) == ("png", None)  # noqa: B009 - mypy knows none of them
    with pytest.raises(AttributeError, match="no attribute 'outputformat'"):
        getattr(request, "outputformat")  # noqa: B009 - as above


def test_equal_requests_and_plans_have_equal_hashes() -> None:
    """They can be members of a set and keys of a dict, whatever they hold."""
    asked = {"images": 2, "references": (CUT_OUT,), "extra": {"seed": 7}, "model": ENDPOINT, "web_search": True}
    first, second = made(Storyboard("ink", ("a", "b")), **asked), made(Storyboard("ink", ("a", "b")), **asked)
    assert len({first, second, replace(first, extra={}), replace(first, options={})}) == 3
    plans = {Seedream("anyfast", headers={"X-Tenant": "a"}).plan("x", extra={"seed": seed}) for seed in (7, 7, 8)}
    assert len(plans) == 2
