"""Addresses over HTTP: taken apart, and judged. What of ours goes to addresses that somebody else has named (a webhook, a tool)
has a `Reach`: no address of ours, of our network or of its metadata service is ever connected to, but for the networks that
the operator lists.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # what of IPv6 is given out at all
# What Python's tables call global, in some release, and no receiver has: protocols' own (Oracle's metadata service is
# among them), the relays of 6to4, Azure's metadata service, Teredo (an address of IPv4 in disguise), documentation.
_NOBODYS = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/32", "3fff::/20"))
)


class Refused(OSError):
    """A name leads where nothing of ours may go. Its message is a sentence."""


def parts_of(url: str) -> SplitResult | None:
    """None where it is no address over HTTP. A letter beyond ASCII may become a digit or a dot on the way to the resolver."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_one and re.fullmatch("[!-~]+", url) else None


def address_of(host: str) -> Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def is_odd_address(host: str) -> bool:
    """`2852039166`, `0xa9fea9fe`, `0251.0376.0251.0376`, `169.254.43518`: names to us, an address to the resolver."""
    with suppress(OSError):
        return bool(socket.inet_aton(host))
    return False


def embedded(address: Address) -> Address:
    """Where it leads in the end: an IPv6 address can carry one of IPv4."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def leads_out(address: Address) -> bool:
    """To somebody else on the internet."""
    meant = embedded(address)
    if isinstance(meant, ipaddress.IPv6Address) and meant not in _UNICAST:
        return False
    ours = meant.is_multicast or meant.is_reserved or any(meant in network for network in _NOBODYS)
    return meant.is_global and not ours


def leads_nowhere(address: Address) -> bool:
    """To no server of anybody's, whoever allows it: a cloud's metadata service is among these."""
    meant = embedded(address)
    return meant.is_link_local or meant.is_multicast or meant.is_unspecified


def private_network(text: str) -> Network | None:
    """A network of one's own, as `WEBHOOK_NETWORKS` may list it; None for any other, or for no network at all."""
    with suppress(ValueError):
        found = ipaddress.ip_network(text)
        if found.is_private and not found.is_link_local and not found.is_multicast and found.prefixlen:
            return found
    return None


@dataclass(frozen=True)
class Reach:
    """`networks`: private ones that the operator lists, in `variable`. `plainly`: whether what is in one of them is spoken to
    without TLS too; else only this machine is, where it is in one. `example`: of an address."""

    networks: Sequence[Network]
    variable: str
    example: str
    plainly: bool = False

    @property
    def malformed(self) -> str:
        return f"Write an address such as {self.example}."

    @property
    def not_ours(self) -> str:
        return f"Nothing is sent to an address of a private network, unless the operator lists it in {self.variable}."

    def fault_of_host(self, scheme: str, host: str) -> str:
        """What can be said without asking anybody; empty: nothing is wrong."""
        address = address_of(host)
        if address is None and not _NAME.fullmatch(host):
            return self.malformed
        if address is None and is_odd_address(host):
            return "Write the host as four numbers, such as 203.0.113.7, or as a name."
        if address is not None and not self.allows(address):
            return self.not_ours
        if scheme == "http" and not self._may_be_plain(host, address):
            return "What is told would travel unencrypted: write https://…"
        return ""

    def _may_be_plain(self, host: str, address: Address | None) -> bool:
        if address is None and host.lower().removesuffix(".") == "localhost":
            address = ipaddress.IPv4Address("127.0.0.1")
        if address is None:
            return self.plainly and bool(self.networks)
        return self._is_plain(address)

    def allows(self, address: Address) -> bool:
        return self._lists(embedded(address)) or leads_out(address)

    def _lists(self, meant: Address) -> bool:
        return any(meant in network for network in self.networks)

    def _is_plain(self, address: Address) -> bool:
        listed = self.plainly and self._lists(embedded(address))
        return listed or (address.is_loopback and self.allows(address))

    async def look_up(self, host: str, port: int, scheme: str) -> list[str]:
        """The addresses of a host, all of which may be connected to. Raises `Refused`, or `OSError` where there are none.

        Whoever connects takes these and asks nobody again: a name that leads elsewhere a moment later leads us nowhere.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        addresses = list(dict.fromkeys(where[0].partition("%")[0] for *_, where in found))
        for one in map(ipaddress.ip_address, addresses):
            if not self.allows(one):
                raise Refused(self.not_ours)
            if scheme == "http" and not self._is_plain(one):
                raise Refused("What is told would travel unencrypted.")
        return addresses
