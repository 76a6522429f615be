"""What else may come to the API and must not come in: reliability, part 3 A and D, beside `test_rest.py`."""

import hashlib
import json
import time

import pytest
from django.test import Client

from executions.models import Execution
from projects.models import IdempotencyKey, Scope
from tests.cast import REFUND, make_workflow
from tests.neighbours import client_of
from tests.test_rest import problem
from wire.strict_json import MAX_INTEGER
from workflows.models import Version, Workflow

API = "/api/v1"
RUN = f"{API}/workflows/refund/executions"
JSON = "application/json"
MIB = 1024 * 1024
# fmt: off
NAMES = [
    "Refund", "REFUND", "refünd", "refu\u0301nd", "ｒefund", "refund ", " refund", "refund\n", "refund\u200b", "rеfund",
    "refund\u202e", "re fund", "re/fund", "../refund", ".refund", "-refund", "_refund", "", "r" * 101, "𝐫efund", "ﬁ",
]
NUMBERS = [
    "1.0.0+a", "1.0.0+", "01.0.0", "1.00.0", "1.0.0-01", "1.0.0-a..b", "1.0.0-", "+1.0.0", "1.0.0\n", "١.0.0", "1.0.0-é",
    "1", "", "latest", "1.0.0 - 2", "^1.0.0", "1.0.x", "1." + "0" * 70 + ".0",
]
CURSORS = [
    "", " 1", "1 ", "+1", "01", "1_0", "1.0", "٣", "１", "0x1", "1e3", "None", "-0", "true", "{}", "1,2", "1' OR '1'='1",
]
PARAMETERS = [
    "ordering=id", "order_by=project", "sort=-cost", "fields=project", "expand=project", "include=key", "page=2", "offset=1",
    "filter[status]=failed", "status__in=failed", "status[]=failed", "workflow__project__name=bob", "pk=1", "id__gt=0",
    "Status=failed", "status%00=failed", "=", "?", "limit=1;cursor=2", "limit=+5", "limit=5.0", "limit= 5", "limit=",
    "since=2026-W48-1", "since=2026-11-23T09:30Z", "since=20261123T093000Z", "since=1763890200", "since=2026-11-2",
    "since=２026-11-23", "until=2026-11-23T09:30:00%2B0200", "waiting=true", "status=FAILED", "status=failed ",
]
PATHS = [
    "REFUND", "refund%20", "refund%0A", "%72efund%00", "refund%E2%80%8B", "%EF%BD%92efund", "%FF%FE", "x" * 50_000,
    "..%2Frefund", "%252e%252e", "refund;a=1", "{name}", "*", "~", "refund.json",
]
IDS = [
    "executions/1", "executions/01a20962da43723d9ab62fe2c492166d", "executions/01A20962-DA43-723D-9AB6-2FE2C492166D",
    "executions/00000000-0000-0000-0000-000000000000", "flags/%7B%7D", "budgets/-1", "budgets/1.0", "budgets/" + "9" * 400,
    "budgets/%31%30%30", "workflows//executions", "workflows/refund/", "/workflows", "workflows/refund/versions/1.0.0/",
]
PREFERENCES = [
    "wait=0", "WAIT=0", 'wait="0"', "respond-async, wait=0", "wait=0; foo=bar", "wait = 0", "wait=0, wait=61", "await=61",
    "x-wait=61", "handling=lenient", ",,", "", "w" * 5000, 'foo="wait=61"', "=", "wait=000000",
]
HOSTS = [
    "localhost@elsewhere.example", "elsewhere.example#localhost", "localhost/..", "local host", "", "[::1", "xn--",
    "localhost,elsewhere.example", "localhost\\elsewhere.example",
]
# fmt: on
# Whatever is asked is answered soon, of this thread's own time: the machine does other things too.
SOON = 3.0


@pytest.fixture
def workflow(db):
    """It takes any object, so that what is refused is not its own doing."""
    steps = [{"id": "a", "kind": "code", "code": "def run(input, steps):\n    return {'kind': 'other'}"}]
    loose = {"input_schema": {"type": "object"}, "covers": [], "edge_cases": [], "steps": steps}
    return make_workflow({**REFUND, **loose, "result": {"kind": "steps['a']['kind']"}})


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, *Scope.values)


