"""Requests to a real server on this machine: what is sent, what is taken of what comes back, and where none of it goes."""

import gzip
import ipaddress
import json
import socket
import time

import pytest

from projects.models import ToolVariable
from projects.tools import NoAnswer, NotTaken, ToolError
from tests.cast import make_project
from tests.receiver import Answer, Receiver
from tests.toolbox.rows import TEXT, call, faults, http
from toolbox.arguments import named

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-the-shop"
PUBLIC = "93.184.215.14"


def answers(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {"content-type": "application/json", **headers}, json.dumps(value).encode())


@pytest.fixture
def project(settings, monkeypatch):
    settings.TOOL_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    monkeypatch.setenv("TOOL_SHOP_TOKEN", TOKEN)
    project = make_project("shop")
    ToolVariable.objects.create(project=project, name="TOOL_SHOP_TOKEN")
    return project


@pytest.fixture
def shop():
    with Receiver(answers({"number": "A100", "paid": "40.00"})) as receiver:
        yield receiver


@pytest.fixture
def names(monkeypatch):
    """What the resolver says of a name, in turn; the last one stays."""
    said: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in said:
            return real(host, port, *args, **kwargs)
        found = said[name].pop(0) if len(said[name]) > 1 else said[name][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return said


def at(receiver: Receiver, path: str = "/orders/{number}") -> str:
    return f"http://127.0.0.1:{receiver.port}{path}"


def error_of(tool, kind: type[ToolError] = ToolError, **arguments) -> str:
    with pytest.raises(kind) as found:
        call(tool, **arguments)
    assert type(found.value) is kind
    return str(found.value)


# What is sent.


def test_it_asks_and_answers_the_json_that_comes(project, shop):
    tool = http(project, at(shop), named(number=TEXT))
    assert faults(tool) == {}
    assert call(tool, number="A100") == {"number": "A100", "paid": "40.00"}
    (heard,) = shop.heard
    assert (heard.method, heard.path, heard.body) == ("GET", "/orders/A100", b"")
    assert heard.headers["accept-encoding"] == "identity"
    assert "idempotency-key" not in heard.headers


def test_arguments_are_percent_encoded_and_what_is_missing_is_left_out(project, shop):
    takes = {"type": "object", "properties": {name: {} for name in ("number", "lang", "tag")}, "required": ["number"]}
    tool = http(project, at(shop, "/o/{number}/x?lang={lang}&fix=1&tag={tag}"), takes)
    call(tool, number="a/b?c#d&e=ü %2e", lang=None, tag=["x&y", 7, True])
    assert shop.heard[0].path == "/o/a%2Fb%3Fc%23d%26e%3D%C3%BC%20%252e/x?fix=1&tag=x%26y&tag=7&tag=true"


@pytest.mark.parametrize("value", ["..", ".", "", "../admin", "a/../..", "..\\x", None, {"a": 1}, [1]])
def test_no_value_leads_up_out_of_its_place(value, project, shop):
    tool = http(project, at(shop, "/orders/{number}/lines"), named(number=True))
    assert "number" in error_of(tool, number=value)
    assert shop.heard == []


def test_what_stands_nowhere_in_the_address_is_the_body(project, shop):
    takes = named(number=TEXT, amount=TEXT, lines=True)
    tool = http(project, at(shop), takes, method="POST", side_effects=True, takes_key=True)
    assert faults(tool) == {}
    call(tool, number="A100", amount="40.00", lines=[{"n": "ü"}])
    (heard,) = shop.heard
    assert (heard.method, heard.path, heard.headers["content-type"]) == ("POST", "/orders/A100", "application/json")
    assert json.loads(heard.body) == {"amount": "40.00", "lines": [{"n": "ü"}]}
    assert heard.headers["idempotency-key"] == "a key"


def test_a_secret_stands_in_a_header_and_nowhere_else(project, shop):
    said = {"Authorization": "Bearer {TOOL_SHOP_TOKEN}", "Accept-Language": "en"}
    tool = http(project, at(shop, "/"), headers=said)
    assert faults(tool) == {}
    call(tool)
    assert shop.heard[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert shop.heard[0].headers["accept-language"] == "en"
    ToolVariable.objects.all().delete()
    assert "may not use TOOL_SHOP_TOKEN" in error_of(tool)


def test_a_secret_that_would_end_the_header_is_not_sent(project, shop, monkeypatch):
    monkeypatch.setenv("TOOL_SHOP_TOKEN", "a\r\nX-Evil: 1")
    tool = http(project, at(shop, "/"), headers={"Authorization": "Bearer {TOOL_SHOP_TOKEN}"})
    assert error_of(tool) == "The value of TOOL_SHOP_TOKEN cannot stand in a header."
    assert shop.heard == []


# What is taken of what comes.


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (answers({"detail": "no order"}, 404), ToolError, 'It answered 404: {"detail": "no order"}'),
        (Answer(403), ToolError, "It answered 403."),
        (answers("later", 429), NotTaken, 'It answered 429: "later"'),
        (answers("broken", 500), NoAnswer, 'It answered 500: "broken"'),
        (Answer(503), NoAnswer, "It answered 503."),
        (Answer(408), NoAnswer, "It answered 408."),
        (Answer(304), ToolError, "It answered 304."),
        (Answer(200, {}, b"<html>"), ToolError, "It answered 200, and no JSON that can be kept: Not JSON"),
        (Answer(200, {}, b'{"a": 1, "a": 2}'), ToolError, "The key 'a' stands twice"),
        (Answer(200, {}, b"NaN"), ToolError, "NaN is not a JSON number"),
        (Answer(200, {}, b"[" * 5000), ToolError, "Nested deeper"),
        (Answer(200, {}, b"\xff\xfe"), ToolError, "not UTF-8"),
        (Answer(silent=True), NoAnswer, "It closed the connection without an answer."),
        (Answer(raw=b"SSH-2.0-x\r\n\r\n"), NoAnswer, "It answered something that is not HTTP."),
        (Answer(200, {"content-encoding": "gzip"}, gzip.compress(b"0" * 10**7)), ToolError, "something packed"),
        (Answer(404, {"content-encoding": "gzip"}, gzip.compress(b"0" * 10**7)), ToolError, "It answered 404."),
    ],
)
def test_what_is_no_answer_is_an_error_of_its_kind(answer, kind, said, project):
    with Receiver(answer) as shop:
        assert said in error_of(http(project, at(shop, "/"), timeout=5), kind)


