"""A TCP proxy in front of Redis that now and then loses what it says."""

import random
import socket
import threading
from contextlib import suppress


class LossyProxy:
    """Hands on what clients say, and of the replies all but the share `loses`.

    A reply is lost as networks lose them: mostly the connection goes with it, and every tenth time it stays silent,
    which a client notices only when its patience ends.
    """

    def __init__(self, port: int, loses: float) -> None:
        self.target, self.loses = port, loses
        self.lost = self.handed_on = 0
        self.random = random.Random(7)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for connection in (client, server):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._ask, args=[client, server], daemon=True).start()
                threading.Thread(target=self._reply, args=[server, client], daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                server.sendall(said)
        _close(server, client)

    def _reply(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                if self.random.random() >= self.loses:
                    self.handed_on += 1
                    client.sendall(said)
                else:
                    self.lost += 1
                    if self.lost % 10:
                        break
        _close(server, client)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
