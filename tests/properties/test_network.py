"""Two engines through any network end with every message whole and every window balanced."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from plait.http2 import Config, SettingCode
from tests.http2.script import Clock

from .endpoint import WAYS, Message
from .network import CLIENT, SERVER, Network, request
from .profiles import long, ordinary, slow

SIZES = st.one_of(st.integers(0, 50), st.integers(0, 40_000), st.sampled_from([16_384, 65_535]))
FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"x-a", b"x-b", b"cookie", b"accept"]),
        st.sampled_from([b"", b"1", b"value", b"v" * 60]),
    ),
    max_size=3,
)
MESSAGES = st.builds(
    Message,
    size=SIZES,
    way=st.sampled_from(WAYS),
    piece=st.sampled_from([50, 1000, 20_000]),
    trailers=st.sampled_from([[], [], [(b"x-sum", b"1")]]),
    interim=st.integers(0, 1),
    extra=FIELDS,
)
REQUESTS = MESSAGES.map(lambda message: Message(**{**vars(message), "interim": 0}))
SIDES = st.sampled_from([CLIENT, SERVER])
AMOUNTS = st.one_of(st.integers(1, 60), st.integers(1, 40_000), st.just(1 << 20))
WINDOWS = st.one_of(st.integers(0, 100), st.integers(0, 70_000), st.just(300_000))
CONFIGS = st.builds(
    lambda window, more, frame, table, early: Config(
        clock=Clock(),
        initial_window_size=window,
        connection_window_size=65_535 + more,
        max_frame_size=16_384 + frame,
        header_table_size=table,
        max_concurrent_streams=None,
        reset_unread_request=early,
    ),
    st.one_of(st.integers(1, 100), st.integers(1, 70_000), st.just(262_144)),
    st.sampled_from([0, 1, 50_000]),
    st.sampled_from([0, 1, 5000]),
    st.sampled_from([4096, 0, 100]),
    st.booleans(),
)


class Conversations(RuleBasedStateMachine):
    """Anything that two applications and the wire between them may do, in any order."""

    @initialize(client=CONFIGS, server=CONFIGS)
    def begins(self, client: Config, server: Config) -> None:
        self.net = Network(client, server)
        self.client, self.server = self.net.ends
        self.said = Message(5)

    def alive(self) -> bool:
        return not self.net.lost

    # --- the applications -----------------------------------------------------------------------

    @precondition(alive)
    @rule(message=REQUESTS, path=st.sampled_from([b"/", b"/a", b"/" + b"p" * 40]))
    def asks(self, message: Message, path: bytes) -> None:
        if self.client.connection.can_open_stream:
            self.client.asks(request(b"POST", path), message)

    @precondition(alive)
    @rule(message=MESSAGES, at=st.integers(0, 9))
    def answers(self, message: Message, at: int) -> None:
        waiting = self.server.unanswered
        if waiting:
            self.server.answers(waiting[at % len(waiting)], message)

    @precondition(alive)
    @rule(at=st.integers(0, 9))
    def promises(self, at: int) -> None:
        parents = [stream for stream in self.server.unanswered if stream & 1]
        if parents and self.server.connection.push_enabled:
            self.server.promises(parents[at % len(parents)], request(b"GET", b"/pushed"))

    @precondition(alive)
    @rule(side=SIDES)
    def says_more(self, side: int) -> None:
        self.net.ends[side].says_more()
        self.net.ends[side].resumes()

    @precondition(alive)
    @rule(side=SIDES, octets=AMOUNTS)
    def consumes(self, side: int, octets: int) -> None:
        self.net.ends[side].consumes(octets)

    @precondition(alive)
    @rule(side=SIDES, at=st.integers(0, 9), code=st.sampled_from([0, 5, 7, 8]))
    def resets(self, side: int, at: int, code: int) -> None:
        end = self.net.ends[side]
        living = end.living()
        if living:
            end.resets(living[at % len(living)], code)

    @precondition(alive)
    @rule(side=SIDES, at=st.integers(0, 9), urgency=st.integers(0, 7), turns=st.booleans())
    def prioritises(self, side: int, at: int, urgency: int, turns: bool) -> None:
        end = self.net.ends[side]
        living = [stream for stream in end.living() if stream & 1]
        if living:
            end.connection.prioritize(living[at % len(living)], urgency, turns)

    @precondition(alive)
    @rule(side=SIDES)
    def pings(self, side: int) -> None:
        self.net.ends[side].pings += 1
        self.net.ends[side].connection.ping(b"how far?")

    # --- window games ---------------------------------------------------------------------------

    @precondition(alive)
    @rule(side=SIDES, window=WINDOWS, frame=st.sampled_from([16_384, 20_000]))
    def announces(self, side: int, window: int, frame: int) -> None:
        self.net.ends[side].connection.update_settings(
            {SettingCode.INITIAL_WINDOW_SIZE: window, SettingCode.MAX_FRAME_SIZE: frame}
        )

    @precondition(alive)
    @rule(side=SIDES, table=st.sampled_from([0, 50, 4096, 10_000]))
    def resizes_the_table(self, side: int, table: int) -> None:
        self.net.ends[side].connection.update_settings({SettingCode.HEADER_TABLE_SIZE: table})

    @precondition(alive)
    @rule(side=SIDES, at=st.integers(0, 9), octets=st.integers(1, 50_000))
    def gives_more(self, side: int, at: int, octets: int) -> None:
        end = self.net.ends[side]
        streams = [0, *(stream for stream in end.living() if stream in end.heard)]
        stream = streams[at % len(streams)]
        heard = end.heard.get(stream)
        if heard is None or not heard.complete:
            end.connection.increment_flow_control_window(octets, stream)

    # --- the wire -------------------------------------------------------------------------------

    @precondition(alive)
    @rule(side=SIDES, limit=AMOUNTS)
    def pulls(self, side: int, limit: int) -> None:
        self.net.pull(side, limit)

    @precondition(alive)
    @rule(side=SIDES, count=AMOUNTS)
    def delivers(self, side: int, count: int) -> None:
        self.net.deliver(side, count)

    @precondition(alive)
    @rule(limit=AMOUNTS, count=AMOUNTS)
    def passes_time(self, limit: int, count: int) -> None:
        for side in (CLIENT, SERVER):
            self.net.pull(side, limit)
            self.net.deliver(side, count)
            self.net.ends[side].consumes(count)

    @precondition(alive)
    @rule()
    def settles(self) -> None:
        self.net.settle()

    @precondition(alive)
    @rule(dice=st.integers(0, 30))
    def breaks(self, dice: int) -> None:
        if dice == 30:
            self.net.lose()

    @precondition(lambda self: not self.alive())
    @rule()
    def rests(self) -> None:
        """Nothing moves on a broken connection."""

    @precondition(alive)
    @rule(side=SIDES, dice=st.integers(0, 5))
    def says_goodbye(self, side: int, dice: int) -> None:
        if dice == 5:
            self.net.ends[side].connection.begin_shutdown()
        elif dice == 4:
            self.net.ends[side].connection.send_goaway()

    def teardown(self) -> None:
        if not hasattr(self, "net"):
            return
        if not self.net.lost:
            for end in self.net.ends:
                end.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: 70_000})
        self.net.finish(self.said)
        self.net.check()


def test_every_message_is_whole_and_every_window_balanced() -> None:
    run_state_machine_as_test(Conversations, settings=ordinary(60, stateful_step_count=50))


@slow
def test_every_message_is_whole_and_every_window_balanced_at_length() -> None:
    run_state_machine_as_test(Conversations, settings=long(400, stateful_step_count=60))
