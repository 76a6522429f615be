"""What the templates of the savings pages know beside what a page gives them."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment, StrictUndefined

from ..numbers import count, day, exact, percent, rate, usd


def environment(**options: Any) -> Environment:
    """A name that a page forgot is an error, not an empty place."""
    given = {**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    made = Environment(**{**given, "autoescape": True})  # noqa: S701 - it is on
    made.globals |= {"static": static, "url": lambda name, *arguments: reverse(name, args=arguments)}
    made.filters |= {"usd": usd, "exact": exact, "percent": percent, "rate": rate, "count": count, "day": day}
    return made
