"""From how many tokens on a model caches a prompt."""

import pytest

from gateway import cacheable


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-haiku-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("anthropic/claude-opus-4-5@20251101", 4096),
        ("claude-opus-4-7", 2048),
        ("claude-3-haiku-20240307", 2048),
        ("claude-sonnet-4-20250514", 1024),
        ("claude-opus-4-1-20250805", 1024),
        ("gpt-5-mini-2025-08-07", 1024),
        ("claude-haiku-4-50", None),
        ("claude-opus-4-9", None),
        ("gpt-5-unheard-of", None),
        ("", None),
    ],
)
def test_a_model_that_is_not_written_out_is_not_guessed(model, tokens):
    assert cacheable.minimum(model) == tokens
