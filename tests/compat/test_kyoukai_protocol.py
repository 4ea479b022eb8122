"""`H2KyoukaiProtocol` without sockets: requests, bodies, failures, the end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from plait.compat.kyoukai import (
    REQUEST_FINISHED,
    ConnectionLostEvent,
    ConnectionMadeEvent,
    DataReceived,
    H2KyoukaiComponent,
    StreamEnded,
    WindowUpdated,
)
from plait.http2 import Config, ErrorCode, ResponseReceived
from tests.http2.frames import (
    CANCEL,
    DATA,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    PROTOCOL_ERROR,
    ping,
    window_update,
)
from tests.support.certs import TLSFiles

from .kyoukai_peer import GET, POST, TLS, App, Peer, response, run
from .kyoukai_peer import Component as PlainComponent

# What every connection begins with (RFC 9113 §6.9.2).
SMALL = Config(initial_window_size=65_535, connection_window_size=65_535)
BODY = bytes(range(256)) * 1024  # 256 KiB


def answering(*chunks: Any, **more: Any) -> App:
    async def answer(request: Any) -> Any:
        return response(*chunks, **more)

    return App(answer)


class Pulled:
    """A body that tells how much of it was asked for, and whether it was closed."""

    def __init__(self, chunk: bytes = b"x" * 10_000, fails_at: int | None = None) -> None:
        self.chunk = chunk
        self.fails_at = fails_at
        self.asked = 0
        self.closed = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        self.asked += 1
        if self.asked == self.fails_at:
            raise ValueError("the generator has failed")
        return self.chunk

    def close(self) -> None:
        self.closed += 1


def application_of(made: Any) -> App:
    """An application that answers with this WSGI callable."""

    async def answer(request: Any) -> Any:
        return made

    return App(answer)


class Waiting(App):
    """An application that waits, and tells if it was cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.cancelled = 0

    async def answer(self, request: Any) -> Any:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


# --- responses ------------------------------------------------------------------------------------


def ends(peer: Peer, stream_id: int) -> list[tuple[int, bool, int]]:
    """Type, END_STREAM and length of the frames of a response."""
    return [
        (f.type, f.end_stream, len(f.payload) if f.type == DATA else 0)
        for f in peer.frames()
        if f.stream_id == stream_id and f.type in (DATA, HEADERS)
    ]


@pytest.mark.parametrize(
    ("app", "fields"),
    [
        (answering(), GET),
        (answering(b"", b""), GET),
        (answering(b"x", headers=[("content-length", "1")]), [(":method", "HEAD"), *GET[1:]]),
        (answering(b"x", b"y"), [(":method", "HEAD"), *GET[1:]]),
        (answering(b"x", b"y", status="204 No Content"), GET),
        (answering(b"x", status="304 Not Modified"), GET),
    ],
)
def test_end_stream_is_on_the_head_of_a_response_without_content(app: App, fields: Any) -> None:
    async def check() -> None:
        peer = Peer(app)
        stream_id = peer.request(fields)
        await peer.ended(stream_id)
        assert ends(peer, stream_id) == [(HEADERS, True, 0)]
        peer.lose()

    run(check())


@pytest.mark.parametrize("chunks", [(b"hello",), (b"he", b"", b"llo"), (b"h", b"e", b"l", b"lo")])
def test_end_stream_is_on_the_last_frame_with_octets(chunks: tuple[bytes, ...]) -> None:
    async def check() -> None:
        peer = Peer(answering(*chunks))
        stream_id = peer.request()
        assert await peer.ended(stream_id) == (200, b"hello")
        *_, last = ends(peer, stream_id)
        assert (last[0], last[1]) == (DATA, True)
        assert last[2] > 0
        assert sum(end for _, end, _ in ends(peer, stream_id)) == 1
        assert not peer.protocol.streams
        assert not peer.protocol.stream_data
        assert not peer.protocol.stream_tasks
        peer.lose()

    run(check())


