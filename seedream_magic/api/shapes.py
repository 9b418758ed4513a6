"""Where pictures and refusals stand in the JSON of an answer, whichever shape a gateway has given it.

The service's own shape is `data: [{url | b64_json | error}]`. Behind gateways the same pictures were met under other
word_set and deeper down (images, output, result.data, choices[].message.content …), so an answer is walked once, in its
own order, and each text is judged by the name it stands under and by what it is:

    name                     a text under it is
    url, image, output …     a picture, if it is a link, a data: URI, or base64 of a picture
    b64_json                 a picture, whatever it is: damaged base64 is reported as such
    content, text …          words, in which links and data: URIs may stand
    prompt, error, usage …   nothing of ours
    any other                a picture, if nothing else of the answer is one

Pure functions over values; nothing raises on odd input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from seedream_magic.api.documents import objects_in
from seedream_magic.api.redaction import is_link


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for tables of word_set."""
    return frozenset(text.split())


_PICTURES = word_set("""
    url urls uri href link links src image images imageurl imageurls imageuri img imgs imgurl picture pictures pic pics
    picurl output outputs outputurl outputurls outputimage outputimages result results resulturl resulturls resultimage
    resultimages data file files fileurl downloadurl signedurl publicurl mediaurl originurl originalurl base64 b64
    imagebase64 b64image binarydatabase64 inlinedata bytes artifacts generatedimages assets
""")
_WORDS = word_set("content text markdown outputtext answer response html")
_OF_ERRORS = word_set("error errors message msg detail description reason failreason")
_NOT_OURS = word_set("""
    prompt revisedprompt negativeprompt actualprompt originprompt input inputs request requestbody params parameters
    error errors failreason usage tools tooluse logoinfo logo icon avatar thumbnail thumbnails thumburl preview previews
    previewurl statusurl responseurl pollurl pollingurl geturl cancelurl streamurl taskurl queueurl callback callbackurl
    webhook webhookurl docs docsurl documentation documentationurl helpurl dashboardurl providermetadata reasoning
    reasoningcontent maskimage mask imageinput referenceimages sourceimage
""")
_SET_ASIDE = _NOT_OURS - _OF_ERRORS - word_set("thumbnail thumbnails thumburl preview previews previewurl tools")
"""Names of what was asked for, and of addresses that lead to no picture: what stands under them is no lost picture."""
_OF_A_REFUSAL = word_set("url urls uri href link links")
"""Names under which a refusal as a whole links to its explanation."""
_INDEX = ("image_index", "index")
_DEEPEST = 12
_DEEPEST_LOOK = 60
_LONGEST_LINK = 5000
_MOST_PLACES = 10_000

_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_LINK_IN_TEXT = re.compile(
    r"https?://[^\s\"'<>\\^`{}|（）【】，。；]+|data:image/[\w.+-]+;base64,[\w+/=\-]+"
    r"|(?<![\w+/])(?:/9j/|iVBORw0KGgo|UklGR)[\w+/=]{200,}",
    re.IGNORECASE,
)
_AFTER_LINK = ").,;:!?*_]"
_JSON_IN_TEXT = re.compile(r"\{\s*\"|\[\s*[{\"]")
_MARKDOWN_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*<?([^\s)>]+)>?[^)]*\)")
_SEVERAL = re.compile(r"[\s,;|]+(?=https?://)", re.IGNORECASE)
"""What separates links that were put into one text."""
_BASE64_PICTURE = re.compile(r"\s*(?:/9j/|_9j_|iVBORw0KGgo|UklGR)[\w+/=\s-]{40}", re.ASCII)
"""The first letters of JPEG, PNG and WebP in base64, in both alphabets."""
_DATA_URI = re.compile(
    r"\s*data:(?:image/[^,]{0,100},|[^,]{0,100};base64,(?=" + _BASE64_PICTURE.pattern + "))", re.IGNORECASE | re.ASCII
)

_NO_ERROR = frozenset({"", "0", "200", "none", "null", "ok", "success", "succeeded", "successful", "false", "no error"})
_GOOD_WORDS = _NO_ERROR | {"成功", "请求成功", "操作成功", "completed", "complete", "finished", "done"}


