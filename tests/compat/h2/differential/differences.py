"""How `plait.compat.h2` and h2 differ: every class of difference, by name.

`docs/h2.md` has the same table, in its section "Differences from h2". What differs and falls into
no class is a mistake, of one of the two or of the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.http2 import frames as f

from .world import Outcome, Step, World, streams_in


@dataclass
class Divergence:
    """One step, and what came of it in either world. Entries change `h2` and `ours` to be alike."""

    step: Step
    real: World
    here: World
    h2: Outcome
    ours: Outcome
    before: dict[int, dict[str, object]]
    """The states of h2's streams before the step."""
    view: dict[str, object]
    """What could be seen here before the step."""

    @property
    def client(self) -> bool:
        return self.real.client

    @property
    def unlike(self) -> list[str]:
        return self.h2.unlike(self.ours)

    @property
    def is_hidden(self) -> bool:
        """Whether a call failed in both, and h2 has changed something where nobody sees it."""
        if self.h2.error is None or self.step.octets:
            return False
        return states_of(self.real) != self.before

    @property
    def slug(self) -> str:
        """Which rule was broken, as ours says."""
        slug, colon, _ = str(self.ours.error).partition(": ")
        return slug if colon and "." in slug else ""

    @property
    def is_over(self) -> bool:
        """Whether the connection had ended before the step, in both."""
        return self.view["state"] == "CLOSED"

    @property
    def streams(self) -> set[int]:
        """The streams whose frames arrived."""
        return set(streams_in(self.step.octets))

    @property
    def frame_type(self) -> int:
        """The type of the (first) frame that arrived; -1 if none did."""
        octets = self.step.octets
        if octets.startswith(b"PRI * "):
            octets = octets[24:]
        return octets[3] if len(octets) >= 9 else -1


def states_of(world: World) -> dict[int, dict[str, object]]:
    """What h2 itself thinks of its streams: their states, and the lengths of bodies."""
    states = {}
    for at, stream in world.connection.streams.items():
        lengths = {
            "expected": stream._expected_content_length,
            "actual": stream._actual_content_length,
        }
        states[at] = vars(stream.state_machine) | lengths
    return states


Excuse = Callable[[Divergence], bool]


@dataclass(frozen=True)
class Difference:
    """A class of differences.

    :ivar slug: its name.
    :ivar h2: what h2 does.
    :ivar ours: what happens here.
    :ivar reason: why.
    :ivar excuses: whether a divergence is of this class. One that puts the same in other words
        removes from the divergence what it excuses.
    """

    slug: str
    h2: str
    ours: str
    reason: str
    excuses: Excuse


# --- the same in other words ----------------------------------------------------------------------


def _words(divergence: Divergence) -> bool:
    """A GOAWAY that tells what was wrong."""
    found = False
    for at, item in enumerate(divergence.ours.said):
        if item.kind == "GOAWAY" and divergence.ours.error is not None:
            last, words = item.content
            found = found or bool(words)
            divergence.ours.said[at] = replace(item, content=(last, b""))
    return found


def _closed_windows(divergence: Divergence) -> bool:
    """h2 still knows the window of a stream that is closed, or whose connection is."""
    h2, ours = divergence.h2.view, divergence.ours.view
    found = False
    for key, window in h2.items():
        if not key.startswith("window ") or ours[key] != "StreamClosedError":
            continue
        stream = divergence.real.connection.streams.get(int(key[7:]))
        gone = h2["state"] == "CLOSED" or (stream is not None and stream.closed)
        if window != ours[key] and gone:
            ours[key] = window
            found = True
    asked = divergence.step.what.endswith("_flow_control_window")
    closed = type(divergence.ours.error).__name__ == "StreamClosedError"
    if asked and closed and divergence.h2.returned is not None:
        divergence.ours.raised, divergence.ours.returned = None, divergence.h2.returned
        found = True
    return found


