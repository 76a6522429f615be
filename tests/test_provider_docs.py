"""What docs/providers.md shows is true: its tables name what the code has, its examples can be made."""

import json

import pytest

from gateway.admin import ProviderAdmin
from gateway.prices import price_lists
from gateway.providers.recorded import Recording
from gateway.types import Completion, Request, Usage
from projects import targets
from projects.endpoints import fault_of_aliases
from projects.models import Protocol, Provider
from tests.cast import make_project
from tests.test_docs import DOCS, blocks, named, rows, section, words

pytestmark = pytest.mark.django_db

PROVIDERS = DOCS / "providers.md"


def test_the_tables_of_the_providers_name_what_there_is():
    text = PROVIDERS.read_text(encoding="utf-8")
    assert named(text, "provider") == set(targets.PROVIDERS)
    fields = {field.name for field in Provider._meta.fields if field.editable} - {"id"}
    assert named(section(PROVIDERS, "A provider of your own"), "field") == fields
    shown = {name for _, part in ProviderAdmin.fieldsets for name in part["fields"]}
    assert shown - fields == {"key", "tiers", "workflows"}  # which it only tells
    assert fields <= shown


def test_the_providers_that_are_shown_as_examples_can_be_made():
    project = make_project("shop")
    protocols = {label: value for value, label in Protocol.choices}
    for _, protocol, base_url, variable, prices, model in rows(section(PROVIDERS, "Examples"), "endpoint"):
        word = {cell: (words(cell) or [""])[0] for cell in (base_url, variable, prices, model)}
        name, _, _ = word[model].partition(":")
        row = Provider(project=project, name=name, protocol=protocols[protocol], base_url=word[base_url])
        row.key_variable, row.price_list = word[variable], word[prices]
        row.full_clean()
        assert row.price_list in ("", *price_lists())
        row.save()
        targets.parse_target(word[model], project.known_providers())


@pytest.mark.runs("docs/providers.md", "json", "Who may answer")
def test_the_aliases_that_are_shown_are_some():
    (aliases,) = blocks(section(PROVIDERS, "Who may answer"), "json")
    assert fault_of_aliases(json.loads(aliases)) == ""


@pytest.mark.runs("docs/providers.md", "json", "Record and replay")
def test_the_recording_that_is_shown_is_one_with_every_field():
    (shown,) = map(json.loads, blocks(section(PROVIDERS, "Record and replay"), "json"))
    assert set(shown) == set(Recording.model_fields)
    asked = Request("m", (), "A refund", {"type": "object"}, 10)
    kept = Recording.of(asked, Completion("{}", "m", Usage()), 5).model_dump()
    assert (set(shown["request"]), set(shown["usage"])) == (set(kept["request"]), set(kept["usage"]))
    Recording.model_validate(shown)
