"""Tools of the kind `http`: one request, to a host that a person listed, with arguments in its path, its query and its body.

The host is looked up once for each hop, all its addresses are judged, and one of these is connected to. How long it takes and
how much is read is bounded; nothing is unpacked.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import SplitResult, urldefrag, urljoin

import aiohttp
from django.conf import settings as installation
from yarl import URL

from projects.keeping import redaction
from projects.models import Tool
from projects.tools import MAX_ANSWER_NODES, NoAnswer, NotTaken, ToolError
from wire import outgoing, strict_json
from wire.addresses import Reach, Refused, parts_of
from wire.problems import Problem
from wire.redaction import Policy

from . import template
from .patience import within
from .variables import fault_of_variable, value_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
ALWAYS_CHANGE = ("PUT", "PATCH", "DELETE")
JSON, TEXT = "json", "text"
MAX_HOSTS, MAX_HEADERS, MAX_HEADER = 20, 20, 1_000
MAX_BYTES, USUAL_BYTES = 4 * 2**20, 256 * 1024
MAX_HOPS = 3
NO_ADDRESS = "It leads to something that is no address."
REDIRECTS = (301, 302, 303, 307, 308)
UNDONE = (307, 308)  # the same is to be asked elsewhere: nothing was done here
EXCERPT, READ_OF_AN_ERROR = 200, 2048
LOOKED_UP_WITHIN = 3.0  # seconds, while somebody waits for the answer of a form
SECRET = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What the request and its connection say themselves.
_NOT_OURS_TO_SAY = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "content-type", "te", "upgrade"}
)


def reach() -> Reach:
    return Reach(installation.TOOL_NETWORKS, "TOOL_NETWORKS", "https://api.example.com/orders/{number}", plainly=True)


# When it is saved


def faults(tool: Tool) -> dict[str, str]:
    said = tool.settings
    found = {"headers": _fault_of_headers(tool), "key_header": _fault_of_key_header(tool)}
    if said["method"] in ALWAYS_CHANGE and not tool.side_effects:
        found["side_effects"] = f"{said['method']} changes something."
    try:
        address = template.read(said["url"])
    except template.Malformed as fault:
        return found | {"url": str(fault)}
    found["url"] = _fault_of_places(tool, address) or _fault_of_host(parts_of(address.origin))
    found["hosts"] = _fault_of_hosts(said["hosts"])
    if not found["url"] and not found["hosts"] and authority(parts_of(address.origin)) not in said["hosts"]:
        found["hosts"] = f"The address's own host is missing: {authority(parts_of(address.origin))}."
    return found


def own_host(url: str) -> list[str]:
    """As it is listed; nothing where the address cannot be read."""
    try:
        return [authority(parts_of(template.read(url).origin))]
    except template.Malformed:
        return []


def authority(parts: SplitResult) -> str:
    """How a host is listed: with its port where that is not the usual one."""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.removesuffix(".")
    usual = {"http": 80, "https": 443}[parts.scheme]
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def _fault_of_places(tool: Tool, address: template.Template) -> str:
    arguments, required = tool.input_schema["properties"], tool.input_schema.get("required", ())
    for name in sorted(address.names):
        if name not in arguments:
            return f"{{{name}}} is no argument: name it in the input schema."
    for name in sorted(address.in_path):
        if name not in required:
            return f"{{{name}}} stands in the path: the input schema has to require it."
    left = [name for name in arguments if name not in address.names]
    if left and tool.settings["method"] not in WITH_BODY:
        return f"The argument {left[0]!r} stands nowhere in the address, and a {tool.settings['method']} has no body."
    return ""


def _fault_of_hosts(hosts: list[str]) -> str:
    if len(hosts) > MAX_HOSTS:
        return f"At most {MAX_HOSTS} hosts."
    for host in hosts:
        parts = parts_of(f"https://{host}/")
        if parts is None or parts.netloc != host or "@" in host or authority(parts) != host:
            return f"{host[:60]!r} is no host such as api.example.com or api.example.com:8443."
        if fault := reach().fault_of_host("https", parts.hostname):
            return f"{host[:60]}: {fault}"
    return ""


def _fault_of_host(parts: SplitResult) -> str:
    """What is wrong with where it leads now. A name that leads nowhere yet may do so later: nothing."""
    if fault := reach().fault_of_host(parts.scheme, parts.hostname):
        return fault
    try:
        within(LOOKED_UP_WITHIN, reach().look_up(parts.hostname, _port(parts), parts.scheme))
    except Refused as refusal:
        return str(refusal)
    except (OSError, UnicodeError, TimeoutError):
        pass
    return ""


def _fault_of_headers(tool: Tool) -> str:
    headers = tool.settings["headers"]
    if len(headers) > MAX_HEADERS:
        return f"At most {MAX_HEADERS} headers."
    found = (_fault_of_header(tool, name, value) for name, value in headers.items())
    return next((fault for fault in found if fault), "")


def _fault_of_header(tool: Tool, name: str, value: str) -> str:
    if not _HEADER.fullmatch(name) or len(value) > MAX_HEADER or not value.isascii() or not value.isprintable():
        return f"{name[:60]!r} is no header such as Accept-Language: en."
    if name.lower() in _NOT_OURS_TO_SAY:
        return f"{name} is said by the request itself."
    if name.lower() == tool.settings["key_header"].lower():
        return f"{name} carries the idempotency key."
    variables = SECRET.findall(value)
    if other := [variable for variable in variables if not variable.startswith("TOOL_")]:
        return f"{other[0][:60]} is no secret of tools: name a variable such as TOOL_SHOP_TOKEN."
    return next((fault for one in variables if (fault := fault_of_variable(tool.project_id, one))), "")


def _fault_of_key_header(tool: Tool) -> str:
    name = tool.settings["key_header"]
    if not _HEADER.fullmatch(name) or name.lower() in _NOT_OURS_TO_SAY:
        return "Write the name of a header, such as Idempotency-Key."
    return ""


# When it is called


def build(tool: Tool) -> Callable[..., object]:
    return partial(_call, tool)


@dataclass(frozen=True)
class _Sent:
    """`secret`: headers that no other host is told."""

    method: str
    url: str
    body: bytes | None
    headers: dict[str, str]
    secret: dict[str, str]

    def led_to(self, location: str, status: int) -> "_Sent":
        """What is asked next where the answer leads elsewhere, as browsers do."""
        try:
            url = urldefrag(urljoin(self.url, location)).url
        except ValueError as error:
            raise ToolError(NO_ADDRESS) from error
        method, body = self.method, self.body
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, body = "GET", None
        here, there = parts_of(self.url), parts_of(url)
        same = there is not None and (here.scheme, authority(here)) == (there.scheme, authority(there))
        return _Sent(method, url, body, self.headers, self.secret if same else {})


def _call(tool: Tool, /, idempotency_key: str = "", **arguments: object) -> object:
    try:
        sent = _prepared(tool, arguments, idempotency_key)
        return within(tool.timeout, _asked(tool, sent, redaction(tool.project_id)))
    except template.Malformed as fault:
        raise ToolError(str(fault)) from fault
    except Refused as refusal:
        raise ToolError(str(refusal)) from refusal
    except TimeoutError as error:
        raise NoAnswer(f"It did not answer within {tool.timeout:g} s.") from error
    except (aiohttp.ClientConnectorError, UnicodeError) as error:  # before anything was sent
        raise NotTaken(outgoing.sentence_of(error)) from error
    except aiohttp.ClientError as error:
        raise NoAnswer(outgoing.sentence_of(error)) from error
    except OSError as error:
        raise NotTaken(outgoing.sentence_of(error)) from error


def _prepared(tool: Tool, arguments: dict[str, object], key: str) -> _Sent:
    said = tool.settings
    address = template.read(said["url"])
    url = address.filled(arguments)
    body = None
    if said["method"] in WITH_BODY:
        left = {name: value for name, value in arguments.items() if name not in address.names}
        body = json.dumps(left, ensure_ascii=False, allow_nan=False).encode()
    headers = {name: value for name, value in said["headers"].items() if not SECRET.search(value)}
    secret = {
        name: SECRET.sub(lambda variable: _secret(tool, variable[1]), value)
        for name, value in said["headers"].items()
        if SECRET.search(value)
    }
    if tool.takes_key:
        headers[said["key_header"]] = key
    return _Sent(said["method"], url, body, headers, secret)


def _secret(tool: Tool, variable: str) -> str:
    value = value_of(tool.project_id, variable)
    if not variable.startswith("TOOL_") or not value.isascii() or not value.isprintable():
        raise ToolError(f"The value of {variable} cannot stand in a header.")
    return value


async def _asked(tool: Tool, sent: _Sent, policy: Policy) -> object:
    for _ in range(MAX_HOPS + 1):
        parts = _judged(tool, sent.url)
        addresses = await reach().look_up(parts.hostname, _port(parts), parts.scheme)
        headers = {"accept-encoding": "identity", **sent.headers, **sent.secret}
        if sent.body is not None:
            headers["content-type"] = "application/json"
        url = URL(sent.url, encoded=True)
        if ((url.host or "").lower(), url.port) != (parts.hostname, _port(parts)):
            raise ToolError(NO_ADDRESS)  # who connects reads it otherwise than who judged
        async with outgoing.session(addresses) as session:
            response = await session.request(sent.method, url, data=sent.body, headers=headers, allow_redirects=False)
            try:
                if response.status not in REDIRECTS or "Location" not in response.headers:
                    return await _answer(tool, response, policy)
                if tool.side_effects and response.status not in UNDONE:
                    raise NoAnswer(f"It answered {response.status}: what it did before it led elsewhere is not said.")
                sent = sent.led_to(response.headers["Location"], response.status)
            finally:
                response.close()
    raise ToolError(f"It leads elsewhere more than {MAX_HOPS} times.")


def _judged(tool: Tool, url: str) -> SplitResult:
    """Each hop. What the operator allows may have changed since the tool was saved."""
    parts = parts_of(url)
    if parts is None or "@" in parts.netloc or "\\" in url or len(url) > template.MAX_FILLED:
        raise ToolError(NO_ADDRESS)
    if authority(parts) not in tool.settings["hosts"]:
        raise ToolError(f"It leads to a host that the tool does not list: {authority(parts)[:100]}.")
    if fault := reach().fault_of_host(parts.scheme, parts.hostname):
        raise Refused(fault)
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


async def _answer(tool: Tool, response: aiohttp.ClientResponse, policy: Policy) -> object:
    status, said = response.status, tool.settings
    if status >= 300:
        raise await _refusal(response, policy)
    useless = NoAnswer if tool.side_effects else ToolError  # it was done all the same, as far as its status goes
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise useless("It answered something packed, although it was asked not to: nothing is unpacked.")
    body = await _read(response, said["max_bytes"])
    if len(body) > said["max_bytes"]:
        raise useless(f"It answered more than {said['max_bytes']} bytes.")
    try:
        if said["response"] == TEXT:
            return {"text": body.decode("utf-8")}
        return strict_json.loads(body, MAX_ANSWER_NODES) if body.strip() else None
    except UnicodeDecodeError as error:
        raise useless("It answered a text that is not UTF-8.") from error
    except Problem as problem:
        raise useless(f"It answered {status}, and no JSON that can be kept: {problem.detail}") from problem


async def _refusal(response: aiohttp.ClientResponse, policy: Policy) -> ToolError:
    """Why there is no answer, with the beginning of what it says, without what a project does not keep."""
    status, words = response.status, ""
    if response.headers.get("Content-Encoding", "identity").lower() == "identity":
        body = (await _read(response, READ_OF_AN_ERROR)).decode("utf-8", "replace")
        words = policy.text(" ".join(body.split()))[:EXCERPT]
    told = f"It answered {status}: {words}" if words else f"It answered {status}."
    if status == 429:
        return NotTaken(told)
    return (NoAnswer if status >= 500 or status == 408 else ToolError)(told)


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """One byte more than may come, so that too much is noticed."""
    found = bytearray()
    while len(found) <= most and (chunk := await response.content.read(most + 1 - len(found))):
        found += chunk
    return bytes(found)