def test_an_empty_answer_is_null_and_a_text_is_a_text(project):
    with Receiver(Answer(204), Answer(200, {}, "größer".encode())) as shop:
        assert call(http(project, at(shop, "/"))) is None
        assert call(http(project, at(shop, "/"), response="text")) == {"text": "größer"}


def test_of_a_refusal_a_little_is_said_without_secrets(project):
    said = "x" * 150 + " sk-ant-REDACTED " + "y" * 3000
    with Receiver(Answer(400, {}, said.encode())) as shop:
        found = error_of(http(project, at(shop, "/")))
    assert "sk-ant-REDACTED" not in found
    assert "[redacted:api-key]" in found
    assert len(found) < 250


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {}, b"x" * 3000),
        Answer(200, {}, endless=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000),
    ],
    ids=["large", "endless", "a gigabyte"],
)
def test_more_than_may_come_is_not_read(answer, project):
    began = time.monotonic()
    with Receiver(answer) as shop:
        tool = http(project, at(shop, "/"), max_bytes=2000, timeout=5)
        assert error_of(tool) == "It answered more than 2000 bytes."
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("answer", [Answer(delay=20), Answer(200, {}, endless=True)], ids=["silence", "drip"])
def test_who_answers_too_slowly_is_left(answer, project):
    began = time.monotonic()
    with Receiver(answer) as shop:
        tool = http(project, at(shop, "/"), timeout=0.5, max_bytes=4_000_000)
        assert error_of(tool, NoAnswer) == "It did not answer within 0.5 s."
        assert time.monotonic() - began < 3


def test_who_is_not_there_was_not_asked(project):
    assert error_of(http(project, "http://127.0.0.1:9/"), NotTaken) == "It cannot be connected to."
    assert error_of(http(project, "https://nobody.example/"), NotTaken) == "Its name leads nowhere."


# Where it goes.


