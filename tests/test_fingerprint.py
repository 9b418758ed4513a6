"""The same words are the same request, however they were typed; what is sent stays as it was typed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell

from asking import b64, run
from raw_server import RawServer
from requesting import made
from seedream_magic import Seedream
from seedream_magic.api.plan import Plan
from seedream_magic.api.providers import PROVIDERS
from seedream_magic.continuation import plan_extend, plan_redo, plan_vary
from seedream_magic.images.record import Record, fingerprint_of, read_record
from seedream_magic.images.stored_runs import records
from served import KEY
from service import bodies, jpeg

STORE = Path(__file__).parent / "stores" / "0.1.0"
COMPOSED = "café 三座山\n\n  two"


def plan_for(prompt: str, **asked: Any) -> Plan:
    return Plan(made(prompt, **asked), PROVIDERS["anyfast"], "https://www.anyfast.ai/v1")


@pytest.mark.parametrize(
    "typed",
    [
        unicodedata.normalize("NFD", COMPOSED),
        COMPOSED.replace("\n", "\r\n"),
        COMPOSED.replace("\n", "\r"),
        COMPOSED.replace("\n", " \t\N{IDEOGRAPHIC SPACE}\N{NO-BREAK SPACE}\n") + " ",
        f"\n \t\n{COMPOSED}\n\r\n  \n",
    ],
    ids=["NFD", "CRLF", "CR", "blanks at line ends", "blank lines around"],
)
def test_what_nobody_sees_makes_no_other_request(typed: str, shell: InteractiveShell, server: RawServer) -> None:
    """In the prompt, and in texts of extra fields; what is sent are the words as typed, and nothing is sent twice."""
    plain, other = Seedream().plan(COMPOSED, extra={"negative_prompt": COMPOSED}), {"negative_prompt": typed}
    assert Seedream().plan(typed, extra=other).fingerprint == plain.fingerprint
    assert Seedream().plan(f"{typed}!").fingerprint != Seedream().plan(COMPOSED).fingerprint
    first = Seedream().generate(typed, extra={"negative_prompt": typed})
    (sent,) = bodies(server.requests)
    assert (sent["prompt"].strip(), sent["negative_prompt"]) == (typed.strip(), typed)
    again = Seedream().generate(COMPOSED, extra={"negative_prompt": COMPOSED})
    assert (again.run_id, again.replayed, again.notes, server.posts) == (first.run_id, True, first.notes, 1)
    run(shell, f"%%seedream --extra '{json.dumps(other)}'\n{COMPOSED} ")
    assert (shell.user_ns["_seedream"].replayed, server.posts) == (True, 1)


@pytest.mark.parametrize(
    "other",
    ["cafe", "Café", " café", "ca fé", "café\n\n\nb", "ｃafé", "café\N{ZERO WIDTH JOINER}"],
)
def test_what_may_draw_another_picture_is_another_request(other: str) -> None:
    """Letters, case, width, blanks within a line, blank lines between two."""
    assert plan_for("café").fingerprint != plan_for(other).fingerprint
    assert plan_for("café\n\nb").fingerprint != plan_for(other).fingerprint


def test_links_are_not_touched() -> None:
    """Each character of one counts: composed and decomposed it may lead to two pictures."""
    composed, decomposed = "https://pictures.example/caf\u00e9.png", "https://pictures.example/cafe\u0301.png"
    assert plan_for(f"{composed} as a fox").fingerprint == plan_for(f"{decomposed} as a fox").fingerprint
    prints = {plan_for("x", extra={"mask": {"url": link}}).fingerprint for link in (composed, decomposed)}
    assert len(prints) == 2


def test_words_in_normal_form_have_the_fingerprint_of_earlier_versions() -> None:
    """Computed by the version before the normal form; there is no second one to look for."""
    plan = plan_for("café au lait\n\n  two 三座山", images=4, extra={"negative_prompt": "blurry"})
    assert plan.fingerprints == ("1b0f575295aacf28899e48580a58c6d0da1fa8e14aa6b6bb529503a6ba41b02e",)
    assert plan_for("a fox").fingerprints == ("97542fe3c250b9bc8c99e37b1b657478078608fef0b966f897f89bda7376cdac",)


def typed_as_before(images_record: Path, plan: Plan) -> None:
    """Writes into a record the fingerprint that an earlier version gave to these words."""
    facts = json.loads(images_record.read_text())
    images_record.write_text(json.dumps(facts | {"fingerprint": plan.fingerprints[-1]}))


def test_what_an_earlier_version_kept_under_words_as_typed_is_found(seedream: Seedream, server: RawServer) -> None:
    """By the same words, though its record has their earlier fingerprint; takes count over both."""
    typed = "cafe\u0301\r\nau lait "
    plan = seedream.plan(typed)
    assert len(set(plan.fingerprints)) == 2
    first = seedream.generate(typed)
    typed_as_before(first.folder / "request.json", plan)
    assert seedream.plan(typed).stored == first.run_id
    assert seedream.generate(typed).run_id == first.run_id
    second = seedream.generate(typed, fresh=True)
    assert [seedream.generate(typed, take=take).run_id for take in (1, 2)] == [first.run_id, second.run_id]
    assert server.posts == 2


def answer_all(request: httpx.Request) -> httpx.Response:
    """Two pictures to a request, a picture behind each link."""
    data = {"data": [{"b64_json": b64(shade)} for shade in (0, 1)]}
    return httpx.Response(200, json=data) if request.method == "POST" else httpx.Response(200, content=jpeg(1))


def test_a_record_gives_the_fingerprint_of_its_request(store: Path, tmp_path: Path) -> None:
    """References of each kind, goings-on, extra fields: as its plan has it, also where it was kept by the words as
    they were typed.
    """
    png = tmp_path / "hero.png"
    png.write_bytes(jpeg(3))
    link, uri = "https://pictures.example.com/1.jpeg", f"data:image/jpeg;base64,{b64(4)}"
    signed = f"{link}?v=1&X-Tos-Signature=canary"
    seedream = Seedream("anyfast", api_key=KEY, store=store, transport=httpx.MockTransport(answer_all))
    typed = "cafe\u0301 \r\n"
    first = seedream.generate("x", images=2)
    asked: list[dict[str, Any]] = [
        {"refs": refs} for refs in ([png], [jpeg(5)], [link], [signed], [uri], [png, link, jpeg(5)], [first[0]])
    ]
    asked += [{}, {"images": 3}, {"extra": {"negative_prompt": typed, "nested": [{"text": typed}]}}]
    plans = [seedream.plan(f"{typed}\n{number}", **options) for number, options in enumerate(asked)]
    plans += [plan_redo(seedream, first, [1], prompt=typed + "b"), plan_extend(seedream, first, [typed])]
    plans += [plan_vary(seedream, first[0], typed + "b", refs=[uri])]
    for plan in plans:
        record = read_record(seedream.run(plan).folder)
        assert record is not None
        assert record.fingerprint == fingerprint_of(record) == plan.fingerprints[0]
        before = Record(record.folder, {**record.facts, "fingerprint": plan.fingerprints[1]})
        assert fingerprint_of(before) == plan.fingerprint, plan.body


def test_a_record_of_an_earlier_version_gives_the_fingerprint_of_today() -> None:
    """All of the store that 0.1.0 wrote: a reference, a redo, a storyboard; and with blanks typed after the words."""
    found = list(records(STORE))
    assert len(found) == 8
    for record in found:
        assert fingerprint_of(record) == record.fingerprint
        assert as_0_1_0_had_it(record) == record.fingerprint
        typed = {**record.facts, "body": {**record.body, "prompt": f"{record.body['prompt']} \r\n"}}
        before = Record(record.folder, {**typed, "fingerprint": as_0_1_0_had_it(Record(record.folder, typed))})
        assert before.fingerprint != record.fingerprint == fingerprint_of(before)


def as_0_1_0_had_it(record: Record) -> str:
    """The fingerprint that 0.1.0 computed, of at most one reference, which is bytes."""
    body = {key: value for key, value in record.body.items() if key not in {"stream", "response_format"}}
    for facts in record.references:
        body["image"] = f"sha256:{facts['sha256']}"
    parts = [record.provider, body, *([record.facts["lineage"]] if record.lineage else [])]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize("body", [None, {}, {"prompt": 5}, {"prompt": "another"}, {"image": ["a", "b"]}, []])
def test_a_record_that_tells_of_another_request_keeps_its_fingerprint(body: object, store: Path) -> None:
    """Whatever stands there, nothing is raised."""
    facts = {"fingerprint": "f" * 64, "provider": "anyfast", "body": body, "references": [{"file": 5}]}
    assert fingerprint_of(Record(store, facts)) == "f" * 64