@dataclass(frozen=True)
class Place:
    """One place of a set. `index` counts from 0, None where the answer has none.

    A picture has a link (`url`), its base64 (`b64_json`), or both; a refused place has the answer's `error`; one that
    has none of the three stays empty.
    """

    index: int | None = None
    url: str | None = None
    b64_json: str | None = None
    error: object = None

    @property
    def is_picture(self) -> bool:
        """Whether there is something to fetch or to decode."""
        return self.url is not None or self.b64_json is not None


def known_places(value: Mapping[str, Any]) -> list[Place]:
    """The places of an object that stand under names which are known for pictures."""
    return [*islice(_walk(value, "", known_only=True), _MOST_PLACES)]


def places_of(value: Mapping[str, Any]) -> list[Place]:
    """The places of an object's set, in its order."""
    known = known_places(value)
    if any(place.is_picture for place in known) or is_error(value.get("error")):
        return known
    other = [*islice(_walk(value, "", known_only=False), _MOST_PLACES)]
    return other if any(place.is_picture for place in other) else known


def misses_picture(value: Mapping[str, Any], places: Sequence[Place]) -> bool:
    """Whether an object holds a link or a picture that is in none of the places that were read out of it."""
    texts = [text for place in places for text in (place.url, place.b64_json) if text]
    return _holds_other(value, frozenset([*texts, *(text.strip() for text in texts)]))


def _holds_other(value: object, taken: frozenset[str], name: str = "", depth: int = 0) -> bool:
    if isinstance(value, str):
        if value.strip() in taken:
            return False
        whole = is_picture_text(value)
        links = _SEVERAL.split(value.strip()) if whole else [] if name in _OF_ERRORS else _LINK_IN_TEXT.findall(value)
        return any(link.rstrip(_AFTER_LINK) not in taken and link not in taken for link in links)
    if depth > _DEEPEST_LOOK:
        return True
    items = [(name, item) for item in value] if isinstance(value, list) else []
    items = [(plain_name(str(key)), item) for key, item in value.items()] if isinstance(value, Mapping) else items
    return any(_holds_other(item, taken, of, depth + 1) for of, item in items if of not in _SET_ASIDE)


def holds_picture(value: object, sent: str) -> bool:
    """Whether the JSON of a refusal has a picture that is not among what was `sent`.

    A link in its words, or one of the whole refusal, leads to documentation.
    """
    bare = _without_words(value)
    if isinstance(bare, Mapping):
        bare = {name: item for name, item in bare.items() if plain_name(str(name)) not in _OF_A_REFUSAL}
    places = islice(_walk(bare, "data", known_only=True), _MOST_PLACES)
    texts = (text for place in places for text in (place.url, place.b64_json) if text)
    return any(text.strip() not in sent for text in texts)


def _without_words(value: object, depth: int = 0) -> object:
    """A JSON value without the texts in which links may stand."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        named = (
            (name, item)
            for name, item in value.items()
            if not isinstance(item, str) or plain_name(name) not in _WORDS | _OF_ERRORS
        )
        return {name: _without_words(item, depth + 1) for name, item in named}
    return [_without_words(item, depth + 1) for item in value] if isinstance(value, list) else value


def is_error(value: object, *, depth: int = 0) -> bool:
    """Whether the value of an `error` reports a failure: Go's empty struct, `null` as a text and "success" do not."""
    if isinstance(value, Mapping | list) and depth < _DEEPEST:
        items = value.values() if isinstance(value, Mapping) else value
        return any(is_error(item, depth=depth + 1) for item in items)
    if isinstance(value, str):
        return value.strip().lower().rstrip(".!") not in _NO_ERROR
    return bool(value) and value != 200


def reports_success(value: Mapping[str, Any]) -> bool:
    """Whether the envelope of an answer reports a success: `{"code": 0, "message": "success"}`."""
    if str(value.get("success", True)).lower() == "false":
        return False
    words = [value[name] for name in ("code", "message", "msg", "status", "success", "errmsg") if name in value]
    return all(word in (None, True) or str(word).strip().lower().rstrip(".!。") in _GOOD_WORDS for word in words)