def test_it_is_led_to_listed_hosts_alone_and_another_host_is_told_no_secret(project, shop):
    with Receiver(Answer(302, {"Location": at(shop, "/there?a=b#c")})) as first:
        said = {"Authorization": "Bearer {TOOL_SHOP_TOKEN}", "Accept-Language": "en"}
        own, other = (f"127.0.0.1:{one.port}" for one in (first, shop))
        tool = http(project, at(first, "/"), headers=said, hosts=[own, other])
        assert faults(tool) == {}
        assert call(tool) == {"number": "A100", "paid": "40.00"}
        assert first.heard[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert (shop.heard[0].path, shop.heard[0].headers["accept-language"]) == ("/there?a=b", "en")
        assert "authorization" not in shop.heard[0].headers
        tool.settings["hosts"] = [own]
        assert error_of(tool) == f"It leads to a host that the tool does not list: {other}."
    assert len(shop.heard) == 1


def test_on_its_own_host_it_is_led_on_with_its_secret_at_most_three_times(project):
    led = Answer(307, {"Location": "/next"})
    with Receiver(led, led, led, answers(1)) as shop:
        said = {"Authorization": "Bearer {TOOL_SHOP_TOKEN}"}
        tool = http(project, at(shop, "/"), named(a=TEXT), method="POST", headers=said, side_effects=True)
        assert call(tool, a="b") == 1
        assert [one.path for one in shop.heard] == ["/", "/next", "/next", "/next"]
        assert {(one.method, one.body, one.headers["authorization"]) for one in shop.heard} == {
            ("POST", b'{"a": "b"}', f"Bearer {TOKEN}")
        }
    with Receiver(led) as shop:
        assert error_of(http(project, at(shop, "/"))) == "It leads elsewhere more than 3 times."
        assert len(shop.heard) == 4


@pytest.mark.parametrize("status", [301, 302, 303])
def test_what_was_done_before_it_led_elsewhere_is_not_known(status, project):
    with Receiver(Answer(status, {"Location": "/there"}), answers(1)) as shop:
        tool = http(project, at(shop, "/"), method="POST", side_effects=True)
        assert f"It answered {status}" in error_of(tool, NoAnswer)
        assert len(shop.heard) == 1


@pytest.mark.parametrize("body", [b"<html>paid</html>", b"x" * 3000, b"\xff"])
def test_what_was_done_and_answered_in_a_way_that_is_of_no_use_is_not_an_error_of_the_api(body, project):
    with Receiver(Answer(200, {}, body)) as shop:
        paying = http(project, at(shop, "/"), method="POST", side_effects=True, max_bytes=2000)
        error_of(paying, NoAnswer)
        error_of(http(project, at(shop, "/"), method="POST", max_bytes=2000), ToolError)


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (308, "POST")])
def test_what_is_led_elsewhere_goes_on_as_in_a_browser(status, method, project):
    with Receiver(Answer(status, {"Location": "/there"}), answers(1)) as shop:
        tool = http(project, at(shop, "/"), named(a=TEXT), method="POST")
        assert call(tool, a="b") == 1
        assert (shop.heard[1].method, bool(shop.heard[1].body)) == (method, method == "POST")


@pytest.mark.parametrize(
    "location",
    [
        *("http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://2852039166/"),
        *("http://10.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "//evil.example/", "http://127.0.0.1:22/"),
        *("http://user:word@127.0.0.1/", "https://127.0.0.1\\@evil.example/", "http://127.0.0.1:99999/", "http://[::1"),
    ],
)
def test_a_redirect_leads_nowhere_else(location, project):
    with Receiver(Answer(302, {"Location": location})) as shop:
        said = error_of(http(project, at(shop, "/")))
        assert said.startswith("It leads to ")
        assert len(shop.heard) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::ffff:169.254.169.254]", "[fd00::1]", "0.0.0.0"])
def test_an_address_inside_is_refused_when_it_is_saved_and_when_it_is_called(host, project):
    tool = http(project, f"https://{host}/latest")
    found = faults(tool)
    assert "TOOL_NETWORKS" in found["url"]
    assert "TOOL_NETWORKS" in found["hosts"]
    assert "TOOL_NETWORKS" in error_of(tool)


def test_what_is_listed_does_not_make_an_address_inside_a_host(project):
    with Receiver(Answer(302, {"Location": "http://169.254.169.254/"})) as shop:
        tool = http(project, at(shop, "/"), hosts=[f"127.0.0.1:{shop.port}", "169.254.169.254"])
        assert "TOOL_NETWORKS" in faults(tool)["hosts"]
        assert "TOOL_NETWORKS" in error_of(tool)


