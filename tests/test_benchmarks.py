"""The benchmarks run and write their table; what they find is no test's business."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.cputime import cpu_ns, in_turns, median_ratio
from benchmarks.deflate import header_blocks, zlib_ns
from benchmarks.pairs import PAIRS, VERSIONS, SpdyPair
from benchmarks.report import Report, Row, as_markdown, as_text
from benchmarks.servers import find_program
from benchmarks.traffic import ended_streams, frames, small_requests, with_open_streams
from benchmarks.workers import Missing, Worker
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

    def test_rounds_are_taken_in_turns(self) -> None:
        order: list[str] = []

        def sample(name: str) -> float:
            order.append(name)
            return float(len(order))

        found = in_turns({"a": lambda: sample("a"), "b": lambda: sample("b")}, 2)
        assert order == ["a", "b", "a", "b"]
        assert found == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
        assert median_ratio(found["a"], found["b"]) == (1 / 2 + 3 / 4) / 2


class TestPrograms:
    def test_a_missing_one_is_named_with_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
        with pytest.raises(Missing, match="apt-get install nghttp2-server"):
            find_program("nghttpd")


class TestWorkers:
    def test_an_engine_that_is_not_installed_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "ngh2.py").write_text("raise ImportError('No module named ngh2')")
        with pytest.raises(Missing, match="pip install ngh2"):
            Worker("engine", "ngh2", str(tmp_path))


class TestCommand:
    @pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--fast"], ["more"]])
    def test_wrong_input_is_one_line_and_status_2(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            benchmarks.main(arguments)
        assert ended.value.code == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("python -m benchmarks: ")

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
        assert benchmarks.main(["--quick"]) == 0
        printed = capsys.readouterr().out
        text = results.read_text(encoding="utf-8")
        for section in ("Engine alone", "HPACK", "Server, a Python", "bodies", "memory", "SPDY"):
            assert f"## {section}" in text or section in text
        for unit in ("µs |", "ns/field |", "ns/octet |", "KiB |", "octets/field |"):
            assert unit in text
        assert "goals reached" in printed
        assert str(ROOT) not in text