def _pushed_windows(divergence: Divergence) -> bool:
    """A client sends nothing on a stream that was promised to it."""
    found = False
    for key, window in divergence.h2.view.items():
        pushed = key.startswith("window ") and divergence.client and int(key[7:]) % 2 == 0
        ours = divergence.ours.view[key]
        if pushed and type(window) is type(ours) is int and ours != window:
            divergence.ours.view[key] = window
            found = True
    return found


def _altsvc_opens(divergence: Divergence) -> bool:
    """h2 takes any ALTSVC for the opening of a stream, in its connection's state."""
    h2, ours = divergence.h2.view, divergence.ours.view
    kept = divergence.real.kept
    if divergence.frame_type == f.ALTSVC or divergence.step.what.startswith("advertise"):
        kept["ALTSVC"] = True
    if "ALTSVC" in kept and h2["state"] != "CLOSED" and ours["state"] == "IDLE" != h2["state"]:
        ours["state"] = h2["state"]
        return True
    return False


def _unknown(kind: int) -> Excuse:
    """h2 tells of an unknown frame, and nothing is told here."""

    def excuse(divergence: Divergence) -> bool:
        events = divergence.h2.events
        known = [
            e for e in events if e[0] != "UnknownFrameReceived" or e[1]["frame"]["type"] != kind
        ]
        divergence.h2.events = known
        return len(known) < len(events)

    return excuse


def _finer(divergence: Divergence) -> bool:
    """Ours is a subclass of what h2 raises, in h2's own tree."""
    h2, ours = divergence.h2, divergence.ours
    if h2.error is None or ours.error is None or h2.raised == ours.raised:
        return False
    tree = divergence.real.h2.exceptions
    kind = getattr(tree, type(ours.error).__name__, None)
    if kind is None or type(h2.error) is kind or not issubclass(kind, type(h2.error)):
        return False
    ours.raised = h2.raised
    return True


def _of_the_tree(divergence: Divergence) -> bool:
    """The peer's fault is told by another type; the code is the same."""
    h2, ours = divergence.h2, divergence.ours
    if not divergence.step.octets or h2.raised is None or ours.raised is None:
        return False
    names = [raised[0] for raised in (h2.raised, ours.raised)]
    codes = [raised[1].get("error_code") for raised in (h2.raised, ours.raised)]
    if h2.raised == ours.raised or codes[0] != codes[1] or names[0] == names[1]:
        return False
    ours.raised = h2.raised
    return True


def _refused_by_goaway(divergence: Divergence) -> bool:
    """Which requests the server will not answer."""
    events = divergence.ours.events
    if divergence.frame_type != f.GOAWAY:
        return False
    kept = [event for event in events if event[0] != "StreamReset"]
    divergence.ours.events = kept
    return len(kept) < len(events)


def _settings_before(divergence: Divergence) -> bool:
    """h2 announces what was in force when its `Settings` was made, or fails."""
    if divergence.step.what not in ("initiate_connection", "initiate_upgrade_connection"):
        return False
    h2, ours = divergence.h2, divergence.ours
    queues = divergence.real.connection.local_settings._settings
    wanted = {int(code): values[-1] for code, values in queues.items()}
    settings = [item for item in ours.said if item.kind == "SETTINGS"]
    announced = [item.content for item in settings] == [tuple(sorted(wanted.items()))]
    if not announced or ours.said == h2.said:
        return False
    ours.said, ours.raised = h2.said, h2.raised
    return True


