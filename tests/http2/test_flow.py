"""Windows by themselves (RFC 9113 §5.2, §6.9)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plait.http2.flow import ReceiveWindow, overflows

MAX_WINDOW = 2**31 - 1


def test_what_arrives_uses_up_the_window():
    window = ReceiveWindow(100)
    assert window.receive(60)
    assert window.available == 40
    assert window.receive(40)
    assert not window.receive(1)


def test_credit_is_announced_once_it_is_worth_a_frame():
    window = ReceiveWindow(100)
    window.receive(100)
    assert window.consume(10) == 0
    assert window.consume(39) == 0
    assert window.consume(1) == 50
    assert window.available == 50
    assert window.consume(50) == 50
    assert window.available == 100


def test_a_window_of_one_octet_is_announced_at_once():
    window = ReceiveWindow(1)
    assert window.receive(1)
    assert window.consume(1) == 1


def test_a_window_may_be_nothing():
    window = ReceiveWindow(0)
    assert window.receive(0)
    assert window.consume(0) == 0
    assert not window.receive(1)


def test_what_is_left_goes_round_while_the_application_holds_the_rest():
    # 70,000 of 100,000 are held: what is left never reaches half of the window.
    window = ReceiveWindow(100_000)
    window.receive(70_000)
    assert window.receive(10_000)
    assert window.consume(10_000) == 0
    assert window.receive(10_000)
    assert window.consume(10_000) == 20_000
    assert window.available == 30_000


def test_what_waits_is_announced_when_others_use_up_what_is_left():
    window = ReceiveWindow(100_000)
    window.receive(40_000)
    assert window.consume(40_000) == 0
    window.receive(20_000)
    assert window.consume(0) == 40_000
    assert window.consume(0) == 0


def test_single_octets_are_not_worth_a_frame_each():
    window = ReceiveWindow(100_000)
    window.receive(100_000)
    announced = [credit for credit in (window.consume(1) for _ in range(100_000)) if credit]
    assert sum(announced) + window.pending == 100_000
    assert len(announced) < 10


def test_the_largest_window_does_not_wrap():
    window = ReceiveWindow(MAX_WINDOW)
    assert window.receive(MAX_WINDOW)
    assert window.consume(MAX_WINDOW) == MAX_WINDOW
    assert window.available == MAX_WINDOW


def test_a_smaller_window_can_be_negative():
    window = ReceiveWindow(100)
    window.receive(80)
    window.resize(-50)
    assert (window.size, window.available) == (50, -30)
    assert window.receive(0), "nothing needs no credit (RFC 9113 §6.9.1)"
    assert not window.receive(1)
    assert window.consume(81) == 81
    assert window.available == 50


def test_an_overflow_is_seen_before_it_happens():
    assert not overflows(0, MAX_WINDOW)
    assert not overflows(MAX_WINDOW - 1, 1)
    assert overflows(MAX_WINDOW, 1)
    assert overflows(1, MAX_WINDOW)
    assert not overflows(-MAX_WINDOW, MAX_WINDOW)


@given(
    size=st.integers(1, MAX_WINDOW),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 70_000)), max_size=60),
)
def test_nothing_leaks_and_nothing_is_given_twice(size, steps):
    window = ReceiveWindow(size)
    held = 0
    for receives, octets in steps:
        if receives:
            octets = min(octets, window.available)
            assert window.receive(octets)
            held += octets
        else:
            octets = min(octets, held)
            assert 0 <= window.consume(octets) <= size
            held -= octets
        assert window.available + window.pending + held == size
        assert 0 <= window.available <= size
        # At least half of what nobody holds can be used, but for what is worth no frame.
        window.consume(0)
        assert window.pending < max(window.available, 4096) or window.pending == 0
