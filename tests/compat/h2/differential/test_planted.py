"""The comparison finds what is wrong: h2 beside an h2 in which one thing was made wrong.

Nothing but the comparison is tested here. A difference that is planted is found by a scenario of
the given subject, and no entry of the table excuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import h2.connection
import h2.events
import h2.exceptions
import pytest

from .comparison import compare, explain
from .scenarios import SUBJECTS
from .world import REAL, Implementation

Base = h2.connection.H2Connection


class HalfCredit(Base):
    """Gives back less than was taken."""

    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None:
        super().acknowledge_received_data(acknowledged_size // 3, stream_id)


class ShortLength(Base):
    """Padding does not count."""

    def receive_data(self, data: bytes) -> list[Any]:
        events = super().receive_data(data)
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                event.flow_controlled_length = len(event.data)
        return events


class Unlinked(Base):
    """The event of a stream's end is told, but not by the event that carried it."""

    def receive_data(self, data: bytes) -> list[Any]:
        events = super().receive_data(data)
        for event in events:
            if getattr(event, "stream_ended", None) is not None:
                event.stream_ended = h2.events.StreamEnded(stream_id=event.stream_id)
        return events


class Backwards(Base):
    """Events come the other way round."""

    def receive_data(self, data: bytes) -> list[Any]:
        return super().receive_data(data)[::-1]


class Swallowed(Base):
    """A fault of the peer's is not told."""

    def receive_data(self, data: bytes) -> list[Any]:
        try:
            return super().receive_data(data)
        except h2.exceptions.ProtocolError:
            return []


class Silent(Base):
    """A fault of the peer's is told, and the peer is not."""

    def receive_data(self, data: bytes) -> list[Any]:
        try:
            return super().receive_data(data)
        except h2.exceptions.ProtocolError:
            self.clear_outbound_data_buffer()
            raise


class Vague(Base):
    """All errors are of one type."""

    def send_data(self, *arguments: Any, **options: Any) -> None:
        try:
            super().send_data(*arguments, **options)
        except h2.exceptions.ProtocolError as error:
            raise h2.exceptions.ProtocolError(str(error)) from error


class Indexed(Base):
    """Secrets go into the table."""

    def send_headers(self, stream_id: int, headers: Any, *arguments: Any, **options: Any) -> None:
        self.config.normalize_outbound_headers = False
        super().send_headers(stream_id, headers, *arguments, **options)


class OtherCode(Base):
    """Streams are reset with another code."""

    def reset_stream(self, stream_id: int, error_code: Any = 0) -> None:
        super().reset_stream(stream_id, 2)


class Unpadded(Base):
    """Padding is left out."""

    def send_data(
        self, stream_id: int, data: Any, end_stream: bool = False, pad_length: Any = None
    ) -> None:
        super().send_data(stream_id, data, end_stream)


class Late(Base):
    """Settings come into force before they are acknowledged."""

    def update_settings(self, new_settings: Any) -> None:
        super().update_settings(new_settings)
        self.local_settings.acknowledge()


class Greedy(Base):
    """`data_to_send` gives all there is."""

    def data_to_send(self, amount: int | None = None) -> bytes:
        return super().data_to_send()


class Idle(Base):
    """The state never changes."""

    def _terminate_connection(self, error_code: Any) -> None:
        state = self.state_machine.state
        super()._terminate_connection(error_code)
        self.state_machine.state = state


PLANTED: dict[type[Base], str] = {
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


def unnamed(judge: Callable[[type[Base]], str], which: type[Base]) -> Iterator[str]:
    """The scenarios of a subject in which a difference was found that has no name."""
    real = Implementation(REAL)
    for scenario in SUBJECTS[judge(which)].scenarios:
        try:
            found = compare(
                real,
                real.having(which),
                scenario.steps,
                client=scenario.client,
                **scenario.options,
            )
        except AssertionError:
            yield scenario.name
        else:
            if found.unnamed is not None:
                yield explain(found, scenario.name)


@pytest.mark.parametrize("which", PLANTED, ids=lambda which: which.__name__)
def test_what_is_planted_is_found(which: type[Base]) -> None:
    assert next(unnamed(PLANTED.__getitem__, which), None) is not None


@pytest.mark.parametrize("subject", ["events", "sending", "windows"])
def test_h2_is_like_itself(subject: str) -> None:
    assert list(unnamed(lambda _: subject, Base)) == []