WORDS = [
    Difference(
        "settings before the beginning",
        "`local_settings` that are changed before `initiate_connection` are not announced, though "
        "they come into force when the peer acknowledges",
        "they are announced",
        "the peer cannot keep to what it was not told",
        _settings_before,
    ),
    Difference(
        "exceptions for faults",
        "some faults of the peer raise `NoSuchStreamError` or `StreamClosedError`",
        "`ProtocolError`, or another one that is derived from it; the code is the same",
        "one that fits what the peer did; nobody asked for a stream",
        _of_the_tree,
    ),
    Difference(
        "refused by GOAWAY",
        "leaves it to the program to find out",
        "`StreamReset` with `REFUSED_STREAM` for each request beyond the last that is handled",
        "RFC 9113 §6.8: these may be sent again",
        _refused_by_goaway,
    ),
    Difference(
        "finer exceptions",
        "raises `ProtocolError` for many things",
        "in some of them one that is derived from it, such as `NoSuchStreamError`",
        "whoever catches `ProtocolError` catches it too",
        _finer,
    ),
    Difference(
        "words in GOAWAY",
        "says a code",
        "the code, and as debug data which rule was broken",
        "RFC 9113 §6.8 has room for it; it helps whoever debugs the peer",
        _words,
    ),
    Difference(
        "windows of closed streams",
        "`local_flow_control_window` answers for a closed stream until it has been cleaned up",
        "`StreamClosedError`, at once",
        "closed streams leave no state behind; nothing may be sent on them anyway",
        _closed_windows,
    ),
    Difference(
        "windows of promised streams",
        "a client has a window for sending on a stream that was promised to it",
        "0",
        "RFC 9113 §8.4: the client's side of such a stream is closed from the start",
        _pushed_windows,
    ),
    Difference(
        "ALTSVC opens nothing",
        "the state is `CLIENT_OPEN` or `SERVER_OPEN` after ALTSVC too",
        "`IDLE` until there is a stream",
        "nothing depends on it",
        _altsvc_opens,
    ),
    Difference(
        "PRIORITY_UPDATE",
        "tells of an unknown frame",
        "the engine schedules by it, and nothing is told",
        "RFC 9218 §7.1",
        _unknown(f.PRIORITY_UPDATE),
    ),
    Difference(
        "ORIGIN",
        "tells of an unknown frame",
        "nothing is told",
        "RFC 8336: h2 has no event for it",
        _unknown(f.ORIGIN),
    ),
]
"""Both are where they were, and the comparison goes on."""


# --- other judgements -----------------------------------------------------------------------------


def _unchanged(divergence: Divergence) -> bool:
    """A call failed here, and nothing came of it."""
    ours = divergence.ours
    same = all(value == ours.view[key] for key, value in divergence.view.items())
    return not divergence.step.octets and ours.error is not None and not ours.said and same


def _failed(divergence: Divergence) -> bool:
    """The same exception; h2 has changed something all the same."""
    return _unchanged(divergence) and divergence.h2.raised == divergence.ours.raised


def _from_inside(divergence: Divergence) -> bool:
    """h2 meets an error of Python's, or of the libraries below it."""
    error = divergence.h2.error
    own = divergence.real.h2.exceptions.H2Error
    return _unchanged(divergence) and error is not None and not isinstance(error, own)


def _too_early(divergence: Divergence) -> bool:
    """The body of a response before its head."""
    calls = divergence.step.what in ("send_data", "end_stream")
    data = [item.kind for item in divergence.h2.said] == ["DATA"]
    return calls and data and _unchanged(divergence) and not divergence.client


def _begun_twice(divergence: Divergence) -> bool:
    again = divergence.step.what == "initiate_connection"
    return again and divergence.h2.said != [] and divergence.ours.said == []


def _stream_error(divergence: Divergence) -> bool:
    """RST_STREAM here, and the application is told if it knows of the stream."""
    ours = [item.kind for item in divergence.ours.said]
    ends = [item.kind for item in divergence.h2.said][-1:] == ["GOAWAY"]
    fine = divergence.ours.error is None and divergence.ours.view["state"] != "CLOSED"
    return divergence.h2.error is not None and ends and "RST_STREAM" in ours and fine


def _late(divergence: Divergence) -> bool:
    """A frame for a stream that was reset from here: nothing is said or told of it."""
    quiet = not divergence.ours.said and not divergence.ours.events and not divergence.ours.error
    again = [item.kind for item in divergence.h2.said] == ["RST_STREAM"]
    known = bool(divergence.streams & divergence.here.reset)
    return quiet and known and (again or divergence.h2.error is not None)


