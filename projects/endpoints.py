"""What is wrong with where a provider of a project is said to be: pure, in sentences. Asked when its row is saved."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

MAX_ALIASES = 200
MALFORMED = "Write https://…, or http://… for an endpoint of your own network."
OURS = ("SECRET_KEY", "METRICS_TOKEN")
_MODEL = re.compile(r"[!-~]{1,200}")


def fault_of_url(url: str, *, simulated: bool) -> str:
    if not url:
        return ""
    if simulated:
        return "It asks nobody, so it has no address."
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError:
        return MALFORMED
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        return MALFORMED
    if parts.username or parts.password or parts.query or parts.fragment:
        return "An address without a user, a query or a fragment: a key belongs into the environment."
    return _fault_of_host(parts.scheme, parts.hostname)


def _fault_of_host(scheme: str, host: str) -> str:
    address = _address(host)
    if address and (address.is_link_local or address.is_multicast or address.is_unspecified):
        return "No model answers at this address."
    if scheme == "http" and not _is_near(host, address):
        return "Prompts and key would travel unencrypted: write https://…"
    return ""


def _is_near(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """An endpoint of one's own: a private address, or a name without a domain."""
    return address.is_private if address else "." not in host or host.endswith((".local", ".internal", ".localhost"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def fault_of_key(variable: str, *, simulated: bool) -> str:
    if variable and simulated:
        return "It asks nobody, so it needs no key."
    return "This one is not a provider's." if variable in OURS else ""


def fault_of_aliases(aliases: object) -> str:
    if not isinstance(aliases, Mapping) or len(aliases) > MAX_ALIASES:
        return f'Write a JSON object such as {{"asked": "served"}}, with at most {MAX_ALIASES} names.'
    words = [*aliases, *aliases.values()]
    if not all(isinstance(word, str) and _MODEL.fullmatch(word) for word in words):
        return "Every name, asked and served, is the id of a model: up to 200 characters without blanks."
    return ""
