"""plait's engine and PyPI's `h2` talk to each other, and say the same of the same octets."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from plait import http2
from plait.http2 import DATA_EOF, DATA_OK, Config, Connection, Role
from tests.http2 import frames as f

GET = f.GET
POST = f.POST


@dataclass
class Message:
    body: bytes
    trailers: list[tuple[bytes, bytes]]
    interim: bool = False


@dataclass
class Heard:
    head: list[tuple[bytes, bytes]] | None = None
    interim: int = 0
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    def message(self) -> Message:
        assert self.ended
        return Message(bytes(self.body), self.trailers, self.interim > 0)


def pairs(fields: list) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in fields]


class PlaitSide:
    """plait's engine behind an application that consumes everything at once."""

    def __init__(self, role: Role, chance: random.Random) -> None:
        config = Config(
            initial_window_size=chance.choice([1000, 65_535, 300_000]),
            max_frame_size=chance.choice([16_384, 40_000]),
            reset_unread_request=False,
        )
        self.connection = Connection(role, config)
        self.connection.initiate_connection()
        self.chance = chance
        self.heard: dict[int, Heard] = {}

    def take(self) -> bytes:
        return self.connection.data_to_send(self.chance.choice([1, 5000, 65_536]))

    def receive(self, octets: bytes) -> list[int]:
        ready = []
        for event in self.connection.receive_data(octets):
            assert not isinstance(event, http2.ConnectionTerminated), event
            stream = getattr(event, "stream_id", 0)
            heard = self.heard.setdefault(stream, Heard())
            if isinstance(event, http2.RequestReceived | http2.ResponseReceived):
                heard.head, heard.ended = event.headers, event.end_stream
                ready.append(stream)
            elif isinstance(event, http2.InformationalResponseReceived):
                heard.interim += 1
            elif isinstance(event, http2.DataReceived):
                heard.body += event.data
                heard.ended = event.end_stream
                self.connection.acknowledge_received_data(event.flow_controlled_length, stream)
            elif isinstance(event, http2.TrailersReceived):
                heard.trailers, heard.ended = event.headers, True
            elif isinstance(event, http2.StreamReset):
                heard.reset = event.error_code
        return ready

    def ask(self, fields: f.Fields, message: Message) -> int:
        stream = self.connection.send_request(fields, end_stream=False)
        self.body(stream, message)
        return stream

    def answer(self, stream: int, message: Message) -> None:
        if message.interim:
            self.connection.send_headers(stream, [(":status", "103"), ("link", "</a>")])
        self.connection.send_headers(stream, [(":status", "200"), ("X-Answer", "yes")])
        self.body(stream, message)

    def body(self, stream: int, message: Message) -> None:
        last = not message.trailers
        if self.chance.random() < 0.5:
            self.connection.send_data(stream, message.body, end_stream=last)
        else:
            rest = [message.body]

            def read(most: int) -> tuple[bytes, int]:
                part, rest[0] = rest[0][:most], rest[0][most:]
                return part, DATA_OK if rest[0] else DATA_EOF

            self.connection.send_body(stream, read, end_stream=last)
        if message.trailers:
            self.connection.send_headers(stream, message.trailers, end_stream=True)

    def reset(self, stream: int) -> None:
        self.connection.reset_stream(stream)


