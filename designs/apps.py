"""The app of designs."""

from django.apps import AppConfig


class DesignsConfig(AppConfig):
    name = "designs"
