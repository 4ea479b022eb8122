"""Every public name of the spdylay module is there, is of its kind, and has its value.

`spdylay_names.csv` is a locked list: names are relative to the module, methods, attributes and
callbacks to their class.
"""

from __future__ import annotations

import builtins
import inspect
import socketserver
import ssl
from typing import Any

import pytest

import plait.spdy
from plait.compat import spdylay
from tests.support.certs import TLSFiles

from .names import Names, parameters_of

LIST = Names("spdylay_names.csv", spdylay)
NAMES = LIST.kinds
found, of_kind, attributes = LIST.found, LIST.of_kind, LIST.attributes

VALUES = {
    "CLIENT": 1,
    "SERVER": 2,
    "PROTO_SPDY2": 2,
    "PROTO_SPDY3": 3,
    "PROTO_SPDY3_1": 4,
    "CTRL_FLAG_NONE": 0,
    "CTRL_FLAG_FIN": 1,
    "CTRL_FLAG_UNIDIRECTIONAL": 2,
    "DATA_FLAG_NONE": 0,
    "DATA_FLAG_FIN": 1,
    "READ_EOF": 1,
    "SYN_STREAM": 1,
    "SYN_REPLY": 2,
    "RST_STREAM": 3,
    "SETTINGS": 4,
    "NOOP": 5,
    "PING": 6,
    "GOAWAY": 7,
    "HEADERS": 8,
    "WINDOW_UPDATE": 9,
    "CREDENTIAL": 10,
    "OK": 0,
    "PROTOCOL_ERROR": 1,
    "INVALID_STREAM": 2,
    "REFUSED_STREAM": 3,
    "UNSUPPORTED_VERSION": 4,
    "CANCEL": 5,
    "INTERNAL_ERROR": 6,
    "FLOW_CONTROL_ERROR": 7,
    "STREAM_IN_USE": 8,
    "STREAM_ALREADY_CLOSED": 9,
    "INVALID_CREDENTIALS": 10,
    "FRAME_TOO_LARGE": 11,
    "GOAWAY_OK": 0,
    "GOAWAY_PROTOCOL_ERROR": 1,
    "GOAWAY_INTERNAL_ERROR": 2,
    "FLAG_SETTINGS_NONE": 0,
    "FLAG_SETTINGS_CLEAR_SETTINGS": 1,
    "SETTINGS_UPLOAD_BANDWIDTH": 1,
    "SETTINGS_DOWNLOAD_BANDWIDTH": 2,
    "SETTINGS_ROUND_TRIP_TIME": 3,
    "SETTINGS_MAX_CONCURRENT_STREAMS": 4,
    "SETTINGS_CURRENT_CWND": 5,
    "SETTINGS_DOWNLOAD_RETRANS_RATE": 6,
    "SETTINGS_INITIAL_WINDOW_SIZE": 7,
    "SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE": 8,
    "SETTINGS_MAX": 8,
    "ID_FLAG_SETTINGS_NONE": 0,
    "ID_FLAG_SETTINGS_PERSIST_VALUE": 1,
    "ID_FLAG_SETTINGS_PERSISTED": 2,
    "ERR_INVALID_ARGUMENT": -501,
    "ERR_ZLIB": -502,
    "ERR_UNSUPPORTED_VERSION": -503,
    "ERR_WOULDBLOCK": -504,
    "ERR_PROTO": -505,
    "ERR_INVALID_FRAME": -506,
    "ERR_EOF": -507,
    "ERR_DEFERRED": -508,
    "ERR_STREAM_ID_NOT_AVAILABLE": -509,
    "ERR_STREAM_CLOSED": -510,
    "ERR_STREAM_CLOSING": -511,
    "ERR_STREAM_SHUT_WR": -512,
    "ERR_INVALID_STREAM_ID": -513,
    "ERR_INVALID_STREAM_STATE": -514,
    "ERR_DEFERRED_DATA_EXIST": -515,
    "ERR_SYN_STREAM_NOT_ALLOWED": -516,
    "ERR_GOAWAY_ALREADY_SENT": -517,
    "ERR_INVALID_HEADER_BLOCK": -518,
    "ERR_INVALID_STATE": -519,
    "ERR_GZIP": -520,
    "ERR_TEMPORAL_CALLBACK_FAILURE": -521,
    "ERR_FRAME_TOO_LARGE": -522,
    "ERR_FATAL": -900,
    "ERR_NOMEM": -901,
    "ERR_CALLBACK_FAILURE": -902,
}

