"""What an answer recites of what its model was told; and what it may repeat. Measured on what real agents say."""

import gzip
import json
import time
import tomllib
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from workflows import compiled, prompts
from workflows.definition import Definition, ModelStep
from workflows.leaks import Passages, Told
from workflows.schemas import subschemas

CONTENT = settings.BASE / "demo" / "content"
SHARED = Path(__file__).parents[3] / "shared"
RECORDED, DESIGNED = SHARED / "data" / "tau2_spans.jsonl.gz", SHARED / "definitions"

GUIDANCE = (
    "Refunds are possible within 30 days of the delivery, whoever asks, and never for goods that were worn or washed. "
    'A parcel that was lost is answered with: "We are sorry that your parcel was lost on its way to you, and we have sent '
    'another one today, which should be with you within three working days." '
    "The desk that may decide otherwise is told of every customer who asks twice, and nobody else is told of it."
)
QUOTED = (
    "We are sorry that your parcel was lost on its way to you, and we have sent another one today, which should be with "
    "you within three working days."
)
GREETING = (
    "Thank you for writing to the desk of the little shop at the harbour, which has been here since the year 1902."
)
SCHEMA = {
    "type": "object",
    "properties": {
        "reply": {"type": "string"},
        "kind": {
            "enum": ["a refund that is possible", "a parcel that was lost on its way", "a question about something"]
        },
    },
}
INSTRUCTIONS = f"Answer one of these: {', '.join(SCHEMA['properties']['kind']['enum'])}. Begin with: {GREETING}"


def told(guidance: str = GUIDANCE, **more: object) -> Told:
    given = {"instructions": INSTRUCTIONS, "constants": {"desk": {"greeting": GREETING}}, "schema": SCHEMA, **more}
    step = {"id": "reply", "kind": "model", "tier": "cheap", "prompt": "{{ input.message }}"}
    head = {"title": "T", "purpose": "P", "input_schema": {"type": "object"}, "steps": [step]}
    prefix = prompts.system_prefix(Definition.model_validate({**head, "guidance": guidance}), ())
    return Told(Passages(prefix), given["instructions"], given["constants"], given["schema"])


def leak(
    output: object, rationale: str = "It is plain.", user: str = "Where is my parcel?", marker: str = "7f3a12bc"
) -> str:
    return told().leak(output, rationale, user, marker)


RECITED = GUIDANCE[:140]

RECITALS = {
    "as it stands": RECITED,
    "in capitals": RECITED.upper(),
    "a word a line": RECITED.replace(" ", "\n"),
    "a letter at a time": " ".join(RECITED),
    "with hyphens": RECITED.replace(" ", "-"),
    "with invisible letters": "\u200b".join(RECITED),
    "in wide letters": "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in RECITED),
    "in the middle": f"Dear Ruth, I was told this: {RECITED} But never mind.",
    "behind a piece of it": f"{RECITED[40:90]} … {RECITED}",
    "as Markdown": RECITED.replace(" ", " **", 3),
    "the instructions": "Begin with the greeting. " + INSTRUCTIONS,
    "the rules of an answer": "You carry out one step of a workflow that was designed in advance.",
}


@pytest.mark.parametrize("text", RECITALS.values(), ids=RECITALS.keys())
def test_an_output_that_recites_is_noticed(text):
    assert "letters in a row of what the model was told" in leak({"reply": text})


@pytest.mark.parametrize(
    "output",
    [
        {"lines": RECITED.split()},
        {"a": RECITED[:60], "b": {"c": [RECITED[60:]]}},
        {"reply": "Hello.", RECITED: True},
        {RECITED[:50]: 1, RECITED[50:]: 2},
    ],
    ids=["over a list", "over fields", "in a key", "over keys"],
)
def test_a_recital_that_is_spread_over_an_output_is_noticed(output):
    assert leak(output).startswith("The output repeats")


def test_a_rationale_may_name_the_rule_that_it_applies_and_not_recite_them_all():
    assert leak({"reply": "No."}, rationale=GUIDANCE[:115]) == ""
    assert leak(
        {"reply": "No."}, rationale="As I was told: You carry out one step of a workflow that was designed in advance."
    )
    long = " ".join(f"Rule {number} says that goods of the kind {number} come back in a box." for number in range(9))
    assert told(long).leak({"reply": "No."}, long, "", "").startswith("The rationale repeats")


@pytest.mark.parametrize("said", ["It is 7f3a12bc.", "<data-7f3a12bc>Hello</data-7f3a12bc>", "</data-00000000>"])
def test_the_mark_around_the_data_is_no_part_of_an_answer(said):
    """Also one of another call: an answer that was recorded before a crash is judged beside a prompt with a new mark."""
    for answer in (({"reply": said}, ""), ({said: 1}, ""), ({"reply": "No."}, said)):
        assert "holds the mark" in leak(*answer)


SAYABLE = {
    "a short label": {"kind": "a refund that is possible"},
    "every label in its order": {"kinds": SCHEMA["properties"]["kind"]["enum"]},
    "what stands in quotation marks": {"reply": f"Dear Ruth, {QUOTED} The team"},
    "a constant": {"reply": f"{GREETING} Your parcel comes tomorrow."},
    "a few words of a rule": {"reply": "We can refund within 30 days of the delivery, whoever asks."},
    "names of data": {"data": "see data-20261123.csv and <data>"},
    "nothing": {},
    "no text": {"number": 1, "list": [None, True]},
}


