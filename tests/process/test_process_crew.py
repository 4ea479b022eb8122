"""Which workers are started, and which are to go: no processes needed."""

from __future__ import annotations

from plait.process.crew import DRAINING, READY, STARTING, Crew, Member


def member(crew, pid, phase=READY, *, generation=None, born=0.0):
    made = Member(pid, pid, None, generation or crew.generation, born, phase)
    crew.members[pid] = made
    return made


def pids(members):
    return [each.pid for each in members]


def test_as_many_are_missing_as_neither_serve_nor_start():
    crew = Crew(3)
    assert crew.missing(1) == 3
    member(crew, 1, READY)
    member(crew, 2, STARTING)
    member(crew, 3, DRAINING)
    assert crew.missing(1) == 1


def test_one_that_retires_is_replaced_before_it_goes():
    crew = Crew(2)
    member(crew, 1).retiring = True
    member(crew, 2)
    assert crew.missing(1) == 1
    new = member(crew, 3, STARTING)
    assert pids(crew.superfluous()) == []
    crew.ready(new)
    assert pids(crew.superfluous()) == [1]


def test_all_that_retire_go_one_by_one_as_they_are_replaced():
    crew = Crew(2)
    for pid in (1, 2):
        member(crew, pid).retiring = True
    assert crew.missing(1) == 2
    member(crew, 3)
    assert pids(crew.superfluous()) == [1]


def test_fewer_are_wanted():
    crew = Crew(3)
    for pid in (1, 2):
        member(crew, pid)
    member(crew, 3, STARTING)
    crew.wanted = 1
    assert crew.missing(1) == 0
    assert sorted(pids(crew.superfluous())) == [2, 3]


def test_a_generation_takes_over_when_all_of_it_are_ready():
    crew = Crew(2)
    for pid in (1, 2):
        member(crew, pid)
    assert crew.begin_generation() == []
    assert crew.missing(crew.coming) == 2
    new = [member(crew, pid, STARTING, generation=crew.coming) for pid in (3, 4)]
    crew.ready(new[0])
    assert crew.take_over() is None
    assert crew.generation == 1
    crew.ready(new[1])
    assert pids(crew.take_over()) == [1, 2]
    assert (crew.generation, crew.coming) == (2, None)
    assert crew.missing(2) == 0


def test_a_generation_that_fails_leaves_the_old_one_as_it_was():
    crew = Crew(1)
    member(crew, 1)
    crew.begin_generation()
    member(crew, 2, STARTING, generation=crew.coming)
    assert pids(crew.abandon()) == [2]
    assert (crew.generation, crew.coming) == (1, None)
    # what fails late does not count for the one that comes next
    crew.begin_generation()
    assert crew.coming == 3
    assert crew.abandon() == []


def test_another_reload_gives_up_the_one_that_is_under_way():
    crew = Crew(1)
    member(crew, 1)
    crew.begin_generation()
    member(crew, 2, STARTING, generation=crew.coming)
    assert pids(crew.begin_generation()) == [2]
    assert crew.coming == 3


def test_what_dies_again_and_again_is_started_ever_more_slowly():
    crew = Crew(1)
    pauses = []
    for _ in range(9):
        crew.lost(Member(1, 1, None, 1, 100.0), 100.0)
        pauses.append(crew.not_before - 100.0)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == 30.0


def test_what_dies_after_a_while_is_replaced_at_once():
    crew = Crew(1)
    for _ in range(3):
        crew.lost(Member(1, 1, None, 1, 100.0, READY), 200.0)
        assert crew.not_before == 200.0


def test_what_is_killed_soon_after_its_start_is_replaced_at_once_but_not_twice():
    crew = Crew(1)
    crew.lost(Member(1, 1, None, 1, 100.0, READY), 101.0)
    assert crew.not_before == 101.0
    crew.lost(Member(2, 2, None, 1, 101.0, READY), 102.0)
    assert crew.not_before == 102.5
