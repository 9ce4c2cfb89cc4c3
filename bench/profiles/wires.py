"""Publishing to a broker over its own protocol: just enough of each, with nothing waited for.

Answers are read and thrown away by a thread; an error among them ends the run's publishing.
"""

import socket
import struct
import threading


class Wire:
    ERROR = None  # how an answer begins that is an error

    def __init__(self, port, path=None):
        if path:
            self.link = socket.socket(socket.AF_UNIX)
            self.link.connect(path)
        else:
            self.link = socket.create_connection(("127.0.0.1", port))
            self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.problem = None
        self.lock = threading.Lock()
        self.greet()
        threading.Thread(target=self.drain, daemon=True).start()

    def greet(self):
        pass

    def drain(self):
        while answer := self.link.recv(1 << 16):
            if self.ERROR and self.ERROR in answer:
                self.problem = answer[:200].decode(errors="replace")

    def send(self, messages):
        """Publishes (name, text) pairs in one write."""
        if self.problem:
            raise RuntimeError(self.problem)
        data = b"".join(self.encode(name, text.encode()) for name, text in messages)
        with self.lock:
            self.link.sendall(data)


class RedisPublish(Wire):
    ERROR = b"-ERR"

    @staticmethod
    def command(*words):
        head = b"*%d\r\n" % len(words)
        return head + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)

    def encode(self, name, text):
        return self.command(b"PUBLISH", name.encode(), text)


class RedisStream(RedisPublish):
    def encode(self, name, text):
        return self.command(b"XADD", name.encode(), b"MAXLEN", b"~", b"10000", b"*", b"json", text)


class NatsPublish(Wire):
    ERROR = b"-ERR"

    def greet(self):
        self.link.recv(1 << 16)  # INFO
        self.link.sendall(b'CONNECT {"verbose":false}\r\n')

    def drain(self):
        while answer := self.link.recv(1 << 16):
            if b"PING" in answer:
                with self.lock:
                    self.link.sendall(b"PONG\r\n")
            if self.ERROR in answer:
                self.problem = answer[:200].decode(errors="replace")

    def encode(self, name, text):
        return b"PUB %s %d\r\n%s\r\n" % (name.encode(), len(text), text)


class PostgresNotify(Wire):
    """Over the socket in the server's directory, where nobody is asked for a password."""

    ERROR = b"SERROR"

    def greet(self):
        words = b"user\0owner\0database\0postgres\0\0"
        self.link.sendall(struct.pack("!II", 8 + len(words), 196608) + words)

    def encode(self, name, text):
        quoted = text.decode().replace("'", "''")
        query = f"SELECT pg_notify('{name}', '{quoted}')".encode() + b"\0"
        return b"Q" + struct.pack("!I", 4 + len(query)) + query