def _graceful(divergence: Divergence) -> bool:
    """There was a GOAWAY without an error, and open streams go on here."""
    codes = divergence.here.goodbyes
    failed = divergence.h2.error is not None
    return divergence.is_over and codes == {0} and (failed or divergence.ours.error is not None)


def _after_the_end(divergence: Divergence) -> bool:
    """There was a GOAWAY with an error: nothing is said or told here any more."""
    ours = divergence.ours
    quiet = not ours.events and not ours.said and ours.error is None
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


def _by_slug(*slugs: str) -> Excuse:
    """The connection is ended for one of these reasons, and h2 has no fault to find."""

    def excuse(divergence: Divergence) -> bool:
        return divergence.h2.error is None and divergence.slug in slugs

    return excuse


def _resets(divergence: Divergence) -> bool:
    """The stream is reset here, for something that h2 does not check."""
    ours = [item.kind for item in divergence.ours.said]
    fine = divergence.h2.error is None and divergence.ours.error is None
    return fine and "RST_STREAM" in ours and divergence.frame_type in (f.HEADERS, f.PUSH_PROMISE)


def _idle(divergence: Divergence) -> bool:
    """A frame on a stream that nobody has opened, and h2 lets it pass."""
    kinds = (f.RST_STREAM, f.HEADERS, f.DATA, f.WINDOW_UPDATE)
    ours = divergence.ours.error is not None and divergence.ours.view["state"] == "CLOSED"
    opened = [divergence.view.get(f"window {stream}") for stream in divergence.streams - {0}]
    never = "NoSuchStreamError" in opened or None in opened
    return divergence.h2.error is None and ours and never and divergence.frame_type in kinds


def _reserved_streams(divergence: Divergence) -> bool:
    """A frame that may not come on a stream that is only promised."""
    return divergence.h2.error is None and divergence.slug == "stream.state" and divergence.client


def _reserved_bit(divergence: Divergence) -> bool:
    """h2 refuses WINDOW_UPDATE with it."""
    octets = divergence.step.octets
    set_bit = divergence.frame_type == f.WINDOW_UPDATE and octets[-4] > 127
    return set_bit and divergence.ours.error is None and divergence.h2.error is not None


def _broken_altsvc(divergence: Divergence) -> bool:
    fine = divergence.ours.error is None and not divergence.ours.said
    return divergence.frame_type == f.ALTSVC and fine and divergence.h2.error is not None


def _stream_altsvc(divergence: Divergence) -> bool:
    """A stream's ALTSVC is told without the origin of the request."""
    kinds = {kind for kind, _ in [*divergence.h2.events, *divergence.ours.events]}
    told = "AlternativeServiceAvailable" in kinds and divergence.unlike == ["events"]
    return told and divergence.step.octets != b"" and divergence.streams != {0}


def _after_reset(divergence: Divergence) -> bool:
    """HEADERS on a stream that the peer has reset or ended itself."""
    codes = [item.number for item in divergence.h2.said if item.kind == "RST_STREAM"]
    kinds = divergence.frame_type in (f.HEADERS, f.CONTINUATION)
    ours = getattr(divergence.ours.error, "error_code", None) == f.STREAM_CLOSED
    return kinds and ours and codes[-1:] == [f.STREAM_CLOSED] and divergence.h2.error is None


def _low_ids(divergence: Divergence) -> bool:
    """The engine keeps nothing of streams that were closed or skipped."""
    low = type(divergence.h2.error).__name__ == "StreamIDTooLowError"
    ours = type(divergence.ours.error).__name__ in ("StreamClosedError", "NoSuchStreamError")
    return divergence.step.what == "send_headers" and low and ours and _unchanged(divergence)


def _no_stream(divergence: Divergence) -> bool:
    """h2 calls a stream that was not given -1."""
    return getattr(divergence.h2.error, "stream_id", 0) == -1 and _unchanged(divergence)


