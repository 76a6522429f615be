"""The Celery app. A task is a wake-up that carries one id: the row is the truth, so a lost message loses nothing."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("workflow_memory")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
