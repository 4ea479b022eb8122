"""The engine with threads and blocking sockets: no event loop anywhere.

python examples/engine_sockets.py [PORT]
nghttp http://127.0.0.1:8080/one http://127.0.0.1:8080/two
"""

import socket
import sys
import threading

from plait.http2 import Connection, DataReceived, RequestReceived, StreamReset


def serve(sock):
    with sock:
        engine = Connection()
        engine.initiate_connection()
        write(engine, sock)
        requests = {}
        while not (engine.closed or engine.drained):
            data = sock.recv(65_536)
            if not data:
                return
            for event in engine.receive_data(data):
                if isinstance(event, RequestReceived):
                    requests[event.stream_id] = event
                elif isinstance(event, DataReceived):
                    # nobody wants the body: let more of it come
                    octets = event.flow_controlled_length
                    engine.acknowledge_received_data(octets, event.stream_id)
                elif isinstance(event, StreamReset):
                    requests.pop(event.stream_id, None)
                if getattr(event, "end_stream", False):
                    answer(engine, requests.pop(event.stream_id))
            write(engine, sock)


def answer(engine, request):
    thread = threading.current_thread().name
    text = b"%s on stream %d, %s\n" % (request.path, request.stream_id, thread.encode())
    engine.send_response(request.stream_id, 200, [("content-type", "text/plain")], text)


def write(engine, sock):
    while data := engine.data_to_send():
        sock.sendall(data)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8080))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
while True:
    sock, _ = listener.accept()
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
