"""Days in UTC that somebody asks about, `since` inclusive and `until` exclusive."""

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

DAYS = 90  # without `since`


def between(since: date | None, until: date | None) -> tuple[date, date]:
    """Without `until` up to now, and without `since` 90 days."""
    until = until or timezone.now().date() + timedelta(days=1)
    return since or until - min(timedelta(days=DAYS), until - date.min), until


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
