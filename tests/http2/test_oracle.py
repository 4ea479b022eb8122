"""The tests' own frame builders and reader agree with PyPI's hyperframe and hpack."""

from __future__ import annotations

import hpack
import hyperframe.frame as hf
import pytest

from . import frames as f

BLOCK = f.block(f.GET)


def flagged(frame: hf.Frame, *flags: str) -> hf.Frame:
    for flag in flags:
        frame.flags.add(flag)
    return frame


PAIRS = [
    (f.data(1, b"abc", end_stream=True), flagged(hf.DataFrame(1, b"abc"), "END_STREAM")),
    (f.data(1, b"abc", pad=7), flagged(hf.DataFrame(1, b"abc", pad_length=7), "PADDED")),
    (
        f.headers(1, f.GET),
        flagged(hf.HeadersFrame(1, BLOCK), "END_STREAM", "END_HEADERS"),
    ),
    (
        f.headers(3, f.GET, end_stream=False, pad=2, depends_on=1),
        flagged(
            hf.HeadersFrame(3, BLOCK, pad_length=2, depends_on=1, stream_weight=15),
            *("END_HEADERS", "PADDED", "PRIORITY"),
        ),
    ),
    (f.continuation(1, BLOCK), flagged(hf.ContinuationFrame(1, BLOCK), "END_HEADERS")),
    (f.priority(3, 1), hf.PriorityFrame(3, depends_on=1, stream_weight=15)),
    (f.rst_stream(3, 8), hf.RstStreamFrame(3, error_code=8)),
    (f.settings((4, 100), (2, 0)), hf.SettingsFrame(0, settings={4: 100, 2: 0})),
    (f.settings_ack(), flagged(hf.SettingsFrame(0), "ACK")),
    (
        f.push_promise(1, 2, f.GET, pad=3),
        flagged(
            hf.PushPromiseFrame(1, promised_stream_id=2, data=BLOCK, pad_length=3),
            *("END_HEADERS", "PADDED"),
        ),
    ),
    (f.ping(b"abcdefgh"), hf.PingFrame(0, b"abcdefgh")),
    (f.ping_ack(b"abcdefgh"), flagged(hf.PingFrame(0, b"abcdefgh"), "ACK")),
    (f.goaway(5, 2, b"why"), hf.GoAwayFrame(0, 5, 2, b"why")),
    (f.window_update(1, 70000), hf.WindowUpdateFrame(1, 70000)),
    (f.altsvc(0, b"https://a", b'h3=":1"'), hf.AltSvcFrame(0, b"https://a", b'h3=":1"')),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=[repr(pair[0])[:30] for pair in PAIRS])
def test_a_built_frame_has_the_octets_that_hyperframe_writes(ours, theirs):
    assert bytes(ours) == theirs.serialize()
    begun = b"" if ours.type != f.CONTINUATION else bytes(f.raw_headers(1, b"", end_headers=False))
    (read,) = f.read_frames(begun + bytes(ours))
    assert read.fields == ours.fields or read.fields == tuple(f.GET)
    assert read == ours or ours.type == f.CONTINUATION


def test_both_kinds_of_block_decode_to_their_fields():
    for build in (f.block, f.indexing_block):
        assert [tuple(x) for x in hpack.Decoder().decode(build(f.GET), raw=True)] == f.GET


def test_the_reader_joins_a_field_block():
    whole = f.block(f.GET)
    pieces = [
        f.raw_headers(1, whole[:5], end_headers=False),
        f.continuation(1, whole[5:9], end_headers=False),
        f.continuation(1, whole[9:]),
    ]
    assert f.read_frames(f.octets(pieces)) == [f.headers(1, f.GET)]


def test_the_reader_objects_to_a_frame_inside_a_field_block():
    with pytest.raises(AssertionError):
        f.read_frames(f.octets([f.headers(1, f.GET, end_headers=False), f.ping()]))