def _upgrade_settings(divergence: Divergence) -> bool:
    upgrades = divergence.step.what == "initiate_upgrade_connection"
    invalid = type(divergence.h2.error).__name__ == "InvalidSettingsValueError"
    return upgrades and invalid and _unchanged(divergence)


def _refused_promises(divergence: Divergence) -> bool:
    """Both reset a stream that is promised on one that was reset."""
    said = [divergence.h2.said, divergence.ours.said]
    kinds = [[item.kind for item in items] for items in said]
    return divergence.frame_type == f.PUSH_PROMISE and kinds == [["RST_STREAM"]] * 2


def _interim_push(divergence: Divergence) -> bool:
    told = [kind for kind, _ in divergence.ours.events] == ["InformationalResponseReceived"]
    return divergence.client and told and divergence.h2.error is not None


def _padding_only(divergence: Divergence) -> bool:
    padding = "invalid padding" in str(divergence.h2.error)
    return padding and divergence.frame_type == f.HEADERS


def _empty_body(divergence: Divergence) -> bool:
    """Fields that end a message whose length was another: h2 looks when DATA comes."""
    reset = [item.stream for item in divergence.ours.said if item.kind == "RST_STREAM"]
    states = [divergence.before, states_of(divergence.real)]
    lengths = [known[at] for known in states for at in reset if at in known]
    wrong = [length["expected"] not in (None, length["actual"]) for length in lengths]
    return any(wrong) and _resets(divergence)


def _too_many(divergence: Divergence) -> bool:
    """A stream beyond MAX_CONCURRENT_STREAMS."""
    ours = [item.number for item in divergence.ours.said if item.kind == "RST_STREAM"]
    refused = set(ours) == {f.REFUSED_STREAM} and divergence.ours.error is None
    return refused and type(divergence.h2.error).__name__ == "TooManyStreamsError"


def _many_fields(divergence: Divergence) -> bool:
    """More fields than 128, in few octets."""
    calm = [item.number for item in divergence.ours.said if item.kind == "RST_STREAM"]
    lengths = [len(content.get("headers") or []) for _, content in divergence.h2.events]
    return calm == [f.ENHANCE_YOUR_CALM] and max(lengths, default=0) > 128


def _counted(divergence: Divergence) -> bool:
    """h2 counts a stream that could not be opened."""
    h2, ours = divergence.h2, divergence.ours
    kinds = [[(item.kind, item.number) for item in outcome.said] for outcome in (h2, ours)]
    same = h2.raised == ours.raised and kinds[0] == kinds[1]
    counted = h2.view["highest_inbound_stream_id"] != ours.view["highest_inbound_stream_id"]
    return same and counted and divergence.slug == "headers.stream_id"


def _content_of_none(divergence: Divergence) -> bool:
    """Content of a response that has none: h2 tells it."""
    reset = [item.kind for item in divergence.ours.said] == ["RST_STREAM"]
    told = divergence.h2.error is None and divergence.frame_type == f.DATA
    return told and reset and divergence.client


def _promised_method(divergence: Divergence) -> bool:
    told = [kind for kind, _ in divergence.h2.events] == ["PushedStreamReceived"]
    return told and divergence.frame_type == f.PUSH_PROMISE and _resets(divergence)


def _strangers(divergence: Divergence) -> bool:
    return divergence.slug == "preface.invalid"


def _half_a_frame(divergence: Divergence) -> bool:
    """h2 judges a frame's header before its payload is there."""
    octets = divergence.step.octets
    whole = 9 + int.from_bytes(octets[:3], "big")
    quiet = divergence.ours.error is None and not divergence.ours.said
    return 9 <= len(octets) < whole and quiet and divergence.h2.error is not None


def _overflowing(divergence: Divergence) -> bool:
    """SETTINGS that overflow a window have no effect here."""
    failed = divergence.h2.raised == divergence.ours.raised
    wide = divergence.slug == "settings.window"
    return failed and wide and divergence.unlike == ["view"]


