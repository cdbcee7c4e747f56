"""The real web process, as clients see it that the platform's router lets through."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import AbstractContextManager, suppress
from typing import Any

from tests.faults.conftest import Start
from tests.processes import Clock
from tests.waiting import eventually


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Client(AbstractContextManager["Client"]):
    """One connection, kept open, of whom the router saw at an address."""

    def __init__(self, port: int, seen_from: str, **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": seen_from, **headers}

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def ask(self, path: str, given: Any = None) -> int:
        """GET a path, or POST what is given there as JSON; the status of the answer."""
        try:
            return self._ask(path, given)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):  # closed while it was idle
            self.connection.close()
            return self._ask(path, given)

    def _ask(self, path: str, given: Any) -> int:
        if given is None:
            self.connection.request("GET", path, headers=self.headers)
        else:
            headers = {**self.headers, "Content-Type": "application/json"}
            self.connection.request("POST", path, json.dumps(given), headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def serve(start: Start, clock: Clock, **variables: str) -> int:
    """Start the Procfile's web process; the port where it answers."""
    port = free_port()
    start("web", clock=clock, HOST="127.0.0.1", PORT=str(port), **variables)

    def answers() -> bool:
        with suppress(OSError), Client(port, "192.0.2.250") as client:
            return client.ask("/readyz") == 200
        return False

    eventually(answers, within=30)
    return port
