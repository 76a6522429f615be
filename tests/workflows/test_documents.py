"""A definition as YAML or as Markdown: what it becomes, and what is said where it is neither."""

import json

import pytest

from tests.cast import REFUND, make_project
from wire.problems import Invalid
from workflows.documents import document_of, from_markdown
from workflows.models import Examined
from workflows.parsing import content_hash, parse
from workflows.prompts import fill

MARKDOWN = """# Answer support e-mails

Classify the request, then answer politely in the customer's language.

- Never promise a refund above {{ limit }}.
- Hours: 9:00 to 17:00, steps: see below
"""

YAML = """
title: Sort
purpose: Say what it is about.
input_schema: {type: object}
covers: ["input != {}"]
steps:
  - id: now
    kind: code
    when: "input.get('on')"
    otherwise: no
    code: |
      def run(input, steps):
          return {'on': input['on']}
"""


def test_yaml_is_the_same_definition_as_json():
    document = document_of(YAML)
    assert document["steps"][0]["otherwise"] == "no"
    assert content_hash(document) == content_hash(json.loads(json.dumps(document)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "This text is empty."),
        (" \n", "This text is empty."),
        ("steps: [", "is read as YAML. Not YAML"),
        (
            "# Refunds\n\nDo this: read on.\nsteps:\nFirst: look. Then: answer.",
            "Line 4 begins with `steps:`, a key of a definition, so this text is read as YAML.",
        ),
        ("# Refunds\nsteps:\n{", "If it is meant as Markdown, let no line begin so: indent it, or write it otherwise."),
        ("title: a\ntitle: b\nsteps: []", "The key 'title' stands twice"),
        (
            f'steps: &a ["{"x" * 600_000}"]\nb: *a',
            "With its aliases followed this YAML has more than 1048576 characters",
        ),
        ("- a\n- b\n\ninput_schema: 1", "is read as YAML"),
    ],
)
def test_a_text_that_is_neither_is_refused(text, said):
    with pytest.raises(Invalid) as raised:
        document_of(text)
    assert said in raised.value.faults[0].detail


def test_markdown_is_one_step_that_follows_it():
    definition = parse(from_markdown(MARKDOWN), {})
    assert definition.title == "Answer support e-mails"
    assert definition.purpose == "Classify the request, then answer politely in the customer's language."
    [step] = definition.steps
    assert (step.id, step.kind, step.tier, step.prompt) == ("follow", "model", "cheap", "{{ input }}")
    assert step.output_schema["required"] == ["response"]


def test_markdown_reaches_the_model_as_it_was_written():
    definition = parse(from_markdown(MARKDOWN), {})
    assert fill(definition.guidance, definition.constants) == MARKDOWN


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["Say hello.", "#", "{{", "{{{{ }}}} {{constants.braces}}", "x" * 100_000, "é\n\n\n# b"]
)
def test_any_text_is_a_workflow(text):
    examined = Examined.of(document_of(text), make_project())
    assert fill(examined.definition.guidance, examined.definition.constants) == text


def test_an_object_stays_as_it_is():
    assert document_of(REFUND) is REFUND
