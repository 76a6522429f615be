"""Which of thousands of past examples the frontier is shown, which it never sees, and what all of them say together."""

import json
import random
import time

import pytest

from designs.examples import Sample, faults, sample, told
from wire.problems import Fault

WORDS = [
    "refund",
    "order",
    "parcel",
    "late",
    "broken",
    "invoice",
    "card",
    "charge",
    "login",
    "reset",
    "policy",
    "claim",
]


def many(count: int) -> list[dict]:
    """Invented messages of four kinds; every fiftieth is of a rare fifth."""
    chance = random.Random(7)
    return [
        {
            "input": {"message": " ".join(chance.choices(WORDS, k=chance.randint(5, 60))), "number": index},
            "output": {"kind": "rare" if index % 50 == 0 else chance.choice(["bill", "claim", "login", "other"])},
        }
        for index in range(count)
    ]


def shown_bytes(examples: list[dict], found: Sample) -> int:
    return sum(len(json.dumps(told(examples[index]), ensure_ascii=False).encode()) for index in found.shown)


def contents(examples: list[dict], indexes: list[int]) -> list[dict]:
    return [examples[index] for index in indexes]


@pytest.mark.parametrize("tokens", [300, 4_000, 60_000])
def test_thousands_are_sampled_within_the_budget_and_soon(tokens):
    examples = many(5_000)
    began = time.process_time()
    found = sample(examples, tokens, "seed")
    assert time.process_time() - began < 2
    assert tokens * 4 * 0.6 < shown_bytes(examples, found) <= tokens * 4
    assert len(found.held_out) == 50
    assert not set(found.shown) & set(found.held_out)
    assert len(set(found.shown)) == len(found.shown)


def test_the_order_in_which_they_come_changes_nothing():
    examples = many(600)
    shuffled = examples[:]
    random.Random(1).shuffle(shuffled)
    one, other = sample(examples, 3_000, "seed"), sample(shuffled, 3_000, "seed")
    assert contents(examples, one.shown) == contents(shuffled, other.shown)
    assert contents(examples, one.held_out) == contents(shuffled, other.held_out)
    assert one.summary == other.summary
    assert sample(examples, 3_000, "seed") == one
    assert contents(examples, sample(examples, 3_000, "another").shown) != contents(examples, one.shown)


def test_what_is_rare_is_shown_as_often_as_what_is_usual():
    examples = many(5_000)
    found = sample(examples, 1_000, "seed")
    kinds = [one["output"]["kind"] for one in contents(examples, found.shown)]
    assert {kinds.count(kind) for kind in ("bill", "claim", "login", "other", "rare")} <= {2, 3, 4}
    held_out = [one["output"]["kind"] for one in contents(examples, found.held_out)]
    assert {kind: held_out.count(kind) for kind in sorted(set(held_out))} == {
        "bill": 10,
        "claim": 10,
        "login": 10,
        "other": 10,
        "rare": 10,
    }


def test_each_form_of_input_is_shown():
    examples = [{"input": {"message": f"Message {number}"}} for number in range(400)]
    examples += [{"input": {"message": "Where is it?", "order": 17}}, {"input": "A bare text"}]
    examples += [{"input": {"message": "It is long. " * 60}}]
    found = sample(examples, 1_000, "seed")
    assert {400, 401, 402} <= set(found.shown)


def test_of_near_duplicates_one_is_shown():
    letter = (
        "I have ordered the blue kettle on the first of May, and until today, a month later, it has not come at all."
    )
    examples = [
        {"input": letter, "output": "late"},
        {"input": letter, "output": "late"},
        {"input": letter.replace(",", ";"), "output": "late"},
        {"input": letter.replace("blue", "green"), "output": "late"},
        {"input": "Where is my money?", "output": "refund"},
    ]
    found = sample(examples, 10_000, "seed")
    assert sorted(examples[index]["output"] for index in found.shown) == ["late", "refund"]
    assert found.held_out == []
    assert found.summary["duplicates"] == {"exact": 1, "near": 1}


def test_numbers_that_differ_are_no_duplicates():
    examples = [{"input": {"amount": f"{number}.00"}, "output": "yes"} for number in range(5)]
    assert len(sample(examples, 10_000, "seed").shown) == 4  # one of five is held out
    assert len(sample(examples, 10_000, "seed").held_out) == 1


