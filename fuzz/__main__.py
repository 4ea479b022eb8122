"""The command `python -m fuzz`: see `python -m fuzz --help`."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from fuzz.targets import CASES, CORPUS, ROOT, TARGETS, inputs, target_of
from plait import build_info

# What libFuzzer finds goes here until `minimise` takes the best of it into the corpus.
WORK = ROOT / "build" / "fuzz"
FINDINGS = ROOT / "artifacts" / "fuzz"
LONGEST = 4096
STUCK = 300
"""Seconds after which libFuzzer itself gives up on an input."""
MEMORY = 1024
"""MiB that a run may take."""


def run(arguments: argparse.Namespace) -> int:
    """Fuzzes the targets one after the other; the time is shared evenly."""
    if importlib.util.find_spec("atheris") is None:
        print("Nothing was fuzzed: atheris is not installed (pip install 'plait[fuzz]').")
        return 1
    names = arguments.target or list(TARGETS)
    share = max(1, arguments.seconds // len(names))
    found: list[Path] = []
    for name in names:
        print(f"==> {name}, {share} s", flush=True)
        found += fuzz(name, share, arguments.seed)
    for finding in found:
        print(f"found {shown(finding)}: python -m fuzz replay {shown(finding)}")
    return 1 if found else 0


def fuzz(name: str, seconds: int, seed: int) -> list[Path]:
    """Fuzzes one target; returns the new findings."""
    work, findings = WORK / name, FINDINGS / name
    work.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    busy_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = engine(
        name,
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        f"-timeout={STUCK}",
        f"-rss_limit_mb={MEMORY}",
        f"-report_slow_units={STUCK}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        *map(str, (work, *corpus_folders(name))),
    )
    log = FINDINGS / f"{name}.log"
    log.write_text(done.stderr, encoding="utf-8")
    found = [Path(path) for path in re.findall(r"Test unit written to (\S+)", done.stderr)]
    executed = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    covered = re.findall(r"\bcov: (\d+)", done.stderr) or ["?"]
    busy = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - busy_before
    count = executed[1] if executed else "?"
    print(f"{count} executions, {covered[-1]} edges, {busy:.0f} s of CPU", flush=True)
    if done.returncode and not found:
        raise SystemExit(f"the fuzzer itself failed; see {shown(log)}")
    return found


def engine(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """libFuzzer, in a process of its own."""
    command = [sys.executable, "-m", "fuzz.engine", name, *arguments]
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )


def corpus_folders(name: str) -> list[Path]:
    """The folders of a target's inputs that are in the repository."""
    return [folder for folder in (CORPUS / name, CASES / name) if folder.is_dir()]


def shown(path: Path) -> str:
    """A path as one would type it."""
    return os.path.relpath(path)


def replay(arguments: argparse.Namespace) -> int:
    """Runs inputs through their targets and shows what happens."""
    files: list[Path] = []
    for given in arguments.file:
        files += inputs(given) if given.is_dir() else [given]
    failed = 0
    for file in files:
        lines: list[str] = []
        target = TARGETS[arguments.target or target_of(file)]
        try:
            target(file.read_bytes(), lines.append)
        except Exception:  # noqa: BLE001 - whatever it is, it was found
            failed += 1
            print("\n".join(line[:500] for line in lines))
            print(f"{shown(file)}, {build_info().variant} plait:\n{traceback.format_exc()}")
        else:
            if len(files) == 1:
                print("\n".join(line[:500] for line in lines))
    print(f"{len(files)} inputs replayed, {failed} failed ({build_info()})")
    return 1 if failed else 0


def digests(_: argparse.Namespace) -> int:
    """Prints, as JSON, what plait makes of every input in the repository, in short."""
    told: dict[str, str] = {}
    for folder in (CORPUS, CASES):
        for file in inputs(folder):
            text = hashlib.sha256()
            try:
                TARGETS[target_of(file)](
                    file.read_bytes(), lambda line, text=text: text.update(line.encode())
                )
                told[str(file.relative_to(ROOT))] = text.hexdigest()[:16]
            except Exception as fault:  # noqa: BLE001 - the reader looks for it
                told[str(file.relative_to(ROOT))] = f"{type(fault).__name__}: {fault}"
    json.dump({"variant": build_info().variant, "digests": told}, sys.stdout)
    return 0


def write_seeds(_: argparse.Namespace) -> int:
    """Writes the seeds into the corpus."""
    from fuzz.seeds import seeds

    for target, name, data in seeds():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return 0


def minimise(arguments: argparse.Namespace) -> int:
    """Takes from what fuzzing found the smallest inputs that reach code the corpus does not."""
    for name in arguments.target or list(TARGETS):
        merged = WORK / f"{name}-merged"
        shutil.rmtree(merged, ignore_errors=True)
        shutil.copytree(CORPUS / name, merged)
        done = engine(
            name,
            "-merge=1",
            "-use_counters=0",
            f"-max_len={LONGEST}",
            f"-timeout={STUCK}",
            str(merged),
            str(WORK / name),
        )
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        for file in inputs(merged):
            if not (CORPUS / name / file.name).exists():
                shutil.copy(file, CORPUS / name / file.name[:12])
        kept = inputs(CORPUS / name)
        print(f"{name}: {len(kept)} inputs, {sum(file.stat().st_size for file in kept)} octets")
    return 0


def main() -> int:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run", help="fuzz the targets")
    command.add_argument("--seconds", type=int, default=60, help="for all targets together")
    command.add_argument("--seed", type=int, default=0, help="of the mutations; 0 for any")
    command.add_argument("target", nargs="*", help=", ".join(TARGETS))
    command.set_defaults(do=run)
    command = commands.add_parser("replay", help="show what inputs do, on the plait installed")
    command.add_argument("--target", choices=TARGETS, help="if no folder above the file says it")
    command.add_argument("file", nargs="+", type=Path)
    command.set_defaults(do=replay)
    command = commands.add_parser("digests", help="what becomes of each input, as JSON")
    command.set_defaults(do=digests)
    command = commands.add_parser("seeds", help="write the seeds into the corpus")
    command.set_defaults(do=write_seeds)
    command = commands.add_parser("minimise", help="take what fuzzing found into the corpus")
    command.add_argument("target", nargs="*", help=", ".join(TARGETS))
    command.set_defaults(do=minimise)
    arguments = parser.parse_args()
    try:
        done: int = arguments.do(arguments)
    except (OSError, ValueError) as fault:
        sys.exit(f"python -m fuzz: {fault}")
    return done


if __name__ == "__main__":
    sys.exit(main())