class H2Side:
    """`h2` behind the same application."""

    def __init__(self, role: Role, chance: random.Random) -> None:
        config = h2.config.H2Configuration(
            client_side=role == Role.CLIENT, header_encoding=None, validate_inbound_headers=True
        )
        self.connection = h2.connection.H2Connection(config)
        # h2 takes its own settings for granted at once: a window below the protocol's initial
        # one would make it object to what was on its way.
        window = chance.choice([65_535, 200_000])
        self.connection.local_settings = h2.settings.Settings(
            client=role == Role.CLIENT,
            initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window},
        )
        self.connection.initiate_connection()
        self.chance = chance
        self.heard: dict[int, Heard] = {}
        self.waiting: dict[int, tuple[deque[bytes], Message]] = {}

    def take(self) -> bytes:
        self.push()
        return self.connection.data_to_send()

    def push(self) -> None:
        """Send of each waiting body what the windows allow."""
        for stream, (parts, message) in list(self.waiting.items()):
            while parts:
                room = min(
                    self.connection.local_flow_control_window(stream),
                    self.connection.max_outbound_frame_size,
                )
                if room <= 0:
                    break
                part = parts.popleft()
                if len(part) > room:
                    parts.appendleft(part[room:])
                    part = part[:room]
                padding = 3 if len(part) + 4 <= room and self.chance.random() < 0.3 else None
                self.connection.send_data(stream, part, pad_length=padding)
            if not parts:
                if message.trailers:
                    self.connection.send_headers(stream, message.trailers, end_stream=True)
                else:
                    self.connection.end_stream(stream)
                del self.waiting[stream]

    def receive(self, octets: bytes) -> list[int]:
        ready = []
        for event in self.connection.receive_data(octets):
            assert not isinstance(event, h2.events.ConnectionTerminated), event
            stream = getattr(event, "stream_id", 0) or 0
            heard = self.heard.setdefault(stream, Heard())
            if isinstance(event, h2.events.RequestReceived | h2.events.ResponseReceived):
                heard.head = pairs(event.headers)
                ready.append(stream)
            elif isinstance(event, h2.events.InformationalResponseReceived):
                heard.interim += 1
            elif isinstance(event, h2.events.DataReceived):
                heard.body += event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, stream)
            elif isinstance(event, h2.events.TrailersReceived):
                heard.trailers = pairs(event.headers)
            elif isinstance(event, h2.events.StreamEnded):
                heard.ended = True
            elif isinstance(event, h2.events.StreamReset):
                heard.reset = int(event.error_code)
                self.waiting.pop(stream, None)
        return ready

    def ask(self, fields: f.Fields, message: Message) -> int:
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, fields)
        self.waiting[stream] = (deque([message.body] if message.body else []), message)
        return stream

    def answer(self, stream: int, message: Message) -> None:
        if message.interim:
            self.connection.send_headers(stream, [(":status", "103"), ("link", "</a>")])
        self.connection.send_headers(stream, [(":status", "200"), ("x-answer", "yes")])
        self.waiting[stream] = (deque([message.body] if message.body else []), message)

    def reset(self, stream: int) -> None:
        self.waiting.pop(stream, None)
        self.connection.reset_stream(stream, 8)


def random_message(chance: random.Random, *, interim: bool = False) -> Message:
    size = chance.choice([0, 1, 100, 5000, 16_384, 70_000, 200_000])
    trailers = [(b"x-sum", b"%d" % size)] if chance.random() < 0.3 else []
    return Message(chance.randbytes(size), trailers, interim and chance.random() < 0.3)


def random_fields(chance: random.Random) -> f.Fields:
    extra = [(b"x-%d" % chance.randrange(5), b"v" * chance.randrange(60)) for _ in range(5)]
    path = (b":path", b"/" + b"p" * chance.randrange(30))
    return [POST[0], POST[1], path, POST[3], *extra, (b"cookie", b"a=%d" % chance.randrange(9))]


def pump(client, server, answers, chance: random.Random) -> None:
    """Carry octets both ways, cut at random, until nothing moves any more."""
    up, down = bytearray(), bytearray()
    quiet = 0
    while quiet < 3:
        up += client.take()
        down += server.take()
        quiet = 0 if up or down else quiet + 1
        cut = chance.choice([1, 100, 20_000, 10**9])
        for stream in server.receive(bytes(up[:cut])):
            server.answer(stream, answers(stream))
        del up[:cut]
        client.receive(bytes(down[:cut]))
        del down[:cut]


SIDES = [(PlaitSide, H2Side), (H2Side, PlaitSide)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("client_kind", "server_kind"), SIDES, ids=["to h2", "from h2"])
def test_random_exchanges_arrive_whole(client_kind, server_kind, seed):
    chance = random.Random(seed)
    client, server = client_kind(Role.CLIENT, chance), server_kind(Role.SERVER, chance)
    answers: dict[int, Message] = {}

    def answer(stream: int) -> Message:
        answers[stream] = random_message(chance, interim=True)
        return answers[stream]

    for _ in range(4):
        asked = {}
        for _ in range(chance.randrange(1, 6)):
            fields, message = random_fields(chance), random_message(chance)
            asked[client.ask(fields, message)] = fields, message
        pump(client, server, answer, chance)
        for stream, (fields, message) in asked.items():
            assert server.heard[stream].head == fields
            assert server.heard[stream].message() == message
            assert client.heard[stream].head == [(b":status", b"200"), (b"x-answer", b"yes")]
            assert client.heard[stream].message() == answers[stream]
    plait = client if isinstance(client, PlaitSide) else server
    assert plait.connection.open_streams == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("client_kind", "server_kind"), SIDES, ids=["to h2", "from h2"])
def test_streams_that_are_reset_do_not_disturb_the_others(client_kind, server_kind, seed):
    chance = random.Random(100 + seed)
    client, server = client_kind(Role.CLIENT, chance), server_kind(Role.SERVER, chance)
    for _ in range(15):
        doomed = client.ask(random_fields(chance), Message(bytes(50_000), []))
        # Let a part of it get through.
        server.receive(client.take())
        client.receive(server.take())
        if chance.random() < 0.5 and doomed in server.heard:
            server.reset(doomed)
        else:
            client.reset(doomed)
        fields, message = random_fields(chance), random_message(chance)
        kept = client.ask(fields, message)
        pump(client, server, lambda stream: Message(b"fine", []), chance)
        assert server.heard[kept].message() == message
        assert client.heard[kept].message() == Message(b"fine", [])


