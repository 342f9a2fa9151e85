"""Clients of workers that a session has given up: they end by themselves, and only the window's end waits.

What comes next for the same slide waits for them, beside the window: two workers would want the same store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.relevance.client import RelevanceClient


class LeavingClients:
    """Of one session. ``close`` waits for them, for two seconds at most."""

    def __init__(self) -> None:
        self._clients: list[RelevanceClient] = []

    @property
    def still(self) -> tuple[RelevanceClient, ...]:
        """Those that have not ended yet."""
        self._clients = [client for client in self._clients if client.running]
        return tuple(self._clients)

    def let_go(self, client: RelevanceClient) -> None:
        """Have a client end."""
        client.release()
        self._clients = [*self.still, client]

    def close(self) -> None:
        """All have ended."""
        for client in self.still:
            client.close()