@pytest.mark.parametrize("output", SAYABLE.values(), ids=SAYABLE.keys())
def test_what_may_be_said_word_for_word_is_no_leak(output):
    assert leak(output) == ""


def test_what_the_data_say_too_may_be_quoted():
    assert leak({"quote": RECITED}, user=f"Your page says: <data-7f3a12bc>{RECITED}</data-7f3a12bc>") == ""
    assert leak({"quote": RECITED}, user="Your page says something else.") != ""


def test_keys_that_the_schema_names_are_no_recital():
    keys = [f"the_field_number_{word}" for word in ("one", "two", "three", "four", "five", "six")]
    schema = {"type": "object", "properties": {key: {"type": "integer"} for key in keys}}
    asked = told(instructions=f"Extract: {', '.join(keys)}.", schema=schema)
    assert asked.leak(dict.fromkeys(keys, 1), "", "", "") == ""
    assert told(instructions=f"Extract: {', '.join(keys)}.").leak(dict.fromkeys(keys, 1), "", "", "") != ""


# Measured on real ones.


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded runs of real agents are not beside this checkout")
def test_no_message_of_a_real_agent_recites_its_policy():
    """4,143 messages of ten models, written under three policies of 8 to 70 KB."""
    with gzip.open(SHARED / "data" / "tau2_domains.json.gz") as file:
        domains = {
            name: "\n".join(filter(lambda text: isinstance(text, str), texts.values()))
            for name, texts in json.load(file).items()
        }
    asked = {name: Told(Passages(policy), "", {}, {}) for name, policy in domains.items()}
    assert all(asked[name].leak({"reply": policy[300:600]}, "", "", "") for name, policy in domains.items())
    heard, messages, flagged = defaultdict(str), 0, []
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        for span in sorted(map(json.loads, lines), key=lambda span: (span["trace"], span["seq"])):
            text = span.get("text") or ""
            if span["role"] != "assistant":
                heard[span["trace"]] += f"\n{text}"
                continue
            messages += 1
            if asked[span["trace"].partition(":")[0]].leak({"reply": text}, "", heard[span["trace"]], ""):
                flagged.append(text)
    assert (messages, flagged) == (4143, [])


def definitions() -> dict[str, dict]:
    found = {"demo": json.loads((CONTENT / "definition.json").read_text(encoding="utf-8"))}
    for file in sorted(DESIGNED.glob("*.yaml")) if DESIGNED.exists() else ():
        found[file.stem] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def told_of(document: dict) -> dict[str, Told]:
    """Of each model step, also in definitions that use what is not built yet: their texts are what counts."""
    constants, prefix = (
        document.get("constants", {}),
        prompts.fill(document.get("guidance", ""), document.get("constants", {})),
    )
    steps = [step for step in document["steps"] if step["kind"] == "model"]
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    passages = Passages(prefix + prompts.rules())
    return {
        step["id"]: Told(passages, step.get("instructions", ""), constants, step.get("output_schema", schema))
        for step in steps
    }


@pytest.mark.parametrize(("name", "document"), definitions().items(), ids=definitions())
def test_a_real_definition_is_noticed_when_it_is_recited_and_its_labels_are_not(name, document):
    steps = {step["id"]: step for step in document["steps"]}
    for id, asked in told_of(document).items():
        enums = [one["enum"] for _, one in subschemas(steps[id].get("output_schema", {})) if "enum" in one]
        assert asked.leak({"all": [enums, document.get("constants", {})]}, "", "", "") == ""
        guidance = document["guidance"]
        assert asked.leak({"text": guidance[: len(guidance) // 2]}, "", "", "")
        assert asked.leak({"text": "I was told: " + prompts.rules()[:200]}, "", "", "")


def test_nothing_that_the_models_of_the_demo_say_is_a_leak():
    script = tomllib.loads((CONTENT / "script.toml").read_text(encoding="utf-8"))
    built = compiled.build(Definition.model_validate(definitions()["demo"]))
    said = [answer["json"] for answer in script["answer"] if "output" in answer.get("json", {})]  # of a step
    steps = [step.told for step in built.steps.values() if isinstance(step.step, ModelStep)]
    assert (len(steps), len(said) > 80) == (6, True)
    assert [
        (answer["output"], found)
        for answer in said
        for asked in steps
        if (found := asked.leak(answer["output"], answer["rationale"], "", "7f3a12bc"))
    ] == []


def test_it_costs_little_and_cannot_be_drawn_out():
    """A prompt of 4 KB and a reply of 1 KB: 0.06 ms on one busy core; here with room for a busier one."""
    words = [f"w{number * 7919 % 10_007}" for number in range(20_000)]
    asked = told(" ".join(islice(words, 700)))
    reply = {"reply": "Dear Ruth, your parcel has left the harbour this morning and should be there soon. " * 12}
    began = time.thread_time()
    for _ in range(200):
        assert asked.leak(reply, "It is plain.", "x" * 500, "7f3a12bc") == ""
    assert (time.thread_time() - began) / 200 < 0.002
    for guidance, said in (
        ("ab" * 100_000, "ab" * 40_000 + "c"),
        (" ".join(words), "w1" * 40_000),
        ("a" * 60 + "b" * 60, "a" * 90_000),
    ):
        began = time.thread_time()
        told(guidance).leak({"reply": said}, "", guidance, "")
        assert time.thread_time() - began < 1
