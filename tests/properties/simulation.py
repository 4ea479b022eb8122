"""A world from a seed: clients, servers and the networks between them, in virtual time.

    python -m tests.properties.simulation --seed 7 [--streams 2000] [--sound]

Every client has jobs: requests that must be answered. It opens connections with a latency, a
bandwidth and an appetite of their own; the server thinks, pushes, resets, and says goodbye midway;
some connections are lost, and on some octets are changed or garbage appears. A job whose request
may be repeated is repeated: GET always, POST only when it surely was not handled. In the end every
job is settled, whole; no POST was handled twice; every window is balanced; and the clients whose
networks are sound noticed nothing of the others.

The same seed gives the same world, octet for octet: the trace's hash says so.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import random
import sys
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from plait import build_info
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
from .endpoint import WAYS, Endpoint, Message
from .invariants import check_consistent, session_of
from .network import CLIENT, REFUSED_STREAM, SERVER, check_heard, request

Action = Callable[[], None]
SIZES = (0, 0, 0, 1, 30, 900, 900, 5000, 20_000, 70_000)


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
        late = isinstance(event, StreamReset) and event.slug == "data.closed"
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


class Client:
    """Has jobs, and gets them done over one connection after the other."""

    def __init__(self, world: World, number: int, seed: str, jobs: int, dooms: int) -> None:
        self.world = world
        self.number = number
        self.chance = random.Random(f"{seed} client {number}")
        self.digest = hashlib.sha256()
        self.recent: deque[str] = deque(maxlen=25)
        self.last_said = 0.0
        self.jobs = [self.job(at) for at in range(jobs)]
        self.todo = deque(self.jobs)
        self.most = self.chance.choice([1, 5, 40])
        # Drawn by another, so that the sound clients do the same with and without them.
        fate = random.Random(f"{seed} fate {number}")
        kinds = ("loss", "flip", "garbage")
        self.dooms = [
            Doom(fate.choice([CLIENT, SERVER]), fate.choice([1, 3000, 60_000]), fate.choice(kinds))
            for _ in range(dooms)
        ]
        self.opened = 0
        self.wire: Wire | None = None
        world.later(self.chance.random(), self.works)

    def message(self, chance: random.Random) -> Message:
        way = chance.choice(WAYS)
        trailers = [(b"x-sum", b"1")] if chance.random() < 0.2 else []
        extra = [(b"x-" + chance.choice([b"a", b"b"]), b"%d" % chance.randrange(20))]
        return Message(chance.choice(SIZES), way, chance.choice([700, 9000]), trailers, 0, extra)

    def job(self, number: int) -> Job:
        message = self.message(self.chance)
        return Job(number, self.chance.choice([b"GET", b"GET", b"POST"]), message)

    def works(self) -> None:
        """Ask for as much as the connection allows; open one where there is none."""
        if not self.todo:
            return
        if self.wire is None:
            self.opened += 1
            self.world.counts["connections"] += 1
            self.wire = Wire(self, self.dooms.pop() if self.dooms else None)
        wire, end = self.wire, self.wire.ends[CLIENT]
        while self.todo and len(wire.jobs) < self.most and end.connection.can_open_stream:
            job = self.todo.popleft()
            job.tries += 1
            path = b"/%d" % job.number
            stream = end.asks(request(job.method, path), job.message)
            wire.jobs[stream] = job
            wire.say(f"asks {stream} for job {job.number}")
            luck = self.chance.random()
            if luck < 0.02:
                self.world.later(self.chance.random(), partial(self.gives_up, wire, stream))
            elif luck < 0.6:
                self.world.later(self.chance.random(), partial(self.changes_mind, wire, stream))
        wire.says_more(CLIENT)
        wire.pump(CLIENT)

    def gives_up(self, wire: Wire, stream: int) -> None:
        """The user pressed the button."""
        if wire.lost or stream not in wire.jobs:
            return
        self.world.counts["resets by the client"] += 1
        wire.jobs.pop(stream).outcome = "given up"
        wire.ends[CLIENT].resets(stream, 8)
        wire.pump(CLIENT)

    def changes_mind(self, wire: Wire, stream: int) -> None:
        """Something else is wanted first."""
        connection = wire.ends[CLIENT].connection
        if not wire.lost and not connection.closed and stream in wire.jobs:
            connection.prioritize(
                stream, self.chance.choice([0, 1, 3, 7]), self.chance.random() < 0.5
            )
            wire.pump(CLIENT)

    def settles(self, wire: Wire, job: Job, event: StreamClosed | StreamReset) -> None:
        """A stream has ended: the job is done, or to be tried again, or neither."""
        heard = wire.ends[CLIENT].heard.get(event.stream_id)
        if event.error_code == 0 and heard is not None and heard.complete:
            if not wire.is_corrupt():
                assert job.handled, f"job {job.number} was answered, and nobody had heard of it"
            job.outcome = "done"
        else:
            assert event.error_code or wire.is_corrupt(), f"an end without an answer: {event}"
            self.again(job, refused=event.error_code == REFUSED_STREAM)
        self.world.later(0, self.looks_around)

    def again(self, job: Job, *, refused: bool) -> None:
        """Try again what may be tried again (RFC 9113 §8.7)."""
        if refused or job.method == b"GET":
            self.world.counts["retries"] += 1
            self.todo.append(job)
        else:
            job.outcome = "unknown"

    def was_handled(self, end: Endpoint, stream: int) -> None:
        """The server's application has taken a request."""
        head = end.heard[stream].head
        if head is not None and not end.promised.get(stream):
            job = self.jobs[int(dict(head)[b":path"][1:])]
            job.handled += 1
            assert job.method == b"GET" or job.handled == 1, f"job {job.number} was handled twice"

    def looks_around(self) -> None:
        """Leave a connection on which nothing more may be asked; ask for more."""
        wire = self.wire
        if wire is None:
            self.works()
            return
        ending = not wire.ends[CLIENT].connection.can_open_stream and not wire.jobs
        if wire.is_done() and (ending or not self.todo):
            if wire.ends[CLIENT].connection.settings_acknowledged:
                wire.closes()
                self.wire = None
                self.world.later(0.01, self.works)
            return
        if self.todo and not wire.lost:
            self.works()

    def lost_connection(self, wire: Wire) -> None:
        """What was asked for and not answered may have been handled, or may not."""
        end = wire.ends[CLIENT]
        last = min([g.last_stream_id for g in end.goaways if g.remote], default=2**31 - 1)
        jobs, wire.jobs = wire.jobs, {}
        for stream, job in jobs.items():
            self.again(job, refused=stream > last and not wire.is_corrupt())
        if self.wire is wire:
            self.wire = None
        self.world.later(self.chance.uniform(0.05, 0.5), self.works)

    def check(self, *, sound: bool) -> None:
        """In the end every job is settled, and only what may stay open does."""
        self.last_said = float("inf")  # from here on a failure is about this client
        for job in self.jobs:
            assert job.outcome, f"job {job.number} of client {self.number} is not settled"
            # Without faults only a server's reset leaves it open whether a POST was handled.
            assert job.outcome != "unknown" or not sound or job.handled
            self.world.counts[job.outcome] += 1
        assert self.wire is None, f"client {self.number} did not close its connection"
        self.last_said = 0.0


