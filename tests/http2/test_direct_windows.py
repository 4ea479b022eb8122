"""Credit given by hand, beside what is acknowledged: it is exact, never lost and never too much."""

from __future__ import annotations

import pytest
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from plait.http2 import (
    ConnectionTerminated,
    FlowControlError,
    Limits,
    NoSuchStreamError,
    RequestReceived,
    SettingCode,
    StreamStateError,
    UsageError,
)
from plait.http2.flow import ReceiveWindow

from . import frames as f
from .frames import GET, OK, POST, data, headers, window_update
from .script import Peer
from .test_direct import HUGE, answering, asked, client, server

MOST = 2**31 - 1


FEW = Limits(control_burst=100, control_rate=0)


def uploading(stream_window: int = 65_535, **changes: object) -> Peer:
    """A server that gets a body on stream 1."""
    peer = server(initial_window_size=stream_window, connection_window_size=65_535, **changes)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.credit.clear()
    return peer


# ------------------------------------------------------------------------------------------------
# What a grant does.


@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("octets", [1, 100, MOST - 65_535])
def test_credit_leaves_at_once_in_one_frame(stream, octets):
    peer = uploading()
    peer.connection.give_credit(octets, stream)
    peer.wire(window_update(stream, octets))
    assert peer.connection.receive_window(stream) == 65_535 + octets
    assert peer.connection.receive_window(1 - stream) == 65_535


@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("octets", [0, -1, -(2**31), -(2**64), MOST - 65_534, MOST, *HUGE])
def test_a_window_never_exceeds_the_largest(stream, octets):
    peer = uploading()
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(octets, stream)
    assert peer.connection.receive_window(stream) == 65_535
    peer.wire()
    peer.connection.give_credit(MOST - 65_535, stream)
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(1, stream)


def test_an_increment_has_31_bits_even_where_the_window_is_negative():
    peer = uploading()
    peer.sends(data(1, bytes(16_000)))
    peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: 0})
    peer.sends(f.settings_ack()).clear()
    assert peer.connection.receive_window(1) == -16_000
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(MOST + 1, 1)
    peer.connection.give_credit(MOST, 1)
    peer.wire(window_update(1, MOST))
    assert peer.connection.receive_window(1) == MOST - 16_000


def test_credit_given_is_not_given_again_when_the_octets_are_acknowledged():
    peer = uploading()
    peer.sends(data(1, bytes(16_000)), data(1, bytes(16_000)), data(1, bytes(16_000)))
    for stream in (0, 1):
        peer.connection.give_credit(40_000, stream)
    peer.wire(window_update(0, 40_000), window_update(1, 40_000))
    peer.connection.acknowledge_received_data(48_000, 1)
    for stream in (0, 1):
        # 8000 are owed, and were worth no frame.
        assert peer.connection.receive_window(stream) == 65_535 - 8000
    peer.wire()


def test_credit_beyond_what_came_widens_the_window_for_good():
    peer = uploading()
    peer.sends(data(1, bytes(10_000)))
    peer.connection.give_credit(50_000, 1)
    peer.clear()
    assert peer.connection.receive_window(1) == 65_535 + 40_000
    peer.connection.acknowledge_received_data(10_000, 1)
    assert peer.connection.receive_window(1) == 65_535 + 40_000
    # From now on the window is that large: half of it is worth a frame.
    for _ in range(4):
        peer.sends(data(1, bytes(10_000)))
    peer.connection.acknowledge_received_data(40_000, 1)
    assert window_update(1, 40_000) not in peer.reads()
    peer.connection.give_credit(12_000, 0)
    peer.sends(data(1, bytes(13_000))).clear()
    peer.connection.acknowledge_received_data(13_000, 1)
    assert window_update(1, 53_000) in peer.reads()
    assert peer.connection.receive_window(1) == 65_535 + 40_000


def test_what_waits_to_be_announced_is_not_lost_by_a_grant():
    peer = uploading()
    peer.sends(data(1, bytes(5000)))
    peer.connection.acknowledge_received_data(5000, 1)
    peer.wire()
    peer.connection.give_credit(1000, 1)
    # 5000 are still owed, and 1000 are more than the window had.
    peer.sends(data(1, bytes(16_384)), data(1, bytes(16_384)))
    peer.clear()
    peer.connection.acknowledge_received_data(32_768, 1)
    assert window_update(1, 32_768 + 5000) in peer.reads()
    assert peer.connection.receive_window(1) == 65_535 + 1000