def test_a_name_that_leads_inside_is_refused_when_it_is_saved_and_when_it_is_called(project, names, settings):
    settings.TOOL_NETWORKS = []
    names["api.example.com"] = [["10.0.0.1"]]
    tool = http(project, "https://api.example.com/")
    assert "TOOL_NETWORKS" in faults(tool)["url"]
    assert "TOOL_NETWORKS" in error_of(tool)


def test_a_name_that_leads_elsewhere_a_moment_later_leads_us_nowhere(project, names, shop, settings):
    """The guard of all tests says where the connection went to."""
    settings.TOOL_NETWORKS = []
    names["rebind.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(ToolError) as found:
        call(http(project, f"https://rebind.example.com:{shop.port}/"))
    assert isinstance(found.value.__cause__, AssertionError)
    assert PUBLIC in str(found.value.__cause__)
    assert shop.heard == []


def test_a_name_inside_that_the_operator_lists_may_be_spoken_to_plainly(project, names, shop):
    names["orders.internal"] = [["127.0.0.1"]]
    tool = http(project, f"http://orders.internal:{shop.port}/")
    assert faults(tool) == {}
    assert call(tool)["number"] == "A100"
    assert shop.heard[0].headers["host"] == f"orders.internal:{shop.port}"
    names["orders.internal"] = [[PUBLIC]]
    assert error_of(tool) == "What is told would travel unencrypted."


def test_no_proxy_of_the_environment_is_used(project, shop, monkeypatch):
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, at(proxy, ""))
        call(http(project, at(shop, "/")))
        assert proxy.heard == []


# When it is saved.

GET = {"method": "GET"}


@pytest.mark.parametrize(
    ("url", "takes", "fields", "field", "said"),
    [
        ("https://{number}/x", named(number=TEXT), GET, "url", "Write an address such as"),
        ("https://api.{number}.com/x", named(number=TEXT), GET, "url", "Write an address such as"),
        ("ftp://api.example.com/", named(), GET, "url", "Write an address such as"),
        ("https://api.example.com/{", named(), GET, "url", "its name in braces"),
        ("https://api.example.com/ä", named(), GET, "url", "percent-encoded"),
        ("https://rosa:word@api.example.com/", named(), GET, "url", "without a user"),
        ("https://api.example.com/{number}", named(), GET, "url", "{number} is no argument"),
        ("https://api.example.com/{n}", {"type": "object", "properties": {"n": TEXT}}, GET, "url", "has to require it"),
        ("https://api.example.com/", named(number=TEXT), GET, "url", "stands nowhere in the address"),
        ("http://api.example.com/", named(), {"hosts": ["api.example.com"]}, "", ""),
        ("https://api.example.com/", named(), {"hosts": ["other.example.com"]}, "hosts", "own host is missing"),
        ("https://api.example.com/", named(), {"hosts": ["https://api.example.com"]}, "hosts", "is no host"),
        ("https://api.example.com/", named(), {"hosts": ["*.example.com"]}, "hosts", "Write an address"),
        ("https://api.example.com/", named(), {"hosts": ["a.example:443"]}, "hosts", "is no host"),
        ("https://api.example.com/", named(), {"method": "DELETE"}, "side_effects", "DELETE changes something."),
        ("https://api.example.com/", named(), {"headers": {"Host": "evil"}}, "headers", "by the request itself"),
        ("https://api.example.com/", named(), {"headers": {"A B": "x"}}, "headers", "is no header"),
        ("https://api.example.com/", named(), {"headers": {"A": "x\r\nB: y"}}, "headers", "is no header"),
        (
            "https://api.example.com/",
            named(),
            {"headers": {"A": "{ANTHROPIC_API_KEY}"}},
            "headers",
            "no secret of tools",
        ),
        ("https://api.example.com/", named(), {"headers": {"A": "{TOOL_MODULES}"}}, "headers", "no variable of tools"),
        ("https://api.example.com/", named(), {"headers": {"A": "{TOOL_X_KEY}"}}, "headers", "may not use TOOL_X_KEY"),
        ("https://api.example.com/", named(), {"key_header": "Host"}, "key_header", "name of a header"),
        ("https://api.example.com/", named(), {"takes_key": True}, "takes_key", "Only what has side effects"),
        (
            "https://api.example.com/",
            named(),
            {"method": "POST", "side_effects": True, "retries": 1},
            "retries",
            "only where it takes a key",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(url, takes, fields, field, said, project):
    found = faults(http(project, url, takes, **fields))
    assert said in found.get(field, "")
