"""The DNS names in a certificate (RFC 5280), by which SNI chooses one, and how long it is valid.

The standard library shows the names of a peer's certificate, but not of one's own. So this reads as
much DER (ITU-T X.690) as it takes to find them, and nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime

_SEQUENCE = 0x30
_SET = 0x31
_BOOLEAN = 0x01
_OID = 0x06
_OCTETS = 0x04
_DNS_NAME = 0x82  # [2] IA5String in GeneralName
_EXTENSIONS = 0xA3  # [3] in TBSCertificate
_TIMES = {0x17: "%y%m%d%H%M%S%z", 0x18: "%Y%m%d%H%M%S%z"}  # UTCTime, GeneralizedTime
_TEXTS = (0x0C, 0x13, 0x16)  # UTF8String, PrintableString, IA5String

_SUBJECT_ALT_NAME = bytes((0x55, 0x1D, 0x11))  # 2.5.29.17
_COMMON_NAME = bytes((0x55, 0x04, 0x03))  # 2.5.4.3

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


def first_certificate(pem: str) -> bytes:
    """Return the first certificate of a PEM file in DER: the one that is the server's own.

    :raises ValueError: if there is none.
    """
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("no certificate in PEM format")
    return ssl.PEM_cert_to_DER_cert(pem[begin : end + len(_END)])


def dns_names(der: bytes) -> list[str]:
    """Return the DNS names that a certificate is for, in lower case, wildcards among them.

    They stand in ``subjectAltName``. Only where that names none, the common name counts
    (RFC 6125 §6.4.4).

    :raises ValueError: for what is not a certificate.
    """
    try:
        parts = list(_elements(_certificate_body(der)))
        names = [name.lower() for name in _alternative_names(parts)]
        return names or [name.lower() for name in _common_names(parts)]
    except (IndexError, UnicodeError) as error:
        raise ValueError("not a certificate in DER") from error


def validity(der: bytes) -> tuple[datetime, datetime]:
    """Return from when and until when a certificate is valid (RFC 5280 §4.1.2.5).

    :raises ValueError: for what is not a certificate.
    """
    try:
        # Of the SEQUENCEs in a TBSCertificate the third: signature and issuer are before it.
        sequences = [body for tag, body in _elements(_certificate_body(der)) if tag == _SEQUENCE]
        begin, end = [
            datetime.strptime(text.decode("ascii"), _TIMES[tag])  # noqa: DTZ007 - all have %z
            for tag, text in _elements(sequences[2])
        ]
    except (IndexError, KeyError, UnicodeError) as error:
        raise ValueError("not a certificate in DER") from error
    return begin, end


def _certificate_body(der: bytes) -> bytes:
    """Return what a TBSCertificate is made of."""
    for tag, certificate in _elements(der):
        for inner_tag, body in _elements(certificate):
            if tag == inner_tag == _SEQUENCE:
                return body
    raise ValueError("not a certificate in DER")


def _alternative_names(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    for tag, wrapped in parts:
        if tag != _EXTENSIONS:
            continue
        for _, extensions in _elements(wrapped):
            for _, extension in _elements(extensions):
                # extnID, critical if it is true, extnValue
                fields = [field for field in _elements(extension) if field[0] != _BOOLEAN]
                if fields[0] == (_OID, _SUBJECT_ALT_NAME) and fields[1][0] == _OCTETS:
                    yield from _general_names(fields[1][1])


def _general_names(value: bytes) -> Iterator[str]:
    for _, names in _elements(value):
        for tag, name in _elements(names):
            if tag == _DNS_NAME:
                yield name.decode("ascii")


def _common_names(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    # Of the SEQUENCEs in a TBSCertificate the subject is the fourth: signature, issuer and
    # validity are before it.
    sequences = [body for tag, body in parts if tag == _SEQUENCE]
    for tag, relative_name in _elements(sequences[3]):
        if tag != _SET:
            continue
        for _, attribute in _elements(relative_name):
            kind, value = list(_elements(attribute))[:2]
            if kind == (_OID, _COMMON_NAME) and value[0] in _TEXTS:
                yield value[1].decode("utf-8")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tags and contents of the elements that follow each other in ``data``."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(data[at : at + octets], "big")
            at += octets
        if at + length > len(data):
            raise ValueError("a certificate that is cut off")
        yield tag, data[at : at + length]
        at += length