def _walk(value: object, name: str, *, known_only: bool, depth: int = 0, listed: bool = False) -> Iterator[Place]:
    """The places in a value that stands under `name`; `known_only` takes no text under a name that is not known."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield from _places_in_text(value, name, known_only=known_only, depth=depth)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found = list(_walk(item, name, known_only=known_only, depth=depth + 1, listed=True))
            # In the service's own list a position is a place, and what stands in it is its picture under any name;
            # elsewhere words stand between pictures.
            if name == "data" and known_only and not found:
                found = list(_walk(item, name, known_only=False, depth=depth + 1, listed=True))
            for place in found or ([Place(position)] if name == "data" else []):
                yield place if place.index is not None or name != "data" else replace(place, index=position)
    elif isinstance(value, Mapping):
        yield from _walk_object(value, name, known_only=known_only, depth=depth, listed=listed)


def _walk_object(
    value: Mapping[str, Any], of: str = "", *, known_only: bool, depth: int, listed: bool
) -> Iterator[Place]:
    index = next((value[key] for key in _INDEX if type(value.get(key)) is int), None)
    own: list[Place] = []
    inside: list[Place] = []
    for key, item in value.items():
        name = plain_name(str(key))
        if of == "delta" and isinstance(item, str):
            continue  # words in pieces: they are put together first
        if name not in _NOT_OURS:
            of_item = _walk(item, name, known_only=known_only, depth=depth + 1)
            (own if isinstance(item, str) and name not in _WORDS else inside).extend(of_item)
    if _text(value.get("url")) or _text(value.get("b64_json")):
        # The service's own word_set: whatever other links stand beside them are of the same picture.
        own = [
            place
            for key in ("b64_json", "url")
            if (text := _text(value.get(key)))
            for place in _places_in_text(text, plain_name(key), known_only=True, depth=depth)
        ]
        own = [*_pair(own[:2]), *own[2:]]
    yield from (replace(place, index=index) for place in _pair(own))
    yield from (replace(place, index=index) if place.index is None else place for place in inside)
    if not own and not inside and (listed or index is not None) and depth and is_error(value.get("error")):
        yield Place(index, error=value["error"])


def _pair(places: list[Place]) -> list[Place]:
    """A link and a base64 text of one object are one picture."""
    if len(places) == 2 and {place.url is None for place in places} == {True, False}:
        first, second = places
        return [Place(url=first.url or second.url, b64_json=first.b64_json or second.b64_json)]
    return places


def _places_in_text(text: str, name: str, *, known_only: bool, depth: int) -> Iterator[Place]:
    if name == "b64json" and text.strip():
        yield _place(text) if is_link(text) else Place(b64_json=text)
    elif (name in _WORDS or name in _PICTURES or not known_only) and _JSON_IN_TEXT.search(text):
        for fields in objects_in(text):
            words = fields.get("content") if fields.keys() == {"content"} else None
            yield from (
                _walk_object(fields, known_only=known_only, depth=depth + 1, listed=False)
                if words is None
                else (_in_words(str(words)))
            )
    elif name in _WORDS and not is_picture_text(text):
        yield from _in_words(text)
    elif name in _PICTURES and len(links := _SEVERAL.split(text.strip())) > 1 and all(map(_LINK.match, links)):
        yield from map(_place, links)
    elif (name in _PICTURES or name in _WORDS or not known_only) and is_picture_text(text):
        yield _place(text)
    elif name in _PICTURES and (within := [*_in_words(text)]):  # Markdown, or a link in brackets or quotes
        yield from within
    elif not known_only and _MARKDOWN_IMAGE.search(text):
        yield from _in_words(text)
    elif name == "url" and text.strip():
        yield Place(url=text.strip())  # it leads nowhere, and its place says so


def _in_words(text: str) -> Iterator[Place]:
    """The pictures that a text shows: Markdown's images if there are any, else all links."""
    images = [link for link in _MARKDOWN_IMAGE.findall(text) if is_picture_text(link)]
    for link in dict.fromkeys(images or [link.rstrip(_AFTER_LINK) for link in _LINK_IN_TEXT.findall(text)]):
        yield _place(link)


def _place(text: str) -> Place:
    text = text.strip()
    return Place(url=text) if _LINK.match(text) else Place(b64_json=text)


def is_picture_text(text: str) -> bool:
    """Whether a text is nothing but a link, a data: URI, or a picture in base64."""
    inside = _DATA_URI.match(text) or _BASE64_PICTURE.match(text)
    return bool(inside or (len(text) < _LONGEST_LINK and _LINK.fullmatch(text.strip())))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def plain_name(name: str) -> str:
    """A name without case, underscores and hyphens: gateways spell the same ones in all ways."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
