"""Two sessions whose programs do anything at any time, over a slow line that bends octets."""

from __future__ import annotations

import random
from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import CALLBACKS

SIDES = (spdylay.CLIENT, spdylay.SERVER)
NAMES = [*["a", "b", ":path", "status", "X-Up"] * 4, "ü", ""]
VALUES = [*["", "1", "x" * 300, "a\0b", "ü"] * 4, "\0"]


class CallbackError(Exception):
    pass


# What may come out of a call: what the program itself caused.
EXPECTED = (
    CallbackError,
    spdylay.InvalidArgumentError,
    spdylay.StreamClosedError,
)


class Chaos:
    """One run, given by its seed.

    :ivar closed: the streams that have been told to be closed, by side.
    :ivar calm: no GOAWAY, no bent octets: then `want_write` is exact.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        version = self.random.choice([2, 3, 4])
        self.calm = self.random.random() < 0.5
        self.line = {side: bytearray() for side in SIDES}
        self.closed: dict[int, set[int]] = {side: set() for side in SIDES}
        self.sessions = {
            side: spdylay.Session(
                side,
                version,
                send_cb=self.write,
                user_data=side,
                **{name: self.callback(name) for name in CALLBACKS},
            )
            for side in SIDES
        }

    # ----------------------------------------------------------------------------- callbacks

    def write(self, session: Any, data: bytes) -> int | None:
        some = (len(data), len(data), len(data) // 2, 1, 0, None)
        taken = self.random.choice(some)
        self.line[session.user_data] += data[: taken or 0]
        return taken

    def read(self, session: Any, stream_id: int, length: int, control: Any, source: Any) -> Any:
        self.check_open(session, stream_id)
        chance = self.random.random()
        if chance < 0.1:
            return spdylay.ERR_DEFERRED
        if chance < 0.13:
            raise self.random.choice([spdylay.TemporalCallbackFailureError, CallbackError])
        if chance < 0.4:
            control.flags = spdylay.READ_EOF
        return bytes(self.random.randrange(length + 1))

    def callback(self, name: str) -> Any:
        def called(session: Any, *arguments: Any) -> None:
            # a frame that is being sent while its stream ends is sent to its end: on_data_send_cb
            if name in ("on_data_chunk_recv_cb", "on_data_recv_cb"):
                self.check_open(session, arguments[1])
            elif name == "on_request_recv_cb":
                self.check_open(session, arguments[0])
            elif name == "on_stream_close_cb":
                self.check_open(session, arguments[0])
                self.closed[session.user_data].add(arguments[0])
            if self.random.random() < 0.05:
                self.act(session)
            if self.random.random() < 0.01:
                raise CallbackError(name)

        return called

    def check_open(self, session: Any, stream_id: int) -> None:
        assert stream_id not in self.closed[session.user_data], "a stream after its end"

    # ------------------------------------------------------------------------------- programs

    def act(self, session: Any) -> None:
        choose, number = self.random.choice, self.random.randrange(12)
        nv = [(choose(NAMES), choose(VALUES)) for _ in range(self.random.randrange(4))]
        flags, pri = self.random.randrange(4), self.random.randrange(8)
        data = spdylay.DataProvider(None, self.read)
        setting = (choose([4, 7]), 0, choose([0, 100, 1000, 70_000]))
        calls: list[tuple[Any, ...]] = [
            (session.submit_request, pri, nv, data, "user data"),
            (session.submit_request, pri, nv, None, "user data"),
            (session.submit_response, number, nv, choose([None, data])),
            (session.submit_syn_stream, flags, pri, nv, number, "user data"),
            (session.submit_syn_reply, flags, number, nv),
            (session.submit_headers, flags, number, nv),
            (session.submit_data, number, flags, data),
            (session.submit_rst_stream, number, choose([1, 5])),
            (session.submit_ping,),
            (session.submit_settings, 0, [setting]),
            (session.submit_window_update, number, choose([1, 70_000])),
            *[(session.resume_data, each) for each in range(8)],
            (session.send,),
        ]
        if not self.calm:
            calls += [(session.submit_goaway, 0), (session.fail_session, 1)]
        call, *arguments = choose(calls)
        self.attempt(call, *arguments)

    def attempt(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except EXPECTED:
            pass
        except UnicodeDecodeError:
            assert not self.calm

    def step(self) -> None:
        """One side does something and sends; the other gets it in two pieces."""
        side = self.random.choice(SIDES)
        session, other = self.sessions[side], self.sessions[3 - side]
        for _ in range(self.random.randrange(4)):
            self.act(session)
        wanted = session.want_write()
        before = len(self.line[side])
        self.attempt(session.send)
        if self.calm and not wanted:
            assert len(self.line[side]) == before
        octets = bytes(self.line[side])
        self.line[side].clear()
        if octets and not self.calm and self.random.random() < 0.02:
            at = self.random.randrange(len(octets))
            octets = octets[:at] + bytes([octets[at] ^ 1 << at % 8]) + octets[at + 1 :]
        cut = self.random.randrange(len(octets) + 1)
        self.attempt(other.recv, octets[:cut])
        self.attempt(other.recv, octets[cut:])

    def run(self) -> None:
        for _ in range(300):
            self.step()
        for side, session in self.sessions.items():
            assert session.get_outbound_queue_size() >= 0
            for stream_id in self.closed[side]:
                assert session.get_stream_user_data(stream_id) is None


def test_a_few_runs() -> None:
    for seed in range(8):
        Chaos(seed).run()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_runs(part: int) -> None:
    for seed in range(part * 100, part * 100 + 100):
        Chaos(seed).run()
