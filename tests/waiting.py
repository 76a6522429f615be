"""A provider for tests that are no coroutines: each of its calls is waited for."""

from gateway.event_loop import wait_for
from gateway.providers import Provider
from gateway.types import Completion, Request


class Waiting:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.protocol, self.simulated = provider.protocol, provider.simulated

    def complete(self, request: Request) -> Completion:
        return wait_for(self._provider.complete(request))

    def close(self) -> None:
        wait_for(self._provider.close())
