"""What webhooks are signed with, after Standard Webhooks (https://www.standardwebhooks.com, symmetric signatures `v1`).

A secret is not kept: it is derived of the process's `SECRET_KEY` and of a random salt, which alone stands in the row. So a
dump of the database signs nothing, no page can show one, and nobody has to decrypt.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.utils.crypto import salted_hmac

PREFIX = "whsec_"
BYTES = 24  # as many as the specification asks for at least; and so base64 needs no padding


def new_salt() -> str:
    return secrets.token_hex(16)


def secret_of(salt: str) -> str:
    """`whsec_…`, the same for the same salt as long as `SECRET_KEY` is the same."""
    derived = salted_hmac("notifications.signing", salt, algorithm="sha256").digest()[:BYTES]
    return PREFIX + base64.b64encode(derived).decode()


def fingerprint(secret: str) -> str:
    """By which a process whose `SECRET_KEY` is another one notices that it derives another secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(secrets: Iterable[str], message: str, moment: datetime, body: bytes) -> dict[str, str]:
    """The three headers; one signature of each secret, so that a receiver may hold the old one or the new one."""
    timestamp = int(moment.timestamp())
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message, timestamp, body) for secret in secrets),
    }
