"""The masthead for the pages that are not savings pages: those of the admin, of errors, of the API's description."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from ..masthead import unknown

register = template.Library()


@register.simple_tag(takes_context=True)
def masthead(context: template.Context) -> SafeString:
    """Without a request, as where an error is told, it knows nobody, and asks nothing."""
    request = context.get("request")
    given: dict[str, Any] = {} if request else unknown()
    drawn = render_to_string("masthead.html", given, request, using="reports")
    return mark_safe(drawn)  # noqa: S308 - its template escapes
