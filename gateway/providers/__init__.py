"""Who answers: one file per vendor, request → vendor → completion. Each keeps its vendor's quirks to itself."""

from typing import Protocol

from ..types import Completion, Request


class Provider(Protocol):
    """One way to reach models. `protocol` is how it is spoken to; what a `simulated` one answers was never paid for."""

    protocol: str
    simulated: bool

    async def complete(self, request: Request) -> Completion:
        """Asks once, without retries, on the event loop of the process. Raises a `ProviderError`."""
        ...
