"""Budgets by themselves, and the configuration that carries them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from plait.http2 import Config, Limits, Role
from plait.http2.errors import ConnectionFault, ErrorCode
from plait.http2.limits import Budgets, TokenBucket

from . import frames as f
from .script import Clock


def taken(bucket: TokenBucket, most: int) -> int:
    return next((n for n in range(most) if not bucket.take()), most)


def test_a_burst_is_given_at_once_and_no_more():
    assert taken(TokenBucket(5, 1.0, Clock()), 100) == 5


def test_an_empty_bucket_is_refilled_at_its_rate():
    clock = Clock()
    bucket = TokenBucket(5, 2.0, clock)
    assert taken(bucket, 100) == 5
    clock.now += 0.4
    assert taken(bucket, 100) == 0
    clock.now += 0.2
    assert taken(bucket, 100) == 1
    clock.now += 2.0
    assert taken(bucket, 100) == 4


def test_many_short_waits_are_worth_as_much_as_a_long_one():
    clock = Clock()
    bucket = TokenBucket(5, 1.0, clock)
    taken(bucket, 100)
    got = 0
    for _ in range(100):
        clock.now += 0.125
        got += taken(bucket, 100)
    assert 11 <= got <= 13


def test_a_bucket_never_holds_more_than_its_burst():
    clock = Clock()
    bucket = TokenBucket(5, 1.0, clock)
    taken(bucket, 100)
    clock.now += 1_000_000
    assert taken(bucket, 100) == 5


def test_a_bucket_without_a_rate_is_never_refilled():
    clock = Clock()
    bucket = TokenBucket(2, 0.0, clock)
    taken(bucket, 100)
    clock.now += 1_000_000
    assert taken(bucket, 100) == 0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    clock = Clock()
    bucket = TokenBucket(2, 10.0, clock)
    taken(bucket, 100)
    clock.now -= 100
    assert taken(bucket, 100) == 0


def test_work_pays_for_tokens():
    bucket = TokenBucket(2, 0.0, Clock())
    taken(bucket, 100)
    assert [bucket.take(3) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(4)


def test_ten_bursts_of_work_are_kept():
    bucket = TokenBucket(2, 0.0, Clock())
    taken(bucket, 100)
    assert [bucket.take(1000) for _ in range(30)] == [True] * 22 + [False] * 8


def test_an_exhausted_budget_is_a_fault_of_the_connection():
    budgets = Budgets(Limits(reset_burst=1), Clock())
    budgets.spend("reset.flood")
    with pytest.raises(ConnectionFault) as caught:
        budgets.spend("reset.flood")
    assert caught.value.code == ErrorCode.ENHANCE_YOUR_CALM
    assert caught.value.slug == "reset.flood"
    # The others are untouched.
    budgets.spend("reset.provoked")


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_no_limit_is_negative(name):
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})
    Limits(**{name: 0})


# ------------------------------------------------------------------------------------------------
# Config.

RANGES = [
    ("header_table_size", 0, 2**32 - 1),
    ("encoder_table_size", 0, 2**32 - 1),
    ("initial_window_size", 0, 2**31 - 1),
    ("connection_window_size", 65_535, 2**31 - 1),
    ("max_frame_size", 2**14, 2**24 - 1),
    ("max_header_list_size", 1, 2**32 - 1),
    ("max_concurrent_streams", 0, 2**32 - 1),
]


@pytest.mark.parametrize(("name", "low", "high"), RANGES, ids=[row[0] for row in RANGES])
def test_every_value_has_its_range(name, low, high):
    for value in (low, high):
        assert getattr(Config(**{name: value}), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=name):
            Config(**{name: value})


def test_a_configuration_is_never_changed_but_derived():
    config = Config(max_frame_size=20_000)
    derived = config.with_(initial_window_size=5)
    assert (derived.max_frame_size, derived.initial_window_size) == (20_000, 5)
    assert config.initial_window_size != 5
    with pytest.raises(ValueError, match="max_frame_size"):
        config.with_(max_frame_size=1)
    with pytest.raises(FrozenInstanceError):
        config.max_frame_size = 30_000
    with pytest.raises(TypeError):
        config.with_(no_such_setting=1)


def test_a_window_announced_by_default_may_be_announced_anyway():
    # The removed bindings wrote MAX_CONCURRENT_STREAMS and INITIAL_WINDOW_SIZE, in this order.
    config = Config(
        initial_window_size=65_535,
        announce_defaults=True,
        announce_header_list_size=False,
        enable_connect_protocol=False,
        no_rfc7540_priorities=False,
    )
    assert list(config.first_settings(Role.SERVER).items()) == [
        (f.MAX_CONCURRENT_STREAMS, 100),
        (f.INITIAL_WINDOW_SIZE, 65_535),
    ]