def send(client: Client, body: str | bytes, **headers: str):
    return client.generic("POST", RUN, body, JSON, headers=headers)


@pytest.mark.parametrize("query", ["workflow=%ED%A0%80", "workflow=%FF", "workflow=a%C0%AF"])
def test_a_query_that_is_not_utf_8_is_malformed(client, query):
    assert problem(client.get(f"{API}/executions?{query}"), 400)["detail"] == "The query is not UTF-8."
    assert client.get(f"{API}/executions?workflow=%EF%BF%BD").status_code == 200


# Bodies.


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param('{"input": {"a": 1, "\\u0061": 2}}', 400, id="a key twice, once in disguise"),
        pytest.param('{"input": {"a": {"b": 1, "b": 1}}}', 400, id="a key twice, deep inside"),
        pytest.param('{"input": {}}\n\x00', 400, id="a NUL behind it"),
        pytest.param('{"input": {}}{}', 400, id="another object behind it"),
        pytest.param("\ufeff" + '{"input": {}}', 400, id="a byte order mark"),
        pytest.param('{"input": {}}'.encode("utf-16"), 400, id="UTF-16"),
        pytest.param('{"input": {}}'.encode("utf-32"), 400, id="UTF-32"),
        pytest.param(b'{"input": "\xed\xa0\x80"}', 400, id="a surrogate in UTF-8"),
        pytest.param(b'{"input": "\xc0\xaf"}', 400, id="an overlong character"),
        pytest.param('{"input": "a\nb"}', 400, id="a line break in a text"),
        pytest.param('{"input": {},}', 400, id="a comma too many"),
        pytest.param('{"input": /* */ {}}', 400, id="a comment"),
        pytest.param('{"input": 0x10}', 400, id="a hexadecimal number"),
        pytest.param('{"input": 01}', 400, id="a leading zero"),
        pytest.param('{"input": +1}', 400, id="a plus"),
        pytest.param('{"input": .5}', 400, id="no digit before the point"),
        pytest.param('{"input": 1e999999999}', 400, id="an exponent of its own"),
        pytest.param('{"input": -1e400}', 400, id="minus infinity, written out"),
        pytest.param('{"input": ' + "1" * 100_000 + ".5}", 400, id="a fraction of 100,000 digits"),
        pytest.param('{"input": ' + "-" + "9" * 4000 + "}", 422, id="an integer of 4,000 digits"),
        pytest.param('{"input": {"a": "\\udc00\\ud800"}}', 422, id="surrogates in the wrong order"),
        pytest.param('{"input": {"' + "x" * (3 * MIB) + '": 1}}', 413, id="a key of 3 MiB"),
        pytest.param('{"input": {"a": "' + "x" * MIB + '"}}', 413, id="an input of more than 1 MiB"),
        pytest.param('{"input": [' + "{}," * 5_000_000 + "{}]}", 413, id="five million objects"),
        pytest.param('{"input": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}", 400, id="5,000 objects in each other"),
        pytest.param('{"input": ' + "[" * 1_000_000, 400, id="a million brackets"),
        pytest.param('{"input": [' + "," * 1_000_000, 413, id="a million commas"),
        pytest.param('{"input": "' + '\\"' * 1_000_000, 400, id="a million quotes that end nothing"),
        pytest.param('"' * 2_000_000, 413, id="two million quotes"),
        pytest.param('{"input": [' + '"",' * 25_000 + '""]}', 413, id="25,000 empty texts"),
    ],
)
def test_a_body_that_is_odd_or_huge_is_refused_soon(client, body, status):
    began = time.thread_time()
    problem(send(client, body), status)
    assert time.thread_time() - began < SOON
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        '\r\n\t {"input": {}}\r\n ',
        '{"input": {"a": 1e-400, "b": -0, "c": -0.0, "d": 1E+2}}',
        '{"input": {"\\u0061": "\\ud83d\\ude00", "é": "e\\u0301", "": ""}}',
        '{"input": {"__proto__": {}, "__class__": 1, "constructor": null, "$ref": "#"}}',
        f'{{"input": {{"least": -{MAX_INTEGER}, "most": {MAX_INTEGER}}}}}',
    ],
)
def test_a_body_that_is_odd_and_right_comes_back_as_it_was(client, body):
    """The same with an Idempotency-Key, which looks at all of it."""
    for headers in ({}, {"Idempotency-Key": "odd"}, {"Idempotency-Key": "odd"}):
        response = send(client, body, **headers)
        assert response.status_code == 202, response.content
        assert response.json()["input"] == json.loads(body)["input"]
    assert Execution.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("APPLICATION/JSON", 202),
        ("application/json; charset=UTF8", 202),
        ("application/json; profile=x", 202),
        ("", 415),
        ("application/*", 415),
        ("*/*", 415),
        ("application/vnd.api+json", 415),
        ("application/json-patch+json", 415),
        ("text/json", 415),
        ("application/jsonx", 415),
        ("application/json; charset=utf-16le", 415),
        ("application/json; charset=utf-7", 415),
    ],
)
def test_a_body_says_that_it_is_json(client, kind, status):
    response = client.generic("POST", RUN, '{"input": {}}', kind)
    assert (response.status_code, response["Content-Type"].endswith("json")) == (status, True)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x-unknown"])