def test_what_contradicts_is_named_and_neither_shown_nor_held_out():
    examples = [{"input": f"Message {number}", "output": "pay"} for number in range(20)]
    examples += [{"input": "Pay  PO-7?", "output": "pay"}, {"input": "pay po-7?", "output": "refuse"}]
    examples += [{"input": "Pay PO-7?", "output": "refuse"}]
    found = sample(examples, 10_000, "seed")
    assert not {20, 21, 22} & {*found.shown, *found.held_out}
    said = found.summary["contradictions"]
    assert said["inputs"] == 1
    assert said["examples"] == 3
    assert said["named"][0]["examples"] == [20, 21, 22]
    assert said["named"][0]["outputs"] == [{"output": '"refuse"', "count": 2}, {"output": '"pay"', "count": 1}]
    assert found.summary["of_contradictions"] == (
        "The same input has different outputs, so some of them are wrong. They are neither shown nor held out. Which is right is "
        "for a person to say. An output that is wrong wherever its input comes is not found like this."
    )


def test_twenty_contradictions_are_named_at_most():
    examples = [{"input": f"Message {number // 2}", "output": number % 2} for number in range(200)]
    said = sample(examples, 10_000, "seed").summary["contradictions"]
    assert (said["inputs"], said["examples"], len(said["named"])) == (100, 200, 20)


def test_the_summary_says_in_a_few_hundred_tokens_what_thousands_have_in_common():
    examples = [
        {"input": {"text": "Hello" + "!" * (number % 3), "id": number}, "output": {"kind": ["a", "b"][number % 2]}}
        for number in range(3_000)
    ]
    examples += [{"input": {"text": None}, "note": "no answer yet"}]
    summary = sample(examples, 2_000, "seed").summary
    assert len(json.dumps(summary)) < 1_600
    assert {key: summary[key] for key in ("count", "with_output", "inputs", "outputs", "characters")} == {
        "count": 3_001,
        "with_output": 3_000,
        "inputs": {
            "types": ["object"],
            "keys": [
                {"key": "text", "count": 3_001, "types": ["null", "text"]},
                {"key": "id", "count": 3_000, "types": ["number"]},
            ],
        },
        "outputs": [{"field": "kind", "values": [["a", 1_500], ["b", 1_500]]}],
        "characters": {"input": {"median": 30, "max": 31}, "output": {"median": 13, "max": 13}},
    }


def test_texts_that_are_free_are_no_categories():
    examples = [{"input": number, "output": {"reply": f"Dear customer {number}", "ok": True}} for number in range(30)]
    assert sample(examples, 2_000, "seed").summary["outputs"] == [{"field": "ok", "values": [[True, 30]]}]


def test_a_hundred_labels_are_categories_and_all_of_them_are_shown():
    examples = [{"input": f"Message {number}", "output": f"label {number % 100}"} for number in range(1_000)]
    found = sample(examples, 4_000, "seed")
    assert len(found.summary["outputs"][0]["values"]) == 100
    assert len({examples[index]["output"] for index in found.shown}) == 100


def test_one_that_is_large_does_not_take_the_place_of_many():
    examples = [{"input": "x" * 3_000, "output": "large"}]
    examples += [{"input": f"Question {number}", "output": "small"} for number in range(20)]
    found = sample(examples, 1_000, "seed")
    assert 0 not in found.shown
    assert len(found.shown) == 16  # one of five is held out
    assert 0 in sample(examples, 2_000, "seed").shown


def test_none_and_one_are_samples_too():
    assert sample([], 1_000).shown == []
    assert sample([], 1_000).summary["characters"] == {"input": {"median": 0, "max": 0}}
    found = sample([{"input": "Hello", "output": "hi"}], 1_000)
    assert (found.shown, found.held_out) == ([0], [])
    assert sample([{"input": "Hello"}], 0).shown == []


def test_those_without_an_output_are_never_held_out():
    examples = [{"input": f"Message {number}"} for number in range(100)]
    assert sample(examples, 10_000).held_out == []


def test_what_is_no_example_is_named_by_its_place():
    assert faults([{"input": 1}, {"input": 1, "output": None, "note": "seen"}]) == []
    assert faults({}) == [Fault("", "Examples are a list of {input, output, note}.")]
    assert faults([{"output": 1}, {"input": 1, "expected": 2}, {"input": 1, "note": 3}, "x"]) == [
        Fault("/0", "An example is an object with an 'input', and where it is known 'output'."),
        Fault("/1", "Unknown key 'expected'; there are input, note, output."),
        Fault("/2/note", "'note' must be a text."),
        Fault("/3", "An example is an object with an 'input', and where it is known 'output'."),
    ]
    assert faults([{"input": 1}] * 10_001) == [Fault("", "At most 10000 examples, not 10001.")]
