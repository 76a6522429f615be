"""JSON values as a person reads them."""

import pytest

from projects.pages import readable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ({}, "–"),
        ([], "–"),
        (True, "yes"),
        (7, "7"),
        (0.5, "0.5"),
        ("two\nlines", '<span class="said">two\nlines</span>'),
        (["a", "b"], '<span class="tag">a</span> <span class="tag">b</span>'),
        ({"why": "so"}, '<dl class="read"><dt>why</dt><dd><span class="said">so</span></dd></dl>'),
        ([1, None], "<ul><li>1</li><li>–</li></ul>"),
        (
            [{"a": 1}, {"b": 2}],
            '<div class="wide"><table><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
            "<tbody><tr><td>1</td><td>–</td></tr><tr><td>–</td><td>2</td></tr></tbody></table></div>",
        ),
    ],
)
def test_it_is_shown_by_its_shape(value, shown):
    assert readable(value) == shown


def test_what_lies_deep_is_json():
    assert '<pre class="value">{\n  &quot;e&quot;: 1\n}</pre>' in readable({"a": {"b": {"c": {"d": {"e": 1}}}}})


@pytest.mark.parametrize(
    "harm",
    ["<script>x</script>", {"<b>": 1}, ["<i>", "<u>"], [{"<a>": "<s>"}, {}], {"a": {"b": {"c": {"d": {"<e>": 1}}}}}],
)
def test_it_is_escaped(harm):
    assert not {"<script>", "<b>", "<i>", "<u>", "<a>", "<s>", "<e>"} & set(_tags(readable(harm)))


def _tags(text: str) -> list[str]:
    return ["<" + part.partition(">")[0] + ">" for part in str(text).split("<")[1:]]
