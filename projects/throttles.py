"""How often a key, a project and an address may ask. One caller that runs wild must not take the service from the others, and
nobody tries keys by the thousand. `wire.rates` counts."""

import hashlib
import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from wire import rates

from .models import ApiKey

if TYPE_CHECKING:
    from wire.views import View  # whose own base reads the settings that name this module

REPEATED_WITHIN = 300  # seconds: a request that is sent again with its Idempotency-Key is the same one for so long
TRUSTED_FOR = 3600  # seconds


class Requests(BaseThrottle):
    """Every request of a key, whatever becomes of it. What the key has too many of does not count for its project."""

    def allow_request(self, request: Request, view: "View") -> bool:
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        mark = _mark(request)
        # Waiting on, or sending again what nobody heard the answer of, counts apart: it is not asking for more.
        kind = "again" if mark and cache.get(mark) else "asked"
        if not rates.within(f"{kind}:key:{key.pk}", settings.THROTTLE_KEY):
            return False
        if not rates.within(f"{kind}:project:{key.project_id}", settings.THROTTLE_PROJECT):
            return False
        if mark:
            cache.set(mark, True, REPEATED_WITHIN)
        return True

    def wait(self) -> int:
        return rates.seconds_left()


def _mark(request: Request) -> str | None:
    if "Idempotency-Key" not in request.headers:
        return None
    return _digest("sent", request.auth.pk, request.method, request.path, request.headers["Idempotency-Key"])


class Door:
    """Failed authentications of one address, by `key` or by `password`. When there are too many, nothing that it brings is
    looked at but a key that opened before: else anybody behind the same address could lock the others out."""

    def __init__(self, request: HttpRequest | Request, by: str) -> None:
        self._address = address_of(request)
        self._name = f"failed:{by}:{self._address}"

    def is_shut(self, token: str | None = None) -> bool:
        if not rates.spent(self._name, settings.THROTTLE_FAILURES):
            return False
        return token is None or not cache.get(self._trust(token))

    def failed(self) -> None:
        rates.within(self._name, settings.THROTTLE_FAILURES)

    def opened(self, token: str) -> None:
        cache.set(self._trust(token), True, TRUSTED_FOR)

    def _trust(self, token: str) -> str:
        return _digest("trusted", self._address, token)


def address_of(request: HttpRequest | Request) -> str:
    """The caller's, which the server takes from the trusted proxy only. Of IPv6 the network, as one caller has all of it."""
    given = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(given.strip("[]"))
    except ValueError:
        return _digest("address", given)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False).network_address
    return str(address)


def _digest(kind: str, *parts: object) -> str:
    return f"{kind}:{hashlib.sha256(repr(parts).encode()).hexdigest()}"