SIGNATURES = {
    "Session": (
        "(side, version, config=None, send_cb=None, recv_cb=None, on_ctrl_recv_cb=None,"
        " on_invalid_ctrl_recv_cb=None, on_data_chunk_recv_cb=None, on_data_recv_cb=None,"
        " before_ctrl_send_cb=None, on_ctrl_send_cb=None, on_ctrl_not_send_cb=None,"
        " on_data_send_cb=None, on_stream_close_cb=None, on_request_recv_cb=None,"
        " on_ctrl_recv_parse_error_cb=None, on_unknown_ctrl_recv_cb=None, user_data=None)"
    ),
    "Session.send": "()",
    "Session.recv": "(data=None)",
    "Session.resume_data": "(stream_id)",
    "Session.want_read": "()",
    "Session.want_write": "()",
    "Session.get_stream_user_data": "(stream_id)",
    "Session.get_outbound_queue_size": "()",
    "Session.get_pri_lowest": "()",
    "Session.fail_session": "(status_code)",
    "Session.submit_request": "(pri, nv, data_prd=None, stream_user_data=None)",
    "Session.submit_response": "(stream_id, nv, data_prd=None)",
    "Session.submit_syn_stream": "(flags, pri, nv, assoc_stream_id=0, stream_user_data=None)",
    "Session.submit_syn_reply": "(flags, stream_id, nv)",
    "Session.submit_headers": "(flags, stream_id, nv)",
    "Session.submit_data": "(stream_id, flags, data_prd)",
    "Session.submit_rst_stream": "(stream_id, status_code)",
    "Session.submit_ping": "()",
    "Session.submit_goaway": "(status_code)",
    "Session.submit_settings": "(flags, iv)",
    "Session.submit_window_update": "(stream_id, delta_window_size)",
    "DataProvider": "(source, read_cb)",
    "ReadCtrl": "()",
    "get_npn_protocols": "()",
    "npn_get_version": "(proto)",
    "urlfetch": "(url_or_urls, StreamHandlerClass)",
    "BaseSPDYStreamHandler": "(url, fetcher)",
    "BaseSPDYStreamHandler.on_header": "(nv)",
    "BaseSPDYStreamHandler.on_data": "(data)",
    "BaseSPDYStreamHandler.on_close": "(status_code)",
    "UrlFetcher": "(server_address, urls, StreamHandlerClass)",
    "UrlFetcher.loop": "()",
    "ThreadedSPDYServer": "(server_address, RequestHandlerCalss, cert_file, key_file)",
    "ThreadedSPDYServer.start": "(daemon=False)",
    "ThreadedSPDYServer.process_request": "(request, client_address)",
    "BaseSPDYRequestHandler": "(request, client_address, server)",
    "BaseSPDYRequestHandler.handle": "()",
    "BaseSPDYRequestHandler.send_error": "(code, message=None)",
    "BaseSPDYRequestHandler.send_response": "(code, message=None)",
    "BaseSPDYRequestHandler.send_header": "(keyword, value)",
    "BaseSPDYRequestHandler.version_string": "()",
    "BaseSPDYRequestHandler.date_time_string": "(timestamp=None)",
    "BaseSPDYRequestHandler.handle_one_request": "(stream)",
}

# What a program defines: these are not on the base class.
SUPPLIED = {"BaseSPDYRequestHandler.do_GET", "BaseSPDYRequestHandler.do_POST"}

EXCEPTIONS = [
    "EOFError",
    "CallbackFailureError",
    "TemporalCallbackFailureError",
    "InvalidArgumentError",
    "ZlibError",
    "UnsupportedVersionError",
    "StreamClosedError",
    "UrlFetchError",
]

FRAMES = {
    "SynStreamFrame": "SYN_STREAM",
    "SynReplyFrame": "SYN_REPLY",
    "HeadersFrame": "HEADERS",
    "RstStreamFrame": "RST_STREAM",
    "SettingsFrame": "SETTINGS",
    "PingFrame": "PING",
    "GoawayFrame": "GOAWAY",
    "WindowUpdateFrame": "WINDOW_UPDATE",
}


def test_the_list_is_complete() -> None:
    assert len(LIST.rows) == len(NAMES) == 200
    assert {row["api"] for row in LIST.rows} == {"spdylay"}
    kinds = {"attribute", "callback", "class", "constant", "exception", "function", "method"}
    assert set(NAMES.values()) == kinds
    assert {*VALUES, "__version__"} == set(of_kind("constant"))
    assert set(EXCEPTIONS) == set(of_kind("exception"))
    classes = {"CtrlFrame", *FRAMES}
    callables = {*of_kind("class"), *of_kind("function"), *of_kind("method")}
    assert set(SIGNATURES) == callables - classes - SUPPLIED


def test_all_of_it_comes_with_a_star() -> None:
    top = {name.partition(".")[0] for name in NAMES} - {"read_cb", "__version__"}
    assert set(spdylay.__all__) == top
    got: dict[str, Any] = {}
    exec("from plait.compat.spdylay import *", got)
    assert got["EOFError"] is spdylay.EOFError is not builtins.EOFError


def test_constants() -> None:
    assert {name: found(name) for name in VALUES} == VALUES
    assert {type(found(name)) for name in VALUES} == {int}


def test_the_version_is_text() -> None:
    assert isinstance(spdylay.__version__, str)
    assert spdylay.__version__


def test_the_numbers_are_those_of_the_engine() -> None:
    for engine in (plait.spdy.FrameType, plait.spdy.StreamStatus):
        for member in engine:
            assert found(member.name) == member
    for goaway in plait.spdy.GoawayStatus:
        assert found(f"GOAWAY_{goaway.name}") == goaway
    for setting in plait.spdy.SettingId:
        assert found(f"SETTINGS_{setting.name}") == setting
    for error in plait.spdy.ErrorCode:
        assert found(f"ERR_{error.name}") == error


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_derive_from_exception_itself(name: str) -> None:
    assert found(name).__bases__ == (Exception,)
    assert found(name).__name__ == name


