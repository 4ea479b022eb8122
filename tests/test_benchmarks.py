"""The benchmarks run and write their table; what they find is no test's business."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.contest import Contest
from benchmarks.cputime import cpu_ns, family, in_turns, median_ratio
from benchmarks.deflate import header_blocks, zlib_ns
from benchmarks.facade import TASKS
from benchmarks.h2_programs import PROGRAMS, Api
from benchmarks.hosted.clocked import Clock
from benchmarks.hosts import WORKS, document
from benchmarks.loads import Load, Outcome
from benchmarks.options import Options
from benchmarks.pairs import PAIRS, VERSIONS, SpdyPair
from benchmarks.programs import Found, share_of, tell
from benchmarks.recordings import first_unit
from benchmarks.report import Report, Row, as_markdown, as_text
from benchmarks.rivals import RIVALS, contestants
from benchmarks.servers import Server, find_program, free_port
from benchmarks.traffic import ended_streams, frames, small_requests, with_open_streams
from benchmarks.workers import PLAIN, Missing, Worker
from tests.support.peers import require_tool

ROOT = Path(__file__).parent.parent


def row(**changes: object) -> Row:
    values = {
        "work": "w",
        "subject": "plait",
        "value": 2.0,
        "unit": "µs",
        "peer": "other",
        "peer_value": 4.0,
        "ratio": 0.5,
    }
    return Row(**(values | changes))  # type: ignore[arg-type]


class TestReport:
    def test_a_goal_is_reached_by_the_ratio(self) -> None:
        assert row(goal=0.5).reached is True
        assert row(goal=0.4).reached is False
        assert row().reached is None

    def test_or_by_the_value(self) -> None:
        assert row(goal=2.5, goal_on_value=True).reached is True
        assert row(goal=1.5, goal_on_value=True).reached is False

    def test_both_tables_tell_the_same(self) -> None:
        report = Report()
        report.add("Section", row(goal=1 / 60, note="a note"))
        report.skip("other rows", "not installed: pip install other")
        for text in (as_text(report), as_markdown(report, ["a machine"], ["1.0"])):
            assert "2.00 µs" in text
            assert "1/60" in text
            assert "a note" in text
            assert "pip install other" in text
            assert "0 of 1 goals reached" in text

    def test_markdown_names_machine_and_versions(self) -> None:
        text = as_markdown(Report(), ["CPU", "2 cores"], ["plait 1.0"])
        assert "CPU; 2 cores." in text
        assert "plait 1.0." in text


class TestTraffic:
    def test_every_read_has_as_many_requests_as_asked_for(self) -> None:
        reads = small_requests("browser", 3, 8)
        assert len(reads) == 3
        ids = [frame[2] for read in reads[1:] for frame in frames(read)]
        assert ids == list(range(17, 49, 2))

    def test_waiting_requests_do_not_end(self) -> None:
        opening, *_ = with_open_streams(5, 1, blocked=False)
        assert ended_streams(opening[24:])[0] == 0
        opening, *_ = with_open_streams(5, 1, blocked=True)
        assert ended_streams(opening[24:])[0] == 5


class TestPairs:
    @pytest.mark.parametrize("name", PAIRS)
    @pytest.mark.parametrize("fields", ["h2load", "browser"])
    def test_every_request_is_answered(self, name: str, fields: str) -> None:
        pair = PAIRS[name]()
        pair.open(fields)
        assert [pair.exchange(32) for _ in range(3)] == [32, 32, 32]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_zlib_gets_the_blocks_of_every_request_and_answer(self, version: str) -> None:
        pair = SpdyPair(version)
        assert zlib_ns(pair, "browser", 2, 8) > 0
        assert pair.wire is not None
        for said in pair.wire:
            blocks = [block for data in said for block in header_blocks(data)]
            inflate = zlib.decompressobj(zdict=pair.dictionary()).decompress
            assert [b"HTTP/1.1" in inflate(block) for block in blocks] == [True] * 16


class TestH2Programs:
    @pytest.mark.parametrize("package", ["h2", "plait.compat.h2"])
    @pytest.mark.parametrize("name", TASKS)
    def test_all_the_work_is_done(self, name: str, package: str) -> None:
        task = TASKS[name]
        make = PROGRAMS[task.program]
        program = make(Api(package), task.encoding, task.fields, task.exchanges)
        first, rest = first_unit(task.record(3, task.exchanges), 3)
        program.run(first)
        assert program.done() == task.exchanges
        program.run(rest)
        assert program.done() == 3 * task.exchanges


class _Working:
    """Stands for `H2Connection`."""

    def work(self) -> int:
        return sum(range(10**5))

    def works(self) -> int:
        return self.work() + self.result

    @property
    def result(self) -> int:
        return self.work()


class TestClock:
    def test_an_engine_has_the_time_of_its_calls(self) -> None:
        before = dict(vars(_Working))
        engine, clock = _Working(), Clock()
        clock.open(_Working)
        for _ in range(5):
            assert engine.works() == 2 * engine.result
        account = clock.close()
        assert account["engine"] == __name__
        assert account["calls"] == 10
        assert account["share"] > 0.5
        assert dict(vars(_Working)) == before

    def test_a_program_that_does_not_call_it_has_all_the_time(self) -> None:
        clock = Clock()
        clock.open(_Working)
        assert sum(range(10**5)) > 0
        account = clock.close()
        assert account["calls"] == 0
        assert account["share"] == 0

    def test_a_program_on_the_other_engine_is_no_result(self) -> None:
        assert share_of({"engine": "plait.compat.h2.connection", "share": 0.25}, PLAIN) == 0.25
        assert share_of({"engine": "h2.connection", "share": 0.5}, "h2") == 0.5
        for module, engine in (("h2.connection", "plait"), ("plait.compat.h2.connection", "h2")):
            with pytest.raises(Missing, match="ran on"):
                share_of({"engine": module, "share": 0.5}, engine)


class TestPrograms:
    def test_what_h2_took_is_set_beside_what_plait_takes(self) -> None:
        report = Report()
        found = Found(
            costs={"plait": [60_000.0], "h2": [150_000.0]},
            rates={"plait": 16_000.0, "h2": 6_000.0},
            shares={"plait": 0.1, "h2": 0.6},
        )
        tell(report, "hypercorn", "hypercorn, hello", found)
        whole, rest = report.rows
        assert (whole.value, whole.peer_value, whole.ratio) == (60, 150, 0.4)
        assert rest.peer_value == pytest.approx(60)
        assert rest.ratio == pytest.approx(1)
        assert rest.reached is True
        (remark,) = report.remarks.popitem()[1]
        assert "h2 takes 90.0 of 150 µs; with plait it is 6.00 of 60.0." in remark


class TestCpuTime:
    def test_of_another_process_advances_with_its_work(self) -> None:
        script = "print(sum(range(10**6)), flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert cpu_ns(process.pid) > 1_000_000
            process.communicate(b"\n")

    def test_workers_count_with_the_process_that_started_them(self) -> None:
        child = "import sys; print(sum(range(10**6)), flush=True); sys.stdin.read()"
        script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            parent, worker = family(process.pid)
            assert parent == process.pid
            assert cpu_ns(worker) > 1_000_000
            process.communicate()

    def test_rounds_are_taken_in_turns(self) -> None:
        order: list[str] = []

        def sample(name: str) -> float:
            order.append(name)
            return float(len(order))

        found = in_turns({"a": lambda: sample("a"), "b": lambda: sample("b")}, 2)
        assert order == ["a", "b", "a", "b"]
        assert found == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
        assert median_ratio(found["a"], found["b"]) == (1 / 2 + 3 / 4) / 2


class TestTools:
    def test_a_missing_one_is_named_with_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
        with pytest.raises(Missing, match="apt-get install nghttp2-server"):
            find_program("nghttpd")


class _Listening:
    """A program that listens; the arguments say what it costs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.costs: dict[str, list[float]] = {}
        self.asked: list[tuple[str, int]] = []
        monkeypatch.setattr("benchmarks.contest.run_load", self._run_load)

    def server(self, name: str, *costs: float) -> Server:
        port = free_port()
        script = (
            f"import socket; s = socket.create_server(('127.0.0.1', {port}))\nwhile 1: s.accept()"
        )
        self.costs[name] = list(costs)
        return Server(name, [sys.executable, "-c", script], port)

    def _run_load(self, server: Server, load: Load) -> Outcome:
        costs = self.costs[server.name]
        if not costs:
            raise Missing(f"{server.name} is silent")
        self.asked.append((server.name, load.requests))
        cost = costs.pop(0) if len(costs) > 1 else costs[0]
        return Outcome(cost * load.requests, 1e9 / cost, load.requests)


