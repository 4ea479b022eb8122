"""A world: one implementation of h2's interface, and a script that is played on it.

A script is a list of steps: octets that arrive, calls, attributes that are read or set. Each step
has an `Outcome`: what was returned or raised, which events there were, what was said to the peer,
and what the connection's attributes say afterwards. All of it is put into plain tuples and dicts,
so that the outcomes of two implementations can be compared with `==`.
"""

from __future__ import annotations

import copy
import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any

from tests.http2 import frames as f

from .wire import Said, Teller

FACADE = "plait.compat.h2"
REAL = "h2"


class Implementation:
    """The modules of one implementation, and the connection class that is tested."""

    config: ModuleType
    connection: ModuleType
    errors: ModuleType
    events: ModuleType
    exceptions: ModuleType
    settings: ModuleType

    def __init__(self, package: str) -> None:
        self.package = package
        for name in self.__annotations__:
            setattr(self, name, importlib.import_module(f"{package}.{name}"))
        self.connection_type = self.connection.H2Connection

    def having(self, connection_type: type) -> Implementation:
        """The same with another class of connections."""
        other = copy.copy(self)
        other.connection_type = connection_type
        return other


# --- steps ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One thing that happens. Arguments that are functions are asked for their value.

    They get the `World`; so one script can name the exceptions or codes of either implementation.
    """

    what: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        if self.octets:
            return f"receive({self.octets[:60].hex(' ')})"
        given = [repr(a)[:90] for a in self.arguments]
        given += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"{self.what}({', '.join(given)})"

    @property
    def octets(self) -> bytes:
        """What arrives, if something does."""
        return bytes(self.arguments[0]) if self.what == "receive_data" else b""


class _Calls:
    """`call.name(...)` is the step that calls `name` with these arguments."""

    def __getattr__(self, name: str) -> Callable[..., Step]:
        return lambda *arguments, **options: Step(name, arguments, options)


call = _Calls()


def receive(*parts: f.Frame | bytes) -> Step:
    """Octets that arrive in one read."""
    return Step("receive_data", (f.octets(parts),))


def get(path: str) -> Step:
    """An attribute is read: `local_settings.initial_window_size`."""
    return Step("get", (path,))


def put(path: str, value: object) -> Step:
    """An attribute is set."""
    return Step("put", (path, value))


def do(function: Callable[[World], object]) -> Step:
    """Anything else: the function gets the world, and what it returns is compared."""
    return Step("do", (), {"function": function})


# --- outcomes -------------------------------------------------------------------------------------

Told = tuple[str, dict[str, Any]]
"""An event: the name of its type, and its attributes."""


@dataclass
class Outcome:
    """What one step did."""

    returned: object = None
    raised: Told | None = None
    events: list[Told] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    view: dict[str, object] = field(default_factory=dict)
    # Not compared: for those who judge differences.
    error: BaseException | None = field(default=None, compare=False)
    lost: list[Told] = field(default_factory=list, compare=False)
    """The events before a fault, which only the facade tells."""

    def unlike(self, other: Outcome) -> list[str]:
        """Which parts are not the same."""
        names = [part.name for part in fields(self) if part.compare]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


ATTRIBUTES = {
    "RequestReceived": ("stream_id", "headers", "stream_ended", "priority_updated"),
    "ResponseReceived": ("stream_id", "headers", "stream_ended", "priority_updated"),
    "TrailersReceived": ("stream_id", "headers", "stream_ended", "priority_updated"),
    "InformationalResponseReceived": ("stream_id", "headers", "priority_updated"),
    "DataReceived": ("stream_id", "data", "flow_controlled_length", "stream_ended"),
    "WindowUpdated": ("stream_id", "delta"),
    "RemoteSettingsChanged": ("changed_settings",),
    "PingReceived": ("ping_data",),
    "PingAckReceived": ("ping_data",),
    "StreamEnded": ("stream_id",),
    "StreamReset": ("stream_id", "error_code", "remote_reset"),
    "PushedStreamReceived": ("pushed_stream_id", "parent_stream_id", "headers"),
    "SettingsAcknowledged": ("changed_settings",),
    "PriorityUpdated": ("stream_id", "weight", "depends_on", "exclusive"),
    "ConnectionTerminated": ("error_code", "last_stream_id", "additional_data"),
    "AlternativeServiceAvailable": ("origin", "field_value"),
    "UnknownFrameReceived": ("frame",),
}
"""Every event that is told to programs, with what it carries."""

OF_ERRORS = ("error_code", "stream_id", "max_stream_id", "expected_length", "actual_length")
OF_FRAMES = ("type", "flag_byte", "stream_id", "body")


def plain(value: object) -> object:
    """A value in plain types; an enum's member is not the same as its number."""
    if isinstance(value, Enum):
        return type(value).__name__, value.name, value.value
    if type(value).__name__ == "ChangedSetting":
        names = ("setting", "original_value", "new_value")
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {int(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, memoryview | bytearray):
        return type(value).__name__, bytes(value)
    return value


def plain_fields(headers: Iterable[tuple[Any, Any]] | None) -> list[tuple[Any, ...]] | None:
    """Fields, and whether each may be put into a table."""
    if headers is None:
        return None
    assert isinstance(headers, list)
    return [(*header, getattr(header, "indexable", True)) for header in headers]


def describe_events(events: Iterable[Any]) -> list[Told]:
    """Events, those in other events by their place in the list."""
    events = list(events)
    places = {id(event): at for at, event in enumerate(events)}
    told = []
    for at, event in enumerate(events):
        kind = type(event).__name__
        # A field that must not be indexed says so here, when it is shown.
        content: dict[str, Any] = {"repr": repr(event).replace("NeverIndexedField", "")}
        for name in ATTRIBUTES[kind]:
            value = getattr(event, name)
            if name in ("stream_ended", "priority_updated") and value is not None:
                place = places.get(id(value))
                content[name] = "not in the list" if place is None else f"{place - at} further"
            elif name == "headers":
                content[name] = plain_fields(value)
            elif name == "frame":
                content[name] = {part: plain(getattr(value, part)) for part in OF_FRAMES}
            else:
                content[name] = plain(value)
        told.append((kind, content))
    return told


def describe_error(error: BaseException) -> Told:
    """An exception: its type, and what it carries."""
    carried = {name: plain(getattr(error, name)) for name in OF_ERRORS if hasattr(error, name)}
    return type(error).__name__, carried


# --- the world ------------------------------------------------------------------------------------


class World:
    """One connection of one implementation, on which steps are played.

    :param options: for `H2Configuration`.
    """

    def __init__(self, h2: Implementation, *, client: bool, **options: object) -> None:
        self.h2 = h2
        self.client = client
        self.configuration = h2.config.H2Configuration(client_side=client, **options)
        self.connection = h2.connection_type(config=self.configuration)
        self.first = dict(getattr(self.configuration, "__dict__", {}))
        """The configuration as it was at first."""
        self.teller = Teller()
        self.octets = b""
        """What the last step has said."""
        self.seen: set[int] = set()
        """The streams that the script has touched."""
        self.credit: defaultdict[int, int] = defaultdict(int)
        """Octets of window that the implementation gave back of its own accord."""
        self.bare: set[int] = set()
        """The streams whose response has no content: to HEAD, 204 or 304."""
        self.tunnels: set[int] = set()
        """The streams that CONNECT has opened."""
        self.reset: set[int] = set()
        """The streams that were reset from here."""
        self.announced: set[tuple[int, int]] = set()
        """The settings that were said, with every value that they had."""
        self.updates = self.acknowledged = 0
        """How many SETTINGS were said, and how many of them the peer has acknowledged."""
        self.goodbyes: set[int] = set()
        """The codes of GOAWAY, said and heard."""
        self.increments = 0
        """Octets by which the script has enlarged the connection's window."""
        self.kept: dict[str, object] = {}
        """For those who judge."""

    def play(self, step: Step) -> Outcome:
        """One step, and all that can be seen of it."""
        outcome = Outcome()
        self.note(step)
        try:
            returned = self.perform(step)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            outcome.error = error
            outcome.raised = describe_error(error)
            outcome.lost = describe_events(getattr(error, "events", []))
        else:
            if step.what == "receive_data":
                outcome.events = describe_events(returned)
                for kind, content in outcome.events:
                    if kind == "RequestReceived":
                        self.note_method(content["stream_id"], content["headers"])
                kinds = [kind for kind, _ in outcome.events]
                self.acknowledged += kinds.count("SettingsAcknowledged")
                self.goodbyes.update(
                    int(event.error_code)
                    for event in returned
                    if type(event).__name__ == "ConnectionTerminated"
                )
            else:
                outcome.returned = plain(returned)
        if step.what not in ("data_to_send", "hold"):
            self.octets = self.connection.data_to_send()
            assert type(self.octets) is bytes
            outcome.said = self.tell(self.octets, step)
        elif isinstance(outcome.returned, bytes):
            # The octets of field blocks need not be the same; the frames must be.
            outcome.said = self.tell(outcome.returned, step)
            outcome.returned = None
        outcome.view = self.look()
        return outcome

    def perform(self, step: Step) -> object:
        """What the step asks for."""
        arguments = [self.value(argument) for argument in step.arguments]
        if step.what == "get":
            target, name = self.reach(arguments[0])
            return getattr(target, name)
        if step.what == "put":
            target, name = self.reach(arguments[0])
            setattr(target, name, arguments[1])
            return None
        if step.what == "do":
            return step.options["function"](self)
        if step.what == "hold":
            # a call whose output is left where it is, for `data_to_send`
            arguments, step = arguments[1:], Step(arguments[0], (), step.options)
        options = {name: self.value(option) for name, option in step.options.items()}
        return getattr(self.connection, step.what)(*arguments, **options)

    def value(self, argument: object) -> object:
        return argument(self) if isinstance(argument, FunctionType) else argument

    def reach(self, path: str) -> tuple[object, str]:
        """The object whose attribute the path ends with."""
        *way, name = path.split(".")
        target = self.connection
        for part in way:
            target = getattr(target, part)
        return target, name

    def note(self, step: Step) -> None:
        """Remember the streams of the step."""
        for argument in (*step.arguments[:2], *step.options.values()):
            # ids in scripts are small, and sizes are not ids
            if type(argument) is int and 0 < argument < 64:
                self.seen.add(argument)
        if step.octets:
            self.seen.update(stream for _, stream in frames_in(step.octets) if 0 < stream < 64)

    def note_method(self, stream: int, fields: Iterable[tuple[Any, ...]]) -> None:
        """Remember what the method means for what comes after it."""
        for name, value, *_ in fields:
            if name in (b":method", ":method"):
                if value in (b"HEAD", "HEAD") and not self.client:
                    self.bare.add(stream)
                elif value in (b"CONNECT", "CONNECT"):
                    self.tunnels.add(stream)

    def tell(self, octets: bytes, step: Step) -> list[Said]:
        """What was said; credit that nobody asked for by name is added up instead."""
        said = []
        for item in self.teller.feed(octets):
            if item.kind == "WINDOW_UPDATE" and step.what != "increment_flow_control_window":
                self.credit[item.stream] += item.number
            else:
                said.append(item)
                if item.kind == "WINDOW_UPDATE" and item.stream == 0:
                    self.increments += item.number
            if item.kind == "HEADERS":
                if item.content[0][:1] in BARE:
                    self.bare.add(item.stream)
                self.note_method(item.stream, item.content[0])
            if item.kind == "RST_STREAM":
                self.reset.add(item.stream)
            elif item.kind == "SETTINGS":
                self.announced.update(item.content)
                self.updates += "ACK" not in item.flags
            elif item.kind == "GOAWAY":
                self.goodbyes.add(item.number)
        return said

    def look(self) -> dict[str, object]:
        """The attributes that may be read without changing anything."""
        connection = self.connection
        seen: dict[str, object] = {
            "state": connection.state_machine.state.name,
            "highest_inbound_stream_id": connection.highest_inbound_stream_id,
            "highest_outbound_stream_id": connection.highest_outbound_stream_id,
            "next stream": self.ask(connection.get_next_available_stream_id),
            "max_outbound_frame_size": connection.max_outbound_frame_size,
            "max_inbound_frame_size": connection.max_inbound_frame_size,
            "outbound window": connection.outbound_flow_control_window,
            "inbound window": connection.inbound_flow_control_window - self.credit[0],
            "local settings": values(connection.local_settings),
            "remote settings": values(connection.remote_settings),
        }
        for stream in sorted(self.seen):
            seen[f"window {stream}"] = self.ask(connection.local_flow_control_window, stream)
        return seen

    def ask(self, method: Callable[..., object], *arguments: object) -> object:
        """The answer, or the name of the exception."""
        try:
            return method(*arguments)
        except Exception as error:  # noqa: BLE001 - compared like an answer
            return type(error).__name__

    def is_over(self) -> bool:
        """Whether the connection takes nothing any more."""
        return self.connection.state_machine.state.name == "CLOSED"


BARE = [((b":status", b"204"),), ((b":status", b"304"),)]


def values(settings: Mapping[int, int]) -> dict[int, int | None]:
    """Settings; None for one that is announced and has had no value yet."""
    return {int(code): settings.get(code) for code in settings}


def frames_in(octets: bytes) -> Iterable[tuple[int, int]]:
    """Type and stream of the frames in these octets; a promised stream as well."""
    at = len(f.PREFACE) if octets.startswith(f.PREFACE) else 0
    while at + 9 <= len(octets):
        length = int.from_bytes(octets[at : at + 3], "big")
        yield octets[at + 3], int.from_bytes(octets[at + 5 : at + 9], "big")
        if octets[at + 3] == f.PUSH_PROMISE:
            yield f.PUSH_PROMISE, int.from_bytes(octets[at + 9 : at + 13], "big")
        at += 9 + length
