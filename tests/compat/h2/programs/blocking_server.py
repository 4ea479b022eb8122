"""A server as h2's documentation teaches it: a blocking socket for each connection, in a thread.

    python blocking_server.py

It prints its engine, then `port N`. GET answers with what was asked for, as often as the path
says; POST answers with the body that came.
"""

from __future__ import annotations

import signal
import socket
import threading
from types import FrameType

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Request:
    """One stream: what came, and what of the answer is still to be sent."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = dict(fields)
        self.body = bytearray()
        self.unsent = b""
        self.answered = False


class Talk(threading.Thread):
    """One connection from beginning to end."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(daemon=True)
        self.socket = sock
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config=config)
        self.requests: dict[int, Request] = {}

    def run(self) -> None:
        with self.socket:
            self.connection.initiate_connection()
            self.flush()
            while received := self.socket.recv(65536):
                try:
                    events = self.connection.receive_data(received)
                except h2.exceptions.ProtocolError:
                    self.flush()
                    return
                for event in events:
                    if isinstance(event, h2.events.ConnectionTerminated):
                        return
                    self.handle(event)
                for stream_id in list(self.requests):
                    self.send(stream_id)
                self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = Request(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            if request := self.requests.get(event.stream_id):
                request.body += event.data
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            if request := self.requests.get(event.stream_id):
                self.answer(event.stream_id, request)
        elif isinstance(event, h2.events.StreamReset):
            self.requests.pop(event.stream_id, None)

    def answer(self, stream_id: int, request: Request) -> None:
        path = request.fields[":path"].lstrip("/")
        if request.fields[":method"] == "POST":
            request.unsent = bytes(request.body)
        elif path.isdigit():
            request.unsent = (b"%d\n" % len(path)) * int(path)
        else:
            del self.requests[stream_id]
            self.connection.send_headers(stream_id, [(":status", "404")], end_stream=True)
            return
        fields = [(":status", "200"), ("content-length", str(len(request.unsent)))]
        try:
            self.connection.send_headers(stream_id, fields, end_stream=not request.unsent)
        except h2.exceptions.ProtocolError:  # it was reset in the same read
            del self.requests[stream_id]
            return
        request.answered = True
        if not request.unsent:
            del self.requests[stream_id]

    def send(self, stream_id: int) -> None:
        """As much of the body as the windows hold."""
        request = self.requests[stream_id]
        while request.unsent and request.answered:
            try:
                window = self.connection.local_flow_control_window(stream_id)
            except h2.exceptions.ProtocolError:
                del self.requests[stream_id]
                return
            size = min(window, self.connection.max_outbound_frame_size, len(request.unsent))
            if size <= 0:
                return
            last = size == len(request.unsent)
            self.connection.send_data(stream_id, request.unsent[:size], end_stream=last)
            request.unsent = request.unsent[size:]
            if last:
                del self.requests[stream_id]


def main() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    print(h2.connection.H2Connection.__module__)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"port {listener.getsockname()[1]}")
        while True:
            sock, _ = listener.accept()
            Talk(sock).start()


if __name__ == "__main__":
    main()
