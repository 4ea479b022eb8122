"""What the facade remembers of fields, so as not to convert them again, and what it must not."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import pytest

from plait.compat.h2.fields import decoded, normalised
from plait.hpack import NeverIndexedField

Field = tuple[bytes, bytes]
Conversion = Callable[[list[Field]], object]

SECRETS = (b"authorization", b"cookie", b"proxy-authorization", b"set-cookie")


def to_the_engine(fields: list[Field]) -> object:
    return normalised(fields, False)


def to_a_program(fields: list[Field]) -> object:
    return decoded(fields, "utf-8")


both_ways = pytest.mark.parametrize("convert", [to_the_engine, to_a_program])


numbers = itertools.count()


def fresh(size: int = 12) -> bytes:
    """Return a value that nobody else has."""
    return b"%0*d" % (size, next(numbers))


def remembered(convert: Conversion, name: bytes, value: bytes) -> bool:
    """Whether anything keeps a value once its field was converted."""
    holders = sys.getrefcount(value)
    convert([(name, value)])
    return sys.getrefcount(value) > holders


@both_ways
def test_a_short_field_is_remembered(convert: Conversion) -> None:
    assert remembered(convert, b"x-test", fresh())


@both_ways
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_remembered(convert: Conversion, name: bytes) -> None:
    assert not remembered(convert, name, fresh())


@both_ways
def test_a_long_field_is_not_remembered(convert: Conversion) -> None:
    assert not remembered(convert, b"x-test", fresh(1000))


@both_ways
def test_blanks_that_are_stripped_count_for_the_length(convert: Conversion) -> None:
    assert not remembered(convert, b"x-test", fresh() + b" " * 1000)


@both_ways
def test_only_so_many_are_remembered(convert: Conversion) -> None:
    value = fresh()
    holders = sys.getrefcount(value)
    convert([(b"x-test", value)])
    assert sys.getrefcount(value) > holders
    for _ in range(1100):
        convert([(b"x-test", fresh())])
    assert sys.getrefcount(value) == holders


def test_a_field_that_is_never_indexed_is_told_so_though_its_like_is_remembered() -> None:
    name, value = b"x-test", fresh()
    (plain,) = decoded([(name, value)], "utf-8")
    (marked,) = decoded([NeverIndexedField(name, value)], "utf-8")
    assert plain == marked == (name.decode(), value.decode())
    assert getattr(plain, "indexable", True)
    assert not getattr(marked, "indexable", True)


def test_a_field_that_is_never_indexed_is_sent_so_though_its_like_is_remembered() -> None:
    name, value = b"x-test", fresh()
    (plain,) = normalised([(name, value)], False)
    (marked,) = normalised([NeverIndexedField(name, value)], False)
    assert plain == marked
    assert getattr(plain, "indexable", True)
    assert not getattr(marked, "indexable", True)
