"""`Settings` does what h2's does, whatever is done with it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import h2.exceptions
import h2.settings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.compat.h2 import exceptions, settings

PROPERTIES = (
    "header_table_size",
    "enable_push",
    "max_concurrent_streams",
    "initial_window_size",
    "max_frame_size",
    "max_header_list_size",
    "enable_connect_protocol",
)
# Both sides of each limit, and what is allowed anywhere.
VALUES = (-1, 0, 1, 2, 100, 2**14 - 1, 2**14, 2**24 - 1, 2**24, 2**31 - 1, 2**31, 2**32)
codes = st.integers(1, 9) | st.sampled_from([0, 0x99])
values = st.sampled_from(VALUES)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("set"), codes, values),
        st.tuples(st.just("assign"), st.sampled_from(PROPERTIES), values),
        st.tuples(st.just("validate"), codes, values),
        st.tuples(st.just("get"), codes),
        st.tuples(st.just("read"), st.sampled_from(PROPERTIES)),
        st.tuples(st.just("delete"), codes),
        st.tuples(st.just("pop"), codes),
        st.tuples(st.just("setdefault"), codes, values),
        st.tuples(st.just("update"), st.dictionaries(codes, values, max_size=3)),
        st.tuples(st.just("acknowledge")),
    ),
    max_size=12,
)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns or raises, the same for both implementations."""
    try:
        return shown(call())
    except KeyError:
        return "KeyError"
    except (h2.exceptions.InvalidSettingsValueError, exceptions.InvalidSettingsValueError) as error:
        return (str(error), error.error_code)


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: (c.setting, c.original_value, c.new_value) for key, c in value.items()}
    return value


def do(target: Any, operation: tuple[Any, ...]) -> Any:
    name, *rest = operation
    if name == "set":
        return target.__setitem__(*rest)
    if name == "assign":
        return setattr(target, *rest)
    if name == "validate":
        return target.validate_received_setting(*rest)
    if name == "get":
        return target[rest[0]]
    if name == "read":
        return getattr(target, rest[0])
    if name == "delete":
        return target.__delitem__(*rest)
    return getattr(target, name)(*rest)


@given(st.booleans(), operations)
def test_any_operations_have_the_same_outcome(client: bool, steps: list[tuple[Any, ...]]) -> None:
    theirs, own = h2.settings.Settings(client), settings.Settings(client)
    for step in steps:
        assert outcome(lambda s=step: do(own, s)) == outcome(lambda s=step: do(theirs, s))  # type: ignore[misc]
        assert list(own) == list(theirs)
        assert len(own) == len(theirs)
        assert outcome(lambda: list(own.items())) == outcome(lambda: list(theirs.items()))


@given(st.booleans(), st.dictionaries(codes, values, max_size=4))
def test_initial_values_are_in_force_or_refused(client: bool, initial: dict[Any, int]) -> None:
    theirs = outcome(lambda: list(h2.settings.Settings(client, initial).items()))
    assert outcome(lambda: list(settings.Settings(client, initial).items())) == theirs


def test_every_property_is_tried() -> None:
    found = [name for name, thing in vars(h2.settings.Settings).items() if type(thing) is property]
    assert sorted(found) == sorted(PROPERTIES)


@pytest.mark.parametrize("module", [h2.settings, settings])
def test_equality_is_that_of_h2(module: ModuleType) -> None:
    one, other = module.Settings(client=False), module.Settings(client=False)
    assert one == other
    assert (one != other) is False
    assert one != module.Settings(client=True)
    other.max_frame_size = 20000
    assert one != other  # what waits counts
    other.acknowledge()
    assert dict(one) != dict(other)
    assert one != dict(one)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("module", [h2.settings, settings])
def test_codes_are_numbers(module: ModuleType) -> None:
    made = module.Settings(client=True, initial_values={module.SettingCodes.MAX_FRAME_SIZE: 2**15})
    assert made[5] == made[module.SettingCodes.MAX_FRAME_SIZE] == 2**15
    made[5] = 2**16
    assert list(made.acknowledge()) == [module.SettingCodes.MAX_FRAME_SIZE]
    assert all(type(key) is module.SettingCodes for key in made)


@pytest.mark.parametrize("code", [*range(10), 0x99])
def test_numbers_become_codes_where_there_are_some(code: int) -> None:
    own = settings.setting_code_from_int(code)
    assert repr(own) == repr(h2.settings._setting_code_from_int(code))


def test_a_change_is_shown_as_h2_shows_it() -> None:
    for code in (settings.SettingCodes.ENABLE_PUSH, 0x99):
        theirs = h2.settings.ChangedSetting(code, None, 1)  # type: ignore[arg-type]
        assert repr(settings.ChangedSetting(code, None, 1)) == repr(theirs)
