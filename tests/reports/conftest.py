"""A receiver and a mail server on the loopback interface, as those of the notifications."""

import pytest

from tests.mail_server import MailServer
from tests.notifications.conftest import loopback_is_allowed, nothing_is_in_flight, receiver  # noqa: F401


@pytest.fixture
def post(settings):
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_CONFIGURED, settings.DEFAULT_FROM_EMAIL = True, "Workflows <workflows@example.com>"
        yield server
