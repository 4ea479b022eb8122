"""What differs in one step, and how a class of differences is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..world import Outcome, Step, World, frames_in


@dataclass
class Divergence:
    """One step, and what came of it in either world. Entries change `h2` and `ours` to be alike."""

    step: Step
    real: World
    here: World
    h2: Outcome
    ours: Outcome
    before: dict[int, dict[str, object]]
    """The states of h2's streams before the step."""
    view: dict[str, object]
    """What could be seen here before the step."""
    after: dict[str, object] = field(default_factory=dict)
    """And after it: entries do not change this."""

    @property
    def client(self) -> bool:
        return self.real.client

    @property
    def unlike(self) -> list[str]:
        return self.h2.unlike(self.ours)

    @property
    def is_hidden(self) -> bool:
        """Whether a call failed in both, and h2 has changed something where nobody sees it."""
        if self.h2.error is None or self.step.octets:
            return False
        return states_of(self.real) != self.before

    @property
    def slug(self) -> str:
        """Which rule was broken, as ours says."""
        slug, colon, _ = str(self.ours.error).partition(": ")
        return slug if colon and "." in slug else ""

    @property
    def is_over(self) -> bool:
        """Whether the connection had ended before the step, in both."""
        return self.view["state"] == "CLOSED"

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Type and stream of the frames that arrived."""
        return list(frames_in(self.step.octets))

    @property
    def streams(self) -> set[int]:
        """The streams whose frames arrived."""
        return {stream for _, stream in self.frames}

    @property
    def kinds(self) -> set[int]:
        """The types of the frames that arrived."""
        return {kind for kind, _ in self.frames}


def states_of(world: World) -> dict[int, dict[str, object]]:
    """What h2 itself thinks of its streams, and (as that of stream 0) the table of its encoder."""
    table = list(world.connection.encoder.header_table.dynamic_entries)
    states: dict[int, dict[str, object]] = {0: {"table": table}}
    for at, stream in world.connection.streams.items():
        lengths = {
            "expected": stream._expected_content_length,
            "actual": stream._actual_content_length,
            "windows": (stream.inbound_flow_control_window, stream.outbound_flow_control_window),
        }
        states[at] = vars(stream.state_machine) | lengths
    return states


Excuse = Callable[[Divergence], bool]


@dataclass(frozen=True)
class Difference:
    """A class of differences.

    :ivar slug: its name.
    :ivar h2: what h2 does.
    :ivar ours: what happens here.
    :ivar reason: why.
    :ivar excuses: whether a divergence is of this class. One that puts the same in other words
        removes from the divergence what it excuses.
    """

    slug: str
    h2: str
    ours: str
    reason: str
    excuses: Excuse


def unchanged(divergence: Divergence) -> bool:
    """A call failed here, and nothing came of it."""
    ours = divergence.ours
    same = all(value == divergence.after[key] for key, value in divergence.view.items())
    return not divergence.step.octets and ours.error is not None and not ours.said and same


def reset_and_told(divergence: Divergence) -> bool:
    """RST_STREAM here, and the program is told of it for each stream that it knows."""
    said = {(i.stream, i.number) for i in divergence.ours.said if i.kind == "RST_STREAM"}
    events = [*divergence.ours.events, *divergence.ours.lost]
    told = {
        (content["stream_id"], int(content["error_code"][2]))
        for kind, content in events
        if kind == "StreamReset" and not content["remote_reset"]
    }
    shown = {content.get("stream_id") for _, content in events if "headers" in content}
    shown |= {content.get("pushed_stream_id") for _, content in events}
    windows = {at for at in divergence.streams if type(divergence.view.get(f"window {at}")) is int}
    known = shown | windows
    wanted = {item for item in said if item[0] in known}
    # One that had ended in both directions is told of as well; there is nothing to be reset.
    return said != set() and wanted <= told and all(stream in known for stream, _ in told)
