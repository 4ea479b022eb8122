"""Programs written for `h2`, as its documentation and its users write them, given the package.

The very same lines run on ``h2`` and on ``plait.compat.h2``. Each program is fed the reads of a
connection (`benchmarks.recordings`) and keeps what it puts out; nothing is counted while it runs
that such a program would not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import cycle
from typing import Any

from benchmarks.recordings import DOWNLOAD_RESPONSE, MIB
from benchmarks.traffic import BODY, H2LOAD, RESPONSES, Fields, ended_streams

_BIG_BODY = bytes(MIB)


def _text(fields: Fields) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in fields]


class Api:
    """The modules of `h2`, or of what stands for it."""

    def __init__(self, package: str) -> None:
        top, self.config, self.connection, self.events, self.settings = (
            import_module(package + module)
            for module in ("", ".config", ".connection", ".events", ".settings")
        )
        self.version: str = top.__version__
        if package.startswith("plait."):
            import plait

            self.version = plait.build_info().variant

    def start(self, client_side: bool, encoding: str | None) -> Any:
        """A connection that has said its preface, with room for many streams."""
        config = self.config.H2Configuration(client_side=client_side, header_encoding=encoding)
        connection = self.connection.H2Connection(config=config)
        limit = {self.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2000}
        connection.local_settings.update(limit)
        connection.initiate_connection()
        return connection


class Program:
    """One connection, and what the program says on it.

    :param encoding: with one, fields go in and out as text.
    :param fields: what the peer asks for, a key of `RESPONSES`.
    :param each: requests at a time, where the program makes them.
    """

    def __init__(self, api: Api, encoding: str | None, fields: str, each: int) -> None:
        self.api = api
        self.each = each
        self.encoding = encoding
        self.fields = fields
        self.sent: list[bytes] = []
        self.connection = api.start(isinstance(self, _CLIENTS), encoding)

    def own(self, fields: Fields) -> Any:
        """Fields in the kind of string that this program uses."""
        return _text(fields) if self.encoding else fields

    def run(self, reads: Sequence[bytes]) -> None:
        """Feed each read, do what it asks for."""
        raise NotImplementedError

    def done(self) -> int:
        """How much of its work is done, of all reads so far."""
        return ended_streams(b"".join(self.sent))[0]


class Answering(Program):
    """A server of small answers."""

    def run(self, reads: Sequence[bytes]) -> None:
        """Answer what has ended."""
        connection, sent = self.connection, self.sent
        request_received = self.api.events.RequestReceived
        turns = cycle([self.own(fields) for fields in RESPONSES[self.fields]])
        for read in reads:
            for event in connection.receive_data(read):
                if isinstance(event, request_received) and event.stream_ended is not None:
                    stream_id = event.stream_id
                    connection.send_headers(stream_id, next(turns))
                    connection.send_data(stream_id, BODY, end_stream=True)
            sent.append(connection.data_to_send())


class Asking(Program):
    """A client of small answers."""

    answered = 0

    def run(self, reads: Sequence[bytes]) -> None:
        """Make requests, then read what is answered to them."""
        connection, sent = self.connection, self.sent
        events = self.api.events
        request = self.own(H2LOAD)
        for read in reads:
            for _ in range(self.each):
                stream_id = connection.get_next_available_stream_id()
                connection.send_headers(stream_id, request, end_stream=True)
            sent.append(connection.data_to_send())
            for event in connection.receive_data(read):
                if isinstance(event, events.DataReceived):
                    length = event.flow_controlled_length
                    connection.acknowledge_received_data(length, event.stream_id)
                elif isinstance(event, events.StreamEnded):
                    self.answered += 1
            sent.append(connection.data_to_send())

    def done(self) -> int:
        """The answers that have come whole."""
        return self.answered


class TakingUploads(Program):
    """A server that reads bodies and answers when they have ended."""

    def run(self, reads: Sequence[bytes]) -> None:
        """Give the credit back, drop the octets, answer at the end."""
        connection, sent = self.connection, self.sent
        events = self.api.events
        (fields,) = (self.own(fields) for fields in RESPONSES["h2load"])
        for read in reads:
            for event in connection.receive_data(read):
                if isinstance(event, events.DataReceived):
                    length = event.flow_controlled_length
                    connection.acknowledge_received_data(length, event.stream_id)
                elif isinstance(event, events.StreamEnded):
                    connection.send_headers(event.stream_id, fields)
                    connection.send_data(event.stream_id, BODY, end_stream=True)
            sent.append(connection.data_to_send())


class Sending(Program):
    """A server of large answers, which it does not keep."""

    octets = 0

    def run(self, reads: Sequence[bytes]) -> None:
        """Send what the windows hold, in frames as large as may be, and wait for more."""
        connection = self.connection
        events = self.api.events
        fields = self.own(DOWNLOAD_RESPONSE)
        waiting: dict[int, int] = {}
        for read in reads:
            for event in connection.receive_data(read):
                if isinstance(event, events.RequestReceived):
                    connection.send_headers(event.stream_id, fields)
                    waiting[event.stream_id] = 0
            for stream_id in list(waiting):
                self._send(connection, stream_id, waiting)
            self.octets += len(connection.data_to_send())

    def _send(self, connection: Any, stream_id: int, waiting: dict[int, int]) -> None:
        at = waiting[stream_id]
        while at < MIB:
            window = connection.local_flow_control_window(stream_id)
            size = min(window, connection.max_outbound_frame_size, MIB - at)
            if size < 1:
                waiting[stream_id] = at
                return
            last = at + size == MIB
            connection.send_data(stream_id, _BIG_BODY[at : at + size], end_stream=last)
            at += size
        del waiting[stream_id]

    def done(self) -> int:
        """The answers that have gone whole; their frames have too few octets to make one more."""
        return self.octets // MIB


class Receiving(Program):
    """A client of large answers."""

    received = 0

    def run(self, reads: Sequence[bytes]) -> None:
        """Make a request whenever nothing is on its way, give credit back for what comes."""
        connection, sent = self.connection, self.sent
        events = self.api.events
        request = self.own(H2LOAD)
        idle = True
        for read in reads:
            if idle:
                stream_id = connection.get_next_available_stream_id()
                connection.send_headers(stream_id, request, end_stream=True)
                sent.append(connection.data_to_send())
                idle = False
            for event in connection.receive_data(read):
                if isinstance(event, events.DataReceived):
                    self.received += len(event.data)
                    length = event.flow_controlled_length
                    connection.acknowledge_received_data(length, event.stream_id)
                elif isinstance(event, events.StreamEnded):
                    idle = True
            sent.append(connection.data_to_send())

    def done(self) -> int:
        """The answers that have come whole."""
        return self.received // MIB


_CLIENTS = (Asking, Receiving)

PROGRAMS: dict[str, type[Program]] = {
    "answering": Answering,
    "asking": Asking,
    "uploads": TakingUploads,
    "sending": Sending,
    "receiving": Receiving,
}
