"""Replays the corpus through the engine of whatever plait is importable.

`python -m tests.support.replay` prints JSON: the variant, and for each conversation a digest of
all that the engine said. `... NAME` prints the whole transcript of one conversation. The
application around the engine is fixed, and decides by stream ids only, so that two variants of
one engine must give the same transcript.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator

from plait import build_info, hpack, http2
from tests.http2.frames import GET
from tests.properties.talk import conversations
from tests.support.corpus import Conversation, Fields, corpus, field_blocks, field_lists

# How a line begins that tells of an exception the engine must not raise.
FAULT = "!"

# What each pull asks for, in turn: from next to nothing to more than there is.
APPETITES = (65_536, 1, 16_384, 1000)


class Clock:
    """Seconds for the engine's budgets; each read takes a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class HaltingSource:
    """A body that comes in pieces, has nothing yet now and then, and may break."""

    def __init__(self, pieces: int, breaks: bool = False) -> None:
        self.left = pieces
        self.breaks = breaks
        self.halt = False

    def read(self, max_octets: int) -> tuple[bytes, int]:
        """The engine asks for up to `max_octets`."""
        self.halt = not self.halt
        if self.halt:
            return b"", http2.DATA_DEFERRED
        self.left -= 1
        if self.breaks and self.left == 0:
            raise RuntimeError("no more of that")
        flag = http2.DATA_OK if self.left > 0 else http2.DATA_EOF
        return b"piece"[:max_octets] * min(self.left + 1, max_octets // 5), flag


class Application:
    """Answers what the events ask for, and writes down what happens."""

    def __init__(self, conversation: Conversation, number: int) -> None:
        role = http2.Role.SERVER if conversation.role == "server" else http2.Role.CLIENT
        self.clock = Clock()
        config = http2.Config(
            clock=self.clock,
            max_header_list_size=30_000,
            initial_window_size=(65_535, 4096, 262_144)[number % 3],
            max_concurrent_streams=(100, 3, None)[number % 3],
        )
        self.connection = http2.Connection(role, config)
        self.number = number
        self.sources: list[int] = []
        self.silent = False  # the connection has closed, and its last words are said
        self.lines: list[str] = []
        self.said = bytearray()

    def run(self, reads: Iterable[bytes]) -> list[str]:
        """The transcript of the whole conversation."""
        self.attempt("start", self.start)
        for at, read in enumerate(reads):
            self.clock.now += 0.001
            self.attempt("meanwhile", lambda at=at: self.meanwhile(at))
            try:
                events = self.connection.receive_data(read)
            except Exception as fault:  # noqa: BLE001 - receive_data never raises
                self.lines.append(f"{FAULT} receive_data: {fault!r}")
                break
            self.tell(events)
            for event in events:
                self.attempt(type(event).__name__, lambda event=event: self.answer(event))
            self.send(APPETITES[at % len(APPETITES)])
            if self.connection.closed and at > 30:
                break
        for _ in range(20):
            self.send(65_536)
        return self.lines

    def attempt(self, what: str, action: Callable[[], None]) -> None:
        """Does something that the engine may refuse; the refusal is part of the transcript."""
        try:
            action()
        except http2.UsageError as refusal:
            self.lines.append(f"refused {what}: {type(refusal).__name__}: {refusal}")
        except Exception as fault:  # noqa: BLE001 - the caller looks for FAULT
            self.lines.append(f"{FAULT} {what}: {fault!r}")

    def start(self) -> None:
        """The preface, and a client's four requests."""
        self.connection.initiate_connection()
        if not self.connection_is_server():
            for at in range(4):
                body = b"x" * 5000 if at == 1 else None
                self.connection.send_request(GET, body, priority=(at, at % 2 == 0))

    def connection_is_server(self) -> bool:
        return self.connection.next_stream_id % 2 == 0

    def meanwhile(self, at: int) -> None:
        """What the application does of its own accord."""
        connection = self.connection
        if at == 6 and self.number % 2:
            connection.update_settings({4: 20_000, 1: 100, 3: 5})
        elif at == 9:
            connection.ping(b"meantime")
        elif at == 12 and self.number % 5 == 0:
            connection.begin_shutdown()
        elif at == 15 and self.number % 7 == 0:
            connection.send_goaway(0, b"enough for today")
        elif at == 18:
            connection.increment_flow_control_window(10_000)

    def answer(self, event: http2.Event) -> None:
        """Reacts to one event, differently for each stream."""
        connection = self.connection
        if isinstance(event, http2.RequestReceived):
            self.respond(event.stream_id)
        elif isinstance(event, http2.DataReceived):
            taken = event.flow_controlled_length
            if event.stream_id % 3 == 0:
                taken //= 2
            connection.acknowledge_received_data(taken, event.stream_id)
        elif isinstance(event, http2.PushedStreamReceived) and event.pushed_stream_id % 4 == 0:
            connection.reset_stream(event.pushed_stream_id)

    def respond(self, stream_id: int) -> None:
        """One of eight kinds of response."""
        connection = self.connection
        kind = (stream_id // 2 + self.number) % 8
        if kind == 0:
            connection.send_response(stream_id, 200, [("server", "plait")], b"Hello, world!")
        elif kind == 1:
            connection.send_response(stream_id, 404, [], b"n" * 70_000)
        elif kind in (2, 3):
            source = HaltingSource(30, breaks=kind == 3)
            connection.send_response(stream_id, 200, [("x-kind", str(kind))], source)
            self.sources.append(stream_id)
        elif kind == 4:
            connection.send_headers(stream_id, [(":status", "103"), ("link", "</a>")])
            connection.send_headers(stream_id, [(":status", "200")])
            connection.send_data(stream_id, b"one ")
            connection.send_data(stream_id, memoryview(b"two" * 9000))
            connection.send_headers(stream_id, [("x-trailer", "end")], end_stream=True)
        elif kind == 5:
            if connection.push_enabled:
                pushed = connection.push_stream(stream_id, GET)
                connection.send_response(pushed, 200, [], b"pushed")
            connection.send_response(stream_id, 204)
        elif kind == 6:
            connection.reset_stream(stream_id, 11)
        else:
            connection.prioritize(stream_id, 1, True)
            connection.send_headers(stream_id, [(":status", "200"), ("Bad name", "x")])

    def send(self, appetite: int) -> None:
        """Takes what the engine has to say."""
        connection = self.connection
        for stream_id in self.sources:
            connection.resume(stream_id)
        if appetite == 1000:
            said = b"".join(bytes(piece) for piece in connection.segments_to_send(appetite))
        else:
            said = connection.data_to_send(appetite)
        self.said += said
        shown = said.hex() if len(said) < 400 else f"{len(said)} octets, {digest([said.hex()])}"
        if said and self.silent:
            self.lines.append(f"{FAULT} said after the end: {said.hex()}")
        self.silent = connection.closed
        self.tell(connection.take_events())
        errors = [(stream_id, repr(e)) for stream_id, e in connection.take_source_errors()]
        state = (connection.open_streams, connection.closed, connection.drained)
        ids = (connection.highest_remote_stream_id, connection.next_stream_id)
        self.lines.append(f"sends {shown} {errors or ''} {state} {ids} {connection.wants_write}")

    def tell(self, events: list[http2.Event]) -> None:
        """Writes events down, with the attributes that their repr leaves out."""
        for event in events:
            more = [getattr(event, name, None) for name in ("method", "authority", "status")]
            self.lines.append(f"{event!r} {more}")


def decode_lines() -> Iterator[str]:
    """Every field block of the corpus through decoders, each used until it fails."""
    decoder = hpack.Decoder(max_list_size=2000, max_fields=15)
    for at, block in enumerate(field_blocks()):
        if at % 40 == 0:
            decoder = hpack.Decoder(max_list_size=2000, max_fields=15)
        try:
            fields = decoder.decode(block)
        except hpack.HPACKError as fault:
            yield f"{at}: {type(fault).__name__}: {fault}"
        except Exception as fault:  # noqa: BLE001 - the caller looks for FAULT
            yield f"{FAULT} {at}: {fault!r}"
        else:
            yield f"{at}: {[(type(field).__name__, field) for field in fields]}"


def encode_lines() -> Iterator[str]:
    """Every field section of the corpus through encoders whose table changes its size."""
    encoder = hpack.Encoder()
    for at, fields in enumerate(field_lists()):
        if at % 50 == 0:
            encoder = hpack.Encoder()
        if at % 20 == 7:
            encoder.change_table_size((0, 100, 4096)[at % 3])
        yield f"{at}: {bytes(encoder.encode(with_secrets(fields))).hex()}"


def with_secrets(fields: Fields) -> Fields:
    """The same fields, the authorization never indexed."""
    return [
        hpack.NeverIndexedField(*field) if field[0] == b"authorization" else field
        for field in fields
    ]


def transcripts() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Name and transcript of everything in the corpus."""
    yield "hpack decode", lambda: list(decode_lines())
    yield "hpack encode", lambda: list(encode_lines())
    for at, told in enumerate([*corpus(), *conversations()]):
        yield told.name, lambda at=at, told=told: Application(told, at).run(told.reads)


def digest(lines: list[str]) -> str:
    """A short name for a text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def main() -> None:
    """Prints digests, or the transcript of the one conversation that is named."""
    if len(sys.argv) > 1:
        print("\n".join(dict(transcripts())[sys.argv[1]]()))
        return
    digests = {}
    faults = {}
    for name, play in transcripts():
        lines = play()
        digests[name] = digest(lines)
        raised = [line for line in lines if line.startswith(FAULT)]
        if raised:
            faults[name] = raised
    json.dump({"variant": build_info().variant, "digests": digests, "faults": faults}, sys.stdout)


if __name__ == "__main__":
    main()
