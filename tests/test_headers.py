"""What every answer carries, and what is different over TLS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from projects.models import ApiKey
from service import gate
from tests.cast import make_project
from tests.servers import free_port
from tests.test_rest import problem
from tests.test_service import ask, environment, service

ROOT = Path(__file__).parent.parent
NOTHING = "default-src 'none'; frame-ancestors 'none'"
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
def client(db):
    _, token = ApiKey.objects.issue(make_project(), ["read"])
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


@pytest.fixture
def over_tls(settings):
    settings.TLS = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/workflows", 200),
        ("/api/v1/nothing", 404),
        ("/api/v1/workflows?ordering=x", 400),
        ("/healthz", 200),
        ("/metrics", 200),
        ("/api/schema/", 200),
        ("/static/docs.js", 200),
    ],
)
def test_an_answer_that_is_no_page_may_do_nothing_in_a_browser(client, path, status):
    response = client.get(path)
    response.close()  # a file
    assert (response.status_code, response["Content-Security-Policy"]) == (status, NOTHING)
    assert "geolocation=()" in response["Permissions-Policy"]
    # What is static goes out before the middleware that adds these two.
    unmissed = {} if path.startswith("/static/") else SAFE
    assert {name: response[name] for name in unmissed} == unmissed
    assert ("no-store" in response.get("Cache-Control", "")) is (response["Content-Type"].endswith("json"))


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/nothing/", "/api/docs/"])
def test_a_page_has_nothing_inside_it_and_stands_in_no_other(client, path):
    response = client.get(path, follow=True)
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert {name: response[name] for name in SAFE} == SAFE
    assert " style=" not in response.content.decode()


def test_an_error_has_them_too_whoever_made_it(client, monkeypatch):
    monkeypatch.delattr("workflows.api.represent_workflow")
    refused = [client.get("/api/v1/workflows/x"), client.get("/healthz", headers={"Host": "elsewhere.example"})]
    refused.append(Client(enforce_csrf_checks=True).post("/"))
    for response in refused:
        assert response["Content-Security-Policy"] == NOTHING
        assert int(response["Content-Length"]) == len(response.content)


def test_the_cookies_of_the_admin_are_out_of_reach_of_scripts_and_other_sites(db):
    client = Client()
    get_user_model().objects.create_superuser("rosa", password="a long password")
    client.get("/admin/login/")
    client.post("/admin/login/", {"username": "rosa", "password": "a long password"})
    assert {"sessionid", "csrftoken"} == set(client.cookies)
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")


@pytest.mark.usefixtures("over_tls")
def test_over_tls_cookies_stay_there_and_the_browser_too(db):
    client = Client()
    get_user_model().objects.create_superuser("rosa", password="a long password")
    client.get("/admin/login/", secure=True)
    response = client.post("/admin/login/", {"username": "rosa", "password": "a long password"}, secure=True)
    assert response["Strict-Transport-Security"] == "max-age=31536000"
    assert all(cookie["secure"] for cookie in client.cookies.values())
    assert client.get("/admin/").url.startswith("https://")


@pytest.mark.usefixtures("over_tls")
def test_a_key_that_comes_without_tls_is_refused_and_not_sent_elsewhere(client):
    assert "https" in problem(client.get("/api/v1/workflows"), 403)["detail"]
    assert client.get("/api/v1/workflows", secure=True).status_code == 200
    for path in ("/healthz", "/metrics"):
        assert client.get(path).status_code == 200


# The gate before the service.


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_at_home_nothing_is_asked(settings, host):
    settings.HOST, settings.TLS = host, None
    assert gate.complaint() is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "web-1.internal"])
def test_open_to_others_one_word_on_tls_is_needed(settings, host):
    settings.HOST, settings.TLS = host, None
    assert gate.complaint().startswith(f"HOST={host} is reached from other machines: say TLS=true")
    settings.DEBUG = True
    assert gate.complaint() is None


def test_what_else_is_careless_is_said(settings):
    settings.HOST, settings.TLS, settings.SECRET_KEY = "0.0.0.0", False, "short"
    settings.SILENCED_SYSTEM_CHECKS = [*settings.SILENCED_SYSTEM_CHECKS, "security.W004", "security.W008"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    said = gate.complaint()
    assert "SECRET_KEY" in said
    assert "(security.W009)" in said


def check_deploy(folder: Path, **variables: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    own = environment(folder, SECRET_KEY="a secret of fifty characters and more, of which nobody knows", **variables)
    return subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("said", [{"TLS": "true", "TRUSTED_PROXY": "10.0.0.1"}, {"TLS": "false"}])
def test_the_deployment_check_has_nothing_to_say(tmp_path, said):
    done = check_deploy(tmp_path, HOST="0.0.0.0", **said)
    assert (done.returncode, "no issues" in done.stdout) == (0, True), done.stderr


def test_tls_that_nobody_ends_is_refused(tmp_path):
    done = check_deploy(tmp_path, TLS="true")
    assert done.returncode == 2
    assert done.stderr.startswith("Configuration: TLS=true: name the proxy that ends TLS in TRUSTED_PROXY")


def serve(folder: Path, **variables: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "manage.py", "serve"]
    own = {**environment(folder), **variables}
    return subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)


def test_the_service_does_not_open_without_it(tmp_path):
    done = serve(tmp_path, HOST="0.0.0.0", PORT=str(free_port()))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("CommandError: HOST=0.0.0.0 is reached from other machines")
    assert not os.listdir(tmp_path)


def test_the_service_opens_with_it(tmp_path):
    port = free_port()
    with service(tmp_path, HOST="0.0.0.0", PORT=str(port), TLS="false"):
        assert ask(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(
            b"HTTP/1.1 200"
        )


def test_over_tls_it_believes_its_proxy_alone(tmp_path):
    port = free_port()
    get = b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    with service(tmp_path, PORT=str(port), TLS="true", TRUSTED_PROXY="127.0.0.1"):
        answered = ask(port, get)
        assert answered.startswith(b"HTTP/1.1 200")
        assert b"Strict-Transport-Security: max-age=31536000\r\n" in answered
        assert ask(port, get.replace(b"Proto: https", b"Proto: http")).startswith(b"HTTP/1.1 301")
