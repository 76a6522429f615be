"""A prompt as a page shows it: laid out, and leading nowhere."""

import pytest

from executions.markdown import LONGEST, rendered


def test_a_prompt_is_laid_out():
    shown = rendered("# Refund?\n\nThey write **twice**:\n\n- `one`\n- two\n\n```json\n{}\n```")
    for part in ("<h1>Refund?</h1>", "<strong>twice</strong>", "<li><code>one</code></li>", "<pre>{}\n</pre>"):
        assert part in shown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <b onclick=alert(1)>b</b>",
        "[here](javascript:alert(1))",
        "[here](https://elsewhere.example)",
        "![](https://elsewhere.example/x.png)",
        "<https://elsewhere.example>",
        "[here][1]\n\n[1]: https://elsewhere.example",
        '```"><script>\nx\n```',
        "`<script>`",
    ],
)
def test_nothing_of_it_leads_away_or_is_a_tag(text):
    shown = rendered(text).lower()
    for tag in ("<script", "<b ", "<a ", "<img", "href", "class="):
        assert tag not in shown.replace("&lt;", "").replace("onclick", "")


def test_a_very_long_one_is_shown_as_it_is():
    assert rendered("*<" * LONGEST).startswith('<pre class="value">*&lt;*&lt;')
