"""Header sections: whether their fields fit together, and what the engine needs of them.

The single fields have their kinds already (``fields``). Here the rules of RFC 9113 §8.3 are
applied that concern a section as a whole: pseudo-header fields first, none twice, none missing.
"""

from __future__ import annotations

from .fields import (
    AUTHORITY,
    CONTENT_LENGTH,
    COOKIE,
    HOST,
    MALFORMED_SLUGS,
    METHOD,
    PATH,
    PRIORITY,
    PROTOCOL,
    PSEUDO,
    SCHEME,
    STATUS,
    TE,
    Field,
)


class MalformedError(Exception):
    """A section that makes its message malformed (RFC 9113 §8.1.1). Internal.

    :ivar slug: the name of the fault.
    """

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class Head:
    """A checked header section: its fields, and the values the engine acts upon."""

    __slots__ = (
        "authority",
        "content_length",
        "fields",
        "host",
        "method",
        "path",
        "priority",
        "protocol",
        "scheme",
        "seen",
        "status",
        "target",
    )

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields
        self.seen = 0
        self.method: bytes | None = None
        self.scheme: bytes | None = None
        self.authority: bytes | None = None
        self.path: bytes | None = None
        self.protocol: bytes | None = None
        self.host: bytes | None = None
        # Of ``:authority`` and ``host`` the one that counts.
        self.target: bytes | None = None
        self.priority: bytes | None = None
        self.content_length = -1
        self.status = 0

    def collect(self, kinds: list[int]) -> None:
        """Gather the kinds of all fields, and the values of those that matter.

        :raises MalformedError: for a malformed field, a pseudo-header field repeated or out of
            place, a repeated ``host``, differing ``content-length`` fields.
        """
        seen = 0
        regular = False
        for index, kind in enumerate(kinds):
            if kind < 0:
                raise MalformedError(MALFORMED_SLUGS[-kind])
            if kind & PSEUDO:
                # RFC 9113 §8.3: pseudo-header fields MUST NOT appear after a regular field,
                # and the same one MUST NOT appear more than once.
                if regular:
                    raise MalformedError("field.pseudo_order")
                if seen & kind:
                    raise MalformedError("field.pseudo_repeated")
                self.take_pseudo(kind, self.fields[index][1])
            else:
                regular = True
                if kind & (HOST | CONTENT_LENGTH | PRIORITY):
                    self.take_special(kind, self.fields[index][1], (seen & kind) != 0)
            seen |= kind
        self.seen = seen

    def take_pseudo(self, kind: int, value: bytes) -> None:
        """Keep the value of a pseudo-header field."""
        if kind == METHOD:
            self.method = value
        elif kind == PATH:
            self.path = value
        elif kind == SCHEME:
            self.scheme = value
        elif kind == AUTHORITY:
            self.authority = value
        elif kind == STATUS:
            self.status = int(value)
        else:
            self.protocol = value

    def take_special(self, kind: int, value: bytes, repeated: bool) -> None:
        """Keep the value of a regular field that the engine acts upon."""
        if kind == HOST:
            # RFC 9110 §7.2: a request with more than one Host field is refused.
            if repeated:
                raise MalformedError("field.host_repeated")
            self.host = value
        elif kind == CONTENT_LENGTH:
            # RFC 9110 §8.6: differing values make the message invalid. Equal ones need not be
            # accepted, and no honest sender repeats the field.
            if repeated:
                raise MalformedError("field.content_length_repeated")
            self.content_length = int(value)
        elif self.priority is None:
            self.priority = value
        else:
            # RFC 8941 §4.2: several lines of a dictionary field are one, joined by commas.
            self.priority += b"," + value

    def choose_target(self, host_may_differ: bool) -> None:
        """Decide between ``:authority`` and ``host``."""
        # RFC 9113 §8.3.1: Host MUST NOT be used if ":authority" is there. Where they may differ,
        # the first hop has told the one and the client the other, and it is the client that counts.
        if self.host is not None and (host_may_differ or self.authority is None):
            self.target = self.host
        else:
            self.target = self.authority

    def has_cookies(self) -> bool:
        """Whether a ``cookie`` field is among the fields."""
        return (self.seen & COOKIE) != 0


def request_head(
    fields: list[Field],
    kinds: list[int],
    extended_connect: bool,
    host_may_differ: bool,
    transport_scheme: bytes | None = None,
) -> Head:
    """Check the header section of a request (RFC 9113 §8.3.1, §8.5; RFC 8441 §4).

    :param extended_connect: whether ``:protocol`` may be used.
    :param host_may_differ: let a ``host`` pass that is not the ``:authority``.
    :param transport_scheme: what stands for the value of ``:scheme``, where that is known better.
    :raises MalformedError: if the request is malformed.
    """
    head = Head(fields)
    head.collect(kinds)
    seen = head.seen
    if transport_scheme is not None and seen & SCHEME:
        head.scheme = transport_scheme
    # RFC 9113 §8.3: pseudo-header fields defined for responses MUST NOT appear in requests.
    if seen & STATUS:
        raise MalformedError("field.response_pseudo")
    if head.method == b"CONNECT" or seen & PROTOCOL:
        _check_connect(head, extended_connect)
    # RFC 9113 §8.3.1: exactly one value for ":method", ":scheme" and ":path".
    elif (seen & (METHOD | SCHEME | PATH)) != (METHOD | SCHEME | PATH):
        raise MalformedError("field.pseudo_missing")
    if head.path is not None:
        _check_target(head)
    # RFC 9113 §8.3.1: a Host that differs from ":authority" SHOULD be treated as malformed.
    if seen & HOST and head.authority is not None and not host_may_differ:
        if head.host is not None and head.host.lower() != head.authority.lower():
            raise MalformedError("field.host_differs")
    head.choose_target(host_may_differ)
    return head


