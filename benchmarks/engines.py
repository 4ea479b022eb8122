"""The engines behind one face: a server connection is fed reads and answers what they ask for.

Each adapter's loop is what that engine's documentation shows, and nothing more: feed, look at the
events, answer each request with the next field list and 13 octets, take what is to be sent.
A request that does not end is left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Protocol

from benchmarks.traffic import BODY, Fields

#: Longer than the stream window in runs with blocked responses, so that it never goes out whole.
LONG_BODY = bytes(1000)

#: More than any read causes to be sent; the others take no limit unless told.
_ALL = 2**20


Responses = Sequence[Fields]


class Engine(Protocol):
    """A server connection of some library."""

    version: str

    def open(self) -> None:
        """Start a fresh connection."""

    def serve(self, reads: Sequence[bytes], responses: Responses, body: bytes = BODY) -> bytes:
        """Feed each read, answer every complete request in it; all octets put out."""


class PlaitEngine:
    """`plait.http2.Connection`."""

    def __init__(self) -> None:
        import plait
        from plait import http2

        self.version = plait.build_info().variant
        self._http2: Any = http2
        self._connection: Any = None

    def open(self) -> None:
        """Start a fresh connection; room for the thousand open streams of one of the rows."""
        http2 = self._http2
        config = http2.Config(max_concurrent_streams=2000)
        self._connection = http2.Connection(http2.Role.SERVER, config)
        self._connection.initiate_connection()

    def serve(self, reads: Sequence[bytes], responses: Responses, body: bytes = BODY) -> bytes:
        """Feed, answer, drain."""
        connection = self._connection
        request_received = self._http2.RequestReceived
        turns = cycle(responses)
        sent = []
        for read in reads:
            for event, fields in zip(connection.receive_data(read), turns, strict=False):
                if type(event) is request_received and event.end_stream:
                    stream_id = event.stream_id
                    connection.send_headers(stream_id, fields)
                    connection.send_data(stream_id, body, end_stream=True)
            sent.append(connection.data_to_send(_ALL))
        return b"".join(sent)


class PlaitOneCall(PlaitEngine):
    """The same, answering with its one call for a whole response."""

    def serve(self, reads: Sequence[bytes], responses: Responses, body: bytes = BODY) -> bytes:
        """Feed, answer, drain."""
        connection = self._connection
        request_received = self._http2.RequestReceived
        turns = cycle([fields[1:] for fields in responses])
        sent = []
        for read in reads:
            for event, fields in zip(connection.receive_data(read), turns, strict=False):
                if type(event) is request_received and event.end_stream:
                    connection.send_response(event.stream_id, 200, fields, body)
            sent.append(connection.data_to_send(_ALL))
        return b"".join(sent)


class Ngh2Engine:
    """`ngh2`: bindings to libnghttp2."""

    def __init__(self) -> None:
        import importlib.metadata

        import ngh2

        self.version = importlib.metadata.version("ngh2")
        self._ngh2: Any = ngh2
        self._connection: Any = None

    def open(self) -> None:
        """Start a fresh connection."""
        ngh2 = self._ngh2
        self._connection = ngh2.Connection(ngh2.Role.SERVER)
        self._connection.initiate_connection({ngh2.Setting.MAX_CONCURRENT_STREAMS: 2000})

    def serve(self, reads: Sequence[bytes], responses: Responses, body: bytes = BODY) -> bytes:
        """Feed, answer, drain."""
        connection = self._connection
        request_received = self._ngh2.RequestReceived
        turns = cycle(responses)
        sent = []
        for read in reads:
            connection.receive_data(read)
            for event, fields in zip(connection.events(), turns, strict=False):
                if type(event) is request_received and event.end_stream:
                    stream_id = event.stream_id
                    connection.send_response(stream_id, fields)
                    connection.send_data(stream_id, body, end_stream=True)
            sent.append(connection.data_to_send())
        return b"".join(sent)


class H2Engine:
    """`h2`, python-hyper's."""

    def __init__(self) -> None:
        import h2
        import h2.config
        import h2.connection
        import h2.events
        import h2.settings

        self.version = h2.__version__
        self._h2: Any = h2
        self._connection: Any = None

    def open(self) -> None:
        """Start a fresh connection."""
        h2 = self._h2
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2000}
        self._connection.local_settings.update(settings)
        self._connection.initiate_connection()

    def serve(self, reads: Sequence[bytes], responses: Responses, body: bytes = BODY) -> bytes:
        """Feed, answer as far as the window goes (h2 refuses more), drain."""
        connection = self._connection
        request_received = self._h2.events.RequestReceived
        turns = cycle(responses)
        sent = []
        for read in reads:
            for event, fields in zip(connection.receive_data(read), turns, strict=False):
                if type(event) is request_received and event.stream_ended is not None:
                    stream_id = event.stream_id
                    connection.send_headers(stream_id, fields)
                    connection.send_data(stream_id, body, end_stream=True)
            sent.append(connection.data_to_send())
        return b"".join(sent)


ENGINES: dict[str, type[Any]] = {
    "plait": PlaitEngine,
    "plait-one-call": PlaitOneCall,
    "ngh2": Ngh2Engine,
    "h2": H2Engine,
}
