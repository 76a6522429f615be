"""Shadows and their plans in the admin."""

from .pages import plan, shadow  # noqa: F401