@pytest.mark.parametrize("name", of_kind("class"))
def test_classes(name: str) -> None:
    assert inspect.isclass(found(name))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """The same names and defaults in the same order; further arguments may follow.

    What became optional, since there is another way to say it, may have a default now.
    """
    parameters = LIST.parameters(name)
    wanted = parameters_of(SIGNATURES[name])
    shown, extra = parameters[: len(wanted)], parameters[len(wanted) :]
    assert [p.name for p in shown] == list(wanted)
    for parameter in shown:
        required = wanted[parameter.name].default is inspect.Parameter.empty
        assert required or parameter.default == wanted[parameter.name].default
    for parameter in extra:
        assert parameter.default is not parameter.empty


def test_what_programs_supply_is_not_there() -> None:
    for name in SUPPLIED:
        with pytest.raises(AttributeError):
            found(name)


def test_session_callbacks_are_constructor_arguments_and_attributes() -> None:
    names = [n.partition(".")[2] for n in of_kind("callback") if n.startswith("Session.")]
    assert len(names) == 14
    assert set(of_kind("callback")) == {f"Session.{name}" for name in names} | {"read_cb"}

    def callback(*arguments: Any) -> None:
        raise AssertionError("nothing happened yet")

    session = spdylay.Session(spdylay.CLIENT, spdylay.PROTO_SPDY3, **dict.fromkeys(names, callback))
    assert all(getattr(session, name) is callback for name in names)
    bare = spdylay.Session(spdylay.CLIENT, spdylay.PROTO_SPDY3)
    assert all(getattr(bare, name) is None for name in names)


@pytest.mark.parametrize("name", FRAMES)
def test_frame_classes(name: str) -> None:
    assert issubclass(found(name), spdylay.CtrlFrame)
    common = attributes("CtrlFrame")
    assert common == {"version", "frame_type", "flags", "length"}
    for attribute in common | attributes(name):
        assert isinstance(inspect.getattr_static(found(name), attribute), property)


def test_attributes_of_sessions_providers_and_read_controls() -> None:
    assert attributes("Session") == {"user_data"}
    assert isinstance(inspect.getattr_static(spdylay.Session, "user_data"), property)
    control = spdylay.ReadCtrl()
    assert attributes("ReadCtrl") == {"flags"}
    assert control.flags == 0
    provider = spdylay.DataProvider("source", test_classes)
    assert attributes("DataProvider") == {"source", "read_cb"}
    assert (provider.source, provider.read_cb) == ("source", test_classes)


def test_attributes_of_a_stream_handler() -> None:
    handler = spdylay.BaseSPDYStreamHandler("https://localhost/", "fetcher")
    wanted = {name: getattr(handler, name) for name in attributes("BaseSPDYStreamHandler")}
    assert wanted == {"url": "https://localhost/", "fetcher": "fetcher", "stream_id": None}


def test_attributes_of_a_server() -> None:
    assert attributes("ThreadedSPDYServer") == {"ctx", "allow_reuse_address"}
    assert spdylay.ThreadedSPDYServer.allow_reuse_address is True
    assert issubclass(spdylay.ThreadedSPDYServer, socketserver.ThreadingMixIn)
    assert issubclass(spdylay.ThreadedSPDYServer, socketserver.TCPServer)


def test_attributes_of_a_request_handler() -> None:
    class Handler(spdylay.BaseSPDYRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            seen.update({name: getattr(self, name) for name in wanted})
            self.send_response(200)

    seen: dict[str, Any] = {}
    wanted = attributes("BaseSPDYRequestHandler")
    assert len(wanted) == 17
    assert Handler.server_version == "Python-spdylay"
    assert Handler.sys_version.startswith("Python/")
    assert Handler.error_content_type == "text/html; charset=UTF-8"
    assert "{code}" in Handler.error_message_format
    assert Handler.responses[404][0] == "Not Found"
    assert list(Handler.weekdayname) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert list(Handler.monthname)[-2:] == ["Nov", "Dec"]
    with spdylay.ThreadedSPDYServer(("127.0.0.1", 0), Handler, version=3) as server:
        server.start()
        port = server.server_address[1]
        url = f"http://127.0.0.1:{port}/path"
        spdylay.urlfetch(url, spdylay.BaseSPDYStreamHandler, version=3)
    assert set(seen) == wanted
    assert (seen["command"], seen["path"]) == ("GET", "/path")
    assert seen["rfile"] is None


def test_the_context_of_a_server(tls_files: TLSFiles) -> None:
    with spdylay.ThreadedSPDYServer(
        ("127.0.0.1", 0),
        spdylay.BaseSPDYRequestHandler,
        cert_file=str(tls_files.cert),
        key_file=str(tls_files.key),
    ) as server:
        assert isinstance(server.ctx, ssl.SSLContext)
