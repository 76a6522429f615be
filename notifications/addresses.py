"""Where a webhook may go: what is wrong with an address, in a sentence, when it is saved; and, each time that one is sent, where
its name leads at that moment. No address of ours, of our network or of its metadata service is ever connected to, but for
those that the operator lists in `WEBHOOK_NETWORKS`.
"""

import asyncio
import ipaddress
import re
import socket
from urllib.parse import urlsplit

from django.conf import settings

from projects.endpoints import Address, address_of, embedded, is_odd_address, parts_of
from wire.redaction import USUAL

MALFORMED = "Write an address such as https://example.com/hooks."
NOT_OURS = "Nothing is sent to an address of a private network, unless the operator lists it in WEBHOOK_NETWORKS."
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # what of IPv6 is given out at all
# What Python's tables call global, in some release, and no receiver has: protocols' own (Oracle's metadata service is
# among them), the relays of 6to4, Azure's metadata service, Teredo (an address of IPv4 in disguise), documentation.
_NOBODYS = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/32", "3fff::/20"))
)
LOOKED_UP_WITHIN = 3.0  # seconds, while somebody waits for the answer of a form


class Refused(OSError):
    """A name leads where nothing may be sent. Its message is a sentence."""


def fault_of_url(url: str) -> str:
    """What can be said of an address without asking anybody; empty: nothing is wrong."""
    parts = parts_of(url)
    if parts is None:
        return MALFORMED
    if "@" in parts.netloc or "#" in url or "\\" in url:
        return "An address without a user and without a fragment: the signature says who sends."
    if USUAL.text(url) != url:
        return "This address holds what looks like a secret, and an address is shown."
    return _fault_of_host(parts.scheme, parts.hostname)


def _fault_of_host(scheme: str, host: str) -> str:
    address = address_of(host)
    if address is None and not _NAME.fullmatch(host):
        return MALFORMED
    if address is None and is_odd_address(host):
        return "Write the host as four numbers, such as 203.0.113.7, or as a name."
    if address is not None and not is_allowed(address):
        return NOT_OURS
    if scheme == "http" and not _is_near(host, address):
        return "What is told would travel unencrypted: write https://…"
    return ""


def _is_near(host: str, address: Address | None) -> bool:
    """This very machine, where the operator allows that."""
    if address is None and host.lower().removesuffix(".") == "localhost":
        address = ipaddress.IPv4Address("127.0.0.1")
    return address is not None and address.is_loopback and is_allowed(address)


def is_allowed(address: Address) -> bool:
    meant = embedded(address) or address
    if any(meant in network for network in settings.WEBHOOK_NETWORKS):
        return True
    if isinstance(meant, ipaddress.IPv6Address) and meant not in _UNICAST:
        return False
    ours = meant.is_multicast or meant.is_reserved or any(meant in network for network in _NOBODYS)
    return meant.is_global and not ours


async def fault_of_name(url: str) -> str:
    """What is wrong with where it leads now. A name that leads nowhere yet may do so later: nothing."""
    parts = urlsplit(url)
    try:
        await asyncio.wait_for(look_up(parts.hostname, parts.port or 443, parts.scheme), LOOKED_UP_WITHIN)
    except Refused as refusal:
        return str(refusal)
    except (OSError, UnicodeError, TimeoutError):
        pass
    return ""


async def look_up(host: str, port: int, scheme: str) -> list[str]:
    """The addresses of a host, all of which may be connected to. Raises `Refused`, or `OSError` where there are none.

    Whoever connects takes these and asks nobody again: a name that leads elsewhere a moment later leads us nowhere.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(where[0].partition("%")[0] for *_, where in found))
    for one in map(ipaddress.ip_address, addresses):
        if not is_allowed(one):
            raise Refused(NOT_OURS)
        if scheme == "http" and not one.is_loopback:
            raise Refused("What is told would travel unencrypted.")
    return addresses
