"""From how many tokens on a model caches: what is known of it, and that a document says the same."""

import re

import pytest
from django.conf import settings

from gateway.caching import ANTHROPIC, OPENAI, READ_ON, SOURCES, cacheable_minimum
from tests.cast import make_project

pytestmark = pytest.mark.django_db

PAGE = settings.BASE / "docs" / "caching.md"


@pytest.mark.parametrize(
    ("target", "tokens"),
    [
        ("anthropic:claude-haiku-4-5", 4_096),
        ("anthropic:claude-haiku-4-5-20251001", 4_096),
        ("anthropic:claude-haiku-4-50", None),
        ("anthropic:claude-opus-4-20250514", 1_024),
        ("anthropic:claude-opus-5-5", 512),
        ("anthropic:claude-mythos-5-1", 512),
        ("anthropic:claude-fable-5-2", None),
        ("anthropic:claude-opus-4-7", 2_048),
        ("openai:gpt-5.4-mini", 1_024),
        ("openai:gpt-4", None),
        ("openai:claude-haiku-4-5", None),
        ("scripted:claude-haiku-4-5", 4_096),
        ("scripted:gpt-6-sol", 1_024),
        ("nobodys:gpt-6-sol", None),
    ],
)
def test_a_model_has_the_minimum_that_its_vendor_states(target, tokens):
    provider, model = target.split(":")
    assert cacheable_minimum(make_project().pk, provider, model) == tokens


def test_the_document_has_the_same_table_with_its_day_and_its_sources():
    said = PAGE.read_text(encoding="utf-8")
    found = {}
    for models, tokens in re.findall(r"^\| (.*`) \| ([\d,]+) \|$", said.partition("## The minima")[2], re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", models), int(tokens.replace(",", "")))
    assert found == {
        model: tokens for table in (ANTHROPIC, OPENAI) for tokens, models in table.items() for model in models
    }
    assert READ_ON.isoformat() in said
    assert all(source in said for source in SOURCES.values())