class TestContest:
    def test_the_best_of_several_takes_part(self, monkeypatch: pytest.MonkeyPatch) -> None:
        listening = _Listening(monkeypatch)
        contest = Contest(Load(1, 1, 1), Options(quick=True), seconds=1e-6)
        dear, cheap = listening.server("dear", 300.0), listening.server("cheap", 200.0)
        contest.run({"plait": listening.server("plait", 100.0), "peer": [dear, cheap]})
        assert contest.chosen["peer"] is cheap
        (row,) = contest.row("w", "plait", "peer", "ns", 1, None)
        assert row.ratio == pytest.approx(0.5)

    def test_who_does_not_answer_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        listening = _Listening(monkeypatch)
        contest = Contest(Load(1, 1, 1), Options(quick=True), seconds=1e-6)
        contest.run({"plait": listening.server("plait", 1.0), "peer": [listening.server("mute")]})
        assert contest.left_out == {"peer": "mute is silent"}
        assert contest.row("w", "plait", "peer", "ns", 1, None) == []

    def test_each_gets_as_many_requests_as_it_can_answer_in_the_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listening = _Listening(monkeypatch)
        contest = Contest(Load(1, 1, 1), Options(quick=True), seconds=1e-3)
        contest.run({"a": listening.server("a", 1000.0), "b": listening.server("b", 2000.0)})
        assert listening.asked[-2:] == [("a", 1000), ("b", 500)]


