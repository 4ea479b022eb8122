"""One script on two worlds, step by step, until it ends or the worlds have parted.

What is not the same must be excused by an entry of `differences`. An entry either puts the same
thing in other words, after which the comparison goes on; or it is another judgement, after which
both are in different states, and the comparison ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .differences import CREDIT, JUDGEMENTS, WORDS, Divergence, states_of
from .world import FACADE, Implementation, Outcome, Step, World

EVERYWHERE = frozenset(["windows of closed streams", "words in GOAWAY", CREDIT.slug])
"""Classes that are met wherever a stream is closed, or a connection fails."""


@dataclass
class Comparison:
    """What was found."""

    classes: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    unnamed: Divergence | None = None
    parted: bool = False
    """Whether a judgement has ended it before the script did."""


class Pair:
    """Two worlds, `real` being PyPI's h2, and the comparison of what happens in them."""

    def __init__(
        self, real: Implementation, here: Implementation, *, client: bool, **options: object
    ) -> None:
        self.real = World(real, client=client, **options)
        self.here = World(here, client=client, **options)
        self.found = Comparison()
        self.last: Divergence | None = None
        self.view: dict[str, object] = {}
        """What could be seen of ours after the last step."""

    def play(self, step: Step) -> bool:
        """The same step in both; whether there is a use in going on."""
        before = states_of(self.real)
        view = self.view or self.here.look()
        divergence = Divergence(step, self.real, self.here, Outcome(), Outcome(), before, view)
        divergence.h2 = self.real.play(step)
        divergence.ours = self.here.play(step)
        self.last = divergence
        self.view = divergence.after = dict(divergence.ours.view)
        self.found.steps += 1
        if not self.judge(divergence):
            self.found.parted = True
            return False
        return True

    def judge(self, divergence: Divergence) -> bool:
        """Whether both are where the other is; notes what differs."""
        found = self.found
        if not divergence.unlike and not divergence.is_hidden:
            return True
        for difference in WORDS:
            found.classes[difference.slug] += difference.excuses(divergence)
        if not divergence.unlike and not divergence.is_hidden:
            return True
        for difference in JUDGEMENTS:
            if difference.excuses(divergence):
                found.classes[difference.slug] += 1
                return False
        if divergence.unlike:
            found.unnamed = divergence
            return False
        return True

    def finish(self) -> Comparison:
        """The comparison; at the end of a script that was played to its end, of credit too."""
        if self.found.unnamed is None and not self.found.parted:
            self.compare_credit()
        self.found.classes = +self.found.classes
        return self.found

    def compare_credit(self) -> None:
        """What was given back of windows is about the same, in whatever portions."""
        # What is held back is at most half of a window, or what is not worth a frame.
        portion = max(65_535, *(abs(value) for value in self.windows())) // 2 + 1
        for stream in self.real.credit.keys() | self.here.credit.keys():
            theirs, ours = self.real.credit[stream], self.here.credit[stream]
            assert ours >= theirs - portion, (stream, theirs, ours)
            # The connection has back what lay on streams that are gone, in h2 when the program
            # has acknowledged it. But it never has more than it gave.
            assert stream == 0 or ours <= theirs + portion, (stream, theirs, ours)
            if theirs != ours:
                self.found.classes[CREDIT.slug] += 1
        if self.here.h2.package == FACADE and not self.here.is_over():
            given = 65_535 + self.here.increments
            assert self.here.connection.inbound_flow_control_window <= given

    def windows(self) -> Iterable[int]:
        """How large the windows given to the peer may be."""
        connection = self.real.connection
        yield connection.local_settings.initial_window_size
        yield connection._inbound_flow_control_window_manager.max_window_size


def compare(
    real: Implementation,
    here: Implementation,
    steps: Iterable[Step],
    *,
    client: bool,
    **options: object,
) -> Comparison:
    """The same script on both."""
    pair = Pair(real, here, client=client, **options)
    for step in steps:
        if not pair.play(step):
            break
    return pair.finish()


def explain(found: Comparison, which: object = "") -> str:
    """What to tell of a difference without a name."""
    divergence = found.unnamed
    if divergence is None:
        return f"{which}: no difference"
    lines = [f"{which}: a difference without a name in step {found.steps}, {divergence.step!r}"]
    for part in divergence.unlike:
        h2, ours = getattr(divergence.h2, part), getattr(divergence.ours, part)
        if part == "view":
            keys = [key for key in h2 if h2[key] != ours.get(key)]
            h2, ours = {key: h2[key] for key in keys}, {key: ours.get(key) for key in keys}
        lines += [f"  {part}", f"    h2:   {h2}", f"    here: {ours}"]
    lines += [f"  h2 raised   {divergence.h2.error!r}", f"  here raised {divergence.ours.error!r}"]
    lines += [f"  here before the fault: {divergence.ours.lost}"]
    return "\n".join(lines)
