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
MEMBERS = [member for path in classes() for member in members(path)]
PRESENT = [name for name in [*NAMES, *MEMBERS] if name not in ABSENT]
CLASSES = classes()
CALLABLE = [
    name
    for name in PRESENT
    if callable(real_thing(name)) and not isinstance(real_thing(name), enum.EnumType)
]


def test_it_speaks_the_version_that_is_installed() -> None:
    assert plait.compat.h2.__version__ == h2.__version__


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


@pytest.mark.parametrize("name", PRESENT)
def test_a_name_is_there_and_of_its_kind(name: str) -> None:
    theirs, own = real_thing(name), our_thing(name)
    assert kind(own) == kind(theirs)
    if kind(theirs) == "value":
        assert own == theirs


def kind(thing: object) -> str:
    """What one can do with it."""
    if isinstance(thing, enum.EnumType):
        return "enum"
    if inspect.isclass(thing):
        return "class"
    if callable(thing):
        return "callable"
    return "attribute" if inspect.isdatadescriptor(thing) or type(thing) is bool else "value"


@pytest.mark.parametrize("name", CALLABLE)
def test_it_takes_the_same_arguments(name: str) -> None:
    theirs, own = parameters(real_thing(name)), parameters(our_thing(name))
    for at, wanted in enumerate(theirs):
        if wanted.kind in (wanted.VAR_POSITIONAL, wanted.VAR_KEYWORD):
            assert wanted.kind in {parameter.kind for parameter in own}
            continue
        given = own[at]
        assert given.name == wanted.name
        # what h2 takes by name only may here be given in order as well
        assert given.kind in (wanted.kind, given.POSITIONAL_OR_KEYWORD)
        if wanted.default is not PLACEHOLDER:
            assert given.default == wanted.default
    for further in own[len(theirs) :]:
        assert further.default is not further.empty
        assert "from" not in name


def parameters(function: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


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


# Where h2 keeps what it has of a frame.
CONNECTION_ABSENT = {"incoming_buffer"}
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
