"""What a server leaves to the application, and Django to the server. Wrapped around Django in `config.wsgi`."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.http import parse_header_parameters

UTF_8 = ("utf-8", "utf8")


def well_behaved(application: WSGIApplication) -> WSGIApplication:
    """Sends no body after `HEAD`: a server sends what it gets, and a client reads the next answer from there."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["CONTENT_TYPE"] = _harmless(environ.get("CONTENT_TYPE", ""))
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer


def _harmless(content_type: str) -> str:
    """Django reads the query in the charset of the body too, and breaks where that is `hex` or cannot be read itself,
    before any view is asked. One that nobody knows it leaves alone, and the API refuses it."""
    try:
        media_type, parameters = parse_header_parameters(content_type)
    except ValueError:
        media_type, parameters = "", {"charset": "unreadable"}
    return content_type if parameters.get("charset", "utf-8").lower() in UTF_8 else f"{media_type}; charset=unknown"
