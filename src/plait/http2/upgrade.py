"""The upgrade from HTTP/1.1 to h2c (RFC 7540 §3.2; gone from RFC 9113, but still met)."""

from __future__ import annotations

import base64
import binascii

from .constants import Role
from .errors import ConnectionClosedError, ConnectionFault, StreamFault, UsageError
from .fields import classify, outgoing_fields
from .frames import parse_settings, settings_payload
from .heads import MalformedError, request_head
from .inbound import Inbound
from .session import Session
from .submission import Fields, checked_request


def accept_upgrade(
    inbound: Inbound, headers: Fields, settings: bytes | str, end_stream: bool
) -> None:
    """A request of HTTP/1.1 becomes stream 1.

    :raises UsageError: if the settings or the request are not valid, or it is too late.
    :raises ConnectionClosedError: if the connection has ended.
    """
    session = inbound.session
    _require_new(session, server=True)
    fields = outgoing_fields(headers, True)
    kinds = [classify(*field) for field in fields]
    try:
        head = request_head(fields, kinds, False, False, session.config.transport_scheme)
    except MalformedError as fault:
        raise UsageError(f"this request cannot be upgraded ({fault})") from None
    _take_settings(inbound, settings)
    head.content_length = -1  # the body was read, as far as there is one
    try:
        inbound.blocks.open_request(head, 1, end_stream, "")
    except StreamFault as fault:
        session.reset_for(fault)  # where no stream is allowed at all


def adopt_upgrade(inbound: Inbound, settings: bytes | str) -> None:
    """A request of HTTP/1.1 that the caller keeps becomes stream 1: nothing is told of it.

    :raises UsageError: if the settings are not valid, or it is too late.
    :raises ConnectionClosedError: if the connection has ended.
    """
    session = inbound.session
    _require_new(session, server=True)
    _take_settings(inbound, settings)
    stream = session.streams.open_remote(1, session.remote_window)
    stream.recv_headers()
    stream.recv_end_stream()
    stream.head_received = True
    session.streams.count(stream)
    session.requests += 1


def offer_upgrade(session: Session, headers: Fields) -> bytes:
    """A client's own request becomes stream 1; return the value for ``HTTP2-Settings``.

    :raises UsageError: if it is too late, or the request is not valid.
    """
    method = checked_request(outgoing_fields(headers, True), False, session.config)
    return begin_upgraded(session, session.config.first_settings(Role.CLIENT), method == b"HEAD")


def begin_upgraded(session: Session, settings: dict[int, int], headless: bool) -> bytes:
    """A client's request, made in HTTP/1.1, becomes stream 1; return ``settings`` for its field.

    :param headless: the response has no body.
    :raises UsageError: if it is too late.
    """
    _require_new(session, server=False)
    stream = session.streams.open_local(session.remote_window)
    stream.headless = headless
    stream.head_sent = True
    stream.send_headers()
    stream.send_end_stream()
    session.streams.count(stream)
    return base64.urlsafe_b64encode(settings_payload(settings)).rstrip(b"=")


def _require_new(session: Session, *, server: bool) -> None:
    """Check that no stream was opened yet, and which end this is."""
    if session.closed:
        raise ConnectionClosedError("the connection has ended")
    streams = session.streams
    begun = streams.highest_remote > 0 if server else streams.next_local != 1
    if session.is_server != server or begun:
        raise UsageError("an upgrade comes before anything else")


def _take_settings(inbound: Inbound, settings: bytes | str) -> None:
    """Put the client's settings into force.

    :raises UsageError: if they are not valid.
    """
    session = inbound.session
    entries = _decode_settings(settings)
    try:
        for code, value in entries:
            inbound.control.check(code, value)
    except ConnectionFault as fault:
        raise UsageError(f"this request cannot be upgraded ({fault})") from None
    # RFC 7540 §3.2.1: the 101 response is their acknowledgement.
    for code, value in entries:
        inbound.control.put_into_force({code: session.remote.apply(code, value)})


def _decode_settings(value: bytes | str) -> list[tuple[int, int]]:
    """Return the entries of an HTTP2-Settings value (RFC 7540 §3.2.1)."""
    octets = value.encode("ascii", "replace") if isinstance(value, str) else value
    try:
        payload = base64.b64decode(octets + b"=" * (-len(octets) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("HTTP2-Settings is not base64url") from None
    if len(payload) % 6:
        raise UsageError("HTTP2-Settings is no multiple of six octets long")
    return parse_settings(payload)