def test_fields_that_http2_does_not_have_are_left_out() -> None:
    sent = [("X-Name", "caf\xe9"), ("Connection", "close"), ("Transfer-Encoding", "chunked")]

    async def check() -> None:
        peer = Peer(answering(b"x", headers=sent))
        stream_id = peer.request()
        await peer.ended(stream_id)
        assert peer.fields(stream_id) == {b":status": b"200", b"x-name": b"caf\xe9"}
        peer.lose()

    run(check())


@pytest.mark.parametrize("window", [1, 7, 1000, 16_384])
@pytest.mark.parametrize("pieces", [1, 5])
def test_a_chunk_larger_than_the_window_is_sent_once(window: int, pieces: int) -> None:
    """Pitfall 1: the whole chunk was sent again, not its rest."""
    body = BODY[: min(len(BODY), 200 * window)]
    size = -(-len(body) // pieces)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]

    async def check() -> None:
        peer = Peer(answering(*chunks), config=Config(initial_window_size=window))
        assert await peer.ended(peer.request()) == (200, body)
        peer.lose()

    run(check())


def test_credit_for_the_connection_wakes_all_streams() -> None:
    """Pitfall 2: WINDOW_UPDATE on stream 0 broke the connection."""

    async def check() -> None:
        peer = Peer(answering(BODY[:40_000], BODY[40_000:80_000]), config=SMALL)
        peer.takes = False
        first, second = peer.request(), peer.request()
        await peer.turn(10)
        assert len(peer.body(first)) + len(peer.body(second)) == 65_535
        # the streams have credit of their own
        for stream_id in (first, second):
            peer.raw(bytes(window_update(stream_id, 80_000)))
        await peer.turn()
        assert not peer.is_over(first) or not peer.is_over(second)
        peer.protocol.data_received(bytes(window_update(0, 200_000)))
        peer.client.increment_flow_control_window(200_000)
        for stream_id in (first, second):
            if peer.client.stream_is_open(stream_id):
                peer.client.increment_flow_control_window(80_000, stream_id)
        await peer.until(lambda: peer.is_over(first) and peer.is_over(second))
        assert peer.body(first) == peer.body(second) == BODY[:80_000]
        assert peer.goaways() == []
        peer.lose()

    run(check())


def test_a_window_raised_by_settings_wakes_the_sender() -> None:
    """Pitfall 6."""

    async def check() -> None:
        peer = Peer(answering(b"abc", b"def"), config=Config(initial_window_size=2))
        peer.takes = False
        stream_id = peer.request()
        await peer.turn(5)
        assert peer.body(stream_id) == b"ab"
        peer.client.update_settings({INITIAL_WINDOW_SIZE: 100})
        assert await peer.ended(stream_id) == (200, b"abcdef")
        peer.lose()

    run(check())


def test_an_application_is_asked_for_no_more_than_the_client_takes() -> None:
    async def check() -> None:
        body = Pulled()
        peer = Peer(application_of(body), config=SMALL)
        peer.takes = False
        stream_id = peer.request()
        await peer.turn(30)
        assert len(peer.body(stream_id)) == 65_535
        assert 7 <= body.asked <= 12
        peer.client.reset_stream(stream_id)
        await peer.turn()
        assert body.closed == 1
        peer.lose()

    run(check())


def test_an_application_is_asked_for_no_more_than_the_transport_takes() -> None:
    """Pitfall 7: `pause_writing` was ignored."""

    async def check() -> None:
        body = Pulled()
        peer = Peer(application_of(body), config=Config(initial_window_size=2**30))
        peer.client.increment_flow_control_window(2**30)
        peer.exchange()
        peer.protocol.pause_writing()
        stream_id = peer.request()
        await peer.turn(30)
        assert peer.body(stream_id) == b""
        asked = body.asked
        assert asked <= 5
        peer.protocol.resume_writing()
        await peer.turn(30)
        assert len(peer.body(stream_id)) > 10_000
        assert body.asked > asked
        peer.lose()
        await peer.turn()
        assert body.closed == 1

    run(check())


def test_urgent_responses_go_first() -> None:
    async def check() -> None:
        app = answering(BODY)
        peer = Peer(app, config=Config(initial_window_size=2**20))
        peer.takes = False
        peer.protocol.pause_writing()
        late = peer.request([*GET, ("priority", "u=7")])
        soon = peer.request([*GET, ("priority", "u=0")])
        await peer.turn()
        peer.protocol.resume_writing()
        peer.client.increment_flow_control_window(2**20)
        await peer.until(lambda: peer.is_over(soon) and peer.is_over(late))
        order = [f.stream_id for f in peer.frames() if f.type == DATA]
        assert order == sorted(order, key=[soon, late].index)
        peer.lose()

    run(check())


# --- request bodies -------------------------------------------------------------------------------


def test_the_application_runs_while_the_body_is_still_coming() -> None:
    read: list[bytes] = []

    async def answer(request: Any) -> Any:
        while chunk := await request.input.read_async(to_end=False):
            read.append(chunk)
        return response(b"%d" % len(b"".join(read)))

    async def check() -> None:
        peer = Peer(App(answer))
        stream_id = peer.request(POST, None, end_stream=False)
        await peer.turn()
        assert peer.protocol.streams[stream_id].environ is not None
        for chunk in (b"one", b"two"):
            peer.client.send_data(stream_id, chunk)
            await peer.turn()
        assert read == [b"one", b"two"]
        peer.client.send_headers(stream_id, [("sum", "7")], end_stream=True)
        peer.exchange()
        assert peer.protocol.streams[stream_id].trailers == [("sum", "7")]
        assert await peer.ended(stream_id) == (200, b"6")
        peer.lose()

    run(check())


def test_an_upload_of_many_windows_arrives() -> None:
    """Pitfall 4: received octets were never acknowledged."""
    body = BODY * 16  # four times the credit of the connection

    async def answer(request: Any) -> Any:
        received = await request.input.read_async()
        assert received == body
        return response(b"thanks")

    async def check() -> None:
        peer = Peer(App(answer))
        assert await peer.ended(peer.request(POST, body)) == (200, b"thanks")
        peer.lose()

    run(check())


def test_a_client_gets_no_more_credit_than_the_application_takes() -> None:
    async def check() -> None:
        app = Waiting()
        peer = Peer(app)
        stream_id = peer.request(POST, BODY * 4)
        await peer.turn(10)
        state = peer.protocol.streams[stream_id]
        window = peer.protocol.conn.config.initial_window_size
        assert sum(map(len, state.body._queue)) == window  # type: ignore[attr-defined]
        assert len(state.read(100_000)) == 100_000
        await peer.turn(10)
        assert len(state.read()) > window - 100_000
        peer.lose()

    run(check())


def test_data_for_a_stream_that_is_not_known_reset_it() -> None:
    async def check() -> None:
        app = Waiting()
        peer = Peer(app)
        first = peer.request(POST, b"x", end_stream=False)
        second = peer.request(POST, b"x", end_stream=False)
        for stream_id in (first, second):
            del peer.protocol.streams[stream_id]
        peer.client.send_data(first, b"y")
        peer.exchange()
        await peer.turn()
        peer.protocol.stream_complete(StreamEnded(second))
        await peer.turn()
        assert peer.resets() == [(first, PROTOCOL_ERROR), (second, PROTOCOL_ERROR)]
        # of a stream that never was nothing can be said
        peer.protocol.receive_data(DataReceived(99, b"x", 1, False))
        peer.protocol.stream_complete(StreamEnded(99))
        await peer.turn()
        assert peer.goaways() == []
        peer.lose()

    run(check())


def test_octets_for_streams_that_are_not_known_are_credited() -> None:
    async def answer(request: Any) -> Any:
        return response(b"%d" % len(await request.input.read_async()))

    async def check() -> None:
        peer = Peer(App(answer))
        window = peer.protocol.conn.config.connection_window_size
        for _ in range(2 * window // 60_000):
            stream_id = peer.request(POST, None, end_stream=False)
            del peer.protocol.streams[stream_id]
            peer.client.send_data(stream_id, bytes(60_000))
            peer.exchange()
        assert await peer.ended(peer.request(POST, BODY)) == (200, b"%d" % len(BODY))
        peer.lose()

    run(check())


# --- failures -------------------------------------------------------------------------------------


async def raising(request: Any) -> Any:
    raise ValueError("the application has failed")


async def cancelled(request: Any) -> Any:
    raise asyncio.CancelledError


async def nothing(request: Any) -> Any:
    return None


async def never_started(request: Any) -> Any:
    return lambda environ, start_response: [b"x"]


async def no_status(request: Any) -> Any:
    return response(b"x", status="OK")


async def interim(request: Any) -> Any:
    return response(b"x", status="100 Continue")


async def no_octets(request: Any) -> Any:
    return response("text")  # type: ignore[arg-type]


async def bad_field(request: Any) -> Any:
    return response(b"x", headers=[("a b", "c")])


async def fails_at_once(request: Any) -> Any:
    return Pulled(fails_at=1)


async def fails_before_the_head(request: Any) -> Any:
    return Pulled(fails_at=2)


@pytest.mark.parametrize(
    "answer",
    [
        raising,
        cancelled,
        nothing,
        never_started,
        no_status,
        interim,
        no_octets,
        bad_field,
        fails_at_once,
        fails_before_the_head,
    ],
)
def test_a_failing_application_gets_500_and_others_do_not_notice(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Pitfall 3: no response, no reset."""

    async def check() -> None:
        async def choose(request: Any) -> Any:
            return await (answer(request) if "/bad" in request.environ["PATH_INFO"] else good)

        async def fine() -> Any:
            return response(b"fine")

        good = asyncio.ensure_future(fine())
        peer = Peer(App(choose))
        bad = [(":path", "/bad") if n == ":path" else (n, v) for n, v in GET]
        broken, other = peer.request(bad), peer.request()
        assert (await peer.ended(broken))[0] == 500
        assert await peer.ended(other) == (200, b"fine")
        assert peer.goaways() == []
        assert not peer.protocol.streams
        peer.lose()

    with caplog.at_level(logging.ERROR, "Kyoukai.HTTP2"):
        run(check())
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    assert caplog.records[0].exc_info is not None


def test_a_failure_behind_the_head_resets_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        body = Pulled(b"some", fails_at=5)
        peer = Peer(application_of(body))
        stream_id = peer.request()
        await peer.until(peer.resets)
        assert peer.resets() == [(stream_id, INTERNAL_ERROR)]
        assert body.closed == 1
        assert not peer.protocol.stream_tasks
        peer.lose()

    run(check())
    assert "the generator has failed" in caplog.text


def test_a_sender_that_fails_resets_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(App):
        async def answer(self, request: Any) -> Any:
            peer.protocol.sending_loop = fail  # type: ignore[method-assign]
            return Pulled()

    async def fail(stream_id: int) -> None:
        raise ValueError("the sender has failed")

    async def check() -> None:
        nonlocal peer
        peer = Peer(Broken())
        stream_id = peer.request()
        await peer.until(peer.resets)
        assert peer.resets() == [(stream_id, INTERNAL_ERROR)]
        peer.lose()

    peer: Any = None
    run(check())
    assert "the sender has failed" in caplog.text


def test_a_reset_cancels_the_application() -> None:
    """Pitfall 5: nothing was cancelled, and nothing ever removed."""

    async def check() -> None:
        app = Waiting()
        peer = Peer(app)
        stream_id, other = peer.request(), peer.request()
        await peer.turn()
        assert app.begun == 2
        peer.client.reset_stream(stream_id, CANCEL)
        await peer.turn()
        assert app.cancelled == 1
        assert list(peer.protocol.streams) == [other]
        peer.lose()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert app.cancelled == 2
        assert not peer.protocol.streams
        assert len(asyncio.all_tasks()) == 1

    run(check())


def test_a_lost_connection_cancels_senders_and_tells_who_reads() -> None:
    async def check() -> None:
        told: list[type] = []

        async def answer(request: Any) -> Any:
            reader = asyncio.ensure_future(request.input.read_async())
            reader.add_done_callback(lambda done: told.append(type(done.exception())))
            return Pulled()

        peer = Peer(App(answer))
        peer.takes = False
        stream_id = peer.request(POST, None, end_stream=False)
        await peer.turn(10)
        assert list(peer.protocol.stream_tasks) == [stream_id]
        peer.lose(ConnectionResetError("gone"))
        for _ in range(4):
            await asyncio.sleep(0)
        assert told == [ConnectionResetError]
        assert not peer.protocol.stream_tasks
        assert len(asyncio.all_tasks()) == 1

    run(check())


def test_a_request_that_is_taken_back_at_once_starts_nothing() -> None:
    async def check() -> None:
        app = Waiting()
        peer = Peer(app)
        peer.client.send_request(GET)
        peer.client.reset_stream(1)
        await peer.turn()
        assert app.begun == 0
        peer.lose()

    run(check())


def test_a_request_without_an_authority_does_not_break_the_connection() -> None:
    """Pitfall 9."""

    async def check() -> None:
        seen: list[str] = []

        async def answer(request: Any) -> Any:
            seen.append(request.environ["SERVER_NAME"])
            return response(b"x")

        peer = Peer(App(answer))
        assert await peer.ended(peer.request(GET[:-1])) == (200, b"x")
        assert seen == ["kyoukai.example"]
        peer.lose()

    run(check())


# --- the connection -------------------------------------------------------------------------------


@pytest.mark.parametrize("alpn", [None, "http/1.1", "spdy/3.1"])
def test_over_tls_nothing_but_h2_is_spoken(alpn: str | None) -> None:
    async def check() -> None:
        peer = Peer(tls=TLS(alpn))
        (goaway,) = peer.frames()
        assert (goaway.type, goaway.payload[4:8]) == (GOAWAY, bytes([0, 0, 0, PROTOCOL_ERROR]))
        assert peer.wire.closed
        peer.lose()

    run(check())


def test_a_cipher_that_http2_prohibits_is_refused() -> None:
    async def check() -> None:
        peer = Peer(tls=TLS(cipher="AES128-SHA"))
        assert peer.goaways() == [ErrorCode.INADEQUATE_SECURITY]
        peer.lose()

    run(check())


def test_without_tls_there_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        peer = Peer(tls=None)
        assert await peer.ended(peer.request()) == (200, b"hello")
        peer.lose()

    run(check())
    assert "HTTP/2 connection established over a non-TLS stream!" in caplog.text


def test_an_address_that_is_not_known(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        peer = Peer(address="")
        assert (peer.protocol.ip, peer.protocol.client_port) == (None, None)
        assert await peer.ended(peer.request()) == (200, b"hello")
        peer.lose()

    run(check())
    assert "address" in caplog.text


def test_a_fault_of_the_client_is_answered_with_one_goaway() -> None:
    async def check() -> None:
        app = Waiting()
        peer = Peer(app)
        peer.request()
        await peer.turn()
        peer.raw(bytes(ping(b"short")))
        peer.exchange()
        peer.protocol.data_received(b"more that nobody reads")
        await peer.turn()
        assert sum(frame.type == GOAWAY for frame in peer.frames()) == 1
        assert peer.wire.closed
        peer.lose()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert app.cancelled == 1

    run(check())


def test_close_says_goaway_once_with_its_code() -> None:
    async def check() -> None:
        peer = Peer()
        peer.protocol.close(INTERNAL_ERROR)
        peer.protocol.close()
        peer.exchange()
        assert peer.goaways() == [INTERNAL_ERROR]
        assert peer.wire.closed
        peer.lose()

    run(check())


def test_a_graceful_end_lets_requests_finish() -> None:
    async def check() -> None:
        go = asyncio.Event()

        async def answer(request: Any) -> Any:
            await go.wait()
            return response(b"last")

        peer = Peer(App(answer))
        stream_id = peer.request()
        peer.protocol.begin_shutdown()
        await peer.turn()
        assert not peer.wire.closed
        go.set()
        assert await peer.ended(stream_id) == (200, b"last")
        assert peer.wire.closed
        peer.lose()

    run(check())


def test_what_the_transport_calls_and_needs_no_answer() -> None:
    async def check() -> None:
        peer = Peer()
        assert peer.protocol.eof_received() is False
        peer.protocol.window_opened(WindowUpdated(0, 1))
        peer.protocol.raw_write(b"raw")
        assert bytes(peer.wire.written) == b"raw"
        peer.lose()
        peer.protocol.raw_write(b"lost")
        peer.protocol.data_received(b"lost")

    run(check())


def test_a_transport_that_breaks_while_writing_does_not_matter() -> None:
    async def check() -> None:
        peer = Peer()

        def broken(data: Any) -> None:
            raise OSError("broken pipe")

        peer.wire.write = broken  # type: ignore[method-assign]
        peer.protocol.raw_write(b"x")
        peer.lose()

    run(check())


def test_sending_loop_takes_chunks_as_they_come() -> None:
    async def check() -> None:
        peer = Peer(Waiting())
        stream_id = peer.request()
        protocol = peer.protocol
        protocol.conn.send_headers(stream_id, [(":status", "200")])
        queue = protocol.stream_data[stream_id] = asyncio.Queue()
        sender = asyncio.ensure_future(protocol.sending_loop(stream_id))
        await peer.turn()
        assert any(isinstance(event, ResponseReceived) for event in peer.events)
        for chunk in (b"one", b"", b"two"):
            queue.put_nowait(chunk)
            await peer.turn()
        assert peer.body(stream_id) == b"onetwo"
        assert not sender.done()
        queue.put_nowait(REQUEST_FINISHED)
        assert await peer.ended(stream_id) == (200, b"onetwo")
        assert await sender is None
        peer.lose()

    run(check())


def test_limits_of_time(tls_files: TLSFiles) -> None:
    async def check() -> None:
        peer = Peer()
        limits = peer.protocol.time_limits
        now = peer.protocol.loop.time()
        peer.protocol.look(limits, now + 1)
        assert not peer.goaways()
        peer.component.close_timeout = 1.0
        peer.protocol.look(limits, now + 200)  # idle
        peer.exchange()
        assert peer.goaways()[-1] == 0
        assert peer.wire.closed
        peer.lose()

    run(check())


def test_signals_of_the_component_are_dispatched(tls_files: TLSFiles) -> None:
    async def check() -> None:
        component = H2KyoukaiComponent(App(), str(tls_files.key), str(tls_files.cert))
        seen: list[Any] = []
        component.connection_made.connect(seen.append)
        component.connection_lost.connect(seen.append)
        peer = Peer(component=component)
        await peer.turn()
        problem = OSError("gone")
        peer.lose(problem)
        await asyncio.sleep(0.01)
        assert [type(event) for event in seen] == [ConnectionMadeEvent, ConnectionLostEvent]
        assert all(event.protocol is peer.protocol for event in seen)
        assert [event.source for event in seen] == [component, component]
        assert seen[1].exc is problem

    run(check())


def test_a_component_without_signals_will_do() -> None:
    assert not hasattr(PlainComponent(App()), "connection_made")
