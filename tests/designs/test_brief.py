"""What a design is asked for: read strictly, kept as JSON, and looked at before anything is paid."""

import json

import pytest

from designs.brief import Brief, faults, read
from wire.problems import Fault, Invalid

WHOLE = {
    "task": "Sort the mails of suppliers, and say which order each belongs to.",
    "requirements": ["Never pay anything."],
    "policies": [{"name": "Purchasing", "text": "P1 An invoice without an order is queried."}],
    "constraints": ["At most one cent for each mail."],
    "document": "# Mails\nRead the mail.",
    "files": {"references/terms.md": "30 days net."},
    "executions_per_month": 2000,
    "answers": [{"question": "What is a credit note?", "answer": "It is other."}],
}


def complaints(value: object) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        read(value)
    return [(fault.pointer, fault.detail) for fault in caught.value.faults]


def test_it_comes_back_from_json_as_it_was():
    brief = read(WHOLE)
    assert json.loads(brief.model_dump_json()) == WHOLE
    assert Brief.model_validate_json(brief.model_dump_json()) == brief
    assert Brief.model_validate(brief.model_dump(mode="json")) == brief


def test_a_task_alone_is_a_brief():
    brief = read({"task": "Say of each mail to the desk whether it is urgent."})
    assert faults(brief) == []
    assert brief.model_dump(mode="json") == {
        "task": "Say of each mail to the desk whether it is urgent.",
        "requirements": [],
        "policies": [],
        "constraints": [],
        "document": "",
        "files": {},
        "executions_per_month": None,
        "answers": [],
    }


def test_what_is_not_in_its_form_is_named_by_its_place():
    wrong = {"requirements": "be quick", "policies": [{"name": "A", "txt": "B"}], "answers": [{"question": 1}], "x": 1}
    assert complaints(wrong) == [
        ("/task", "'task' is missing."),
        ("/requirements", "'requirements' must be a list."),
        ("/policies/0/text", "'text' is missing."),
        ("/policies/0/txt", "Unknown key 'txt'; did you mean 'text'?"),
        ("/answers/0/question", "'question' must be a text."),
        ("/answers/0/answer", "'answer' is missing."),
        ("/x", "Unknown key 'x'."),
    ]
    assert complaints([]) == [("", "This must be an object.")]


@pytest.mark.parametrize(
    ("more", "where", "sentence"),
    [
        (
            {"task": "x" * 20_001},
            "/task",
            "A task has at most 20000 characters: what is longer is a policy or the 'document'.",
        ),
        (
            {"policies": [{"name": "A", "text": "x" * 200_000}, {"name": "B", "text": "x" * 200_001}]},
            "/policies",
            "The policies have at most 400000 characters together: send what concerns it.",
        ),
        (
            {"policies": [{"name": "A", "text": "x"}, {"name": "A", "text": "y"}]},
            "/policies",
            "Two policies have the same name: a clause has to be found by it.",
        ),
        ({"policies": [{"name": "A", "text": " "}]}, "/policies/0/text", "A policy has a name and a text."),
        (
            {"document": "x" * 300_000, "files": {"a": "x" * 100_001}},
            "",
            "The document and the files have at most 400000 characters together: leave out what is not read for it.",
        ),
        ({"executions_per_month": 0}, "/executions_per_month", "'executions_per_month' is from 1 to 1000000000."),
        (
            {"answers": [{"question": "Which?", "answer": " "}]},
            "/answers/0/answer",
            "A question and its answer have 1 to 5000 characters each.",
        ),
    ],
)
def test_what_is_too_much_is_refused_with_a_sentence(more, where, sentence):
    assert complaints({**WHOLE, **more}) == [(where, sentence)]


def test_a_task_that_is_empty_is_found_before_anything_is_paid():
    assert faults(read({"task": " \n"})) == [
        Fault("/task", "Say in plain words what is to be done, again and again: the task is empty.")
    ]


def test_a_few_words_are_nothing_to_go_on_unless_something_comes_with_them():
    sentence = (
        "There is nothing to go on: describe the task in a few sentences, or send requirements, a policy or examples."
    )
    assert faults(read({"task": "Sort the mails"})) == [Fault("/task", sentence)]
    assert faults(read({"task": "Sort the mails"}), examples=40) == []
    assert faults(read({"task": "Sort the mails", "document": "# How"})) == []


def test_lists_that_are_too_long_are_found_all_at_once():
    brief = read(
        {
            **WHOLE,
            "requirements": ["x"] * 201,
            "constraints": ["y" * 5_001, " "],
            "policies": [{"name": str(number), "text": "z"} for number in range(101)],
            "files": {f"{number}.md": "" for number in range(101)},
        }
    )
    assert [(fault.pointer, fault.detail) for fault in faults(brief)] == [
        ("/requirements", "At most 200 requirements, not 201: a longer text is a policy."),
        ("/constraints/0", "This has 1 to 5000 characters: a longer text is a policy."),
        ("/constraints/1", "This has 1 to 5000 characters: a longer text is a policy."),
        ("/policies", "At most 100 policies, not 101: put some together."),
        ("/files", "At most 100 files, not 101: leave out what is not read for it."),
    ]