@dataclass
class Report:
    """What became of a world."""

    seed: int
    hashes: list[str]
    counts: Counter[str]
    seconds: float

    @property
    def hash(self) -> str:
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()[:16]


class SimulationFailedError(AssertionError):
    """Something was not as it must be; the message tells how to see it again."""


def failure(seed: int, streams: int, people: list[Client], error: Exception) -> str:
    """What went wrong, what happened last to the client that it concerns, and how to replay it."""
    lines = [f"{type(error).__name__}: {error}"]
    latest = [client for client in people if client.recent]
    if latest:
        lines += ["the last that happened there:"]
        lines += max(latest, key=lambda client: client.last_said).recent
    lines.append(f"replay: python -m tests.properties.simulation --seed {seed} --streams {streams}")
    return "\n".join(lines)


def simulate(
    seed: int,
    streams: int = 300,
    *,
    clients: int = 6,
    faults: bool = True,
    deadline: float = 10_000,
) -> Report:
    """Let a world come to its end.

    :param streams: jobs in all.
    :param faults: whether the networks of every other client are unsound.
    :param deadline: seconds of virtual time after which it should have ended.
    :raises SimulationFailedError: with what happened last, and the command that shows it again.
    """
    world = World(deadline)
    chance = random.Random(f"{seed} world")
    people = []
    for number in range(clients):
        dooms = chance.randrange(1, 5)
        unsound = faults and number % 2 == 1
        people.append(Client(world, number, str(seed), streams // clients, dooms if unsound else 0))
    try:
        world.run()
        for client in people:
            client.check(sound=not (faults and client.number % 2))
    except Exception as error:
        raise SimulationFailedError(failure(seed, streams, people, error)) from error
    hashes = [client.digest.hexdigest()[:16] for client in people]
    return Report(seed, hashes, world.counts, world.now)


def main(arguments: list[str] | None = None) -> int:
    """Simulate one world, and say what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties.simulation")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--streams", type=int, default=300, help="requests of all clients")
    parser.add_argument("--sound", action="store_true", help="no faults in any network")
    chosen = parser.parse_args(arguments)
    try:
        report = simulate(chosen.seed, chosen.streams, faults=not chosen.sound)
    except SimulationFailedError as failure:
        print(failure, file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} {what}" for what, count in sorted(report.counts.items()))
    print(f"seed {report.seed}: {report.seconds:.1f} s of virtual time; {counts}")
    print(f"trace {report.hash} ({build_info().variant})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
