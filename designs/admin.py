"""Groups of flags in the admin."""

from .pages import group  # noqa: F401