# ------------------------------------------------------------------------------------------------
# The same octets, the same story.


def story_of_plait(octets: bytes) -> list[tuple]:
    connection = Connection(Role.SERVER)
    connection.initiate_connection()
    story: list[tuple] = []
    for event in connection.receive_data(octets):
        name = type(event).__name__
        stream = getattr(event, "stream_id", 0)
        if name in ("RequestReceived", "TrailersReceived"):
            story.append((name, stream, event.headers))
        elif name == "DataReceived":
            story.append((name, stream, event.data))
        elif name in ("PingReceived", "PingAcknowledged"):
            story.append((name, event.ping_data))
        elif name == "WindowUpdated":
            story.append((name, stream, event.delta))
        elif name == "StreamReset":
            story.append((name, stream, event.error_code))
        elif name == "RemoteSettingsChanged":
            changed = {code: new for code, (_, new) in event.changed_settings.items()}
            story.append((name, changed))
        elif name == "ConnectionTerminated":
            story.append((name, event.error_code, event.last_stream_id))
        if getattr(event, "end_stream", name == "TrailersReceived"):
            story.append(("StreamEnded", stream))
    return story


def story_of_h2(octets: bytes) -> list[tuple]:
    config = h2.config.H2Configuration(client_side=False, header_encoding=None)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    story: list[tuple] = []
    for event in connection.receive_data(octets):
        name = type(event).__name__
        if name in ("RequestReceived", "TrailersReceived"):
            story.append((name, event.stream_id, pairs(event.headers)))
        elif name == "DataReceived":
            story.append((name, event.stream_id, event.data))
        elif name in ("PingReceived", "PingAckReceived"):
            known = "PingReceived" if name == "PingReceived" else "PingAcknowledged"
            story.append((known, event.ping_data))
        elif name == "WindowUpdated":
            story.append((name, event.stream_id, event.delta))
        elif name == "StreamReset":
            story.append((name, event.stream_id, int(event.error_code)))
        elif name == "RemoteSettingsChanged":
            changed = {int(code): c.new_value for code, c in event.changed_settings.items()}
            story.append((name, changed))
        elif name == "ConnectionTerminated":
            story.append((name, int(event.error_code), event.last_stream_id))
        elif name == "StreamEnded":
            story.append((name, event.stream_id))
    return story


def honest_traffic(chance: random.Random) -> bytes:
    """What a client may send, with every choice at random, and compressed by `hpack`."""
    import hpack

    encoder = hpack.Encoder()
    parts: list[f.Frame | bytes] = [f.PREFACE, f.settings((f.INITIAL_WINDOW_SIZE, 70_000))]
    open_streams: list[int] = []
    stream = 1
    for _ in range(60):
        what = chance.random()
        if what < 0.35:
            ends = chance.random() < 0.4
            block = encoder.encode(random_fields(chance), huffman=chance.random() < 0.7)
            cut = chance.randrange(len(block) + 1)
            parts.append(f.raw_headers(stream, block[:cut], end_stream=ends, end_headers=False))
            parts.append(f.continuation(stream, block[cut:]))
            if not ends:
                open_streams.append(stream)
            stream += chance.choice([2, 2, 2, 4])
        elif what < 0.65 and open_streams:
            target = chance.choice(open_streams)
            pad = chance.choice([None, 0, 9])
            parts.append(f.data(target, chance.randbytes(chance.randrange(300)), pad=pad))
        elif what < 0.75 and open_streams:
            target = open_streams.pop(chance.randrange(len(open_streams)))
            if chance.random() < 0.5:
                parts.append(f.data(target, b"end", end_stream=True))
            else:
                trailers = encoder.encode([(b"x-trailer", b"v")])
                parts.append(f.raw_headers(target, trailers))
        elif what < 0.8 and open_streams:
            parts.append(f.rst_stream(open_streams.pop(), chance.choice([0, 5, 8])))
        elif what < 0.85:
            parts.append(f.ping(chance.randbytes(8)))
        elif what < 0.9:
            parts.append(f.window_update(0, chance.randrange(1, 1000)))
        elif what < 0.95 and open_streams:
            parts.append(f.window_update(chance.choice(open_streams), chance.randrange(1, 1000)))
        else:
            parts.append(f.settings((f.MAX_CONCURRENT_STREAMS, chance.randrange(100))))
    parts.append(f.goaway(0, 0))
    return f.octets(parts)


@pytest.mark.parametrize("seed", range(25))
def test_both_tell_the_same_story_of_honest_traffic(seed):
    traffic = honest_traffic(random.Random(9000 + seed))
    assert story_of_plait(traffic) == story_of_h2(traffic)
