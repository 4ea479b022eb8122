"""``content-length`` and what really comes (RFC 9113 §8.1.1, RFC 9110 §8.6)."""

from __future__ import annotations

import pytest

from plait.http2 import RequestReceived, ResponseReceived, StreamClosed

from . import frames as f
from .frames import GET, HEAD, OK, POST, Fields, data, headers
from .script import Peer, facing_client, facing_server


def length(value: bytes | int) -> tuple[bytes, bytes]:
    return (b"content-length", value if isinstance(value, bytes) else b"%d" % value)


def delivered(events: list) -> bytes:
    return b"".join(event.data for event in events if hasattr(event, "data"))


@pytest.mark.parametrize(
    "frames",
    [
        [data(1, b"12345", end_stream=True)],
        [data(1, b"123"), data(1, b"45", end_stream=True)],
        [data(1, b"12345"), data(1, b"", end_stream=True)],
        [data(1, b"12345", pad=200), data(1, b"", pad=3, end_stream=True)],
        [data(1, b""), data(1, b"12345"), headers(1, [(b"x-sum", b"1")])],
    ],
    ids=["one frame", "two frames", "empty last frame", "padded", "trailers"],
)
def test_a_body_of_the_announced_length_is_complete(frames):
    peer = facing_server().sends(headers(1, [*POST, length(5)], end_stream=False), *frames)
    events = peer.hears()
    assert delivered(events) == b"12345"
    assert getattr(events[-1], "end_stream", True)
    assert peer.connection.stream_is_open(1)
    peer.lives()


def short_and_long() -> dict[str, tuple[int, list[f.Frame]]]:
    return {
        "one octet less": (5, [data(1, b"1234", end_stream=True)]),
        "less, then an empty end": (5, [data(1, b"1234"), data(1, b"", end_stream=True)]),
        "less, then trailers": (5, [data(1, b"1234"), headers(1, [(b"x", b"v")])]),
        "nothing at all": (5, [data(1, b"", end_stream=True)]),
        "one octet more": (5, [data(1, b"123456", end_stream=True)]),
        "more in a second frame": (5, [data(1, b"12345"), data(1, b"6", end_stream=True)]),
        "more without an end": (5, [data(1, b"123456")]),
        "anything where 0 was said": (0, [data(1, b"1")]),
    }


@pytest.mark.parametrize(("said", "frames"), short_and_long().values(), ids=short_and_long())
def test_a_body_of_another_length_resets_the_request(said, frames):
    peer = facing_server()
    peer.sends(headers(1, [*POST, length(said)], end_stream=False)).hears()
    peer.sends(*frames)
    events = peer.hears()
    assert len(delivered(events)) <= said
    assert not any(getattr(event, "end_stream", False) for event in events)
    assert not any(type(event).__name__ == "TrailersReceived" for event in events)
    peer.events.append(events[-1])
    peer.loses(1, f.PROTOCOL_ERROR)


@pytest.mark.parametrize(("said", "frames"), short_and_long().values(), ids=short_and_long())
def test_a_body_of_another_length_resets_the_response(said, frames):
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, [*OK, length(said)], end_stream=False)).hears()
    peer.sends(*frames)
    events = peer.hears()
    assert len(delivered(events)) <= said
    assert not any(getattr(event, "end_stream", False) for event in events)
    peer.events.append(events[-1])
    peer.loses(1, f.PROTOCOL_ERROR)


def test_a_length_without_a_body_is_malformed_before_the_request_is_told():
    facing_server().sends(headers(1, [*POST, length(5)])).loses(1, f.PROTOCOL_ERROR)


def test_length_0_without_a_body_is_fine():
    fields = [*POST, length(0)]
    facing_server().sends(headers(1, fields)).expect(RequestReceived(1, fields, True))


@pytest.mark.parametrize(
    "value",
    [
        *(b"+5", b"-5", b"", b"5 5", b"5,5", b"5, 5", b"0x5", b"5.0", b"five", b"5;", b"1e1"),
        *(b"\xd9\xa5", b"5\x005", b"99999999999999999999999999999999", b"_5", b"1_0"),
    ],
)
def test_a_length_out_of_grammar_is_malformed(value):
    peer = facing_server()
    peer.sends(headers(1, [*POST, length(value)], end_stream=False)).loses(1, f.PROTOCOL_ERROR)


@pytest.mark.parametrize("second", [5, 6])
def test_a_repeated_length_is_malformed(second):
    fields = [*POST, length(5), length(second)]
    facing_server().sends(headers(1, fields, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


def test_leading_zeros_are_digits_like_any():
    peer = facing_server()
    peer.sends(headers(1, [*POST, length(b"0005")], end_stream=False))
    peer.sends(data(1, b"12345", end_stream=True)).lives()


def test_a_length_beyond_32_bits_is_kept_exactly():
    peer = facing_server()
    peer.sends(headers(1, [*POST, length(2**32)], end_stream=False)).clear()
    peer.sends(data(1, b"", end_stream=True)).loses(1, f.PROTOCOL_ERROR)


# RFC 9113 §8.1.1: the length of a response without content is not checked.


def answer_to(request: Fields, response: Fields) -> Peer:
    peer = facing_client()
    peer.connection.send_request(request)
    return peer.clear().sends(headers(1, response))


def test_a_response_to_head_may_name_a_length_it_does_not_have():
    fields = [*OK, length(1234)]
    answer_to(HEAD, fields).expect(ResponseReceived(1, fields, True), StreamClosed(1, 0))


def test_a_response_to_head_may_end_with_an_empty_frame():
    peer = facing_client()
    peer.connection.send_request(HEAD)
    peer.clear().sends(headers(1, [*OK, length(9)], end_stream=False))
    peer.sends(data(1, b"", end_stream=True))
    assert type(peer.hears()[-1]) is StreamClosed


def test_not_modified_may_name_a_length_it_does_not_have():
    fields = [(b":status", b"304"), length(1234)]
    answer_to(GET, fields).expect(ResponseReceived(1, fields, True), StreamClosed(1, 0))


def test_any_other_response_may_not():
    answer_to(GET, [*OK, length(1234)]).loses(1, f.PROTOCOL_ERROR)


def test_the_length_of_an_interim_response_says_nothing_of_the_final_one():
    peer = facing_client()
    peer.connection.send_request(GET)
    interim = [(b":status", b"103"), length(7)]
    peer.clear().sends(headers(1, interim, end_stream=False), headers(1, OK, end_stream=False))
    peer.sends(data(1, b"1234567890", end_stream=True))
    assert type(peer.hears()[-1]) is StreamClosed
