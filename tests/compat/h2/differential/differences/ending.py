"""Other judgements of faults, and of what comes after the end."""

from __future__ import annotations

from .divergence import Difference, Divergence, reset_and_told


def _stream_error(divergence: Divergence) -> bool:
    """h2 ends the connection, for whatever is wrong with a message."""
    ends = [item.kind for item in divergence.h2.said][-1:] == ["GOAWAY"]
    fine = divergence.ours.error is None and divergence.ours.view["state"] != "CLOSED"
    failed = divergence.h2.error is not None and ends
    return failed and fine and reset_and_told(divergence)


def _graceful(divergence: Divergence) -> bool:
    """There was a GOAWAY without an error, and open streams go on here."""
    codes = divergence.here.goodbyes
    failed = divergence.h2.error is not None
    return divergence.is_over and codes == {0} and (failed or divergence.ours.error is not None)


def _after_the_end(divergence: Divergence) -> bool:
    """There was a GOAWAY with an error: nothing more is said here."""
    ours = divergence.ours
    quiet = not ours.events and not ours.lost and not ours.said
    return divergence.is_over and divergence.here.goodbyes != {0} and quiet


def _dropped_output(divergence: Divergence) -> bool:
    """h2 forgets what it had to say when GOAWAY comes."""
    told = any(event[0] == "ConnectionTerminated" for event in divergence.h2.events)
    only = divergence.unlike == ["said"]
    return only and told and not divergence.h2.said and divergence.ours.said != []


def _other_code(divergence: Divergence) -> bool:
    """Both end the connection, or both reset the stream."""
    h2, ours = divergence.h2, divergence.ours
    kinds = [[(item.kind, item.stream) for item in outcome.said] for outcome in (h2, ours)]
    codes = [[item.number for item in outcome.said] for outcome in (h2, ours)]
    both = (h2.error is None) == (ours.error is None)
    return both and kinds[0] == kinds[1] and codes[0] != codes[1] and bool(divergence.step.octets)


def _strangers(divergence: Divergence) -> bool:
    return divergence.slug == "preface.invalid"


def _overflowing(divergence: Divergence) -> bool:
    """SETTINGS that overflow a window have no effect here."""
    failed = divergence.h2.raised == divergence.ours.raised
    wide = divergence.slug == "settings.stream_window"
    return failed and wide and divergence.unlike == ["view"]


def _late_interim(divergence: Divergence) -> bool:
    """h2 ends the connection for an interim response on a stream that it has reset."""
    words = "RECV_INFORMATIONAL_HEADERS in state 6" in str(divergence.h2.error)
    return words and bool(divergence.streams & divergence.here.reset) and not divergence.ours.said


ENDING = [
    Difference(
        "late interim responses",
        "ends the connection for one on a stream that it has reset",
        "ignores them",
        "RFC 9113 §5.1: the peer may not have heard of it yet",
        _late_interim,
    ),
    Difference(
        "last words to strangers",
        "raises, and says nothing, where the preface is not HTTP/2's",
        "a GOAWAY",
        "RFC 9113 §3.4: it may be omitted, and helps whoever debugs",
        _strangers,
    ),
    Difference(
        "settings that fail",
        "keeps settings that overflow a window, after it has refused them",
        "they have no effect",
        "the connection is over",
        _overflowing,
    ),
    Difference(
        "after a graceful GOAWAY",
        "any GOAWAY, said or received, ends everything: each call and each frame is an error",
        "after one without an error, open streams may be finished",
        "RFC 9113 §6.8: a graceful shutdown lets them finish",
        _graceful,
    ),
    Difference(
        "after the end",
        "each further frame raises once more and is answered by another GOAWAY",
        "nothing more is said after a GOAWAY with an error",
        "RFC 9113 §5.4.1: the connection is over; late frames are to be expected",
        _after_the_end,
    ),
    Difference(
        "output before GOAWAY",
        "forgets what was not taken yet when GOAWAY comes",
        "it can still be taken",
        "after a graceful one, it still counts",
        _dropped_output,
    ),
    Difference(
        "codes",
        "`PROTOCOL_ERROR` for most faults, other choices where the RFC leaves one",
        "`COMPRESSION_ERROR`, `FRAME_SIZE_ERROR`, `ENHANCE_YOUR_CALM` …",
        "RFC 9113 §4.2, §4.3, §6.5, §7",
        _other_code,
    ),
    Difference(
        "stream errors",
        "ends the connection with GOAWAY for whatever is wrong with a message",
        "resets the stream, and tells `StreamReset` with `remote_reset=False` if the program has "
        "seen it",
        "RFC 9113 §8.1.1: a malformed message is a stream error; the other streams go on",
        _stream_error,
    ),
]
