"""What a simulated world is made of: virtual time, and connections whose networks have faults.

`simulation` has the clients, and begins and judges the whole.
"""

from __future__ import annotations

import heapq
import random
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.http2 import (
    Config,
    DataReceived,
    Event,
    RequestReceived,
    Role,
    StreamClosed,
    StreamReset,
    WindowUpdated,
)

from .books import Party, check_balance
from .endpoint import Endpoint, Message
from .invariants import check_consistent, session_of
from .network import CLIENT, SERVER, check_heard, request

if TYPE_CHECKING:
    from .simulation import Client

Action = Callable[[], None]


class World:
    """Virtual time, what will happen in it, and a trace of what did."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.now = 0.0
        self.agenda: list[tuple[float, int, Action]] = []
        self.count = 0
        self.counts: Counter[str] = Counter()

    def clock(self) -> float:
        return self.now

    def later(self, delay: float, action: Action) -> None:
        """Do something after so many seconds; at the same moment, in the order of asking."""
        self.count += 1
        heapq.heappush(self.agenda, (self.now + delay, self.count, action))

    def run(self) -> None:
        """Let time pass until nothing is left to happen."""
        while self.agenda:
            self.now, _, action = heapq.heappop(self.agenda)
            action()
            assert self.now < self.deadline, "it does not come to an end"


@dataclass
class Job:
    """A request that a client wants to be answered."""

    number: int
    method: bytes
    message: Message
    tries: int = 0
    outcome: str = ""
    handled: int = 0


class End(Endpoint):
    """An endpoint that tells its connection of each event."""

    def __init__(self, role: Role, config: Config, listener: Callable[[int, Event], None]) -> None:
        super().__init__(role, config)
        self.listener = listener
        self.side = SERVER if role == Role.SERVER else CLIENT

    def hears(self, event: Event) -> None:
        late = isinstance(event, StreamReset) and event.late
        if late and event.stream_id in self.ends:
            return  # garbage for a stream that has ended
        super().hears(event)
        self.listener(self.side, event)


@dataclass
class Link:
    """One direction: octets arrive in order, after the latency, no faster than the bandwidth."""

    latency: float
    bandwidth: float
    capacity: int
    queued: int = 0
    free_at: float = 0.0


@dataclass
class Doom:
    """What goes wrong on a connection: after so many octets, of which direction, and what."""

    side: int
    after: int
    kind: str
    done: bool = False


class Wire:
    """One connection of a client, from its opening to its end."""

    def __init__(self, client: Client, doom: Doom | None) -> None:
        chance = client.chance
        self.client = client
        self.world = client.world
        self.chance = chance
        self.doom = doom
        self.name = f"c{client.number}.{client.opened}"
        self.ends = (
            End(Role.CLIENT, self.config(chance), self.hears),
            End(Role.SERVER, self.config(chance), self.hears),
        )
        self.parties = (Party(is_server=False), Party(is_server=True))
        latency = chance.choice([0.0005, 0.02, 0.15])
        self.links = tuple(
            Link(
                latency,
                chance.choice([30_000.0, 1e6, 1e8]),
                chance.choice([1000, 65_536]),
            )
            for _ in range(2)
        )
        # Octets per second that each application consumes; the slow are much slower than the link.
        self.rates = [chance.choice([5000.0, 1e6, 1e9]) for _ in range(2)]
        self.reading = [False, False]
        self.halting = [False, False]
        self.arrived = [0, 0]
        self.lost = False
        self.jobs: dict[int, Job] = {}
        self.pump(CLIENT)
        self.pump(SERVER)
        if chance.random() < 0.3:
            self.world.later(chance.uniform(0.01, 2.0), self.says_goodbye)

    def config(self, chance: random.Random) -> Config:
        return Config(
            clock=self.world.clock,
            initial_window_size=chance.choice([400, 5000, 65_535, 262_144]),
            connection_window_size=chance.choice([65_535, 1_048_576]),
            max_concurrent_streams=chance.choice([3, 10, 100]),
            header_table_size=chance.choice([0, 4096, 4096]),
            withdrawable_responses=chance.random() < 0.3,
        )

    def say(self, what: str) -> None:
        """A line of the trace."""
        line = f"{self.world.now:.6f} {self.name} {what}"
        self.client.digest.update(line.encode())
        self.client.recent.append(line)
        self.client.last_said = self.world.now

    # --- octets ---------------------------------------------------------------------------------

    def pump(self, side: int) -> None:
        """One end writes what its link has room for."""
        end, link = self.ends[side], self.links[side]
        while not self.lost and link.queued < link.capacity:
            octets = end.pulls(link.capacity - link.queued)
            if not octets:
                break
            self.say(f"{side} writes {len(octets)} {zlib.crc32(octets):08x}")
            if not self.is_corrupt():
                self.parties[side].writes(octets)
            self.send(side, octets)
        idle = end.connection.wants_write and link.queued < link.capacity
        if not self.lost and not self.halting[side] and (end.waiting or idle):
            self.halting[side] = True
            self.world.later(0.03, lambda: self.goes_on(side))

    def goes_on(self, side: int) -> None:
        """The sources that had nothing are asked again."""
        self.halting[side] = False
        if not self.lost:
            self.ends[side].resumes()
            self.pump(side)

    def send(self, side: int, octets: bytes) -> None:
        """Octets go on their way."""
        link = self.links[side]
        link.queued += len(octets)
        begins = max(self.world.now, link.free_at)
        link.free_at = begins + len(octets) / link.bandwidth
        self.world.later(
            link.free_at + link.latency - self.world.now, lambda: self.arrives(side, octets)
        )

    def arrives(self, sender: int, octets: bytes) -> None:
        """Octets are there, and there is room for more of them."""
        if self.lost:
            return
        self.links[sender].queued -= len(octets)
        self.arrived[sender] += len(octets)
        side = 1 - sender
        if self.doom is not None and self.doom.side == sender:
            octets = self.meets_doom(octets)
        if not self.is_corrupt():
            self.parties[side].gets(octets)
        self.ends[side].takes(octets)
        check_consistent(self.ends[side].connection)
        self.read(side)
        self.pump(side)
        self.pump(sender)
        self.client.looks_around()
        self.ends_if_closed()

    def meets_doom(self, octets: bytes) -> bytes:
        """The connection breaks, or its octets are not what they were."""
        doom = self.doom
        if doom is None or doom.done or self.arrived[doom.side] < doom.after:
            return octets
        doom.done = True
        self.world.counts[doom.kind] += 1
        self.say(f"is hit: {doom.kind}")
        if doom.kind == "loss":
            self.world.later(0, self.breaks)
            return octets[: self.chance.randrange(len(octets))]
        # Whoever notices nothing is cut off after a while.
        self.world.later(3, self.breaks)
        if doom.kind == "garbage":
            at = self.chance.randrange(len(octets))
            return octets[:at] + self.chance.randbytes(self.chance.randrange(1, 50)) + octets[at:]
        flipped = bytearray(octets)
        for _ in range(self.chance.randrange(1, 4)):
            flipped[self.chance.randrange(len(flipped))] ^= 1 << self.chance.randrange(8)
        return bytes(flipped)

    def is_hit(self) -> bool:
        """Whether something went wrong here."""
        return self.doom is not None and self.doom.done

    def is_corrupt(self) -> bool:
        """Whether what arrives here cannot be trusted any more."""
        return self.is_hit() and self.doom.kind != "loss"

    def read(self, side: int) -> None:
        """The application reads at its own pace."""
        end = self.ends[side]
        if self.reading[side] or not end.unread:
            return
        self.reading[side] = True
        portion = min(sum(size for _, size in end.unread), self.chance.choice([500, 20_000]))
        self.world.later(portion / self.rates[side], lambda: self.has_read(side, portion))

    def has_read(self, side: int, portion: int) -> None:
        self.reading[side] = False
        if self.lost:
            return
        self.ends[side].consumes(max(portion, 1))
        self.read(side)
        self.pump(side)
        self.client.looks_around()

    # --- what the applications do ---------------------------------------------------------------

    def hears(self, side: int, event: Event) -> None:
        """Write an event down, and act."""
        if isinstance(event, WindowUpdated):
            return
        if isinstance(event, DataReceived):
            seen = f"{len(event.data)} {zlib.crc32(event.data):08x} {event.end_stream}"
            self.say(f"{side} hears DATA {event.stream_id} {seen}")
        else:
            self.say(f"{side} hears {event!r}")
        if side == SERVER and isinstance(event, RequestReceived):
            self.world.counts["requests heard"] += 1
            delay = self.chance.choice([0, 0, 0.01, 0.5])
            self.world.later(delay, lambda: self.answers(event.stream_id))
        if side == CLIENT and isinstance(event, StreamClosed | StreamReset):
            job = self.jobs.pop(event.stream_id, None)
            if job is not None:
                self.client.settles(self, job, event)

    def answers(self, stream: int) -> None:
        """The server's application has an answer, or another idea."""
        end, chance = self.ends[SERVER], self.chance
        if self.lost or stream in end.ends or end.connection.closed:
            return
        if not self.is_corrupt():
            self.client.was_handled(end, stream)
        luck = chance.random()
        if luck < 0.03:
            self.world.counts["resets by the server"] += 1
            end.resets(stream, 2)
        else:
            if luck < 0.15 and stream & 1 and end.connection.push_enabled:
                pushed = end.promises(stream, request(b"GET", b"/pushed"))
                end.answers(pushed, self.client.message(chance))
            message = self.client.message(chance)
            message.interim = int(luck > 0.9)
            end.answers(stream, message)
            self.says_more(SERVER)
        self.pump(SERVER)

    def says_more(self, side: int) -> None:
        """Pieces of messages, one after the other."""
        end = self.ends[side]
        if self.lost or end.connection.closed:
            return
        end.says_more()
        self.pump(side)
        if end.pieces:
            self.world.later(0.002, lambda: self.says_more(side))

    def says_goodbye(self) -> None:
        """The server ends the connection gracefully, or in one step that refuses requests."""
        if not self.lost:
            self.world.counts["graceful ends"] += 1
            self.say("server begins to end")
            server = self.ends[SERVER].connection
            if self.chance.random() < 0.5:
                server.begin_shutdown()
            else:
                server.send_goaway()
            self.pump(SERVER)

    # --- the end --------------------------------------------------------------------------------

    def ends_if_closed(self) -> None:
        """An engine that has ended its connection has its transport closed."""
        if self.lost:
            return
        for end in self.ends:
            if end.connection.closed:
                assert self.is_corrupt(), f"turned away without a reason: {end.goaways}"
                self.world.later(self.links[0].latency, self.breaks)

    def breaks(self) -> None:
        """The connection is gone, with all that was on its way."""
        if self.lost:
            return
        self.lost = True
        self.say("is gone")
        for end in self.ends:
            check_consistent(end.connection)
        if not self.is_corrupt():
            self.check_messages()
        self.client.lost_connection(self)

    def is_done(self) -> bool:
        """Nothing is going on, nor on its way."""
        return (
            not self.jobs
            and not any(link.queued for link in self.links)
            and not any(end.unread or end.pieces or end.unanswered for end in self.ends)
            and not any(end.connection.open_streams for end in self.ends)
            and not any(end.connection.wants_write for end in self.ends)
        )

    def closes(self) -> None:
        """The client has no more use for the connection, on which all is done."""
        self.lost = True
        self.say("is closed")
        if self.is_hit():
            return
        self.check_messages()
        check_balance(*self.parties)
        for end, party in zip(self.ends, self.parties, strict=True):
            party.agrees_with(end.connection)
            window = session_of(end.connection).out.receive_window
            assert window.available + window.pending == window.size
            known = {*end.sent, *end.heard, *end.promised}
            assert known <= end.ends.keys(), f"no end for {known - end.ends.keys()}"

    def check_messages(self) -> None:
        """What was heard on either side is what the other said."""
        for side in (CLIENT, SERVER):
            for stream in self.ends[1 - side].heard:
                check_heard(self.ends[side], self.ends[1 - side], stream)
