"""Times as they go out: RFC 3339, UTC."""

from datetime import UTC, datetime


def rfc3339(moment: datetime | None) -> str | None:
    """`2026-11-23T09:30:00.123456Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
