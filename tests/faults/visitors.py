"""People who look at the pages all the time."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


def ask(port: int, path: str, *, method: str = "GET", token: str = "") -> tuple[int, bytes]:
    """One request, as a platform's router hands it on: the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": "localhost", "X-Forwarded-Proto": "https"}
    try:
        connection.request(method, path, headers=headers | ({"Authorization": f"Token {token}"} if token else {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def visitors(port: int, *paths: str, number: int = 6) -> Iterator[Counter[int]]:
    """So many of them, each with a request under way all the time; the answers counted by status, 0 is none at all."""
    leaving = threading.Event()
    answers: Counter[int] = Counter()

    def visit() -> None:
        while not leaving.wait(0.05):
            for path in paths:
                try:
                    status, _ = ask(port, path)
                except (OSError, http.client.HTTPException):
                    status = 0
                answers[status] += 1

    threads = [threading.Thread(target=visit) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        leaving.set()
        for thread in threads:
            thread.join()
