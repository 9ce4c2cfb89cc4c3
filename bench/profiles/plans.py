"""What each profile's run is: its broker, its clients, and what is published to them how often.

A plan's groups share messages: group g has `members(g)` clients, and each message published to it
must reach every one of them once. `message(g, marker)` is what publisher 0 says.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

from processes import Nats, Postgres, Program, Redis, ROOT, accepts, free_port
from wires import NatsPublish, PostgresNotify, RedisPublish, RedisStream

SECRET = "of the load run"
TIME = "2026-01-01T00:00:00.000Z"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def token(claims):
    """A JWT, HS256."""
    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    now = int(time.time())
    claims = {**claims, "iat": now, "exp": now + 7200}
    part = text(compact({"alg": "HS256", "typ": "JWT"}).encode()) + "." + text(
        compact(claims).encode())
    digest = hmac.new(SECRET.encode(), part.encode(), hashlib.sha256).digest()
    return part + "." + text(digest)


class Plan:
    wire = "ws"
    header = None
    window = 200  # clients of a process on their way in at a time
    send_rate = 0.0  # messages a second that clients send, for the default number of clients
    target_p99_ms = None

    def __init__(self, stack, clients):
        self.stack = stack
        self.clients = clients
        self.seats = []  # (target, members, sends, greeting)

    def start_stand_in(self, *more):
        port = free_port()
        program = self.stack.enter_context(Program(
            [sys.executable, f"{ROOT}/bench/profiles/stand_in.py", str(port), *map(str, more)]))
        program.until(lambda: accepts(port), "the stand-in")
        return f"http://127.0.0.1:{port}"

    def split(self, size):
        """Clients into groups of `size`: (group, number in it, members of that group)."""
        for client in range(self.clients):
            group = client // size
            yield group, client % size, min(size, self.clients - group * size)


class Chat(Plan):
    clients_default, rate, send_rate = 10_000, 2000.0, 100.0
    ready = '"type":"connected"'
    target_p99_ms = 50.0

    def __init__(self, stack, clients):
        super().__init__(stack, clients)
        self.redis = stack.enter_context(Redis())
        self.env = {"REDIS_URL": self.redis.url, "JWT_SECRET": SECRET,
                    "INTERNAL_API_SECRET": "between the two",
                    "NEXT_API_URL": self.start_stand_in(self.redis.port)}
        self.members = {}
        for room, number, members in self.split(10):
            self.members[room] = members
            claims = {"userId": f"user-{room}-{number}", "chatId": self.room(room)}
            self.seats.append((f"/?token={token(claims)}", members, int(number == 0), ""))

    @staticmethod
    def room(number):
        return f"room-{number:06}"

    def connect(self):
        return RedisPublish(self.redis.port)

    def message(self, group, marker):
        data = {"id": marker, "content": marker, "role": "agent", "timestamp": TIME,
                "sender": {"id": "web", "name": "The web app"}}
        return f"chat:{self.room(group)}", compact(
            {"type": "message", "data": data, "timestamp": TIME})


class Signals(Plan):
    clients_default, rate = 15_000, 2.0
    wire, ready = "sse", "event: connected"

    def __init__(self, stack, clients):
        super().__init__(stack, clients)
        self.redis = stack.enter_context(Redis())
        self.env = {"REDIS_URL": self.redis.url}
        self.members = {}
        for client in range(clients):
            mode = client % 2
            self.members[mode] = self.members.get(mode, 0) + 1
            self.seats.append((f"/v1/signals/stream?mode={self.mode(mode)}", 0, 0, ""))

    @staticmethod
    def mode(group):
        return ("paper", "live")[group]

    def connect(self):
        return RedisStream(self.redis.port)

    def message(self, group, marker):
        return f"signals:{self.mode(group)}", compact(
            {"id": marker, "ts": 1763034564506, "pair": "BTC/USD", "side": "buy",
             "entry": 44943.25, "sl": 43932.03, "tp": 46291.55, "strategy": "load",
             "confidence": 0.82, "mode": self.mode(group)})


class Drop(Plan):
    clients_default, rate = 10_000, 10.0
    wire, ready = "sse", "event: user"

    def __init__(self, stack, clients):
        super().__init__(stack, clients)
        self.nats = stack.enter_context(Nats())
        self.env = {"NATS_URL": self.nats.url, "RESTATE_INGRESS_URL": self.start_stand_in()}
        self.members = {}
        for drop, number, members in self.split(1000):
            self.members[drop] = members
            self.seats.append((f"/events/drop-{drop}/user-{number}", members, 0, ""))

    def connect(self):
        return NatsPublish(self.nats.port)

    def message(self, group, marker):
        return f"drop.drop-{group}.state", compact(
            {"type": "drop", "phase": "lottery", "participantCount": 3, "totalTickets": 7,
             "inventory": 5, "registrationEnd": 1_800_000_000_000, "serverTime": 1,
             "lotteryCommitment": marker, "initialInventory": 5})


class PgUpdates(Plan):
    clients_default, rate = 20_000, 100.0
    header = "Origin: http://localhost:3000"
    window = 25  # four LISTENs each, which must be confirmed within two seconds
    ready = '"type":"authenticated"'

    def __init__(self, stack, clients):
        super().__init__(stack, clients)
        self.postgres = stack.enter_context(Postgres())
        self.env = {"DATABASE_URL": self.postgres.url, "WEBSOCKET_JWT_SECRET": SECRET}
        self.members = {}
        for client in range(clients):
            self.members[client] = 1
            user = self.user(client)
            claims = {"userId": user, "email": "user@example.org", "iss": "papr-app",
                      "aud": "papr-realtime"}
            greeting = compact({"type": "auth", "token": token(claims), "userId": user})
            self.seats.append((f"/ws?userId={user}", 1, 0, greeting))

    @staticmethod
    def user(number):
        # As spread as real ones are: how early two names differ decides what comparing them costs.
        digest = hashlib.md5(str(number).encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))

    def connect(self):
        return PostgresNotify(None, self.postgres.socket)

    def message(self, group, marker):
        return f"user_usage_{self.user(group)}", compact(
            {"operation": "UPDATE", "data": {"id": marker, "userId": self.user(group)},
             "timestamp": 1})


PLANS = {"chat": Chat, "signals": Signals, "drop": Drop, "pg-updates": PgUpdates}
