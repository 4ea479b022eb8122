"""Applications that do not know which implementation they run on.

They look at the outcome that h2's world had, and at its windows, and give steps: what a program
would do now. The same steps are played on both worlds.
"""

from __future__ import annotations

from collections.abc import Iterator

import h2.exceptions

from .world import Outcome, Step, World, call

GRPC = b"application/grpc"


class Application:
    """Sends bodies as windows allow, and gives credit back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.unsent: dict[int, tuple[bytes, list[tuple[str, str]]]] = {}
        """What is left of bodies, and the trailers after them."""

    def begins(self) -> Iterator[Step]:
        """What is done before anything arrives."""
        yield call.initiate_connection()

    def reacts(self, outcome: Outcome) -> Iterator[Step]:
        """What is done about the events of one read."""
        for kind, content in outcome.events:
            if kind == "DataReceived":
                size, stream = content["flow_controlled_length"], content["stream_id"]
                yield call.acknowledge_received_data(size, stream)
            elif kind == "StreamReset":
                self.unsent.pop(content["stream_id"], None)
            elif kind in ("WindowUpdated", "RemoteSettingsChanged"):
                for stream in list(self.unsent):
                    yield from self.goes_on(stream)
            yield from self.hears(kind, content)

    def hears(self, kind: str, content: dict[str, object]) -> Iterator[Step]:
        """One event."""
        yield from ()

    def sends(
        self, stream: int, body: bytes, trailers: list[tuple[str, str]] | None = None
    ) -> Iterator[Step]:
        """A body, as much of it as may be sent now."""
        self.unsent[stream] = body, trailers or []
        yield from self.goes_on(stream)

    def goes_on(self, stream: int) -> Iterator[Step]:
        connection = self.world.connection
        body, trailers = self.unsent[stream]
        while body:
            try:
                window = connection.local_flow_control_window(stream)
            except h2.exceptions.ProtocolError:
                # it has gone, or was never opened, because all ended in the same read
                del self.unsent[stream]
                return
            size = min(window, connection.max_outbound_frame_size)
            if size <= 0:
                self.unsent[stream] = body, trailers
                return
            part, body = body[:size], body[size:]
            yield call.send_data(stream, part, end_stream=not body and not trailers)
        if trailers:
            yield call.send_headers(stream, trailers, end_stream=True)
        del self.unsent[stream]


class Answering(Application):
    """A server: the path says how large the response is; gRPC gets its message back."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.requests: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}

    def hears(self, kind: str, content: dict[str, object]) -> Iterator[Step]:
        stream = content.get("stream_id")
        if kind == "RequestReceived":
            self.requests[stream] = {name: value for name, value, _ in content["headers"]}
            self.bodies[stream] = b""
        elif kind == "DataReceived":
            self.bodies[stream] += content["data"]
        elif kind == "StreamReset":
            self.requests.pop(stream, None)
        elif kind == "StreamEnded" and stream in self.requests:
            yield from self.answers(stream, self.requests.pop(stream), self.bodies.pop(stream))

    def answers(self, stream: int, request: dict[bytes, bytes], body: bytes) -> Iterator[Step]:
        if request.get(b"content-type", b"").startswith(GRPC):
            yield call.send_headers(stream, [(":status", "200"), ("content-type", GRPC)])
            yield from self.sends(stream, body, [("grpc-status", "0"), ("grpc-message", "fine")])
            return
        path = request.get(b":path", b"/")
        size = 40_000 if path == b"/large" else 13
        if path == b"/early":
            yield call.send_headers(stream, [(":status", "103"), ("link", "</a>; rel=preload")])
        if path == b"/push" and self.world.connection.remote_settings.enable_push:
            pushed = self.world.connection.get_next_available_stream_id()
            asked = [(":method", "GET"), (":scheme", request[b":scheme"]), (":path", "/pushed")]
            yield call.push_stream(stream, pushed, [*asked, (":authority", "localhost")])
            yield call.send_headers(pushed, [(":status", "200")])
            yield from self.sends(pushed, b"pushed")
        fields = [(":status", "200"), ("content-type", "text/html"), ("content-length", str(size))]
        if request.get(b":method") == b"HEAD":
            yield call.send_headers(stream, fields, end_stream=True)
            return
        yield call.send_headers(stream, fields)
        page = b"<p>%d</p>" % len(body)
        yield from self.sends(stream, page.ljust(size))


class Asking(Application):
    """A client: four requests, one of them with a body."""

    def begins(self) -> Iterator[Step]:
        yield from super().begins()
        yield call.increment_flow_control_window(100_000)
        host = [(":scheme", "http"), (":authority", "localhost")]
        yield call.send_headers(1, [(":method", "GET"), (":path", "/"), *host], end_stream=True)
        yield call.send_headers(3, [(":method", "HEAD"), (":path", "/large"), *host], True)
        length = ("content-length", "30000")
        yield call.send_headers(5, [(":method", "POST"), (":path", "/upload"), *host, length])
        yield from self.sends(5, b"p" * 30_000)
        yield call.send_headers(7, [(":method", "GET"), (":path", "/large"), *host], True)
        yield call.ping(b"are you?")


def application_for(world: World) -> Application:
    return Asking(world) if world.client else Answering(world)
