"""However octets are cut, they say the same; and what came before a fault is not lost."""

from __future__ import annotations

import random

import pytest

from tests.http2 import frames as f
from tests.support.corpus import BROWSER, TRAILERS

from .comparison import EVERYWHERE, compare, explain
from .differences import NOT_BY_STEPS
from .playback import by_frames, cuts
from .scenarios import SUBJECTS, Scenario
from .world import FACADE, REAL, Implementation, Step, Told, World, call, receive

TO_SERVER = f.octets(
    [
        f.PREFACE,
        f.settings((f.INITIAL_WINDOW_SIZE, 100)),
        f.settings_ack(),
        f.headers(1, BROWSER, end_stream=False, end_headers=False, pad=3, depends_on=0),
        f.continuation(1, f.block([(b"x", b"y")])),
        f.data(1, b"body", pad=2),
        f.headers(1, TRAILERS),
        f.Frame(0x42, 0, 0, b"?"),
        f.headers(3, f.GET),
        f.rst_stream(3),
        f.ping(),
        f.window_update(1, 5),
        f.goaway(0, 0, b"bye"),
    ]
)
TO_CLIENT = f.octets(
    [
        f.settings((f.MAX_FRAME_SIZE, 20_000)),
        f.settings_ack(),
        f.push_promise(1, 2, f.GET, end_headers=False),
        f.continuation(1, b""),
        f.altsvc(0, b"https://a", b"h3"),
        f.headers(1, [(b":status", b"103")], end_stream=False),
        f.headers(1, f.OK, end_stream=False),
        f.data(1, b"body", pad=0),
        f.headers(1, TRAILERS),
        f.headers(2, f.OK, end_stream=False),
        f.data(2, b"pushed", end_stream=True),
        f.rst_stream(3, f.REFUSED_STREAM),
        f.ping(),
    ]
)
OPENING = {
    False: [call.initiate_connection()],
    True: [
        call.initiate_connection(),
        call.send_headers(1, f.GET, end_stream=True),
        call.send_headers(3, f.POST),
    ],
}


@pytest.mark.parametrize("client", [False, True], ids=["server", "client"])
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_cuts_in_two_say_the_same_to_both(client: bool, step: int) -> None:
    real, here = Implementation(REAL), Implementation(FACADE)
    octets = TO_CLIENT if client else TO_SERVER
    for at in range(0, len(octets) + 1, step):
        steps = [*OPENING[client], receive(octets[:at]), receive(octets[at:])]
        found = compare(real, here, steps, client=client)
        assert found.unnamed is None, explain(found, at)
        assert found.classes.keys() <= EVERYWHERE | {
            "windows of promised streams",
            "ALTSVC opens nothing",
            "after a graceful GOAWAY",
            "output before GOAWAY",
        }


class Whole:
    """All that one world told and said, however it was cut."""

    def __init__(self, scenario: Scenario, chance: random.Random | None) -> None:
        world = World(Implementation(FACADE), client=scenario.client, **scenario.options)
        self.events: list[Told] = []
        self.said: list[object] = []
        self.raised: list[object] = []
        for step in scenario.steps:
            for part in self.parts(step, chance):
                outcome = world.play(part)
                self.events += outcome.events + outcome.lost
                self.said += outcome.said
                if outcome.raised is not None:
                    self.raised.append(outcome.raised)
                    break
        seen = world.look().items()
        self.view = {key: value for key, value in seen if not key.startswith("window ")}
        self.credit = dict(world.credit)

    def parts(self, step: Step, chance: random.Random | None) -> list[Step]:
        if chance is None or not step.octets:
            return [step]
        mean = 1 if len(step.octets) < 100 else len(step.octets) // 20
        return [receive(part) for part in cuts(step.octets, chance, mean)]


@pytest.mark.parametrize(
    "subject", ["events", "windows", pytest.param("faults", marks=pytest.mark.slow)]
)
def test_every_scenario_says_the_same_in_any_cut(subject: str) -> None:
    for number, scenario in enumerate(SUBJECTS[subject].scenarios):
        if scenario.name.startswith("many "):
            continue  # when they are too many depends on the time, and on how much waits unread
        whole, pieces = (Whole(scenario, chance) for chance in (None, random.Random(number)))
        assert vars(pieces) == vars(whole), scenario.name


def test_what_came_before_a_fault_is_not_lost() -> None:
    """The exception has the events that h2 tells when it gets the same frame by frame."""
    octets = TO_SERVER[: -len(bytes(f.goaway(0, 0, b"bye")))] + bytes(f.data(0, b"x"))
    real, here = (World(Implementation(name), client=False) for name in (REAL, FACADE))
    events: list[Told] = []
    raised = None
    for world in (real, here):
        world.play(call.initiate_connection())
    for frame in by_frames(octets):
        outcome = real.play(receive(frame))
        events += outcome.events
        raised = outcome.raised
    assert raised is not None
    outcome = here.play(receive(octets))
    assert outcome.raised == raised
    assert outcome.lost == events
    lost, _ = NOT_BY_STEPS
    assert lost.slug == "events before a fault"
    again = World(Implementation(REAL), client=False).play(receive(octets))
    assert again.events == again.lost == []
