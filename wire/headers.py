"""The headers that every answer carries, whoever made it: what a browser may do with it, and who may keep it.

Django's own middleware adds `X-Content-Type-Options`, `Referrer-Policy`, `Cross-Origin-Opener-Policy` and, over TLS,
`Strict-Transport-Security`; `X-Frame-Options` is another's.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# A page loads what is ours, and nothing stands inside it: no script, no style, no handler. `data:` is for the pictures that
# swagger-ui's style sheet holds.
PAGE = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS = ", ".join(f"{name}=()" for name in ("camera", "geolocation", "microphone", "payment", "usb"))
JSON = ("application/json", "application/problem+json")


class Headers:
    """Outermost but for the log, so that what another middleware refuses has them too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        response.headers["Content-Security-Policy"] = PAGE if kind == "text/html" else NO_PAGE
        response.headers["Permissions-Policy"] = PERMISSIONS
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if kind in JSON:
            response.headers.setdefault("Cache-Control", "no-store")
        if not response.streaming and response.status_code != 204:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
