"""The engine as a client on a blocking socket: several paths over one connection.

python examples/engine_get.py PORT PATH...
"""

import socket
import sys

from plait.http2 import (
    Config,
    Connection,
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    Role,
    StreamClosed,
    StreamReset,
)


def get(sock, authority, paths):
    engine = Connection(Role.CLIENT, Config(enable_push=False))
    engine.initiate_connection()
    waiting = list(reversed(paths))
    running = {}
    while waiting or running:
        while waiting and engine.can_open_stream:
            path = waiting.pop()
            request = [
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", authority),
                (":path", path),
            ]
            running[engine.send_request(request)] = [path, 0, 0]
        while data := engine.data_to_send():
            sock.sendall(data)
        received = sock.recv(65_536)
        if not received:
            sys.exit("the server closed the connection")
        for event in engine.receive_data(received):
            if isinstance(event, ResponseReceived):
                running[event.stream_id][1] = event.status
            elif isinstance(event, DataReceived):
                running[event.stream_id][2] += len(event.data)
                engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamReset):
                sys.exit(f"stream {event.stream_id} was reset: {event.slug}")
            elif isinstance(event, ConnectionTerminated) and event.error_code:
                sys.exit(f"the connection has ended: {event.slug}")
            elif isinstance(event, StreamClosed):
                path, status, octets = running.pop(event.stream_id)
                print(f"{status} {path} {octets} octets")
    engine.terminate()
    sock.sendall(engine.data_to_send())


if len(sys.argv) < 3:
    sys.exit(__doc__)
port = int(sys.argv[1])
with socket.create_connection(("127.0.0.1", port)) as sock:
    get(sock, f"127.0.0.1:{port}", sys.argv[2:])
