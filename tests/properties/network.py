"""A client and a server with a wire between them that cuts, delays and breaks.

Everything that moves is a method, and nothing moves by itself: a test, or Hypothesis, decides what
happens when. `finish` lets everything come to its end and `check` says what must be so then.
"""

from __future__ import annotations

from plait.http2 import Config, Role, StreamClosed, StreamReset

from .books import Party, check_balance, check_streams_balance
from .endpoint import Endpoint, Fields, Heard, Message
from .invariants import check_consistent, session_of

CLIENT, SERVER = 0, 1
REFUSED_STREAM = 7


class Network:
    """Two endpoints, the octets in flight between them, and the books."""

    def __init__(self, client: Config, server: Config) -> None:
        self.ends = (Endpoint(Role.CLIENT, client), Endpoint(Role.SERVER, server))
        self.parties = (Party(is_server=False), Party(is_server=True))
        # Octets in flight, by the end that sent them.
        self.flying = (bytearray(), bytearray())
        self.lost = False
        # A server's early answer lets the client stop: the request is not heard to its end then.
        self.stops_requests = server.reset_unread_request

    # --- single moves ---------------------------------------------------------------------------

    def pull(self, side: int, limit: int) -> int:
        """One end writes about so many octets."""
        octets = self.ends[side].pulls(limit)
        self.parties[side].writes(octets)
        self.flying[side].extend(octets)
        self.parties[side].agrees_with(self.ends[side].connection)
        check_consistent(self.ends[side].connection)
        return len(octets)

    def deliver(self, sender: int, count: int) -> int:
        """So many octets of one end arrive at the other."""
        octets = bytes(self.flying[sender][:count])
        del self.flying[sender][:count]
        receiver = 1 - sender
        self.parties[receiver].gets(octets)
        self.ends[receiver].takes(octets)
        check_consistent(self.ends[receiver].connection)
        return len(octets)

    def settle(self) -> None:
        """Everything that can move without the applications does, then the windows must agree."""
        while not self.lost:
            moved = sum(self.pull(side, 1 << 20) for side in (CLIENT, SERVER))
            moved += sum(self.deliver(side, 1 << 30) for side in (CLIENT, SERVER))
            if not moved:
                check_balance(*self.parties)
                connections = (self.ends[CLIENT].connection, self.ends[SERVER].connection)
                if not any(connection.closed for connection in connections):
                    check_streams_balance(*self.parties, connections)
                return

    def lose(self) -> None:
        """The connection breaks; what is in flight is gone."""
        self.lost = True
        for flying in self.flying:
            flying.clear()

    # --- the end --------------------------------------------------------------------------------

    def finish(self, answer: Message) -> None:
        """Let every message come to its end: all is answered, consumed and delivered."""
        if self.lost:
            return
        for _ in range(20_000):
            server = self.ends[SERVER]
            for stream in list(server.unanswered):
                server.answers(stream, answer)
            for end in self.ends:
                end.says_more()
                end.resumes()
                end.consumes(1 << 30)
            moved = sum(self.pull(side, 1 << 20) for side in (CLIENT, SERVER))
            moved += sum(self.deliver(side, 1 << 30) for side in (CLIENT, SERVER))
            busy = any(end.unread or end.pieces or end.waiting for end in self.ends)
            writes = any(end.connection.wants_write for end in self.ends)
            if not (moved or busy or writes or server.unanswered):
                return
        raise AssertionError("it does not come to an end")

    def check(self) -> None:
        """Every message is whole, every stream ended once, every window is balanced."""
        for stream, message in self.ends[CLIENT].sent.items():
            self.check_stream(stream, message)
        for stream in self.ends[SERVER].promised:
            self.check_heard(SERVER, stream)
        if self.lost:
            return
        for end in self.ends:
            assert not any(goaway.error_code for goaway in end.goaways), end.goaways
            assert end.connection.open_streams == 0
            assert end.pongs == end.pings
            window = session_of(end.connection).out.receive_window
            assert window.available + window.pending == window.size
            known = {*end.sent, *end.heard, *end.promised}
            assert known <= end.ends.keys(), f"no end for {known - end.ends.keys()}"
        check_balance(*self.parties)

    def check_stream(self, stream: int, message: Message) -> None:
        """One request and its response."""
        client, server = self.ends
        self.check_heard(CLIENT, stream)
        self.check_heard(SERVER, stream)
        if self.lost:
            return
        end = client.ends[stream]
        if stream not in server.heard:
            # Refused, or given up before it was heard: that must be what the client was told.
            gone = isinstance(end, StreamReset) and end.error_code == REFUSED_STREAM
            assert gone or stream in client.reset, f"request {stream} is lost: {end}"
            return
        refused = isinstance(end, StreamReset) and end.slug == "peer.goaway"
        assert not refused, f"request {stream} was heard, and the client may send it again"
        if stream in client.reset | server.reset:
            return
        # A whole response is no reset stream, whatever the server thinks of the rest of a request.
        assert end == StreamClosed(stream, 0)
        assert server.ends[stream] == StreamClosed(stream, 0)
        assert client.heard[stream].complete, f"the response {stream} is not whole"
        if not self.stops_requests:
            assert server.heard[stream].complete, f"the request {stream} is not whole"

    def check_heard(self, sender: int, stream: int) -> None:
        """What arrived is what was sent: all of it, or its beginning."""
        check_heard(self.ends[sender], self.ends[1 - sender], stream)


def check_heard(sender: Endpoint, receiver: Endpoint, stream: int) -> None:
    """What one end heard on a stream is what the other sent: all of it, or its beginning."""
    heard: Heard | None = receiver.heard.get(stream)
    if heard is None:
        return
    sent = sender.sent.get(stream)
    assert sent is not None, f"something was heard on {stream}, and nothing was sent"
    body = sent.body(stream)
    if heard.head is not None:
        assert heard.head == sender.heads[stream]
        assert heard.interim == sent.interim
    assert heard.interim <= sent.interim
    if heard.complete:
        assert bytes(heard.body) == body
        assert heard.trailers == sent.trailers
    else:
        assert body.startswith(heard.body)
        assert not heard.trailers


def request(method: bytes, path: bytes) -> Fields:
    """The fields of a request."""
    return [
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", b"example.com"),
        (b":path", path),
    ]