@pytest.mark.parametrize(("method", "pattern"), [("POST", "workflows"), ("PUT", "budgets"), ("POST", RUN)])
def test_a_body_that_is_compressed_is_not_supported(client, method, pattern, coding):
    path = pattern if pattern == RUN else f"{API}/{pattern}"
    problem(client.generic(method, path, b"\x1f\x8b", JSON, headers={"Content-Encoding": coding}), 415)


@pytest.mark.parametrize("override", ["X-HTTP-Method-NewPublication", "X-HTTP-Method", "X-Method-NewPublication"])
def test_a_method_is_what_it_is(client, override):
    response = client.get(f"{API}/workflows", headers={override: "DELETE"})
    assert (response.status_code, Workflow.objects.count()) == (200, 1)
    problem(client.get(f"{API}/workflows?_method=DELETE"), 400)


# Names and numbers.


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_no_twin(client, name):
    """Nothing that looks like another name, or is one after somebody else's normalisation."""
    found = problem(client.post(f"{API}/workflows", {"name": name, "definition": REFUND}, JSON), 422)
    assert [one["pointer"] for one in found["errors"]] == ["/name"]
    assert list(Workflow.objects.values_list("name", flat=True)) == ["refund"]


@pytest.mark.parametrize("version", NUMBERS)
def test_a_number_has_no_twin(client, version):
    found = problem(
        client.post(f"{API}/workflows/refund/versions", {"version": version, "definition": REFUND}, JSON), 422
    )
    assert [one["pointer"] for one in found["errors"]] == ["/version"]
    assert list(Version.objects.values_list("number", flat=True)) == ["1.0.0"]


def test_a_number_that_is_taken_is_a_conflict(client):
    problem(client.post(f"{API}/workflows/refund/versions", {"version": "1.0.0", "definition": REFUND}, JSON), 409)
    problem(client.post(f"{API}/workflows", {"name": "refund", "definition": REFUND}, JSON), 409)


# Queries and paths.


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_is_one_of_ours_or_malformed(client, cursor):
    problem(client.get(f"{API}/workflows", {"cursor": cursor}), 400)


@pytest.mark.parametrize(
    "shape",
    ["{{{}}}", "urn:uuid:{}", " {}", "{}\n"],
)
def test_a_cursor_has_one_way_to_be_written(client, shape):
    for _ in range(2):
        send(client, '{"input": {}}')
    following = client.get(f"{API}/executions?limit=1").json()["next"]
    cursor = following.rpartition("cursor=")[2]
    assert len(client.get(f"{API}/executions", {"cursor": cursor}).json()["results"]) == 1
    for odd in (shape.format(cursor), cursor.replace("-", ""), cursor.upper()):
        if odd != cursor:
            problem(client.get(f"{API}/executions", {"cursor": odd}), 400)


def test_a_page_has_a_bound_in_bytes_and_leaves_nothing_out(client):
    workflow = Workflow.objects.get(name="refund")
    same = {"project": workflow.project, "workflow": workflow, "version": workflow.live.version, "tier_map": {}}
    for number in range(20):
        Execution.objects.create(**same, simulated=True, input={"message": f"{number} " + "x" * (MIB - 100)})
    address, seen, pages = f"{API}/executions?limit=200", [], 0
    while address:
        answer = client.get(address)
        assert len(answer.content) < 8.1 * MIB
        seen += [int(one["input"]["message"].split()[0]) for one in answer.json()["results"]]
        address, pages = answer.json()["next"], pages + 1
    assert (seen, pages) == (list(reversed(range(20))), 3)


