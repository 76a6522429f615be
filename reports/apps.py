"""The app of reports: the mail of a summary is its own."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from notifications import mail
        from notifications.models import Type

        from .letter import letter

        mail.letters[Type.SUMMARY] = letter