def test_what_waits_to_be_announced_counts_for_the_largest_window():
    peer = uploading(stream_window=MOST)
    peer.sends(data(1, bytes(5000)))
    peer.connection.acknowledge_received_data(5000, 1)
    peer.clear()
    # There would be room now, but not when the 5000 are announced.
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(5000, 1)
    peer.sends(data(1, bytes(5000)))
    peer.connection.give_credit(5000, 1)
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(1, 1)


def test_an_initial_window_on_its_way_counts_too():
    peer = uploading()
    peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: MOST - 10})
    with pytest.raises(FlowControlError):
        peer.connection.give_credit(11, 1)
    peer.connection.give_credit(10, 1)
    peer.sends(f.settings_ack())
    assert peer.connection.receive_window(1) == MOST
    with pytest.raises(UsageError):
        peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: MOST - 9})


@pytest.mark.parametrize("ending", ["reset by us", "reset by the peer", "closed"])
def test_what_was_given_for_a_stream_is_not_given_again_when_it_ends(ending):
    peer = uploading()
    peer.sends(data(1, bytes(16_000)), data(1, bytes(16_000)), data(1, bytes(16_000)))
    peer.connection.give_credit(48_000)
    if ending == "reset by us":
        peer.connection.reset_stream(1)
    elif ending == "reset by the peer":
        peer.sends(f.rst_stream(1))
    else:
        peer.connection.send_headers_frame(1, OK, end_stream=True)
        peer.sends(data(1, b"", end_stream=True))
    peer.pull()
    assert peer.credit[0] == 48_000
    assert peer.connection.receive_window() == 65_535


@pytest.mark.parametrize("stream", [-1, 2, 3, 2**31 - 1, *HUGE])
def test_credit_needs_a_stream(stream):
    peer = uploading()
    with pytest.raises(NoSuchStreamError):
        peer.connection.give_credit(1, stream)
    for question in (peer.connection.send_window, peer.connection.receive_window):
        with pytest.raises(NoSuchStreamError):
            question(stream)
    assert peer.connection.unacknowledged_octets(stream) == 0
    peer.wire()


def test_credit_needs_a_stream_that_may_be_told_of():
    peer = asked()
    # RFC 9113 §5.1: half-closed (remote); of no use to the peer, and allowed.
    peer.connection.give_credit(1, 1)
    peer.connection.promise_stream(1, 2, GET)
    with pytest.raises(StreamStateError):
        peer.connection.give_credit(1, 2)
    peer.wire(window_update(1, 1), f.push_promise(1, 2, GET))
    peer = client()
    peer.connection.send_headers_frame(1, GET)
    peer.clear().sends(f.push_promise(1, 2, GET)).clear()
    peer.connection.give_credit(7, 2)
    peer.wire(window_update(2, 7))
    assert peer.connection.receive_window(2) == peer.connection.receive_window(1) + 7


