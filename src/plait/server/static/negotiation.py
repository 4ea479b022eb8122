"""Content codings (RFC 9110 §12.5.3): which precompressed variants a client takes, best first."""

from __future__ import annotations

import re

# Coding and the suffix of the file beside the original, in order of preference.
CODINGS = ((b"br", ".br"), (b"zstd", ".zst"), (b"gzip", ".gz"))

_WEIGHT = re.compile(rb"[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# Bounds the work an absurdly long field can cause; real ones list five or six.
_MAX_ELEMENTS = 64


def accepted_codings(field: bytes | None) -> dict[bytes, int]:
    """Return the known codings that `Accept-Encoding` prefers over none at all, with weights.

    Weights are in thousandths, 1 to 1000. Without the field nothing but the original is offered:
    the client did not say that it can decode anything. An element that is malformed is skipped.
    """
    if not field:
        return {}
    weights: dict[bytes, int] = {}
    for element in field.split(b",", _MAX_ELEMENTS)[:_MAX_ELEMENTS]:
        parsed = _element(element)
        if parsed is not None:
            weights.setdefault(*parsed)
    if b"x-gzip" in weights:
        # "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"." (RFC 9110 §8.4.1.3)
        weights.setdefault(b"gzip", weights[b"x-gzip"])
    anything_else = weights.get(b"*", 0)
    # Unlisted, the original is acceptable but the last choice; listed or starred, it has a weight.
    original = weights.get(b"identity", anything_else)
    codings = {coding: weights.get(coding, anything_else) for coding, _ in CODINGS}
    return {coding: weight for coding, weight in codings.items() if weight and weight >= original}


def _element(element: bytes) -> tuple[bytes, int] | None:
    coding, *parameters = (part.strip(b" \t") for part in element.split(b";"))
    if not _TOKEN.fullmatch(coding):
        return None
    weight = 1000
    if parameters:
        match = _WEIGHT.fullmatch(parameters[0])
        if match is None or len(parameters) > 1:
            return None
        weight = round(float(match[1]) * 1000)
    return coding.lower(), weight
