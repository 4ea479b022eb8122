"""A program on python-spdylay, as a type checker sees it (`make types`)."""

from __future__ import annotations

import ssl
from typing import Any, assert_type

from plait.compat import spdylay
from plait.spdy import Config


def write(session: spdylay.Session, data: bytes) -> int | None:
    assert_type(session.user_data, Any)
    return len(data)


def read(session: spdylay.Session, length: int) -> bytes:
    raise spdylay.EOFError


def on_frame(session: spdylay.Session, frame: spdylay.CtrlFrame) -> None:
    assert_type(frame.version + frame.frame_type + frame.flags + frame.length, int)
    if isinstance(frame, spdylay.SynStreamFrame):
        assert_type(frame.nv, list[tuple[str, str]])
        assert_type(frame.assoc_stream_id, int)
    elif isinstance(frame, spdylay.SettingsFrame):
        assert_type(frame.iv, list[tuple[int, int, int]])


def on_close(session: spdylay.Session, stream_id: int, status_code: int) -> None:
    session.submit_goaway(spdylay.GOAWAY_OK)


def read_body(
    session: spdylay.Session,
    stream_id: int,
    length: int,
    read_ctrl: spdylay.ReadCtrl,
    source: list[bytes],
) -> bytes | int:
    if not source:
        return spdylay.ERR_DEFERRED
    read_ctrl.flags = spdylay.READ_EOF
    return source.pop()


session = spdylay.Session(
    spdylay.CLIENT,
    spdylay.PROTO_SPDY3_1,
    Config(max_concurrent_streams=10),
    send_cb=write,
    recv_cb=read,
    on_ctrl_recv_cb=on_frame,
    on_stream_close_cb=on_close,
    user_data={"any": "object"},
)
body = spdylay.DataProvider([b"body"], read_body)
session.submit_request(0, [(":method", "POST"), (":path", "/")], body, stream_user_data=body)
session.submit_settings(spdylay.FLAG_SETTINGS_NONE, [(4, spdylay.ID_FLAG_SETTINGS_NONE, 100)])
session.submit_window_update(0, 4096)
session.send()
session.recv(bytearray(b"octets"))
assert_type(session.want_read() or session.want_write() or session.resume_data(1), bool)
assert_type(session.get_stream_user_data(1), Any)
assert_type(session.get_outbound_queue_size() + session.get_pri_lowest(), int)
session.send_cb = None

context = ssl.create_default_context()
context.set_alpn_protocols(spdylay.get_npn_protocols())
assert_type(spdylay.npn_get_version(None), int)
