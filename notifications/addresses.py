"""Where a webhook may go: what is wrong with an address, in a sentence, when it is saved; and, each time that one is sent, where
its name leads at that moment.
"""

import asyncio
from urllib.parse import urlsplit

from django.conf import settings

from wire.addresses import Address, Reach, Refused, parts_of
from wire.redaction import USUAL

LOOKED_UP_WITHIN = 3.0  # seconds, while somebody waits for the answer of a form


def reach() -> Reach:
    return Reach(settings.WEBHOOK_NETWORKS, "WEBHOOK_NETWORKS", "https://example.com/hooks")


def fault_of_url(url: str) -> str:
    """What can be said of an address without asking anybody; empty: nothing is wrong."""
    parts = parts_of(url)
    if parts is None:
        return reach().malformed
    if "@" in parts.netloc or "#" in url or "\\" in url:
        return "An address without a user and without a fragment: the signature says who sends."
    if USUAL.text(url) != url:
        return "This address holds what looks like a secret, and an address is shown."
    return reach().fault_of_host(parts.scheme, parts.hostname)


def is_allowed(address: Address) -> bool:
    return reach().allows(address)


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
    """As `Reach.look_up`."""
    return await reach().look_up(host, port, scheme)
