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
    low = type(divergence.h2.error).__name__ == "StreamIDTooLowError"
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


CALLS = [
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
