"""What a person asks for becomes the body that is sent, or one sentence that says why not."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedream_magic.api.make_request import make_request
from seedream_magic.api.request import ImageRequest, request_from_body
from seedream_magic.api.values import RESPONSE_FORMATS, parse_extra, parse_images, parse_ratio, parse_size, parse_word
from seedream_magic.errors import InvalidRequest

SEEDREAM_4_0 = "doubao-seedream-4-0-250828"
SEEDREAM_4_5 = "doubao-seedream-4-5"
LITE = "doubao-seedream-5-0-lite-260128"
PRO = "dola-seedream-5-0-pro-260628"
FLASH = "doubao-seedream-5-0-flash-260915"
SEEDREAM_3_0 = "doubao-seedream-3-0-t2i-250415"
ENDPOINT = "ep-20260101-abcde"

SEED_PROMPT = "Generate a set of illustrations showing four seasons"
SEED_BODY = {
    "model": "doubao-seedream-4-5",
    "prompt": SEED_PROMPT,
    "size": "2K",
    "sequential_image_generation": "auto",
    "stream": False,
    "response_format": "url",
    "watermark": False,
}


def made(prompt: str = "a fox", *, model: str = SEEDREAM_4_5, **asked: Any) -> ImageRequest:
    return make_request(prompt, model=model, **asked)[0]


def refusal_of(prompt: str = "a fox", *, model: str = SEEDREAM_4_5, **asked: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        make_request(prompt, model=model, **asked)
    return str(caught.value)


def verdict(model: str, *, strict: bool, **asked: Any) -> str:
    """`sent`, `warned` or `refused`."""
    try:
        _, warnings = make_request("a fox", model=model, strict=strict, **asked)
    except InvalidRequest:
        return "refused"
    return "warned" if warnings else "sent"


def test_the_seeds_body_key_for_key() -> None:
    """The documented example comes out with the same keys and values, in the same order, and nothing else."""
    body = made(SEED_PROMPT, images="auto", size="2K", stream=False, watermark=False).body
    assert list(body.items()) == list(SEED_BODY.items())


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
    ("images", "sequential", "options", "at_most", "expected"),
    [
        (1, "disabled", None, 1, 1),
        (2, "auto", {"max_images": 2}, 2, 2),
        (15, "auto", {"max_images": 15}, 15, 15),
        ("auto", "auto", None, 15, None),
        (" AUTO ", "auto", None, 15, None),
        ("４", "auto", {"max_images": 4}, 4, 4),
        ("٤", "auto", {"max_images": 4}, 4, 4),
    ],
)
def test_number_of_images(
    images: Any,
    sequential: str,
    options: dict[str, int] | None,
    at_most: int,
    expected: int | None,
) -> None:
    """One is `disabled`, more are a streamed set with its cap, `auto` leaves the number to the model."""
    request = made(images=images)
    assert request.body["sequential_image_generation"] == sequential
    assert request.body.get("sequential_image_generation_options") == options
    assert request.body["stream"] is (sequential == "auto")
    assert (request.images_at_most, request.images_expected) == (at_most, expected)


@pytest.mark.parametrize("images", [0, 16, -1, 1.5, True, "", "many", "1 2", "1e1", "0x2", "9" * 400, None.__class__])
def test_numbers_that_are_no_count(images: Any) -> None:
    """Everything but 1-15 and auto is refused with the range, and shown short."""
    text = refusal_of(images=images)
    assert "1 to 15 or auto" in text
    assert len(text) < 120


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2K", "2K"), ("2k", "2K"), ("１.５ｋ", "1.5K"), ("４Ｋ", "4K"), (" 3K ", "3K"),
        ("2048x1024", "2048x1024"), ("2048X1024", "2048x1024"), ("2048×1024", "2048x1024"), ("2048*1024", "2048x1024"),
        ("２０４８×１０２４", "2048x1024"), ("２０４８＊１０２４", "2048x1024"), ("２０４８ｘ１０２４", "2048x1024"),
        ("2048 x 1024", "2048x1024"), ("02048x01024", "2048x1024"),
    ],
)  # fmt: skip
def test_sizes_as_people_type_them(typed: str, sent: str) -> None:
    """Any usual sign between the numbers and full-width characters are taken; a plain x is sent."""
    assert parse_size(typed) == sent


@pytest.mark.parametrize(
    "typed",
    ["", "5K", "0.5K", "2048", "x", "2048x", "x1024", "0x1024", "1024x0", "-1x5", "2048x1024x3", "1e3x1e3", "2_048x5",
     "2048.0x1024", "9999999x1", "{2048}x1", "adaptive", "9" * 5000, "\ud800", "2K 4K"],
)  # fmt: skip
def test_sizes_that_are_none(typed: str) -> None:
    """What is neither preset nor pixels is refused with an example."""
    with pytest.raises(InvalidRequest, match="2048x2048"):
        parse_size(typed)


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
    assert verdict(model, strict=True, size=preset) == ("sent" if offered else "refused")
    assert verdict(model, strict=False, size=preset) == ("sent" if offered else "warned" if documented else "refused")
    assert verdict(model, strict=True, size=preset, check=False) == ("sent" if offered else "warned")


@pytest.mark.parametrize(
    ("model", "size", "strict", "lenient"),
    [
        (SEEDREAM_4_5, "2560x1440", "sent", "sent"),  # exactly the least area
        (SEEDREAM_4_5, "2559x1440", "refused", "warned"),
        (SEEDREAM_4_5, "1024x1024", "refused", "warned"),  # what the documentation calls the least
        (SEEDREAM_4_5, "1023x1024", "refused", "refused"),
        (SEEDREAM_4_5, "4096x4096", "sent", "sent"),
        (SEEDREAM_4_5, "4097x4096", "refused", "refused"),
        (SEEDREAM_4_5, "5504x3040", "sent", "sent"),  # a side may be longer than 4096
        (SEEDREAM_4_5, "3750x1250", "sent", "sent"),  # valid and invalid examples of the vendor
        (SEEDREAM_4_5, "1500x1500", "refused", "warned"),
        (SEEDREAM_4_5, "8192x512", "sent", "sent"),  # exactly 16:1
        (SEEDREAM_4_5, "8193x512", "refused", "refused"),
        (SEEDREAM_4_5, "512x8192", "sent", "sent"),
        (SEEDREAM_4_5, "512x8193", "refused", "refused"),
        (SEEDREAM_4_0, "1280x720", "sent", "sent"),
        (SEEDREAM_4_0, "1279x720", "refused", "refused"),
        (SEEDREAM_4_0, "1600x600", "sent", "sent"),
        (SEEDREAM_4_0, "800x800", "refused", "refused"),
        (LITE, "2560x1440", "sent", "sent"),
        (LITE, "2560x1439", "refused", "warned"),
        (LITE, "4096x4096", "sent", "sent"),
        (PRO, "1280x720", "sent", "sent"),
        (PRO, "1500x1000", "sent", "sent"),
        (PRO, "2140x2160", "sent", "sent"),  # 4,622,400
        (PRO, "2150x2151", "refused", "warned"),  # 4,624,650, just over 4,624,220
        (FLASH, "2150x2151", "refused", "warned"),
        (SEEDREAM_3_0, "512x512", "sent", "sent"),
        (SEEDREAM_3_0, "511x512", "refused", "refused"),
        (SEEDREAM_3_0, "2048x2048", "sent", "sent"),
        (SEEDREAM_3_0, "2049x2048", "refused", "warned"),
        (ENDPOINT, "1x1", "sent", "sent"),  # a model that is not known is not checked
        (ENDPOINT, "99999x1", "sent", "sent"),
    ],
)
def test_pixel_limits(model: str, size: str, strict: str, lenient: str) -> None:
    """Area and ratio hold at their last pixel and not one further; --no-check sends whatever was typed."""
    assert verdict(model, strict=True, size=size) == strict
    assert verdict(model, strict=False, size=size) == lenient
    assert made(model=model, size=size, strict=True, check=False).size == size


def test_a_refused_size_names_the_limits() -> None:
    """The sentence holds the size, its area, the model and both limits."""
    text = refusal_of(size="800x800", strict=True)
    for word in ("800x800", "640,000", "Seedream 4.5", "3,686,400", "16,777,216", "2048x2048"):
        assert word in text


@pytest.mark.parametrize(
    ("typed", "pair"),
    [
        ("16:9", (16, 9)),
        ("16：9", (16, 9)),
        ("１６:９", (16, 9)),
        ("16/9", (16, 9)),
        ("16∶9", (16, 9)),
        (" 1 : 16 ", (1, 16)),
    ],
)
def test_ratios_as_people_type_them(typed: str, pair: tuple[int, int]) -> None:
    """Full-width colons and digits, a slash and the ratio sign are taken."""
    assert parse_ratio(typed) == pair


@pytest.mark.parametrize(
    "typed", ["", "16", "16:", ":9", "0:1", "1:0", "17:1", "1:17", "1.5:1", "a:b", "1:2:3", "²:1x"]
)
def test_ratios_that_are_none(typed: str) -> None:
    """A ratio beyond 16, or none at all, is refused."""
    with pytest.raises(InvalidRequest, match="--ratio"):
        parse_ratio(typed)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"ratio": "16:9"}, "2848x1600"),
        ({"ratio": "16:9", "size": "2K"}, "2848x1600"),
        ({"ratio": "9:16", "size": "4K"}, "3040x5504"),
        ({"ratio": "16:9", "model": PRO}, "2816x1584"),
        ({"ratio": "16:9", "model": PRO, "size": "1.5K"}, "2048x1152"),
    ],
)
def test_ratio_becomes_pixels(asked: dict[str, Any], size: str) -> None:
    """With a preset, or without a size, the pixels of the ratio are sent."""
    assert made(**asked).body["size"] == size


def test_ratio_with_pixels_is_refused() -> None:
    """Pixels have their ratio already."""
    assert "--ratio goes with a preset" in refusal_of(size="2048x2048", ratio="16:9")


def test_default_size_is_the_models() -> None:
    """Each model gets a size that it takes, unknown ones the documented default."""
    sizes = {model: made(model=model, strict=True).size for model in (SEEDREAM_4_5, PRO, FLASH, SEEDREAM_3_0, ENDPOINT)}
    assert sizes == {
        SEEDREAM_4_5: "2048x2048", PRO: "2K", FLASH: "2K", SEEDREAM_3_0: "1024x1024", ENDPOINT: "2048x2048",
    }  # fmt: skip


@pytest.mark.parametrize("model", [PRO, FLASH, SEEDREAM_3_0])
@pytest.mark.parametrize("stream", [None, True, False])
def test_keys_that_a_model_refuses_are_never_sent(model: str, stream: bool | None) -> None:  # noqa: FBT001 - a table
    """Pro and Flash answer 400 to `sequential_image_generation` and `stream`, even to their defaults."""
    request, warnings = make_request("a fox", model=model, stream=stream, strict=True)
    assert set(request.body) == {"model", "prompt", "size", "response_format", "watermark"}
    assert bool(warnings) == bool(stream)


def test_a_model_without_sets_refuses_a_set() -> None:
    """A set of Pro is refused with what to do, and sent when nothing is to be checked."""
    assert "one image" in refusal_of(model=PRO, images=4)
    assert made(model=PRO, images=4, check=False).body["sequential_image_generation"] == "auto"


@pytest.mark.parametrize(("asked", "sent"), [(None, True), (True, True), (False, False)])
def test_streaming_of_a_set_can_be_chosen(asked: bool | None, sent: bool) -> None:  # noqa: FBT001 - a table
    """On for sets unless it is said otherwise."""
    assert made(images=4, stream=asked).body["stream"] is sent


@pytest.mark.parametrize("name", ["stream", "watermark"])
@pytest.mark.parametrize("value", ["no", 0, 1, [], object()])
def test_switches_are_booleans(name: str, value: Any) -> None:
    """A word or a number in place of True and False would reach the wire as such."""
    assert name in refusal_of(**{name: value})


@pytest.mark.parametrize(("typed", "sent"), [("url", "url"), ("URL", "url"), ("b64_json", "b64_json")])
def test_response_formats(typed: str, sent: str) -> None:
    """Both formats, in any case."""
    assert parse_word("response-format", RESPONSE_FORMATS, typed) == sent


def test_a_response_format_that_is_none() -> None:
    """The two there are stand in the sentence."""
    assert "url or b64_json" in refusal_of(response_format="png")


@pytest.mark.parametrize(
    "prompt",
    [
        "四季",
        "أربعة فصول\u202e",
        "a" * 10_000,
        "季" * 10_000,
        '"quoted" \\ $HOME `x`',
        "line\nline\r\n\ttab",
        "\x00",
        "🦊",
        "  kept blanks  ",
        "a\u2028b",
    ],
)
def test_prompts_are_sent_as_typed(prompt: str) -> None:
    """Any text that can be encoded reaches the body untouched."""
    body = made(prompt).body
    assert json.loads(json.dumps(body, ensure_ascii=False).encode())["prompt"] == prompt


@pytest.mark.parametrize("prompt", ["", " ", "\n\t \r\n", "\u3000\u00a0"])
def test_empty_prompts(prompt: str) -> None:
    """Blanks of any script are no prompt."""
    assert "prompt is empty" in refusal_of(prompt)


@pytest.mark.parametrize(("prompt", "position"), [("\ud800", 1), ("fox \udfff", 5)])
def test_half_characters_are_refused(prompt: str, position: int) -> None:
    """A lone surrogate cannot be sent; its place is named."""
    assert f"position {position}" in refusal_of(prompt)


@pytest.mark.parametrize("prompt", [None, 5, b"fox", ["fox"]])
def test_a_prompt_is_text(prompt: Any) -> None:
    """Another type is refused, not turned into its repr and billed."""
    assert "is text" in refusal_of(prompt)


@pytest.mark.parametrize("model", ["", " ", "\ud800", "a\nb", None, 4.5])
def test_a_model_is_an_id(model: Any) -> None:
    """What cannot be an id is refused before anything looks it up."""
    assert "model id" in refusal_of(model=model)


def test_extra_fields_follow_the_others() -> None:
    """They are sent as they are, after the seven keys."""
    extra = {"seed": 7, "optimize_prompt_options": {"mode": "fast"}, "further": [None]}
    body = made(extra=extra).body
    assert list(body)[-3:] == list(extra)
    assert {key: body[key] for key in extra} == extra


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize(
    "name", ["response_format", "size", "watermark", "stream", "sequential_image_generation", "image", "seed"]
)
def test_null_takes_a_field_out_of_the_body(name: str, images: int) -> None:
    """A gateway that refuses a field can be served; the rest goes as ever, and read back it is the same body."""
    if images > 1 and name == "sequential_image_generation":
        assert "set already" in refusal_of(extra={name: None}, images=images)
        return
    request = made(extra={name: None}, images=images)
    usual = {key: value for key, value in made(images=images).body.items() if key != name}
    assert request.body == usual
    assert request_from_body(request.body).body == usual
    assert request.images_at_most == images


@pytest.mark.parametrize("name", ["prompt", "model"])
def test_null_takes_out_nothing_that_is_needed(name: str) -> None:
    """A request has words and a model."""
    assert name in refusal_of(extra={name: None})


@pytest.mark.parametrize("image", ["https://cdn.example/a.png?sig=canary", ["data:image/png;base64,canary"], ""])
def test_extra_takes_no_reference(image: Any) -> None:
    """It would stay in the record for good, signature, bytes and all; the text repeats none of it."""
    told = refusal_of(extra={"image": image})
    assert "--ref" in told
    assert "canary" not in told


def test_extra_is_a_copy() -> None:
    """Changing the dict afterwards does not change the request."""
    options = {"mode": "fast"}
    request = made(extra={"optimize_prompt_options": options})
    options["mode"] = "other"
    assert request.body["optimize_prompt_options"] == {"mode": "fast"}


def test_extra_may_set_what_no_option_sets() -> None:
    """A field of the seven that was left alone can be given as an extra one, and what may be billed follows it."""
    request = made(
        extra={"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}}
    )
    assert request.body["sequential_image_generation"] == "auto"
    assert (request.images_at_most, request.images_expected) == (3, 3)


def test_a_model_given_as_extra_is_the_model() -> None:
    """Its own limits hold, and keys it refuses stay out."""
    request = made(extra={"model": PRO})
    assert (request.model, request.body["model"], "stream" in request.body) == (PRO, PRO, False)


@pytest.mark.parametrize(
    ("extra", "asked"),
    [
        ({"prompt": "b"}, {}),
        ({"size": "4K"}, {"size": "2K"}),
        ({"size": "4K"}, {"ratio": "1:1"}),
        ({"sequential_image_generation": "auto"}, {"images": 2}),
        ({"sequential_image_generation_options": {"max_images": 9}}, {"images": "auto"}),
        ({"stream": True}, {"stream": False}),
        ({"watermark": True}, {"watermark": False}),
        ({"response_format": "url"}, {"response_format": "url"}),
    ],
)
def test_extra_may_not_repeat_an_option(extra: dict[str, Any], asked: dict[str, Any]) -> None:
    """A field that is set already is refused by name."""
    assert repr(next(iter(extra))) in refusal_of(extra=extra, **asked)


@pytest.mark.parametrize("most", [0, -3, 16, 10**9])
def test_extra_cannot_ask_for_more_than_fifteen(most: int) -> None:
    """Neither too many images nor none at all."""
    extra = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": most}}
    assert "1 to 15" in refusal_of(extra=extra)


@pytest.mark.parametrize(
    "extra",
    [{"a": float("nan")}, {"a": float("inf")}, {"a": {1, 2}}, {"a": b"x"}, {"a": "\ud800"}, {"\udfff": 1}, [1], "text",
     5, {"a": 10**5000}],
)  # fmt: skip
def test_extra_is_what_json_can_say(extra: Any) -> None:
    """Values that cannot be encoded are refused before anything is sent."""
    assert "extra" in refusal_of(extra=extra)


def test_extra_as_text() -> None:
    """`--extra` is a JSON object."""
    assert parse_extra('{"seed": 7, "tools": [{"type": "web_search"}]}') == {
        "seed": 7,
        "tools": [{"type": "web_search"}],
    }


@pytest.mark.parametrize(
    "text", ["", "7", "[]", "{seed: 7}", "{'seed': 7}", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000]
)
def test_extra_that_is_no_object(text: str) -> None:
    """Anything else is refused with an example in single quotes."""
    with pytest.raises(InvalidRequest, match="single quotes"):
        parse_extra(text)


@given(text=st.text() | st.from_regex(r"[\d０-９]{0,7}[x×X*＊ :/]?[\d０-９]{0,7}[kK]?", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_value_or_an_invalid_request(text: str) -> None:
    """Parsers give a value that reads back as itself, or `InvalidRequest`; nothing else escapes."""
    for parse in (parse_images, parse_size, parse_ratio, partial(parse_word, "response-format", RESPONSE_FORMATS)):
        try:
            value = parse(text)
        except InvalidRequest:
            continue
        printed = "{}:{}".format(*value) if isinstance(value, tuple) else str(value)
        assert parse(printed) == value


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
