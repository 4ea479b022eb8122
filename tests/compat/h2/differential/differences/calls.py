"""Other judgements of what the program does."""

from __future__ import annotations

from .divergence import Difference, Divergence, unchanged


def _failed(divergence: Divergence) -> bool:
    """The same exception; h2 has changed something all the same."""
    return unchanged(divergence) and divergence.h2.raised == divergence.ours.raised


def _from_inside(divergence: Divergence) -> bool:
    """h2 meets an error of Python's, or of the libraries below it."""
    error = divergence.h2.error
    own = divergence.real.h2.exceptions.H2Error
    return unchanged(divergence) and error is not None and not isinstance(error, own)


def _too_early(divergence: Divergence) -> bool:
    """The body of a response before its head."""
    calls = divergence.step.what in ("send_data", "end_stream")
    data = [item.kind for item in divergence.h2.said] == ["DATA"]
    return calls and data and unchanged(divergence) and not divergence.client


def _begun_twice(divergence: Divergence) -> bool:
    again = divergence.step.what == "initiate_connection"
    return again and divergence.h2.said != [] and divergence.ours.said == []


def _low_ids(divergence: Divergence) -> bool:
    """The engine keeps nothing of streams that were closed or skipped."""
    low = type(divergence.h2.error).__name__ in ("StreamIDTooLowError", "TooManyStreamsError")
    ours = type(divergence.ours.error).__name__ in ("StreamClosedError", "NoSuchStreamError")
    return divergence.step.what == "send_headers" and low and ours and unchanged(divergence)


def _no_stream(divergence: Divergence) -> bool:
    """h2 calls a stream that was not given -1."""
    return getattr(divergence.h2.error, "stream_id", 0) == -1 and unchanged(divergence)


def _upgrade_settings(divergence: Divergence) -> bool:
    upgrades = divergence.step.what == "initiate_upgrade_connection"
    invalid = type(divergence.h2.error).__name__ == "InvalidSettingsValueError"
    return upgrades and invalid and unchanged(divergence)


def _out_of_range(divergence: Divergence) -> bool:
    """A stream id or the code of a setting that does not fit: h2 cuts bits off."""
    if divergence.step.what not in ("send_headers", "update_settings"):
        return False
    first = divergence.step.arguments[0]
    numbers = [first] if isinstance(first, int) else list(first)
    return max(numbers, default=0) >= 2**16 and _fails_here_only(divergence)


def _too_many_pushes(divergence: Divergence) -> bool:
    """The client's limit holds for pushed streams too."""
    named = type(divergence.ours.error).__name__ == "TooManyStreamsError"
    return named and not divergence.client and _fails_here_only(divergence)


def _fails_here_only(divergence: Divergence) -> bool:
    return divergence.h2.error is None and unchanged(divergence)


def _content_of_nothing(divergence: Divergence) -> bool:
    """DATA of a response that has no content: no octet of it is sent, or counts."""
    step, ours = divergence.step, divergence.ours
    bare = step.what == "send_data" and step.arguments[0] in divergence.real.bare
    if not bare or ours.error is not None:
        return False
    length = sum(len(item.content) for item in ours.said)
    # padding may be sent all the same
    return not ours.said or length <= 1 + (step.options.get("pad_length") or 0)


def _out_of_place(divergence: Divergence) -> bool:
    """What the stream's state, or CONNECT, does not allow."""
    words = str(divergence.ours.error)
    tunnel = words == "a tunnel has no trailers"
    data = divergence.step.what in ("send_data", "end_stream")
    return not data and (tunnel or "may be sent" in words) and _fails_here_only(divergence)


def _requests_of_servers(divergence: Divergence) -> bool:
    """A server opens a stream without a promise."""
    missing = type(divergence.ours.error).__name__ == "NoSuchStreamError"
    asks = divergence.step.what == "send_headers" and not divergence.client
    return asks and missing and _fails_here_only(divergence)


def _changed(divergence: Divergence) -> bool:
    """h2 looks at its configuration each time."""
    return dict(vars(divergence.real.configuration)) != divergence.real.first


