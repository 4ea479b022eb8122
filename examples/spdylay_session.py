"""Two sessions that talk to each other, and every frame that goes over the line.

python -m plait.compat examples/spdylay_session.py
"""

import io

import spdylay

NAMES = {spdylay.CLIENT: "client", spdylay.SERVER: "server"}


class Peer:
    def __init__(self, side, **callbacks):
        self.name = NAMES[side]
        self.line = bytearray()
        self.session = spdylay.Session(
            side,
            spdylay.PROTO_SPDY3_1,
            send_cb=self.send,
            on_ctrl_recv_cb=self.on_frame,
            on_data_recv_cb=self.on_data,
            on_stream_close_cb=self.on_close,
            **callbacks,
        )

    def send(self, session, data):
        self.line += data
        return len(data)

    def on_frame(self, session, frame):
        print(f"{self.name}: {type(frame).__name__}", dict(getattr(frame, "nv", [])) or "")

    def on_data(self, session, flags, stream_id, length):
        print(f"{self.name}: {length} octets on stream {stream_id}")

    def on_close(self, session, stream_id, status_code):
        print(f"{self.name}: stream {stream_id} closed, {status_code}")


def read(session, stream_id, length, read_ctrl, source):
    data = source.read(length)
    if not data:
        read_ctrl.flags = spdylay.READ_EOF
    return data


def answer(session, stream_id):
    headers = [(":status", "200 OK"), (":version", "HTTP/1.1")]
    body = spdylay.DataProvider(io.BytesIO(bytes(6000)), read)
    session.submit_response(stream_id, headers, body)


def carry(sender, receiver):
    sender.session.send()
    data = bytes(sender.line)
    sender.line.clear()
    receiver.session.recv(data)
    return bool(data)


client = Peer(spdylay.CLIENT)
server = Peer(spdylay.SERVER, on_request_recv_cb=answer)
request = [
    (":method", "GET"),
    (":scheme", "https"),
    (":host", "localhost"),
    (":path", "/"),
    (":version", "HTTP/1.1"),
]
client.session.submit_request(0, request)
client.session.submit_ping()
while carry(client, server) or carry(server, client):
    pass
