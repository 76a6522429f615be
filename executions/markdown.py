"""Markdown of a review's prompt, for a page. What is filled into a prompt may come from anywhere, so it can make a text bold or a
list, and nothing that leads away: no link, no picture, no HTML."""

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

LONGEST = 20_000  # characters; a longer one is shown as it is

_AWAY = ("link", "image", "autolink", "reference", "html_block", "html_inline", "entity")
_RENDERER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(_AWAY))
# Without the word behind the fence: nothing of a text becomes an attribute.
_RENDERER.add_render_rule("fence", lambda _, tokens, at, *rest: f"<pre>{escape(tokens[at].content)}</pre>")


def rendered(text: str) -> SafeString:
    if len(text) > LONGEST:
        return format_html('<pre class="value">{}</pre>', text)
    return mark_safe(_RENDERER.render(text))  # noqa: S308 (the renderer escapes every text)
