"""Other judgements of fields."""

from __future__ import annotations

from tests.http2 import frames as f

from .divergence import Difference, Divergence, reset_and_told, states_of, unchanged
from .grammar import is_odd


def _resets(divergence: Divergence) -> bool:
    """The stream is reset here, for something that h2 does not check."""
    fine = divergence.h2.error is None and divergence.ours.error is None
    kinds = {f.HEADERS, f.PUSH_PROMISE, f.CONTINUATION}
    return fine and bool(divergence.kinds & kinds) and reset_and_told(divergence)


def _padding_only(divergence: Divergence) -> bool:
    padding = "invalid padding" in str(divergence.h2.error)
    return padding and f.HEADERS in divergence.kinds


def _empty_body(divergence: Divergence) -> bool:
    """Fields that end a message whose length was another: h2 looks when DATA comes."""
    reset = [item.stream for item in divergence.ours.said if item.kind == "RST_STREAM"]
    states = [divergence.before, states_of(divergence.real)]
    lengths = [known[at] for known in states for at in reset if at in known]
    wrong = [length["expected"] not in (None, length["actual"]) for length in lengths]
    return any(wrong) and _resets(divergence)


def _many_fields(divergence: Divergence) -> bool:
    """More fields than 128, in few octets."""
    calm = [item.number for item in divergence.ours.said if item.kind == "RST_STREAM"]
    lengths = [len(content.get("headers") or []) for _, content in divergence.h2.events]
    return calm == [f.ENHANCE_YOUR_CALM] and max(lengths, default=0) > 128


def _promised_method(divergence: Divergence) -> bool:
    told = [kind for kind, _ in divergence.h2.events] == ["PushedStreamReceived"]
    return told and f.PUSH_PROMISE in divergence.kinds and _resets(divergence)


def _grammar(divergence: Divergence) -> bool:
    """Something in the fields is refused here, and h2 does not look at it."""
    connection, h2 = divergence.real.connection, divergence.h2
    if h2.error is not None:
        return False
    tunnel = bool(divergence.streams & divergence.real.tunnels)
    if divergence.step.octets:
        websockets = bool(connection.local_settings.enable_connect_protocol)
        sections = [content.get("headers") or [] for _, content in h2.events]
        odd = any(is_odd(fields, websockets=websockets) for fields in sections)
        return (odd or tunnel) and _resets(divergence)
    websockets = bool(connection.remote_settings.enable_connect_protocol)
    said = [item.content[0] for item in h2.said if item.kind in ("HEADERS", "PUSH_PROMISE")]
    odd = any(is_odd(fields, websockets=websockets) for fields in said)
    words = str(divergence.ours.error)
    return odd and ("(field." in words or words.startswith("101 ")) and unchanged(divergence)


def _no_authority(divergence: Divergence) -> bool:
    """h2 wants `:authority` or `host` in every request."""
    named = ":authority or Host" in str(divergence.h2.error)
    return named and divergence.ours.error is None


def _no_fields(divergence: Divergence) -> bool:
    """h2 cannot send an empty section."""
    empty = isinstance(divergence.h2.error, IndexError) and divergence.ours.error is None
    return empty and [item.content[0] for item in divergence.ours.said] == [()]


def _undecodable(divergence: Divergence) -> bool:
    """Fields that `header_encoding` does not fit."""
    failed = isinstance(divergence.h2.error, UnicodeDecodeError)
    # Where they were the last of the stream, there is nothing to be reset.
    events = [*divergence.ours.events, *divergence.ours.lost]
    resets = [content for kind, content in events if kind == "StreamReset"]
    told = any(not content["remote_reset"] for content in resets)
    return failed and (told or reset_and_told(divergence))


def _buffers(divergence: Divergence) -> bool:
    """Names and values that are other buffers than `bytes`."""
    words = str(divergence.h2.error)
    refused = "'bytearray'" in words or "'memoryview'" in words
    return refused and "encode" in words and divergence.ours.error is None


def _unchecked_lengths(divergence: Divergence) -> bool:
    """content-length, though nothing is to be validated."""
    checks = divergence.real.configuration.validate_inbound_headers
    words = "Invalid content-length" in str(divergence.h2.error)
    return words and not checks and divergence.ours.error is None


def _odd_status(divergence: Divergence) -> bool:
    """Whatever begins with a 1 is informational to h2."""
    kinds = [[kind for kind, _ in outcome.events] for outcome in (divergence.h2, divergence.ours)]
    checks = divergence.real.configuration.validate_inbound_headers
    return kinds == [["InformationalResponseReceived"], ["ResponseReceived"]] and not checks


FIELDS = [
    Difference(
        "fields that cannot be decoded",
        "raises `UnicodeDecodeError` out of `receive_data`, and can still be used",
        "the message is malformed: a stream error",
        "a peer's octets should not raise what nobody expects; the other streams go on",
        _undecodable,
    ),
    Difference(
        "buffers as fields",
        "fails for names and values that are neither `bytes` nor `str`",
        "takes `bytearray` and `memoryview` too",
        "nothing speaks against it",
        _buffers,
    ),
    Difference(
        "lengths that are not validated",
        "refuses a `content-length` that is no number even with `validate_inbound_headers=False`",
        "lets it pass; the body is held to the first that is one, in both cases",
        "the switch says so",
        _unchecked_lengths,
    ),
    Difference(
        "statuses that are not validated",
        "takes any status that begins with a 1 for an informational one",
        "those of three digits",
        "RFC 9110 §15",
        _odd_status,
    ),
    Difference(
        "requests without authority",
        "refuses them, in both directions",
        "lets them pass",
        "RFC 9113 §8.3.1 allows them, for what was HTTP/1.0",
        _no_authority,
    ),
    Difference(
        "empty sections",
        "fails with `IndexError` when it sends no field at all",
        "sends them",
        "RFC 9113 §6.2: trailers may be empty",
        _no_fields,
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
        "length of an empty body",
        "checks `content-length` when DATA comes",
        "checks it when fields end a message, too",
        "RFC 9113 §8.1.1",
        _empty_body,
    ),
    Difference(
        "promised method",
        "lets any method be promised",
        "resets promises that are not GET or HEAD",
        "RFC 9113 §8.4: safe, cacheable, without content",
        _promised_method,
    ),
]
GRAMMAR = Difference(
    "grammar of fields",
    "checks fewer octets, methods, paths, authorities and protocols, and sends what it would "
    "not receive",
    "`ProtocolError` for what is sent, a stream error for what is received",
    "RFC 9113 §8.2.1, §8.3; RFC 9110 §5.5, §9.1; RFC 8441 §3",
    _grammar,
)
"""For what has no other name."""