def loose_head(
    fields: list[Field],
    kinds: list[int],
    host_may_differ: bool,
    transport_scheme: bytes | None = None,
) -> Head:
    """Return what can be told of a section whose faults do not matter: the first of each value."""
    head = Head(fields)
    for index, kind in enumerate(kinds):
        if kind < 0 or head.seen & kind:
            continue
        head.seen |= kind
        if kind & PSEUDO:
            head.take_pseudo(kind, fields[index][1])
        elif kind & (HOST | CONTENT_LENGTH | PRIORITY):
            head.take_special(kind, fields[index][1], False)
    if transport_scheme is not None and head.scheme is not None:
        head.scheme = transport_scheme
    head.choose_target(host_may_differ)
    return head


def promised_fault(fields: list[Field], kinds: list[int], host_may_differ: bool) -> str:
    """Return what is wrong with a promised request, or an empty string."""
    try:
        head = request_head(fields, kinds, False, host_may_differ)
    except MalformedError as error:
        return error.slug
    # RFC 9113 §8.4: promised requests MUST be safe, cacheable, and without a body.
    if head.method not in (b"GET", b"HEAD") or head.content_length > 0:
        return "push.method"
    # RFC 9113 §8.4.1: without an authority there is none that the server could have.
    if not head.authority:
        return "push.authority"
    return ""


def _check_connect(head: Head, extended_connect: bool) -> None:
    """Check which pseudo-header fields a CONNECT has."""
    seen = head.seen
    if seen & PROTOCOL:
        # RFC 8441 §4: only once the setting was announced; ":scheme" and ":path" MUST be there.
        if not extended_connect or head.method != b"CONNECT":
            raise MalformedError("field.protocol_not_enabled")
        if (seen & (SCHEME | PATH | AUTHORITY)) != (SCHEME | PATH | AUTHORITY):
            raise MalformedError("field.pseudo_missing")
    # RFC 9113 §8.5: ":scheme" and ":path" MUST be omitted, ":authority" names the target.
    # RFC 9110 §9.3.6: a server MUST reject an empty or invalid port; there is no default.
    elif seen & (SCHEME | PATH) or head.authority is None or not _has_port(head.authority):
        raise MalformedError("field.connect")


def _has_port(authority: bytes) -> bool:
    """Whether an authority is a host and a port."""
    host, _, port = authority.rpartition(b":")
    if not host or not port.isdigit() or len(port) > 5:
        return False
    number = int(port)
    return 0 < number < 65_536


def _check_target(head: Head) -> None:
    """Check ``:path`` and ``:authority`` of an http or https URI (RFC 9113 §8.3.1)."""
    scheme = head.scheme
    if scheme not in (b"http", b"https"):
        return
    path = head.path
    # ":path" starts with "/", but for OPTIONS, where it may be "*".
    if path is not None and path[0] != 0x2F and not (path == b"*" and head.method == b"OPTIONS"):
        raise MalformedError("field.path")
    # An empty host is not valid in these schemes (RFC 9110 §4.2.1); a request that came from
    # HTTP/1.0 may have none at all.
    if head.authority == b"" or (head.authority is None and head.host == b""):
        raise MalformedError("field.authority")


def response_head(fields: list[Field], kinds: list[int]) -> Head:
    """Check the header section of a response (RFC 9113 §8.3.2).

    :raises MalformedError: if the response is malformed.
    """
    head = Head(fields)
    head.collect(kinds)
    if head.seen & (PSEUDO ^ STATUS):
        raise MalformedError("field.request_pseudo")
    # RFC 9113 §8.2.2: TE is connection-specific; the exception is for requests alone.
    if head.seen & TE:
        raise MalformedError("field.te")
    if not head.seen & STATUS:
        raise MalformedError("field.pseudo_missing")
    # RFC 9113 §8.6: 101 (Switching Protocols) has no meaning in HTTP/2.
    if head.status == 101:
        raise MalformedError("field.status")
    return head


def check_trailers(kinds: list[int]) -> None:
    """Check a trailer section (RFC 9113 §8.1).

    :raises MalformedError: for a malformed field, or any pseudo-header field.
    """
    for kind in kinds:
        if kind < 0:
            raise MalformedError(MALFORMED_SLUGS[-kind])
        # RFC 9113 §8.1: trailers MUST NOT include pseudo-header fields.
        if kind & PSEUDO:
            raise MalformedError("field.pseudo_in_trailers")
        if kind & TE:
            raise MalformedError("field.te")