class TestHosts:
    def test_the_document_has_a_kibibyte(self) -> None:
        assert len(document().encode()) == 1024
        assert json.loads(document())["id"] == 20261121

    @pytest.mark.parametrize("name", WORKS)
    def test_every_goal_is_against_a_peer_that_takes_part(self, name: str) -> None:
        work = WORKS[name]
        servers = contestants("plait", work.hosting)
        assert set(servers) <= {"plait", *RIVALS}
        if work.hosting.interface == "asgi":
            assert set(work.goals) < set(servers)


class TestWorkers:
    def test_an_engine_that_is_not_installed_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "ngh2.py").write_text("raise ImportError('No module named ngh2')")
        with pytest.raises(Missing, match="pip install ngh2"):
            Worker("engine", "ngh2", str(tmp_path))


class TestCommand:
    @pytest.mark.parametrize(
        "arguments", [["--only", "nothing"], ["--only", "hosts.nothing"], ["--fast"], ["more"]]
    )
    def test_wrong_input_is_one_line_and_status_2(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            benchmarks.main(arguments)
        assert ended.value.code == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("python -m benchmarks: ")

    def test_a_part_of_a_suite_may_be_asked_for(self) -> None:
        options = benchmarks.parse(["--only", "hpack,hosts.echo,hosts.tls", "--no-write"])
        assert options.wants("hosts")
        assert options.wants("hpack")
        assert not options.wants("engine")
        assert options.parts("hosts") == ("echo", "tls")
        assert benchmarks.parse(["--only", "hosts"]).parts("hosts") == ()
        assert options.output is None

    @pytest.mark.slow
    @pytest.mark.interop
    @pytest.mark.timeout(600)
    def test_the_hosts_are_measured_beside_every_peer(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        require_tool("h2load")
        for peer in ("granian", "h2corn", "hypercorn", "uvicorn", "zttp", "uvloop"):
            pytest.importorskip(peer, reason=f"{peer} not found: pip install {peer}")
        results = tmp_path / "RESULTS.md"
        only = "hosts.hello,hosts.wsgi,hosts.echo,hosts.memory"
        assert benchmarks.main(["--quick", "--only", only, "--output", str(results)]) == 0
        text = results.read_text(encoding="utf-8")
        for row in ("ASGI hello, h2c", "WSGI hello, h2c", "JSON echo of 1 KiB", "MiB |"):
            assert f"| {row}" in text or row in text
        for peer in RIVALS:
            assert f"| {peer} |" in text
        assert "Left out" not in text, text

    @pytest.mark.slow
    @pytest.mark.interop
    @pytest.mark.timeout(600)
    def test_programs_are_measured_on_both_engines(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        require_tool("h2load")
        for peer in ("hypercorn", "httpx", "grpclib", "uvloop"):
            pytest.importorskip(peer, reason=f"{peer} not found: pip install {peer}")
        results = tmp_path / "RESULTS.md"
        only = "facade,programs.hypercorn,programs.grpclib,programs.httpx,programs.grpclib-client"
        assert benchmarks.main(["--quick", "--only", only, "--output", str(results)]) == 0
        text = results.read_text(encoding="utf-8")
        for title in [task.title for task in TASKS.values()]:
            assert f"| {title} |" in text
        for title in ("hypercorn, ASGI hello", "grpclib server", "httpx, GET", "grpclib client"):
            assert f"| {title}" in text
            assert f"{title}" in text.split("CPU time per request of the program")[0]
        assert "plait, plain: left out" not in text, text

    @pytest.mark.slow
    @pytest.mark.interop
    @pytest.mark.timeout(600)
    def test_every_suite_runs_and_the_table_is_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for tool in ("nghttpd", "h2load"):
            require_tool(tool)
        pytest.importorskip("ngh2", reason="ngh2 not found: pip install ngh2")
        results = tmp_path / "RESULTS.md"
        monkeypatch.setattr(benchmarks, "RESULTS", results)
        apart = ("hosts", "facade", "programs")
        suites = ",".join(name for name in benchmarks.SUITES if name not in apart)
        assert benchmarks.main(["--quick", "--only", suites]) == 0
        printed = capsys.readouterr().out
        text = results.read_text(encoding="utf-8")
        for section in ("Engine alone", "HPACK", "Server, a Python", "bodies", "memory", "SPDY"):
            assert f"## {section}" in text or section in text
        for unit in ("µs |", "ns/field |", "ns/octet |", "KiB |", "octets/field |"):
            assert unit in text
        assert "goals reached" in printed
        assert str(ROOT) not in text
