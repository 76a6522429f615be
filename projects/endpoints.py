"""What is wrong with where a provider of a project is said to be: pure, in sentences. Asked when its row is saved."""

import re
from collections.abc import Mapping

from wire.addresses import Address, address_of, embedded, is_odd_address, leads_nowhere, parts_of

MAX_ALIASES = 200
MALFORMED = "Write https://…, or http://… for an endpoint of your own network."
OURS = ("SECRET_KEY", "METRICS_TOKEN")
NEAR = (".local", ".internal", ".lan", ".localhost")
_MODEL = re.compile(r"[!-~]{1,200}")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*")


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


def _fault_of_host(scheme: str, host: str) -> str:
    address = address_of(host)
    if address is None and not _NAME.fullmatch(host):
        return MALFORMED
    if address is None and is_odd_address(host):
        return "Write the address as four numbers, such as 127.0.0.1, or as a name."
    meant = address and embedded(address)
    if address and leads_nowhere(address):
        return "No model answers at this address."
    if scheme == "http" and not _is_near(host, meant):
        return "Prompts and key would travel unencrypted: write https://…"
    return ""


def _is_near(host: str, address: Address | None) -> bool:
    """An endpoint of one's own: a private address, or a name that says so."""
    return address.is_private if address else names_one_of_ours(host)


def names_one_of_ours(host: str) -> bool:
    """A name without a domain, or of one that only one's own network knows."""
    host = host.lower().removesuffix(".")
    return "." not in host or host.endswith(NEAR)


def is_same_host(one: str, other: str) -> bool:
    """Whether two addresses are of the same server: a key for the one is known to the other."""
    parts, others = parts_of(one), parts_of(other)
    if parts is None or others is None:
        return one == other
    return (parts.scheme, parts.hostname, parts.port) == (others.scheme, others.hostname, others.port)


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
