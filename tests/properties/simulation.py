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
import random
import sys
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial

from plait import build_info
from plait.http2 import StreamClosed, StreamReset

from .endpoint import WAYS, Endpoint, Message
from .network import CLIENT, REFUSED_STREAM, SERVER, request
from .wire import Doom, Job, Wire, World

SIZES = (0, 0, 0, 1, 30, 900, 900, 5000, 20_000, 70_000)


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
