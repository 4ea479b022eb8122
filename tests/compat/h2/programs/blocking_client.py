"""A client as h2's documentation teaches it: one blocking socket, one request after the other.

    python blocking_client.py PORT

It prints its engine, and then what came of each request.
"""

from __future__ import annotations

import hashlib
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings


class Client:
    """A connection, and the request that it is busy with."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.authority = f"127.0.0.1:{port}"
        self.connection = h2.connection.H2Connection()
        self.connection.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def read(self) -> list[h2.events.Event]:
        received = self.socket.recv(65536)
        if not received:
            raise EOFError
        events: list[h2.events.Event] = self.connection.receive_data(received)
        self.flush()
        return events

    def request(self, method: str, path: str, body: bytes = b"") -> None:
        stream_id = self.connection.get_next_available_stream_id()
        fields = [
            (":method", method),
            (":authority", self.authority),
            (":scheme", "http"),
            (":path", path),
            ("user-agent", "blocking"),
        ]
        self.connection.send_headers(stream_id, fields, end_stream=not body)
        self.flush()
        received, left, told = bytearray(), memoryview(body), []
        while True:
            while left:
                window = self.connection.local_flow_control_window(stream_id)
                size = min(window, self.connection.max_outbound_frame_size, len(left))
                if not size:
                    break
                piece, left = bytes(left[:size]), left[size:]
                self.connection.send_data(stream_id, piece, end_stream=not left)
                self.flush()
            for event in self.read():
                if isinstance(event, h2.events.ResponseReceived):
                    told = [(name.decode(), value.decode()) for name, value in event.headers]
                elif isinstance(event, h2.events.DataReceived):
                    received += event.data
                    size = event.flow_controlled_length
                    self.connection.acknowledge_received_data(size, event.stream_id)
                    self.flush()
                elif isinstance(event, h2.events.StreamEnded):
                    digest = hashlib.sha256(received).hexdigest()
                    print(stream_id, method, path, told, len(received), digest)
                    return

    def ping(self) -> None:
        self.connection.ping(b"12345678")
        self.flush()
        while True:
            for event in self.read():
                if isinstance(event, h2.events.PingAckReceived):
                    print("ping", event.ping_data)
                    return

    def abandon(self) -> None:
        """A request that nobody waits for."""
        stream_id = self.connection.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/9"), (":authority", "x")]
        self.connection.send_headers(stream_id, fields, end_stream=True)
        self.connection.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
        self.flush()
        try:
            self.connection.send_data(stream_id, b"x")
        except h2.exceptions.StreamClosedError as problem:
            print("closed", problem.stream_id, problem.error_code)

    def widen(self) -> None:
        """A larger window for the streams, and larger frames."""
        codes = h2.settings.SettingCodes
        wanted = {codes.INITIAL_WINDOW_SIZE: 300_000, codes.MAX_FRAME_SIZE: 30_000}
        self.connection.update_settings(wanted)
        self.flush()
        while wanted:
            for event in self.read():
                if isinstance(event, h2.events.SettingsAcknowledged):
                    for code, changed in sorted(event.changed_settings.items()):
                        del wanted[code]
                        print("changed", int(code), changed.original_value, changed.new_value)

    def close(self) -> None:
        self.connection.close_connection()
        self.flush()
        while self.socket.recv(65536):
            pass
        self.socket.close()
        print(self.connection.state_machine.state.name)


def main(port: int) -> None:
    client = Client(port)
    for path in ("/0", "/7", "/200000", "/nowhere"):
        client.request("GET", path)
    client.ping()
    client.widen()
    client.request("POST", "/", bytes(range(256)) * 2000)
    client.abandon()
    client.request("GET", "/300000")
    client.close()


if __name__ == "__main__":
    print(h2.connection.H2Connection.__module__)
    main(int(sys.argv[1]))
