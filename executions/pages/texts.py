"""Texts of an execution on a page: as they are, or that they were deleted."""

from django.utils.safestring import SafeString

from projects.admin import pretty

from ..models import Execution


def deleted(execution: Execution) -> str:
    """What stands where a text stood; empty while it is there."""
    at = execution.purged_at
    return f"Deleted on {at:%-d %B %Y}: its project keeps texts for a limited time." if at else ""


def kept(execution: Execution, value: object) -> SafeString | str:
    """A text of the execution, or that it was deleted."""
    return deleted(execution) or pretty(value)
