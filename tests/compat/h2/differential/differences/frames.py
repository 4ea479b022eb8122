"""Other judgements of frames and streams."""

from __future__ import annotations

from tests.http2 import frames as f

from .divergence import Difference, Divergence, Excuse, reset_and_told


def _by_slug(*slugs: str) -> Excuse:
    """The connection is ended for one of these reasons, and h2 has no fault to find."""

    def excuse(divergence: Divergence) -> bool:
        return divergence.h2.error is None and divergence.slug in slugs

    return excuse


def _idle(divergence: Divergence) -> bool:
    """A frame on a stream that nobody has opened, and h2 lets it pass."""
    kinds = {f.RST_STREAM, f.HEADERS, f.DATA, f.WINDOW_UPDATE}
    ours = divergence.ours.error is not None and divergence.ours.view["state"] == "CLOSED"
    opened = [divergence.view.get(f"window {stream}") for stream in divergence.streams - {0}]
    never = "NoSuchStreamError" in opened or None in opened
    return divergence.h2.error is None and ours and never and bool(divergence.kinds & kinds)


def _reserved_streams(divergence: Divergence) -> bool:
    """A frame that may not come on a stream that is only promised."""
    return divergence.h2.error is None and divergence.slug == "stream.state" and divergence.client


def _reserved_bit(divergence: Divergence) -> bool:
    """h2 refuses WINDOW_UPDATE with it, and takes it for a part of GOAWAY's stream."""
    octets = divergence.step.octets
    if divergence.ours.error is not None:
        return False
    if divergence.h2.error is not None:
        return f.WINDOW_UPDATE in divergence.kinds and octets[-4] > 127
    told = [
        [c.get("last_stream_id") for _, c in o.events] for o in (divergence.h2, divergence.ours)
    ]
    return any(
        theirs is not None and ours is not None and theirs != ours == theirs & 0x7FFFFFFF
        for theirs, ours in zip(*told, strict=False)
    )


def _broken_altsvc(divergence: Divergence) -> bool:
    fine = divergence.ours.error is None and not divergence.ours.said
    short = type(divergence.h2.error).__name__ == "FrameDataMissingError"
    return f.ALTSVC in divergence.kinds and fine and short


def _stream_altsvc(divergence: Divergence) -> bool:
    """A stream's ALTSVC is told without the origin of the request."""
    kinds = {kind for kind, _ in [*divergence.h2.events, *divergence.ours.events]}
    told = "AlternativeServiceAvailable" in kinds and divergence.unlike == ["events"]
    return told and divergence.step.octets != b"" and divergence.streams != {0}


def _after_reset(divergence: Divergence) -> bool:
    """HEADERS, or CONTINUATION alone, on a stream that the peer has reset or ended itself."""
    if divergence.h2.error is not None:
        return False
    codes = [item.number for item in divergence.h2.said if item.kind == "RST_STREAM"]
    headers = f.HEADERS in divergence.kinds and codes[-1:] == [f.STREAM_CLOSED]
    headers = headers or f.CONTINUATION in divergence.kinds
    ours = getattr(divergence.ours.error, "error_code", None) == f.STREAM_CLOSED
    # PUSH_PROMISE: of a stream that was promised and reset before
    low = type(divergence.ours.error).__name__ == "StreamIDTooLowError"
    again = f.PUSH_PROMISE in divergence.kinds and low
    return (headers and ours) or again or divergence.slug == "continuation.unexpected"


def _refused_promises(divergence: Divergence) -> bool:
    """Both reset a stream that is promised on one that was reset."""
    said = (divergence.h2.said, divergence.ours.said)
    resets = [[item.stream for item in items if item.kind == "RST_STREAM"] for items in said]
    fine = divergence.h2.error is None and divergence.ours.error is None
    return f.PUSH_PROMISE in divergence.kinds and fine and resets[0] == resets[1] != []


def _interim_push(divergence: Divergence) -> bool:
    """h2 knows no interim response before a pushed one."""
    told = "InformationalResponseReceived" in [kind for kind, _ in divergence.ours.events]
    return told and "RECV_INFORMATIONAL_HEADERS in state 1" in str(divergence.h2.error)


def _too_many(divergence: Divergence) -> bool:
    """A stream beyond MAX_CONCURRENT_STREAMS."""
    ours = [item.number for item in divergence.ours.said if item.kind == "RST_STREAM"]
    refused = set(ours) == {f.REFUSED_STREAM} and divergence.ours.error is None
    return refused and type(divergence.h2.error).__name__ == "TooManyStreamsError"


def _counted(divergence: Divergence) -> bool:
    """h2 counts a stream that could not be opened."""
    h2, ours = divergence.h2, divergence.ours
    kinds = [[(item.kind, item.number) for item in outcome.said] for outcome in (h2, ours)]
    same = h2.raised == ours.raised and kinds[0] == kinds[1]
    counted = h2.view["highest_inbound_stream_id"] != ours.view["highest_inbound_stream_id"]
    return same and counted and divergence.slug == "headers.stream_id"


def _content_of_none(divergence: Divergence) -> bool:
    """Content of a response that has none: h2 tells it."""
    told = divergence.h2.error is None and f.DATA in divergence.kinds
    return told and divergence.client and reset_and_told(divergence)


def _half_a_frame(divergence: Divergence) -> bool:
    """h2 judges a frame's header before its payload is there."""
    octets = divergence.step.octets
    whole = 9 + int.from_bytes(octets[:3], "big")
    quiet = divergence.ours.error is None and not divergence.ours.said
    return 9 <= len(octets) < whole and quiet and divergence.h2.error is not None


