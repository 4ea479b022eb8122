"""Header lists as servers and clients exchange them, told as stories of one connection each.

*Short* connections are the corpus that the tests of HPACK read: eight of about ten lists each.
*Long* ones are made here: six of 120 lists, which repeat what real peers repeat (user agent,
cookies, policies) and vary what they vary (paths, dates, lengths, entity tags, trace ids), from a
fixed seed, so that every run and every codec gets the same octets.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.traffic import Fields, browser_fields
from tests.hpack.stories import read_stories

_LENGTH = 120  # header lists in a story

_WEEKDAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_POLICY = (
    b"default-src 'self'; img-src 'self' https://img.example.com data:; script-src 'self' "
    b"'nonce-5k2Jd0'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


def _hex(chance: random.Random, digits: int) -> bytes:
    return b"%0*x" % (digits, chance.getrandbits(4 * digits))


def _date(chance: random.Random) -> bytes:
    return b"%s, %02d Nov 2026 %02d:%02d:%02d GMT" % (
        chance.choice(_WEEKDAYS),
        chance.randrange(1, 31),
        chance.randrange(24),
        chance.randrange(60),
        chance.randrange(60),
    )


def _picture_request(chance: random.Random) -> Fields:
    return browser_fields(chance.randrange(500))


def _api_request(chance: random.Random) -> Fields:
    return [
        (b":method", chance.choice((b"GET", b"GET", b"GET", b"POST"))),
        (b":scheme", b"https"),
        (b":authority", b"api.example.com"),
        (b":path", b"/v2/accounts/%d/orders?limit=50" % chance.randrange(10**6)),
        (b"user-agent", b"orders-sync/4.11.2 (linux; x86_64)"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"gzip, br"),
        (b"authorization", b"Bearer eyJhbGciOiJFUzI1NiJ9." + _hex(chance, 64)),
        (b"x-request-id", _hex(chance, 32)),
        (b"traceparent", b"00-%s-%s-01" % (_hex(chance, 32), _hex(chance, 16))),
    ]


def _grpc_request(chance: random.Random) -> Fields:
    method = chance.choice((b"GetItem", b"ListItems", b"UpdateItem", b"Watch"))
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/inventory.v1.Inventory/" + method),
        (b":authority", b"inventory.internal:50051"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"grpc-python/1.66.1 grpc-c/43.0.0 (linux; chttp2)"),
        (b"te", b"trailers"),
        (b"grpc-timeout", b"%dm" % chance.randrange(100, 5000)),
        (b"grpc-accept-encoding", b"identity, deflate, gzip"),
    ]


def _picture_response(chance: random.Random) -> Fields:
    return [
        (b":status", chance.choice((b"200", b"200", b"200", b"304"))),
        (b"content-type", chance.choice((b"image/webp", b"image/avif", b"image/svg+xml"))),
        (b"content-length", b"%d" % chance.randrange(500, 90_000)),
        (b"date", _date(chance)),
        (b"last-modified", _date(chance)),
        (b"etag", b'"%s"' % _hex(chance, 16)),
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"accept-ranges", b"bytes"),
        (b"age", b"%d" % chance.randrange(86_400)),
        (b"x-cache", chance.choice((b"HIT", b"HIT", b"MISS"))),
        (b"vary", b"accept"),
        (b"access-control-allow-origin", b"*"),
        (b"timing-allow-origin", b"*"),
        (b"server", b"cdn"),
    ]


def _page_response(chance: random.Random) -> Fields:
    spent = chance.randrange(90)
    return [
        (b":status", b"200"),
        (b"date", _date(chance)),
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-encoding", b"br"),
        (b"vary", b"accept-encoding, cookie"),
        (b"cache-control", b"private, no-cache"),
        (b"set-cookie", b"session=%s; Path=/; Secure; HttpOnly" % _hex(chance, 32)),
        (b"content-security-policy", _POLICY),
        (b"strict-transport-security", b"max-age=63072000; includeSubDomains; preload"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"strict-origin-when-cross-origin"),
        (b"x-runtime", b"0.%06d" % chance.randrange(10**6)),
        (b"server-timing", b"db;dur=%d, view;dur=%d" % (spent, chance.randrange(90))),
    ]


def _api_response(chance: random.Random) -> Fields:
    return [
        (b":status", chance.choice((b"200", b"200", b"201", b"404"))),
        (b"date", _date(chance)),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % chance.randrange(20, 5000)),
        (b"x-request-id", _hex(chance, 32)),
        (b"x-ratelimit-limit", b"5000"),
        (b"x-ratelimit-remaining", b"%d" % chance.randrange(5000)),
        (b"server", b"envoy"),
        (b"x-envoy-upstream-service-time", b"%d" % chance.randrange(300)),
    ]


_PARTS: tuple[Callable[[random.Random], Fields], ...] = (
    _picture_request,
    _api_request,
    _grpc_request,
    _picture_response,
    _page_response,
    _api_response,
)


def short_connections() -> list[list[Fields]]:
    """Eight connections of programs met every day: browsers, curl, gRPC, a CDN."""
    return [[list(fields) for fields in story] for story in read_stories().values()]


def long_connections() -> list[list[Fields]]:
    """Six connections: what a browser, an API client and a gRPC client ask and are answered."""
    chance = random.Random(7541)
    return [[part(chance) for _ in range(_LENGTH)] for part in _PARTS]
