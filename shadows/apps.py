"""The app of shadows."""

from django.apps import AppConfig


class ShadowsConfig(AppConfig):
    name = "shadows"