def _increments_of_0(divergence: Divergence) -> bool:
    """An increment of 0 for a stream that is closed already."""
    refused = "non-compliant" in str(divergence.h2.error) and divergence.ours.error is None
    closed = [divergence.after.get(f"window {at}") for at in divergence.streams]
    return refused and f.WINDOW_UPDATE in divergence.kinds and "StreamClosedError" in closed


def _lower_limit(divergence: Divergence) -> bool:
    """MAX_CONCURRENT_STREAMS was lowered, and the peer has not acknowledged it."""
    codes = {item.number for item in divergence.ours.said if item.kind == "RST_STREAM"}
    waiting = divergence.real.acknowledged < divergence.real.updates
    fine = divergence.h2.error is None and divergence.ours.error is None
    return codes == {f.REFUSED_STREAM} and waiting and fine


FRAMES = [
    Difference(
        "a lower limit of streams",
        "MAX_CONCURRENT_STREAMS counts when the peer has acknowledged it",
        "it counts at once: streams beyond it are refused, and may be sent again",
        "who lowers it has a reason; RFC 9113 §5.1.2 leaves it open",
        _lower_limit,
    ),
    Difference(
        "unfinished promises",
        "waits for the whole block of a promise that cannot be right",
        "ends the connection for what the first frame shows",
        "RFC 9113 §6.6, §8.4",
        _by_slug("push.not_allowed", "push.stream_id", "push.parent"),
    ),
    Difference(
        "increments for closed streams",
        "ends the connection for an increment of 0",
        "ignores what comes for a closed stream",
        "RFC 9113 §6.9: a stream error, and there is no stream",
        _increments_of_0,
    ),
    Difference(
        "too many streams",
        "ends the connection when a stream exceeds MAX_CONCURRENT_STREAMS",
        "resets the stream with `REFUSED_STREAM`, and tells nothing",
        "RFC 9113 §5.1.2: a stream error; the client may send the request again",
        _too_many,
    ),
    Difference(
        "idle streams",
        "lets some frames on streams pass that nobody has opened, and tells a client of requests",
        "ends the connection",
        "RFC 9113 §5.1, §5.1.1, §6.4: MUST",
        _idle,
    ),
    Difference(
        "promised streams",
        "resets a promised stream on which DATA comes before its response, or tells of a "
        "WINDOW_UPDATE for it",
        "ends the connection",
        "RFC 9113 §5.1: reserved (remote); any other frame MUST be a connection error",
        _reserved_streams,
    ),
    Difference(
        "acknowledgement of nothing",
        "tells of it",
        "ends the connection",
        "nothing was announced that could be acknowledged",
        _by_slug("settings.ack"),
    ),
    Difference(
        "later settings",
        "does not know the setting",
        "ends the connection",
        "RFC 9218 §2.1: a value that is forbidden",
        _by_slug("settings.value"),
    ),
    Difference(
        "PRIORITY_UPDATE out of place",
        "does not know the frame",
        "ends the connection",
        "RFC 9218 §7.1: MUST",
        _by_slug(
            "priority_update.role",
            "priority_update.target",
            "priority_update.stream_id",
            "priority_update.length",
        ),
    ),
    Difference(
        "budgets",
        "counts neither entries of SETTINGS, nor frames that say nothing, nor resets",
        "`DenialOfServiceError`, and GOAWAY with `ENHANCE_YOUR_CALM`",
        "[what a peer may do](configuration.md#limits)",
        _by_slug(
            "settings.entries",
            "settings.flood",
            "settings.unread",
            "ping.unread",
            "control.flood",
            "continuation.flood",
            "data.empty_flood",
            "priority_update.flood",
        ),
    ),
    Difference(
        "reserved bit",
        "refuses WINDOW_UPDATE with it, takes it for a part of the stream in GOAWAY",
        "ignores it",
        "RFC 9113 §6.8, §6.9: MUST be ignored",
        _reserved_bit,
    ),
    Difference(
        "broken ALTSVC",
        "ends the connection",
        "ignores it",
        "RFC 7838 §4: invalid frames are ignored",
        _broken_altsvc,
    ),
    Difference(
        "ALTSVC of a stream",
        "tells the `:authority` of the request as the origin, until the response has come",
        "an empty origin, as in the frame",
        "streams keep no fields here; the program knows its request",
        _stream_altsvc,
    ),
    Difference(
        "frames after the end",
        "answers by RST_STREAM what comes on a stream that was reset, even a second promise of it",
        "ends the connection",
        "RFC 9113 §5.1 allows it; the peer itself said that this stream is over",
        _after_reset,
    ),
    Difference(
        "refused promises",
        "refuses what is promised on a stream that was reset with `REFUSED_STREAM`",
        "with `CANCEL`",
        "RFC 9113 §8.4.2 names both; nothing was processed in either case",
        _refused_promises,
    ),
    Difference(
        "interim response to a push",
        "ends the connection",
        "`InformationalResponseReceived`",
        "RFC 9113 §8.1 does not except pushed responses",
        _interim_push,
    ),
    Difference(
        "streams that fail",
        "counts a stream as opened, in GOAWAY too, whose id was not allowed",
        "does not",
        "RFC 9113 §6.8: nothing was processed",
        _counted,
    ),
    Difference(
        "content of a 204",
        "tells the octets",
        "resets the stream",
        "RFC 9110 §15.3.5: such a response has no content",
        _content_of_none,
    ),
    Difference(
        "half a frame",
        "refuses a frame's header while the payload is on its way",
        "judges whole frames, but for their length",
        "the answer is the same when it has arrived",
        _half_a_frame,
    ),
    Difference(
        "frames too long",
        "waits for all of the frame, then refuses it",
        "refuses it as soon as its header is there",
        "nothing larger than announced is ever kept",
        _by_slug("frame.length"),
    ),
]
