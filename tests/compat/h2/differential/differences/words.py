"""Differences in words: both are where they were, and the comparison goes on."""

from __future__ import annotations

from dataclasses import replace

from tests.http2 import frames as f

from ..wire import Said
from ..world import Told
from .divergence import Difference, Divergence, Excuse


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
        if not key.startswith("window ") or ours[key] == window:
            continue
        stream = divergence.real.connection.streams.get(int(key[7:]))
        forgotten = window == "StreamClosedError"
        closed = forgotten or h2["state"] == "CLOSED" or (stream is not None and stream.closed)
        # What is said of a stream until the program knows that it was reset.
        initial = divergence.here.connection.remote_settings.initial_window_size
        at_first = min(initial, divergence.here.connection.outbound_flow_control_window)
        if closed and ours[key] in ("StreamClosedError", at_first):
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
    if not divergence.client:
        return False
    found = False
    for key, window in divergence.h2.view.items():
        ours = divergence.ours.view[key]
        pushed = key.startswith("window ") and int(key[7:]) % 2 == 0
        if pushed and type(window) is type(ours) is int and ours != window:
            divergence.ours.view[key] = window
            found = True
    step, h2, ours = divergence.step, divergence.h2, divergence.ours
    asked = step.what == "local_flow_control_window" and step.arguments[0] % 2 == 0
    if asked and type(h2.returned) is type(ours.returned) is int and h2.returned != ours.returned:
        ours.returned = h2.returned
        found = True
    return found


def _altsvc_opens(divergence: Divergence) -> bool:
    """h2 takes any ALTSVC for the opening of a stream, in its connection's state."""
    h2, ours = divergence.h2.view, divergence.ours.view
    kept = divergence.real.kept
    if f.ALTSVC in divergence.kinds or divergence.step.what.startswith("advertise"):
        kept["ALTSVC"] = True
    if "ALTSVC" in kept and h2["state"] != "CLOSED" and ours["state"] == "IDLE" != h2["state"]:
        ours["state"] = h2["state"]
        return True
    return False


def _unknown(kind: int) -> Excuse:
    """h2 tells of an unknown frame, and nothing is told here."""

    def is_it(told: Told) -> bool:
        return told[0] == "UnknownFrameReceived" and told[1]["frame"]["type"] == kind

    def excuse(divergence: Divergence) -> bool:
        kept = [event for event in divergence.h2.events if not is_it(event)]
        found = len(kept) < len(divergence.h2.events)
        if found and not any(is_it(event) for event in divergence.ours.events):
            divergence.h2.events = kept
            return True
        return False

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


def _lower_case(divergence: Divergence) -> bool:
    """Names are in lower case, and secrets not indexed, though nothing is to be normalised."""
    if divergence.real.configuration.normalize_outbound_headers:
        return False
    h2, ours = divergence.h2, divergence.ours
    for at, (theirs, item) in enumerate(zip(h2.said, ours.said, strict=False)):
        if theirs.kind not in ("HEADERS", "PUSH_PROMISE") or theirs == item:
            continue
        lower = tuple((name.lower(), value) for name, value in theirs.content[0])
        for fields in (lower, theirs.content[0]):
            if replace(theirs, content=(fields, item.content[1], theirs.content[2])) != item:
                continue
            ours.said[at] = theirs
            return True
    return False


def _late(divergence: Divergence) -> bool:
    """Frames for a stream that was reset from here: h2 answers each of them."""
    gone = divergence.streams & divergence.here.reset

    def again(said: Said) -> bool:
        return said.kind == "RST_STREAM" and said.stream in gone and said.number == f.STREAM_CLOSED

    ours = [item for item in divergence.ours.said if again(item)]
    found = False
    for item in [item for item in divergence.h2.said if again(item)]:
        if item in ours:
            ours.remove(item)
        else:
            divergence.h2.said.remove(item)
            found = True
    return found


def _in_order(divergence: Divergence) -> bool:
    """Each acknowledgement is for the oldest SETTINGS; the first is for all in h2."""
    real, found = divergence.real, False
    if real.updates < 2:
        return False
    pairs = zip(divergence.h2.events, divergence.ours.events, strict=False)
    for at, (theirs, ours) in enumerate(pairs):
        if theirs[0] == ours[0] == "SettingsAcknowledged" and theirs != ours:
            divergence.ours.events[at] = theirs
            found = True
    if real.acknowledged < real.updates:
        for key in ("local settings", "max_inbound_frame_size"):
            if divergence.ours.view[key] != divergence.h2.view[key]:
                divergence.ours.view[key] = divergence.h2.view[key]
                found = True
    return found


WORDS = [
    Difference(
        "acknowledgements in order",
        "takes the first acknowledgement for that of all that was announced so far",
        "takes each for the oldest SETTINGS that waits for one; `SettingsAcknowledged` and "
        "`local_settings` say so",
        "RFC 9113 §6.5.3: they are given in order",
        _in_order,
    ),
    Difference(
        "late frames",
        "answers each frame for a stream that it has reset by another RST_STREAM",
        "ignores them, but for their credit and their field blocks",
        "RFC 9113 §5.1: the peer may not have heard of it yet",
        _late,
    ),
    Difference(
        "normalised anyway",
        "with `normalize_outbound_headers=False` sends names in upper case, and secrets that go "
        "into the table",
        "sends names in lower case and keeps secrets out of the table, unless "
        "`validate_outbound_headers` is `False` too",
        "RFC 9113 §8.2.1: upper case is malformed; RFC 7541 §7.1.3",
        _lower_case,
    ),
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
        "`StreamClosedError`, at once; but for a stream that the last octets have reset, what it "
        "was at first",
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
        "it is checked, and nothing is told",
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
