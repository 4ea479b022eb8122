"""The functions of h2's `utilities` that programs call."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import h2.exceptions
import h2.utilities
import pytest
from hpack.struct import HeaderTuple, NeverIndexedHeaderTuple
from hypothesis import given
from hypothesis import strategies as st

from plait.compat.h2 import exceptions, utilities
from plait.hpack import NeverIndexedField

BOTH = pytest.mark.parametrize("module", [h2.utilities, utilities])

names = st.sampled_from(
    b":method|:status|:authority|Cookie|cookie|Connection|te| X-Y |upgrade|authorization"
    b"|Proxy-Authorization|accept".split(b"|")
)
contents = st.sampled_from(
    [
        b"",
        b"a",
        b" b ",
        b"\tc; d",
        b"a=1; b=2; c=34567890123456789012345",
        b"100",
        b"200",
        b"x" * 20,
    ]
)


pairs = st.lists(st.tuples(names, contents, st.booleans()), max_size=6)


def sections(given: list[tuple[bytes, bytes, bool]]) -> tuple[list[Any], list[Any]]:
    """A section for h2, and the same for plait; some fields are never to be indexed."""
    theirs: list[Any] = []
    own: list[Any] = []
    for name, value, indexed in given:
        theirs.append((name, value) if indexed else NeverIndexedHeaderTuple(name, value))
        own.append((name, value) if indexed else NeverIndexedField(name, value))
    return theirs, own


def marked(fields: Any) -> list[tuple[bytes, bytes, bool]]:
    return [
        (name, value, getattr(field, "indexable", not isinstance(field, NeverIndexedField)))
        for field in fields
        for name, value in [field]
    ]


@given(pairs, st.booleans())
def test_fields_are_normalised_for_sending(given: Any, split: bool) -> None:
    theirs, own = sections(given)
    assert marked(utilities.normalize_outbound_headers(own, None, split)) == marked(
        h2.utilities.normalize_outbound_headers(theirs, None, split)
    )


@given(pairs)
def test_received_cookies_are_joined(given: Any) -> None:
    theirs, own = sections(given)
    flags = utilities.HeaderValidationFlags(True, False, True, False)
    assert marked(utilities.normalize_inbound_headers(own, flags)) == marked(
        h2.utilities.normalize_inbound_headers(theirs, flags)  # type: ignore[arg-type]
    )


@given(pairs)
def test_questions_have_the_same_answers(given: Any) -> None:
    theirs, own = sections(given)
    for name in ("extract_method_header", "is_informational_response", "authority_from_headers"):
        assert getattr(utilities, name)(own) == getattr(h2.utilities, name)(theirs)


@BOTH
def test_text_becomes_octets(module: ModuleType) -> None:
    secret: Any = NeverIndexedHeaderTuple("s", "t")  # hpack's own class is understood, too
    made = module.utf8_encode_headers([("ä", b"1"), HeaderTuple(b"b", "ö"), secret])
    assert made == [("ä".encode(), b"1"), (b"b", "ö".encode()), (b"s", b"t")]
    assert marked(made)[2][2] is False


@BOTH
def test_the_method_may_be_text(module: ModuleType) -> None:
    assert module.extract_method_header([(":path", "/"), (":method", "GET")]) == b"GET"
    assert module.extract_method_header([("a", "b")]) is None


@pytest.mark.parametrize(
    ("module", "error"),
    [
        (h2.utilities, h2.exceptions.FlowControlError),
        (utilities, exceptions.FlowControlError),
    ],
)
def test_a_window_has_a_limit(module: ModuleType, error: type[Exception]) -> None:
    assert module.guard_increment_window(2**31 - 2, 1) == 2**31 - 1
    assert module.guard_increment_window(-10, 4) == -6
    with pytest.raises(error, match="May not increment flow control window past 2147483647"):
        module.guard_increment_window(2**31 - 1, 1)


def test_flags_have_names() -> None:
    flags = utilities.HeaderValidationFlags(
        is_client=True, is_trailer=False, is_response_header=True, is_push_promise=False
    )
    theirs = h2.utilities.HeaderValidationFlags(True, False, True, False)
    assert flags == theirs
    assert flags._asdict() == theirs._asdict()
