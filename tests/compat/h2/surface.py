"""The public names of h2, of which `plait.compat.h2` has the same, and those that it has not."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

import h2.events

MODULES = (
    "config",
    "connection",
    "errors",
    "events",
    "exceptions",
    "settings",
    "stream",
    "utilities",
)

_MACHINES = "h2's state machines are driven by tables; the engine has its own"
_RULES = "the engine has its own rules, which no program calls by name"
_INSIDE = "one frame's way through h2, called by its connection"

# What is public by its name alone.
ABSENT = {
    "connection.ConnectionInputs": _MACHINES,
    "connection.AllowedStreamIDs": "a parity, for an internal call",
    "stream.StreamInputs": _MACHINES,
    "stream.STREAM_OPEN": _MACHINES,
    "events.kw_only": "an argument that the module gives to dataclass",
    "utilities.SIGIL": "a colon",
    "utilities.INFORMATIONAL_START": "a digit",
    "utilities.validate_headers": _RULES,
    "utilities.validate_outbound_headers": _RULES,
    "utilities.SizeLimitDict": "where h2 keeps closed streams",
    "stream.H2Stream.acknowledge_received_data": _INSIDE,
    "stream.H2Stream.advertise_alternative_service": _INSIDE,
    "stream.H2Stream.closed_by": "a stream that is closed is gone",
    "stream.H2Stream.end_stream": _INSIDE,
    "stream.H2Stream.increase_flow_control_window": _INSIDE,
    "stream.H2Stream.locally_pushed": _INSIDE,
    "stream.H2Stream.push_stream_in_band": _INSIDE,
    "stream.H2Stream.receive_alt_svc": _INSIDE,
    "stream.H2Stream.receive_continuation": _INSIDE,
    "stream.H2Stream.receive_data": _INSIDE,
    "stream.H2Stream.receive_headers": _INSIDE,
    "stream.H2Stream.receive_push_promise_in_band": _INSIDE,
    "stream.H2Stream.receive_window_update": _INSIDE,
    "stream.H2Stream.remotely_pushed": _INSIDE,
    "stream.H2Stream.reset_stream": _INSIDE,
    "stream.H2Stream.send_data": _INSIDE,
    "stream.H2Stream.send_headers": _INSIDE,
    "stream.H2Stream.stream_reset": _INSIDE,
    "stream.H2Stream.upgrade": _INSIDE,
}

# Programs look at the state of these and at nothing else.
MACHINES = {
    "connection.H2ConnectionStateMachine",
    "stream.H2StreamStateMachine",
}
# Made by the connection alone, and so with arguments of plait's own.
MADE_INSIDE = MACHINES | {"stream.H2Stream"}

# A default of h2's events that it never shows: what has it is filled in later.
PLACEHOLDER = h2.events._LAZY_INIT


def real(name: str) -> ModuleType:
    """h2's own module."""
    return importlib.import_module(f"h2.{name}")


def ours(name: str) -> ModuleType:
    """plait's module of that name."""
    return importlib.import_module(f"plait.compat.h2.{name}")


def public(module: ModuleType) -> list[str]:
    """The public names that a module of h2 defines itself."""
    names = []
    for name, thing in vars(module).items():
        if name.startswith("_") or name == "TYPE_CHECKING" or inspect.ismodule(thing):
            continue
        if getattr(thing, "__module__", module.__name__) == module.__name__:
            names.append(name)
    return names


def classes() -> list[str]:
    """Every public class of h2 that plait has with all its members, as `module.Class`."""
    found = [f"{module}.{name}" for module in MODULES for name in public(real(module))]
    left_out = MACHINES | ABSENT.keys()
    return [name for name in found if inspect.isclass(real_thing(name)) and name not in left_out]


def real_thing(path: str) -> object:
    """What h2 has under `module.name` or `module.Class.name`."""
    return _thing(real, path)


def our_thing(path: str) -> object:
    """What plait has under `module.name` or `module.Class.name`."""
    return _thing(ours, path)


def _thing(side: object, path: str) -> object:
    module, *rest = path.split(".")
    assert callable(side)
    thing: object = side(module)
    for name in rest:
        try:
            thing = getattr(thing, name)
        except AttributeError:  # a descriptor of h2's configuration can be read from an object only
            thing = inspect.getattr_static(thing, name)
    return thing


def members(path: str) -> list[str]:
    """The public names that a class of h2 has of h2's classes, as `module.Class.name`."""
    kind = real_thing(path)
    assert inspect.isclass(kind)
    names: dict[str, None] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("h2."):
            names.update(dict.fromkeys(vars(base)))
    fields = getattr(kind, "__dataclass_fields__", {})  # those of the objects; see test_events
    return [f"{path}.{name}" for name in names if not name.startswith("_") and name not in fields]
