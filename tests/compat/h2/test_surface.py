"""Every public name of h2 is in `plait.compat.h2`, is of its kind, and takes the same arguments."""

from __future__ import annotations

import enum
import inspect
from typing import Any

import h2
import pytest
from h2.connection import H2Connection as RealConnection

import plait.compat.h2
from plait.compat.h2.connection import H2Connection

from .surface import (
    ABSENT,
    MADE_INSIDE,
    MODULES,
    PLACEHOLDER,
    classes,
    members,
    our_thing,
    public,
    real,
    real_thing,
)

NAMES = [f"{module}.{name}" for module in MODULES for name in public(real(module))]
CLASSES = classes()
MEMBERS = [member for path in CLASSES for member in members(path)]
PRESENT = [name for name in [*NAMES, *MEMBERS] if name not in ABSENT]


def test_it_speaks_the_version_that_is_installed() -> None:
    # The third number is for what mended nobody's program.
    assert plait.compat.h2.__version__.split(".")[:2] == h2.__version__.split(".")[:2]


def test_what_is_absent_is_in_h2_and_absent() -> None:
    assert set(ABSENT) <= {*NAMES, *MEMBERS}
    there = []
    for name in ABSENT:
        try:
            our_thing(name)
        except AttributeError:
            continue
        there.append(name)
    assert there == []


@pytest.mark.parametrize("module", MODULES)
def test_names_are_there_and_of_their_kind(module: str) -> None:
    names = of(module, PRESENT)
    assert [(name, kind(our_thing(name))) for name in names] == [
        (name, kind(real_thing(name))) for name in names
    ]
    constants = [name for name in names if type(real_thing(name)) in (int, frozenset)]
    assert [(name, our_thing(name)) for name in constants] == [
        (name, real_thing(name)) for name in constants
    ]


def of(module: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(f"{module}.")]


def kind(thing: object) -> str:
    """What one can do with it."""
    if isinstance(thing, enum.EnumType):
        return "enum"
    if inspect.isclass(thing):
        return "class"
    if callable(thing):
        return "callable"
    return "attribute" if inspect.isdatadescriptor(thing) or type(thing) is bool else "value"


@pytest.mark.parametrize("module", MODULES)
def test_calls_take_the_same_arguments(module: str) -> None:
    names = [name for name in of(module, PRESENT) if is_written_in_python(real_thing(name))]
    names = [name for name in names if name not in MADE_INSIDE]
    differing = {name: differences(real_thing(name), our_thing(name)) for name in names}
    assert {name: said for name, said in differing.items() if said} == {}


def is_written_in_python(thing: object) -> bool:
    """Whether h2 says itself what arguments this takes."""
    if isinstance(thing, enum.EnumType):
        return False
    if inspect.isclass(thing):
        return inspect.isfunction(thing.__init__) or issubclass(thing, tuple)
    return callable(thing)


def differences(theirs: object, own: object) -> list[str]:
    """What speaks against calling one with the arguments of the other."""
    found = []
    wanted, given = parameters(theirs), parameters(own)
    for name, parameter in wanted.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if parameter.kind not in [other.kind for other in given.values()]:
                found.append(f"no {parameter}")
        elif name not in given:
            found.append(f"no {name}")
        else:
            other = given[name]
            # what h2 takes by name only may be given in order as well
            if other.kind not in (parameter.kind, parameter.POSITIONAL_OR_KEYWORD):
                found.append(f"{name}: {other.kind}")
            if parameter.default is not PLACEHOLDER and other.default != parameter.default:
                found.append(f"{name}: {other.default}")
    further = list(given.values())[len(wanted) :]
    found += [f"needs {other}" for other in further if other.default is other.empty]
    if list(given)[: len(wanted)] != list(wanted):
        found.append(f"order: {list(given)}")
    return found


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", [name for name in CLASSES if kind(real_thing(name)) == "enum"])
def test_enums_have_the_same_members(name: str) -> None:
    theirs, own = real_thing(name), our_thing(name)
    assert isinstance(theirs, enum.EnumType)
    assert isinstance(own, enum.EnumType)
    assert [(m.name, m.value) for m in own] == [(m.name, m.value) for m in theirs]
    for mine, its in zip(own, theirs, strict=True):
        assert (repr(mine), str(mine), f"{mine}") == (repr(its), str(its), f"{its}")


@pytest.mark.parametrize("client", [True, False])
def test_a_connection_has_the_same_attributes(client: bool) -> None:
    theirs = RealConnection(h2.config.H2Configuration(client_side=client))
    own = H2Connection(plait.compat.h2.config.H2Configuration(client_side=client))
    wanted = {name for name in vars(theirs) if not name.startswith("_")}
    wanted -= CONNECTION_ABSENT
    assert {name for name in wanted if not hasattr(own, name)} == set()
    for name in CONNECTION_NUMBERS:
        assert getattr(own, name) == getattr(theirs, name), name
    assert dict(own.local_settings) == dict(theirs.local_settings)
    assert dict(own.remote_settings) == dict(theirs.remote_settings)


# What holds a part of a frame, and what compresses by the peer's settings: the engine's business.
CONNECTION_ABSENT = {"encoder", "incoming_buffer"}
CONNECTION_NUMBERS = (
    "highest_inbound_stream_id",
    "highest_outbound_stream_id",
    "outbound_flow_control_window",
    "inbound_flow_control_window",
    "max_inbound_frame_size",
    "max_outbound_frame_size",
    "open_inbound_streams",
    "open_outbound_streams",
)
