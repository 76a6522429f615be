"""The Celery app. A task is a wake-up that carries one id: the row is the truth, so a lost message loses nothing."""

import os

from celery import Celery
from django.conf import settings
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class App(Celery):
    def connection_for_write(self, url: str | None = None, **options: object) -> Connection:
        """For the bells that are rung. Those are heard on another connection, which may wait for them as long as it likes."""
        return super().connection_for_write(url, **{"transport_options": settings.RINGING_OPTIONS, **options})


app = App("workflow_memory")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
