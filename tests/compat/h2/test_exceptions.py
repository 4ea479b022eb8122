"""The exceptions of h2: their tree, their attributes, what they say."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import h2.errors
import h2.exceptions
import pytest

from plait.compat.h2 import errors, exceptions

from .surface import public

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "StreamIDTooLowError": (1, 3),
    "NoSuchStreamError": (5,),
    "StreamClosedError": (5,),
    "InvalidSettingsValueError": ("bad", 3),
    "InvalidBodyLengthError": (5, 7),
}
NAMES = public(h2.exceptions)


def tree(error: type[Exception]) -> list[str]:
    return [base.__name__ for base in error.__mro__]


@pytest.mark.parametrize("name", NAMES)
def test_it_stands_where_it_does_in_h2(name: str) -> None:
    assert tree(getattr(exceptions, name)) == tree(getattr(h2.exceptions, name))


@pytest.mark.parametrize("name", NAMES)
def test_it_says_and_has_the_same(name: str) -> None:
    arguments = ARGUMENTS.get(name, ("some text",))
    theirs = getattr(h2.exceptions, name)(*arguments)
    own = getattr(exceptions, name)(*arguments)
    assert (str(own), repr(own), own.args) == (str(theirs), repr(theirs), theirs.args)
    public_ones = {key: value for key, value in vars(theirs).items() if key[0] != "_"}
    assert {key: getattr(own, key) for key in public_ones} == public_ones
    if isinstance(own, exceptions.ProtocolError):
        assert own.error_code == theirs.error_code
        if name != "InvalidSettingsValueError":
            assert type(own.error_code) is errors.ErrorCodes


def test_events_before_the_fault_belong_to_one_error() -> None:
    one, other = exceptions.ProtocolError("a"), exceptions.FlowControlError("b")
    assert not one.events
    one.events = [*one.events, exceptions.H2Error]  # type: ignore[list-item]
    assert not other.events
    assert not exceptions.ProtocolError("c").events


@pytest.mark.parametrize("name", [name for name in NAMES if name != "InvalidSettingsValueError"])
def test_errors_are_copied_and_pickled(name: str) -> None:
    error = getattr(exceptions, name)(*ARGUMENTS.get(name, ("some text",)))
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


@pytest.mark.parametrize("code", [*range(16), 0xFF, 2**32 - 1])
def test_numbers_become_codes_where_there_are_some(code: int) -> None:
    theirs = h2.errors._error_code_from_int(code)
    own = errors.error_code_from_int(code)
    assert own == theirs
    assert repr(own) == repr(theirs)
    assert errors.error_code_from_int(own) is own
