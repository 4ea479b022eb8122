"""Hooks and fixtures for the whole suite; helpers to import are in `tests.support`.

- `PLAIT_EXPECT=plain|compiled`: stop at once if another variant is being tested.
- `PLAIT_REQUIRE_PEERS=1`: a skipped test is a failed test (CI installs every peer).
- `@pytest.mark.variant("compiled")`: the test is not collected on the other variant.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from plait import build_info
from tests.support.certs import TLSFiles, make_certificate
from tests.support.peers import peers_required

VARIANTS = ("plain", "compiled")

# A shared machine makes deadlines flaky; CI repeats the same examples in every run.
settings.register_profile("plait", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "plait")


def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control has its background commands ignore Ctrl-C, and what they start
    # inherits that; then the servers of the tests could not be interrupted.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    expected = os.environ.get("PLAIT_EXPECT")
    if expected is None:
        return
    if expected not in VARIANTS:
        raise pytest.UsageError(f"PLAIT_EXPECT must be plain or compiled, not {expected!r}")
    if build_info().variant != expected:
        raise pytest.UsageError(f"expected the {expected} variant, but this is {build_info()}")


def pytest_report_header() -> str:
    info = build_info()
    return f"{info}, from {info.location}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests are a large heap, and nothing of it is garbage before the end.

    So the collector does not look at it: not while it is made, and not when a test asks for
    a collection, which would take a large part of a second each time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    running = build_info().variant
    other = []
    for item in items:
        for mark in item.iter_markers("variant"):
            (wanted,) = mark.args
            if wanted not in VARIANTS:
                raise pytest.UsageError(f"{item.nodeid}: no variant {wanted!r}")
            if wanted != running:
                other.append(item)
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in other]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        fail_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        fail_skipped(report)
    return report


def fail_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where everything must be there, a skip hides something that was not tested."""
    if peers_required():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped although PLAIT_REQUIRE_PEERS is set: {reason}"


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TLSFiles:
    """A certificate for localhost and its key, as files."""
    folder: Path = tmp_path_factory.mktemp("tls")
    return make_certificate(folder)


@pytest.fixture
def small_heap() -> None:
    """Keeps what is there by now out of a test's counting, and out of the collector's way."""
    gc.collect()
    gc.freeze()
