"""Other judgements of faults, and of what comes after the end."""

from __future__ import annotations

from tests.http2 import frames as f

from .divergence import Difference, Divergence, reset_and_told


def _stream_error(divergence: Divergence) -> bool:
    """h2 ends the connection, for whatever is wrong with a message."""
    h2, ours = divergence.h2, divergence.ours
    kinds = [[item.kind for item in outcome.said] for outcome in (h2, ours)]
    fine = ours.error is None and ours.view["state"] != "CLOSED"
    # or something else in the same read ends it here as well
    later = ours.error is not None and kinds[0].count("RST_STREAM") < kinds[1].count("RST_STREAM")
    ends = h2.error is not None and kinds[0][-1:] == ["GOAWAY"]
    return ends and (fine or later) and reset_and_told(divergence)


def _graceful(divergence: Divergence) -> bool:
    """There was a GOAWAY without an error, and open streams go on here."""
    codes = divergence.here.goodbyes
    failed = divergence.h2.error is not None or divergence.ours.error is not None
    over = divergence.is_over or f.GOAWAY in divergence.kinds
    return over and codes == {0} and failed


def _after_the_end(divergence: Divergence) -> bool:
    """There was a GOAWAY with an error: nothing more is said here."""
    ours = divergence.ours
    if f.GOAWAY in divergence.kinds and not divergence.is_over:
        # the end and more in one read
        told = [kind for kind, _ in ours.events[-1:]] == ["ConnectionTerminated"]
        return told and ours.error is None and divergence.h2.error is not None
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


def _refused_but_kept(divergence: Divergence) -> bool:
    """The frame is refused by both; h2 has changed something before, or takes it away later."""
    h2, ours = divergence.h2, divergence.ours
    failed = h2.error is not None and h2.raised == ours.raised and bool(divergence.step.octets)
    other = {key for key, value in h2.view.items() if ours.view[key] != value}
    kept = {"remote settings", "highest_inbound_stream_id", "inbound window"}
    return failed and divergence.unlike == ["view"] and other <= kept


def _overflow(divergence: Divergence) -> bool:
    """Credit, or SETTINGS, that would overflow a window which ours does not have."""
    h2, ours = divergence.h2, divergence.ours
    if ours.error is not None:
        return False
    if f.SETTINGS in divergence.kinds and "past 2147483647" in str(h2.error):
        return True
    resets = [content for kind, content in h2.events if kind == "StreamReset"]
    promised = [
        content["stream_id"] % 2 == 0 and content["error_code"][2] == f.FLOW_CONTROL_ERROR
        for content in resets
        if not content["remote_reset"]
    ]
    updates = f.WINDOW_UPDATE in divergence.kinds and divergence.client
    return updates and any(promised) and "RST_STREAM" not in [item.kind for item in ours.said]


def _exhausted(divergence: Divergence) -> bool:
    """DATA for which there is credit here, but not in h2."""
    shrunk = "shrunk below 0" in str(divergence.h2.error) and divergence.ours.error is None
    more = divergence.here.credit[0] > divergence.real.credit[0]
    return shrunk and more and f.DATA in divergence.kinds


def _late_faults(divergence: Divergence) -> bool:
    """h2 finds something wrong with a frame for a stream that was reset from here."""
    h2, ours = divergence.h2, divergence.ours
    quiet = not ours.said and not ours.events
    gone = divergence.streams & divergence.here.reset
    interim = "RECV_INFORMATIONAL_HEADERS in state 6" in str(h2.error)
    late = interim or (quiet and divergence.streams == gone)
    return h2.error is not None and ours.error is None and gone != set() and late


def _acknowledged_early(divergence: Divergence) -> bool:
    """h2 takes the acknowledgement of its first SETTINGS for that of an update."""
    words = str(divergence.h2.error)
    refused = "shrunk below 0" in words or words == "Received pushed stream"
    refused = refused or "overlong frame" in words
    asked = divergence.step.what == "remote_flow_control_window"
    waiting = divergence.real.acknowledged < divergence.real.updates
    return (refused or asked) and waiting and divergence.ours.error is None


ENDING = [
    Difference(
        "late frames that are wrong",
        "ends the connection for some: interim responses, increments of 0, fields after the end",
        "ignores them",
        "RFC 9113 §5.1: the peer may not have heard of the reset yet",
        _late_faults,
    ),
    Difference(
        "settings in force",
        "keeps the peer to settings that it has not acknowledged yet, if it has others",
        "keeps it to those that it has acknowledged",
        "RFC 9113 §6.5.3: a peer may still send what was allowed",
        _acknowledged_early,
    ),
    Difference(
        "last words to strangers",
        "raises, and says nothing, where the preface is not HTTP/2's",
        "a GOAWAY",
        "RFC 9113 §3.4: it may be omitted, and helps whoever debugs",
        _strangers,
    ),
    Difference(
        "state after a fault",
        "keeps some of what a frame has changed before it was refused: settings, ids",
        "such a frame changes nothing, but for its octets",
        "the connection is over",
        _refused_but_kept,
    ),
    Difference(
        "overflow of other windows",
        "the window of a stream that is closed, or was promised to the client, can overflow",
        "such streams have no window to be sent on",
        "RFC 9113 §6.9.2, §8.4",
        _overflow,
    ),
    Difference(
        "exhausted windows",
        "is out of credit sooner: it has none back for what lay unread on streams that are gone, "
        "before the program acknowledges it",
        "the connection has it back at once",
        "a window must not leak",
        _exhausted,
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