@pytest.mark.parametrize("address", ["workflows", "budgets", "workflows/refund/versions"])
def test_a_cursor_of_another_list_is_malformed(client, address):
    problem(client.get(f"{API}/{address}", {"cursor": "01a20962-da43-723d-9ab6-2fe2c492166d"}), 400)
    problem(client.get(f"{API}/executions", {"cursor": "1"}), 400)


@pytest.mark.parametrize("query", PARAMETERS)
def test_a_parameter_that_is_none_is_malformed(client, query):
    problem(client.get(f"{API}/executions?{query}"), 400)


def test_a_query_of_kilobytes_finds_nothing_and_breaks_nothing(client):
    assert client.get(f"{API}/executions?workflow={'x' * 50_000}").json()["results"] == []
    problem(client.get(f"{API}/executions?{'x' * 50_000}=1"), 400)
    problem(client.get(f"{API}/executions?" + "&".join(["status=failed"] * 900)), 400)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_leads_to_what_it_names_or_nowhere(client, name):
    problem(client.get(f"{API}/workflows/{name}"), 404)
    problem(client.post(f"{API}/workflows/{name}/executions", {"input": {}}, JSON), 404)


@pytest.mark.parametrize("path", IDS)
def test_an_id_that_is_none_leads_nowhere(client, path):
    problem(client.get(f"{API}/{path}"), 404)


# Headers.


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "\x7f", "a\x00b"])
def test_an_idempotency_key_that_is_none_is_malformed_and_makes_nothing(client, key):
    assert "Idempotency-Key" in problem(send(client, '{"input": {}}', **{"Idempotency-Key": key}), 400)["detail"]
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    "key", ["x", "x" * 255, '"quoted"', "a, b", "%00", "'; DROP TABLE t; --", "{}", "🔑".encode().hex()]
)
def test_an_idempotency_key_is_any_printable_text(client, key):
    made = {send(client, '{"input": {}}', **{"Idempotency-Key": key}).json()["id"] for _ in range(2)}
    assert len(made) == 1
    assert IdempotencyKey.objects.get().key == hashlib.sha256(key.encode()).hexdigest()


def test_an_idempotency_key_that_differs_in_case_is_another(client):
    made = {send(client, '{"input": {}}', **{"Idempotency-Key": key}).json()["id"] for key in ("abc", "ABC")}
    assert len(made) == 2


def test_a_request_written_otherwise_is_the_same_request(client):
    """Order, blanks and the spelling of a number do not matter; a value does."""
    spelt = ['{"input": {"a": 1, "b": "é"}}', '{ "input":{"b":"\\u00e9","a":1.0} }']
    made = {send(client, body, **{"Idempotency-Key": "one"}).json()["id"] for body in spelt}
    assert len(made) == 1
    for body in ('{"input": {"a": 1, "b": "e\\u0301"}}', '{"input": {"a": 1}}', '{"input": {"a": "1", "b": "é"}}'):
        problem(send(client, body, **{"Idempotency-Key": "one"}), 422)


@pytest.mark.parametrize("header", ["wait=61", "wait=-1", "wait", "wait=", "wait=0.5", "wait=1s", "wait=0x1", 'wait="'])
def test_a_wait_that_cannot_be_is_malformed_and_makes_nothing(client, header):
    assert "whole seconds" in problem(send(client, '{"input": {}}', Prefer=header), 400)["detail"]
    assert not Execution.objects.exists()


@pytest.mark.parametrize("header", PREFERENCES)
def test_other_preferences_are_not_ours_to_judge(client, header):
    assert send(client, '{"input": {}}', Prefer=header).status_code == 202


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_odd_is_malformed(client, host):
    response = client.get(f"{API}/workflows?limit=1", headers={"Host": host})
    assert b"elsewhere" not in response.content
    problem(response, 400)


def test_a_header_of_kilobytes_is_not_kept(client):
    response = client.get(f"{API}/workflows", headers={"X-Request-ID": "x" * 50_000, "User-Agent": "x" * 50_000})
    assert (response.status_code, len(response["X-Request-ID"])) == (200, 36)
