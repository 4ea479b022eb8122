"""The comparison finds what is wrong: h2 beside an implementation in which one thing is wrong.

Nothing but the comparison is tested here. A difference that is planted, in h2 or in the façade, is
found by a scenario of the given subject, and no entry of the table excuses it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from h2.exceptions import ProtocolError as Real

from plait.compat.h2.exceptions import ProtocolError as Ours

from .comparison import compare, explain
from .scenarios import SUBJECTS
from .world import FACADE, REAL, Implementation

ProtocolError = (Real, Ours)


class HalfCredit:
    """Gives back less than was taken."""

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        super().acknowledge_received_data(acknowledged_size // 3, stream_id)


class ShortLength:
    """Padding does not count."""

    def receive_data(self, data: bytes) -> list[Any]:
        events = super().receive_data(data)
        for event in events:
            if type(event).__name__ == "DataReceived":
                event.flow_controlled_length = len(event.data)
        return events


class Unlinked:
    """The event of a stream's end is told, but not by the event that carried it."""

    def receive_data(self, data: bytes) -> list[Any]:
        events = super().receive_data(data)
        for event in events:
            if getattr(event, "stream_ended", None) is not None:
                event.stream_ended = copy.copy(event.stream_ended)
        return events


class Backwards:
    """Events come the other way round."""

    def receive_data(self, data: bytes) -> list[Any]:
        return super().receive_data(data)[::-1]


class Swallowed:
    """A fault of the peer's is not told."""

    def receive_data(self, data: bytes) -> list[Any]:
        try:
            return super().receive_data(data)
        except ProtocolError:
            return []


class Silent:
    """A fault of the peer's is told, and the peer is not."""

    def receive_data(self, data: bytes) -> list[Any]:
        try:
            return super().receive_data(data)
        except ProtocolError:
            self.clear_outbound_data_buffer()
            raise


class Vague:
    """All errors are of one type."""

    def send_data(self, *arguments: Any, **options: Any) -> None:
        try:
            super().send_data(*arguments, **options)
        except ProtocolError as error:
            tree = type(error).__mro__
            plain = next(kind for kind in tree if kind.__name__ == "ProtocolError")
            raise plain(str(error)) from error


class Indexed:
    """Secrets go into the table."""

    def send_headers(self, stream_id: int, headers: Any, *arguments: Any, **options: Any) -> None:
        self.config.normalize_outbound_headers = False
        super().send_headers(stream_id, headers, *arguments, **options)


class OtherCode:
    """Streams are reset with another code."""

    def reset_stream(self, stream_id: int, error_code: Any = 0) -> None:
        super().reset_stream(stream_id, 2)


class Unpadded:
    """Padding is left out."""

    def send_data(
        self, stream_id: int, data: Any, end_stream: bool = False, pad_length: Any = None
    ) -> None:
        super().send_data(stream_id, data, end_stream)


class Late:
    """Settings come into force before they are acknowledged."""

    def update_settings(self, new_settings: Any) -> None:
        super().update_settings(new_settings)
        self.local_settings.acknowledge()


class Greedy:
    """`data_to_send` gives all there is."""

    def data_to_send(self, amount: int | None = None) -> bytes:
        return super().data_to_send()


class Idle:
    """The state never changes."""

    def _terminate_connection(self, error_code: Any) -> None:
        state = self.state_machine.state
        super()._terminate_connection(error_code)
        self.state_machine.state = state


PLANTED: dict[type, str] = {
    HalfCredit: "windows",
    ShortLength: "events",
    Unlinked: "events",
    Backwards: "events",
    Swallowed: "faults",
    Silent: "faults",
    Vague: "sending",
    Indexed: "fields",
    OtherCode: "calls",
    Unpadded: "sending",
    Late: "settings",
    Greedy: "calls",
    Idle: "faults",
}
INSIDE = {Indexed, Late, Idle}
"""These change what only h2 has inside."""


def unnamed(subject: str, other: Implementation) -> Iterator[str]:
    """The scenarios of a subject in which a difference was found that has no name."""
    real = Implementation(REAL)
    for scenario in SUBJECTS[subject].scenarios:
        options = {"client": scenario.client, **scenario.options}
        try:
            found = compare(real, other, scenario.steps, **options)
        except AssertionError:
            yield scenario.name
        else:
            if found.unnamed is not None:
                yield explain(found, scenario.name)


def with_planted(package: str, which: type) -> Implementation:
    implementation = Implementation(package)
    base = implementation.connection_type
    return implementation.having(type(base.__name__, (which, base), {}))


@pytest.mark.parametrize("which", PLANTED, ids=lambda which: which.__name__)
def test_what_is_planted_in_h2_is_found(which: type) -> None:
    assert next(unnamed(PLANTED[which], with_planted(REAL, which)), None) is not None


@pytest.mark.parametrize(
    "which", [which for which in PLANTED if which not in INSIDE], ids=lambda which: which.__name__
)
def test_what_is_planted_in_the_facade_is_found(which: type) -> None:
    assert next(unnamed(PLANTED[which], with_planted(FACADE, which)), None) is not None


@pytest.mark.parametrize("subject", ["events", "sending", "windows"])
def test_h2_is_like_itself(subject: str) -> None:
    assert list(unnamed(subject, Implementation(REAL))) == []
