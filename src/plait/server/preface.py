"""What the first octets on a connection say: HTTP/2, or something older that deserves an answer."""

from __future__ import annotations

from plait.http2.constants import PREFACE

HTTP2 = 0
HTTP1 = 1
UNDECIDED = 2

# The longest method that is waited for: nobody has a longer one.
_METHOD_MAX = 32
_METHOD_OCTETS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

_EXPLANATION = (
    b"This port speaks HTTP/2 only: with prior knowledge in clear text, with ALPN h2 over TLS.\n"
)


def judge_opening(head: bytes) -> int:
    """Return what the first octets of a connection open.

    ``HTTP2`` is also the answer to anything that is not text: the engine refuses it properly. An
    empty line before a request of HTTP/1 is ignored (RFC 9112 §2.2).
    """
    if head.startswith(b"\r\n"):
        head = head[2:]
    if PREFACE.startswith(head[: len(PREFACE)]):
        return HTTP2 if len(head) >= len(PREFACE) else UNDECIDED
    if head.startswith(PREFACE):
        return HTTP2
    method, space, _ = head.partition(b" ")
    if len(method) > _METHOD_MAX or not method or method.strip(_METHOD_OCTETS):
        return HTTP2
    return HTTP1 if space else UNDECIDED


def http1_answer(head: bytes) -> bytes:
    """Return the whole answer to a request in HTTP/1.x (RFC 9110 §15.6.6)."""
    body = b"" if head.startswith(b"HEAD ") else _EXPLANATION
    return (
        b"HTTP/1.1 505 HTTP Version Not Supported\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: %d\r\n"
        b"Connection: close\r\n\r\n%b"
    ) % (len(_EXPLANATION), body)
