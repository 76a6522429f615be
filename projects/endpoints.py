"""What is wrong with where a provider of a project is said to be: pure, in sentences. Asked when its row is saved."""

import ipaddress
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

MAX_ALIASES = 200
MALFORMED = "Write https://…, or http://… for an endpoint of your own network."
OURS = ("SECRET_KEY", "METRICS_TOKEN")
NEAR = (".local", ".internal", ".lan", ".localhost")
_MODEL = re.compile(r"[!-~]{1,200}")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def fault_of_url(url: str, *, simulated: bool) -> str:
    if not url:
        return ""
    if simulated:
        return "It asks nobody, so it has no address."
    parts = parts_of(url)
    if parts is None:
        return MALFORMED
    if "@" in parts.netloc or "?" in url or "#" in url:
        return "An address without a user, a query or a fragment: a key belongs into the environment."
    return _fault_of_host(parts.scheme, parts.hostname.removesuffix("."))


def parts_of(url: str) -> SplitResult | None:
    """None where it is no address over HTTP. A letter beyond ASCII may become a digit or a dot on the way to the resolver."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_one and re.fullmatch("[!-~]+", url) else None


def _fault_of_host(scheme: str, host: str) -> str:
    address = address_of(host)
    if address is None and not _NAME.fullmatch(host):
        return MALFORMED
    if address is None and is_odd_address(host):
        return "Write the address as four numbers, such as 127.0.0.1, or as a name."
    meant = embedded(address)
    if meant and (meant.is_link_local or meant.is_multicast or meant.is_unspecified):
        return "No model answers at this address."
    if scheme == "http" and not _is_near(host, meant):
        return "Prompts and key would travel unencrypted: write https://…"
    return ""


def address_of(host: str) -> Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def is_odd_address(host: str) -> bool:
    """`2852039166`, `0xa9fea9fe`, `0251.0376.0251.0376`, `169.254.43518`: names to us, an address to the resolver."""
    with suppress(OSError):
        return bool(socket.inet_aton(host))
    return False


def embedded(address: Address | None) -> Address | None:
    """Where it leads in the end: an IPv6 address can carry one of IPv4."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_near(host: str, address: Address | None) -> bool:
    """An endpoint of one's own: a private address, or a name without a domain."""
    return address.is_private if address else "." not in host or host.endswith(NEAR)


def private_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A network of one's own, as `WEBHOOK_NETWORKS` may list it; None for any other, or for no network at all."""
    with suppress(ValueError):
        found = ipaddress.ip_network(text)
        if found.is_private and not found.is_link_local and not found.is_multicast and found.prefixlen:
            return found
    return None


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
