"""Who asks, and may they: `Authorization: Bearer <key>` and the scope that a view declares."""

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, PermissionDenied, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from wire import rates

from .models import ApiKey
from .throttles import Door

if TYPE_CHECKING:
    from wire.views import View  # whose own base reads the settings that name this module


class KeyHolder:
    """What stands as `request.user` for a program: authenticated, and nobody's account."""

    is_authenticated = True

    def __init__(self, key: ApiKey) -> None:
        self.key = key

    def __str__(self) -> str:
        return f"key:{self.key.prefix}"


class KeyAuthentication(BaseAuthentication):
    """One answer for every wrong key, so that nothing can be learnt from it."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token, door = token.strip(), Door(request, "key")
        if door.is_shut(token):
            raise Throttled(rates.seconds_left(), "Too many wrong keys came from this address.")
        key = ApiKey.objects.authenticate(token)
        if key is None:
            door.failed()
            raise AuthenticationFailed("This key is unknown, expired or revoked.")
        door.opened(token)
        key.touch()
        return KeyHolder(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """A view says `scopes = {"GET": "read", "POST": "design"}`, or several of which one is enough; what it does not say is not
    allowed.

    `HEAD` is `GET`. Any key may ask what an address takes (`OPTIONS`).
    """

    def has_permission(self, request: Request, view: "View") -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        if request.method == "OPTIONS":
            return True
        method = "GET" if request.method == "HEAD" else request.method
        if method not in view.scopes:
            raise MethodNotAllowed(request.method)
        if not any(map(request.auth.allows, enough := view.enough(method))):
            named = " or ".join(f"'{scope}'" for scope in enough)
            raise PermissionDenied(f"This needs a key with the scope {named}.")
        return True