JUDGEMENTS = [
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
        "refuses WINDOW_UPDATE with it",
        "ignores it",
        "RFC 9113 §6.9: MUST be ignored",
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
        "answers HEADERS on a stream that the peer has reset by RST_STREAM",
        "ends the connection with `STREAM_CLOSED`",
        "RFC 9113 §5.1 allows it; the peer itself said that this stream is over",
        _after_reset,
    ),
    Difference(
        "ids that are too low",
        "`StreamIDTooLowError` from `send_headers`",
        "`StreamClosedError`; `NoSuchStreamError` for 0 and below",
        "nothing is kept of streams that were closed or skipped",
        _low_ids,
    ),
    Difference(
        "stream -1",
        "`NoSuchStreamError` with a `stream_id` of -1 for stream 0 and for none",
        "what was given, or plain `ProtocolError`",
        "the number that the program has used",
        _no_stream,
    ),
    Difference(
        "settings of an upgrade",
        "`InvalidSettingsValueError` from `initiate_upgrade_connection`",
        "`ProtocolError`",
        "it is the request that cannot be upgraded",
        _upgrade_settings,
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
        "nothing but padding",
        "refuses HEADERS that are all padding",
        "takes them for an empty fragment",
        "RFC 9113 §6.2: an empty fragment is allowed",
        _padding_only,
    ),
    Difference(
        "number of fields",
        "counts octets alone",
        "resets the stream for more than 128 fields",
        "[what a peer may do](configuration.md#limits)",
        _many_fields,
    ),
    Difference(
        "streams that fail",
        "counts a stream as opened, in GOAWAY too, whose id was not allowed",
        "does not",
        "RFC 9113 §6.8: nothing was processed",
        _counted,
    ),
    Difference(
        "length of an empty body",
        "checks `content-length` when DATA comes",
        "checks it when fields end a message, too",
        "RFC 9113 §8.1.1",
        _empty_body,
    ),
    Difference(
        "content of a 204",
        "tells the octets",
        "resets the stream",
        "RFC 9110 §15.3.5: such a response has no content",
        _content_of_none,
    ),
    Difference(
        "promised method",
        "lets any method be promised",
        "resets promises that are not GET or HEAD",
        "RFC 9113 §8.4: safe, cacheable, without content",
        _promised_method,
    ),
    Difference(
        "last words to strangers",
        "raises, and says nothing, where the preface is not HTTP/2's",
        "a GOAWAY",
        "RFC 9113 §3.4: it may be omitted, and helps whoever debugs",
        _strangers,
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
    Difference(
        "SETTINGS first",
        "takes any frame first",
        "refuses it",
        "RFC 9113 §3.4: MUST be the first frame",
        _by_slug("preface.settings"),
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
        "nothing is said or told after a GOAWAY with an error",
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
    Difference(
        "late frames",
        "answers each frame for a stream that it has reset by another RST_STREAM",
        "ignores them, but for their credit and their field blocks",
        "RFC 9113 §5.1: the peer may not have heard of it yet",
        _late,
    ),
    Difference(
        "failed calls",
        "a call that fails has moved the stream or the connection on, often to its end",
        "a call that fails changes nothing and says nothing",
        "a program that catches the exception can go on",
        _failed,
    ),
    Difference(
        "errors from inside",
        "some wrong arguments raise `KeyError`, `AttributeError`, `AssertionError` or what "
        "hyperframe raises",
        "one of h2's own exceptions, `ValueError` or `TypeError`",
        "the exceptions that are documented",
        _from_inside,
    ),
    Difference(
        "DATA before a response",
        "sends it",
        "`ProtocolError`",
        "RFC 9113 §8.1: the head of a message comes first",
        _too_early,
    ),
    Difference(
        "beginning twice",
        "a second `initiate_connection` sends the preface again",
        "it does nothing",
        "RFC 9113 §3.4: there is one preface",
        _begun_twice,
    ),
]
"""The two are in different states afterwards: the comparison ends."""

DIFFERENCES = [*WORDS, *JUDGEMENTS]