def test_frames_that_were_given_credit_for_are_in_nobodys_hand():
    # Limits.max_held_frames: what an application keeps is bounded; what it gave back is not kept.
    most = 100
    peer = uploading(limits=Limits(max_held_frames=most))
    for _ in range(3):
        for _ in range(most // 2):
            peer.sends(data(1, b"x"))
        peer.hears()
        peer.connection.give_credit(most // 2, 1)
    peer.clear()
    for _ in range(most):
        peer.sends(data(1, b"x"))
    assert all(type(event).__name__ == "DataReceived" for event in peer.hears())
    peer.sends(data(1, b"x"))
    assert peer.hears()[-1].slug == "data.tiny_flood"


def test_the_windows_for_sending_are_told_apart():
    peer = answering((f.INITIAL_WINDOW_SIZE, 100))
    peer.sends(window_update(0, 10)).clear()
    connection = peer.connection
    connection.send_data_frame(1, bytes(40))
    assert (connection.send_window(1), connection.send_window()) == (60, 65_535 + 10 - 40)
    peer.sends(window_update(1, 5), f.settings((f.INITIAL_WINDOW_SIZE, 0)))
    assert (connection.send_window(1), connection.send_window()) == (-35, 65_535 + 10 - 40)
    peer = client()
    peer.connection.send_headers_frame(1, GET)
    peer.clear().sends(f.push_promise(1, 2, GET)).clear()
    assert peer.connection.send_window(2) == 0


def test_octets_that_wait_for_their_acknowledgement():
    peer = uploading()
    # Padding too is the caller's to give back.
    peer.sends(data(1, b"abc", pad=5), data(1, b"de"))
    assert [event.flow_controlled_length for event in peer.hears()] == [9, 2]
    assert peer.connection.unacknowledged_octets(1) == 11
    peer.connection.acknowledge_received_data(10, 1)
    assert peer.connection.unacknowledged_octets(1) == 1
    with pytest.raises(UsageError):
        peer.connection.acknowledge_received_data(2, 1)
    peer.connection.reset_stream(1)
    assert peer.connection.unacknowledged_octets(1) == 0


def test_padding_comes_back_as_the_caller_gives_it_and_only_once():
    peer = uploading()
    for _ in range(200):
        peer.sends(data(1, b"", pad=255))
    peer.wire()
    for stream in (0, 1):
        assert peer.connection.receive_window(stream) == 65_535 - 200 * 256
        peer.connection.give_credit(100 * 256, stream)
    peer.wire(window_update(0, 25_600), window_update(1, 25_600))
    peer.connection.acknowledge_received_data(200 * 256, 1)
    for stream in (0, 1):
        peer.connection.give_credit(1, stream)
        assert peer.connection.receive_window(stream) <= 65_535 + 1
    peer.lives()


# ------------------------------------------------------------------------------------------------
# Any mix.


class Model:
    """A window as the peer keeps it, and what has been promised to it."""

    def __init__(self, size: int) -> None:
        self.size = size
        """What the peer may send when all is given back; grows with what nobody held."""
        self.available = size
        self.held = 0
        """Octets that came and were neither given back by a grant nor acknowledged."""
        self.owed = 0
        """Octets that were granted already and will be acknowledged."""

    @property
    def pending(self) -> int:
        """Acknowledged and not announced."""
        return self.size - self.available - self.held


class Windows(RuleBasedStateMachine):
    """Receives, acknowledges and grants in any order; compares engine and model."""

    streams = Bundle("streams")

    @initialize(size=st.sampled_from([0, 100, 65_535, MOST]))
    def begin(self, size: int) -> None:
        self.initial = size
        self.peer = server(initial_window_size=size)
        # Until the first WINDOW_UPDATE the connection's window is the protocol's.
        self.peer.credit.clear()
        self.models = {0: Model(self.peer.connection.receive_window())}
        self.unacknowledged: dict[int, int] = {}
        self.next_stream = 1

    @rule(target=streams)
    @precondition(lambda self: self.next_stream < 9)
    def open(self) -> int:
        stream = self.next_stream
        self.next_stream += 2
        self.peer.sends(headers(stream, POST, end_stream=False))
        self.models[stream] = Model(self.initial)
        self.unacknowledged[stream] = 0
        return stream

    @rule(stream=streams, share=st.floats(0, 1), padding=st.sampled_from([None, 0, 200]))
    def receive(self, stream: int, share: float, padding: int | None) -> None:
        models = self.models[0], self.models[stream]
        beside = 0 if padding is None else padding + 1
        room = min(16_384, *(model.available for model in models)) - beside
        size = int(room * share)
        if size < 1:
            return
        self.peer.sends(data(stream, bytes(size), pad=padding))
        for model in models:
            model.available -= size + beside
            model.held += size + beside
        self.unacknowledged[stream] += size + beside
        self.collect()

    @rule(stream=streams, share=st.floats(0, 1))
    def acknowledge(self, stream: int, share: float) -> None:
        octets = int(self.unacknowledged[stream] * share)
        self.peer.connection.acknowledge_received_data(octets, stream)
        self.unacknowledged[stream] -= octets
        for model in (self.models[0], self.models[stream]):
            given = min(octets, model.owed)
            model.owed -= given
            model.held -= octets - given
            assert model.held >= 0
        self.collect()

    @rule(
        stream=st.one_of(st.just(0), streams),
        octets=st.one_of(st.integers(1, 70_000), st.sampled_from([MOST, MOST - 65_535, 2**30])),
    )
    def grant(self, stream: int, octets: int) -> None:
        model = self.models[stream]
        given = min(octets, model.held)
        try:
            self.peer.connection.give_credit(octets, stream)
        except FlowControlError:
            assert model.size + octets - given > MOST
            return
        assert model.size + octets - given <= MOST
        model.size += octets - given
        model.held -= given
        model.owed += given
        self.collect()

    def collect(self) -> None:
        """Let the models have the credit that the engine wrote."""
        self.peer.clear()
        for stream, octets in self.peer.credit.items():
            self.models[stream].available += octets
        self.peer.credit.clear()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "models"):
            return
        connection = self.peer.connection
        assert not connection.closed
        for stream, model in self.models.items():
            assert connection.receive_window(stream) == model.available
            # Nothing leaks, and nothing is given twice: what is not announced is pending.
            assert model.pending >= 0
            assert model.available + model.pending + model.held == model.size <= MOST
            # The peer never has more than was promised to it, and can always go on some time.
            assert model.available <= model.size
            if not model.held and model.size:
                assert model.available > 0
        for stream, octets in self.unacknowledged.items():
            assert connection.unacknowledged_octets(stream) == octets


Windows.TestCase.settings = examples(max_examples=15, stateful_step_count=25, deadline=None)
TestAnyMixOfGrantsAndAcknowledgements = Windows.TestCase


@pytest.mark.slow
def test_any_mix_of_grants_and_acknowledgements_at_length():
    often = examples(max_examples=200, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(Windows, settings=often)


def test_a_receive_window_counts_what_it_holds():
    window = ReceiveWindow(1000)
    window.receive(600)
    assert window.grant(250) == 250
    assert (window.size, window.available) == (1000, 650)
    assert window.grant(500) == 350
    assert (window.size, window.available) == (1150, 1150)
    # All 600 were given: nothing is left to announce.
    assert [window.consume(octets) for octets in (100, 500, 0)] == [0, 0, 0]
    assert (window.size, window.available, window.pending) == (1150, 1150, 0)


# ------------------------------------------------------------------------------------------------
# Peers that are stingy, or read nothing.


def test_an_answer_drawn_octet_by_octet_ends_the_connection():
    # CVE-2019-9511. The program sends what the window holds, as programs do.
    peer = answering((f.INITIAL_WINDOW_SIZE, 0), limits=FEW)
    for _ in range(200):
        peer.sends(window_update(1, 1))
        if not peer.connection.closed:
            peer.connection.send_data_frame(1, b"x")
            peer.pull()
    assert peer.hears()[-1].slug == "control.flood"


def test_small_answers_pay_for_the_credit_that_they_use():
    # One octet each, but not because of the window: an honest client may acknowledge each.
    peer = answering(limits=FEW)
    for _ in range(1000):
        peer.connection.send_data_frame(1, b"x")
        peer.sends(window_update(1, 1), window_update(0, 1)).clear()
    peer.lives()


def test_answers_that_nobody_reads_are_bounded():
    # A Connection would hold them back, with their streams; here they are the peer's fault.
    peer = server(limits=Limits(max_unsent_octets=4096))
    for stream in range(1, 4000, 2):
        for event in peer.sends(headers(stream, GET)).hears():
            if isinstance(event, RequestReceived):
                peer.connection.send_headers_frame(stream, OK, end_stream=True)
            elif isinstance(event, ConnectionTerminated):
                assert event.slug == "output.unread"
        assert peer.connection.unsent_octets < 2 * 4096 + 200
    assert peer.connection.closed


def test_heads_that_wait_a_little_are_no_fault_of_the_peers():
    # Many answers in one go, before anything is written; then the next requests.
    peer = server((f.INITIAL_WINDOW_SIZE, 2**20)).sends(window_update(0, 2**24))
    peer.sends(*(headers(stream, GET) for stream in range(1, 200, 2))).hears()
    for stream in range(1, 200, 2):
        peer.connection.send_headers_frame(stream, [*OK, (b"x-large", b"v" * 600)])
        peer.connection.send_data_frame(stream, bytes(4000), end_stream=True)
    peer.sends(*(headers(stream, GET) for stream in range(201, 300, 2)))
    assert len(peer.hears()) == 150
    peer.lives()