def _other_reason(divergence: Divergence) -> bool:
    """Both fail: of two things that are wrong, ours tells of the stream or of the fields."""
    known = divergence.real.h2.exceptions.H2Error
    failed = isinstance(divergence.h2.error, known) and unchanged(divergence)
    names = ("NoSuchStreamError", "StreamClosedError", "StreamIDTooLowError")
    gone = type(divergence.ours.error).__name__ in names
    words = str(divergence.ours.error)
    reasons = ("may be sent", "cannot be promised", "(field.")
    return failed and (gone or any(reason in words for reason in reasons))


def _credit_for_0(divergence: Divergence) -> bool:
    """`increment_flow_control_window` with a stream 0."""
    calls = divergence.step.what == "increment_flow_control_window"
    failed = isinstance(divergence.h2.error, KeyError) and divergence.ours.error is None
    return calls and failed and [item.stream for item in divergence.ours.said] == [0]


def _not_announced(divergence: Divergence) -> bool:
    """h2 puts settings into force that the peer was never told."""
    announced = divergence.real.announced
    never = [item for item in divergence.h2.view["local settings"].items() if item not in announced]
    fine = divergence.h2.error is None and divergence.ours.error is None
    return fine and bool(announced) and any(value is not None for _, value in never)


def _forbidden_settings(divergence: Divergence) -> bool:
    """A setting that this side must not announce, or not any more."""
    updates = divergence.step.what == "update_settings"
    return updates and "cannot be" in str(divergence.ours.error) and _fails_here_only(divergence)


CALLS = [
    Difference(
        "settings that must not be sent",
        "a server can announce ENABLE_PUSH 1",
        "`ProtocolError`",
        "RFC 9113 §6.5.2: MUST NOT; the client would end the connection",
        _forbidden_settings,
    ),
    Difference(
        "settings that are not announced",
        "what is changed in `local_settings` without `update_settings` comes into force when the "
        "peer acknowledges anything",
        "nothing happens before it is announced",
        "RFC 9113 §6.5.3: the peer cannot keep to what it was not told",
        _not_announced,
    ),
    Difference(
        "credit for stream 0",
        "`increment_flow_control_window` with a `stream_id` of 0 raises `KeyError`",
        "it means the connection, as `None` does",
        "RFC 9113 §6.9: stream 0 is the connection",
        _credit_for_0,
    ),
    Difference(
        "configuration that changes",
        "a configuration that is changed while it is in use counts from then on",
        "what it was when the connection was made",
        "it is looked at once, and not for each field",
        _changed,
    ),
    Difference(
        "frames out of place",
        "sends WINDOW_UPDATE on a stream that it has promised, and pushes and trailers on one that "
        "was opened by CONNECT",
        "`ProtocolError`",
        "RFC 9113 §5.1, §8.5: MUST NOT",
        _out_of_place,
    ),
    Difference(
        "requests of servers",
        "a server can send a request",
        "`NoSuchStreamError`",
        "RFC 9113 §8.4: a server's streams begin with PUSH_PROMISE",
        _requests_of_servers,
    ),
    Difference(
        "content of no content",
        "sends the body of a response to HEAD, or of a 204 or 304, if the windows hold it",
        "leaves the octets out, however many",
        "RFC 9110 §6.4.1: such a response has no content; many programs do not know the method",
        _content_of_nothing,
    ),
    Difference(
        "numbers out of range",
        "cuts bits off stream ids and codes of settings that are too great",
        "refuses them",
        "something else would be said than was meant",
        _out_of_range,
    ),
    Difference(
        "too many pushes",
        "sends any number of pushed responses at once",
        "`TooManyStreamsError` beyond the client's MAX_CONCURRENT_STREAMS",
        "RFC 9113 §5.1.2: it holds for the streams that a server opens",
        _too_many_pushes,
    ),
    Difference(
        "ids that cannot be used",
        "`send_headers` raises `StreamIDTooLowError`, or `TooManyStreamsError` if that is so too",
        "`StreamClosedError`; `NoSuchStreamError` for what cannot be a stream of this side",
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
        "failed calls",
        "a call that fails has moved the stream or the connection on, often to its end; fields "
        "that are refused have spoilt the table of the encoder",
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
    Difference(
        "several reasons",
        "of several things that are wrong with a call, tells the size or the number",
        "that the stream is not fit for it, or the fields are not",
        "no order is promised",
        _other_reason,
    ),
]
