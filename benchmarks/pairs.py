"""Two ends of one connection in memory: a client asks, a server answers with 13 octets.

HTTP/2 and SPDY do the same here: 32 requests are made and put out at once, the server reads them,
answers each with one call and puts the answers out, and the client reads these. Nothing is kept;
both sides are plain programs of their engine's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Any, Protocol

from benchmarks.traffic import BODY, FIELD_LISTS, RESPONSES, Fields

#: More than a read causes to be sent.
_ALL = 2**20

#: Different field lists before they begin anew; h2load's are all the same.
LISTS = 500

TextFields = list[tuple[str, str]]


class Pair(Protocol):
    """A client and a server of some engine."""

    version: str

    def open(self, fields: str) -> None:
        """Connect a fresh client and server that will say these fields."""

    def exchange(self, requests: int) -> int:
        """Make so many requests at once, answer all; how many were answered."""


def _turns(lists: Sequence[Any]) -> Callable[[], Any]:
    """The lists one after the other, for ever."""
    return cycle(lists).__next__


def spdy_request(fields: Fields) -> Fields:
    """What SPDY calls the fields of a request."""
    names = {b":authority": b":host"}
    return [*((names.get(name, name), value) for name, value in fields), (b":version", b"HTTP/1.1")]


def spdy_response(fields: Fields) -> Fields:
    """The same for a response."""
    return [*fields, (b":version", b"HTTP/1.1")]


def text(fields: Fields) -> TextFields:
    """Fields as spdylay wants them."""
    return [(name.decode(), value.decode()) for name, value in fields]


class Http2Pair:
    """`plait.http2.Connection`, twice."""

    def __init__(self) -> None:
        import plait
        from plait import http2

        self.version = plait.build_info().variant
        self._http2: Any = http2

    def open(self, fields: str) -> None:
        """A client and a server, acknowledged."""
        http2 = self._http2
        self._client = http2.Connection(http2.Role.CLIENT)
        self._server = http2.Connection(http2.Role.SERVER)
        self._client.initiate_connection()
        self._server.initiate_connection()
        self._client.receive_data(self._server.data_to_send())
        self._request = _turns([FIELD_LISTS[fields](number) for number in range(LISTS)])
        self._response = _turns([response[1:] for response in RESPONSES[fields]])

    def exchange(self, requests: int) -> int:
        """Ask, answer, read, and give credit for what was read."""
        http2, client, server = self._http2, self._client, self._server
        for _ in range(requests):
            client.send_request(self._request())
        request_received = http2.RequestReceived
        for event in server.receive_data(client.data_to_send(_ALL)):
            if type(event) is request_received and event.end_stream:
                server.send_response(event.stream_id, 200, self._response(), BODY)
        data_received, stream_closed = http2.DataReceived, http2.StreamClosed
        answered = 0
        for event in client.receive_data(server.data_to_send(_ALL)):
            kind = type(event)
            if kind is data_received:
                length = event.flow_controlled_length
                client.acknowledge_received_data(length, event.stream_id)
            elif kind is stream_closed:
                answered += 1
        server.take_events()
        return answered


class SpdyPair:
    """`plait.spdy.Connection`, twice."""

    def __init__(self, version: str) -> None:
        import plait
        from plait import spdy

        self.version = plait.build_info().variant
        self._spdy: Any = spdy
        self._protocol = spdy.PROTOCOL_NAMES[version]

    def open(self, fields: str) -> None:
        """A client and a server."""
        spdy = self._spdy
        self._client = spdy.Connection(spdy.Role.CLIENT, self._protocol)
        self._server = spdy.Connection(spdy.Role.SERVER, self._protocol)
        lists = [FIELD_LISTS[fields](number) for number in range(LISTS)]
        self._request = _turns([spdy_request(request) for request in lists])
        self._response = _turns([spdy_response(response) for response in RESPONSES[fields]])
        #: What the client said and what the server said, where somebody wants to know.
        self.wire: tuple[list[bytes], list[bytes]] | None = None

    def dictionary(self) -> bytes:
        """The compression dictionary of this version."""
        from plait.spdy.dictionaries import dictionary

        return dictionary(self._protocol)

    def exchange(self, requests: int) -> int:
        """Ask, answer, read; credit is given by the engine."""
        spdy, client, server = self._spdy, self._client, self._server
        for _ in range(requests):
            client.send_request(self._request())
        asked = client.data_to_send(_ALL)
        peer_finished = spdy.PeerFinished
        for event in server.receive_data(asked):
            if type(event) is peer_finished:
                server.send_response(event.stream_id, self._response(), BODY)
        said = server.data_to_send(_ALL)
        stream_closed = spdy.StreamClosed
        answered = 0
        for event in client.receive_data(said):
            if type(event) is stream_closed:
                answered += 1
        client.take_events()
        server.take_events()
        if self.wire is not None:
            self.wire[0].append(asked)
            self.wire[1].append(said)
        return answered


class SessionPair:
    """`plait.compat.spdylay.Session`, twice, with the callbacks that such a program has."""

    def __init__(self, version: str) -> None:
        import plait
        from plait.compat import spdylay

        self.version = plait.build_info().variant
        self._spdylay: Any = spdylay
        self._protocol = spdylay.npn_get_version(version)

    def open(self, fields: str) -> None:
        """A client and a server."""
        spdylay = self._spdylay
        self._asked, self._said = bytearray(), bytearray()
        self._answered = 0
        self._client = spdylay.Session(
            spdylay.CLIENT,
            self._protocol,
            send_cb=self._send_request,
            on_data_chunk_recv_cb=self._on_data,
            on_stream_close_cb=self._on_close,
        )
        self._server = spdylay.Session(
            spdylay.SERVER,
            self._protocol,
            send_cb=self._send_response,
            on_request_recv_cb=self._on_request,
        )
        lists = [FIELD_LISTS[fields](number) for number in range(LISTS)]
        self._request = _turns([text(spdy_request(request)) for request in lists])
        self._response = _turns([text(spdy_response(response)) for response in RESPONSES[fields]])

    def exchange(self, requests: int) -> int:
        """Ask, answer, read."""
        client, server = self._client, self._server
        self._answered = 0
        for _ in range(requests):
            client.submit_request(0, self._request())
        client.send()
        server.recv(bytes(self._asked))
        self._asked.clear()
        server.send()
        client.recv(bytes(self._said))
        self._said.clear()
        client.send()
        return self._answered

    def _send_request(self, _session: Any, data: bytes) -> int:
        self._asked += data
        return len(data)

    def _send_response(self, _session: Any, data: bytes) -> int:
        self._said += data
        return len(data)

    def _read(
        self, _session: Any, _stream_id: int, _length: int, control: Any, source: bytes
    ) -> bytes:
        control.flags = self._spdylay.READ_EOF
        return source

    def _on_request(self, session: Any, stream_id: int) -> None:
        body = self._spdylay.DataProvider(BODY, self._read)
        session.submit_response(stream_id, self._response(), body)

    def _on_data(self, _session: Any, _flags: int, _stream_id: int, data: bytes) -> None:
        assert data == BODY

    def _on_close(self, _session: Any, _stream_id: int, _status: int) -> None:
        self._answered += 1


VERSIONS = ("spdy/3.1", "spdy/3", "spdy/2")

PAIRS: dict[str, Callable[[], Any]] = {"http2": Http2Pair}
for _version in VERSIONS:
    PAIRS[_version] = partial(SpdyPair, _version)
    PAIRS[f"session {_version}"] = partial(SessionPair, _version)
