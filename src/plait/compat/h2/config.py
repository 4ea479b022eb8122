"""What a program may choose for its connection, once, before it makes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO, overload

if TYPE_CHECKING:
    import logging


class _Switch:
    """An attribute that is a bool and nothing else."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.place = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> _Switch: ...
    @overload
    def __get__(self, instance: object, owner: type) -> bool: ...
    def __get__(self, instance: object | None, owner: type) -> _Switch | bool:
        if instance is None:
            return self
        value: bool = getattr(instance, self.place)
        return value

    def __set__(self, instance: object, value: bool) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"{self.name} must be a bool")  # noqa: TRY004  # as in h2
        setattr(instance, self.place, value)


class DummyLogger:
    """A logger that writes nothing; takes any argument."""

    def __init__(self, *vargs: Any) -> None:
        pass

    def debug(self, *vargs: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def trace(self, *vargs: Any, **kwargs: Any) -> None:
        """Do nothing."""


class OutputLogger:
    """A logger that prints.

    :param file: where to; standard error by default.
    :param trace_level: whether to print what ``trace`` gets as well.
    """

    def __init__(self, file: TextIO | None = None, trace_level: bool = False) -> None:
        self.file = file or sys.stderr
        self.trace_level = trace_level

    def debug(self, fmtstr: str, *args: Any) -> None:
        """Print a message, with ``%`` and the arguments."""
        self.file.write(f"h2 (debug): {fmtstr % args}\n")

    def trace(self, fmtstr: str, *args: Any) -> None:
        """Print a message of the finest kind, if those were asked for."""
        if self.trace_level:
            self.file.write(f"h2 (trace): {fmtstr % args}\n")


class H2Configuration:
    """The choices for one connection.

    The switches take ``True`` and ``False`` only; anything else raises ``ValueError``.

    :param client_side: be the client's end; else the server's.
    :param header_encoding: the encoding in which the fields of events are decoded to ``str``;
        ``None`` or ``False`` leave them ``bytes``. ``True`` is refused.
    :param validate_outbound_headers: refuse to send fields that HTTP/2 forbids.
    :param normalize_outbound_headers: before sending, write names in lower case, strip white space
        around values, leave out fields of the connection (RFC 9113 §8.2.2).
    :param split_outbound_cookies: send the pairs of a ``cookie`` field as fields of their own,
        which compresses better (RFC 9113 §8.2.3).
    :param validate_inbound_headers: treat a message with fields that HTTP/2 forbids as malformed.
    :param normalize_inbound_headers: join several ``cookie`` fields to one.
    :param logger: has methods ``debug`` and ``trace``; by default one that writes nothing.
    """

    client_side = _Switch()
    validate_outbound_headers = _Switch()
    normalize_outbound_headers = _Switch()
    split_outbound_cookies = _Switch()
    validate_inbound_headers = _Switch()
    normalize_inbound_headers = _Switch()

    def __init__(
        self,
        client_side: bool = True,
        header_encoding: bool | str | None = None,
        validate_outbound_headers: bool = True,
        normalize_outbound_headers: bool = True,
        split_outbound_cookies: bool = False,
        validate_inbound_headers: bool = True,
        normalize_inbound_headers: bool = True,
        logger: logging.Logger | DummyLogger | OutputLogger | None = None,
    ) -> None:
        self.client_side = client_side
        self.header_encoding = header_encoding
        self.validate_outbound_headers = validate_outbound_headers
        self.normalize_outbound_headers = normalize_outbound_headers
        self.split_outbound_cookies = split_outbound_cookies
        self.validate_inbound_headers = validate_inbound_headers
        self.normalize_inbound_headers = normalize_inbound_headers
        self.logger = logger or DummyLogger()

    @property
    def header_encoding(self) -> bool | str | None:
        """The encoding of the fields in events; ``None`` or ``False`` for ``bytes``.

        :raises ValueError: when something else than a name, ``None`` or ``False`` is assigned.
        """
        return self._header_encoding

    @header_encoding.setter
    def header_encoding(self, value: bool | str | None) -> None:
        if not isinstance(value, bool | str | None):
            raise ValueError(  # noqa: TRY004  # as in h2
                "header_encoding must be bool, string, or None"
            )
        if value is True:
            raise ValueError("header_encoding cannot be True")
        self._header_encoding = value
