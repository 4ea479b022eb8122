"""What the documentation says is so: its code runs, its tables agree with the code."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

from plait import spdy
from plait.http2 import Config, Limits, events
from plait.server import HTTP2Server, TimeLimits
from tests.support.process import run
from tests.support.project import PACKAGE, ROOT

from .documents import DOCS, PAGES, blocks, code_spans, table_rows


def pages_with(language: str) -> list[str]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", pages_with("pycon"))
def test_sessions_go_as_they_are_shown(page: str) -> None:
    session = "\n".join(blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, page, page, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert result.attempted
    assert not result.failed, "".join(said)


@pytest.mark.parametrize("page", pages_with("python"))
def test_programs_are_python(page: str) -> None:
    for number, block in enumerate(blocks(page, "python")):
        ast.parse(block, f"{page}, block {number}")


def test_blocks_are_in_a_language_that_is_tested() -> None:
    known = {"", "sh", "python", "pycon", "cython"}
    for page, path in PAGES.items():
        fences = re.findall(r"^```(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences) <= known, page


@pytest.mark.parametrize("page", PAGES)
def test_links_between_files_lead_somewhere(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            assert (PAGES[page].parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_dotted_names_exist(page: str) -> None:
    for span in code_spans(page):
        if re.fullmatch(r"plait(\.[A-Za-z_]\w*)+(\(.*\))?", span):
            assert exists(span.partition("(")[0]), span


def exists(name: str) -> bool:
    """Whether a dotted name is a module, a logger's, or an attribute of a module."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


# --- configuration.md -----------------------------------------------------------------------------


def rows_of_configuration(*, of_spdy: bool) -> dict[str, str]:
    """Names and defaults."""
    rows = table_rows("docs/configuration.md", spdy=of_spdy)
    return {row[0].strip("`"): row[1].strip("`") for row in rows}


def test_every_setting_and_limit_of_spdy_has_its_row() -> None:
    rows = rows_of_configuration(of_spdy=True)
    for shown in (spdy.Config, spdy.Limits):
        for field in dataclasses.fields(shown):
            assert rows.pop(field.name) == default_of(field), field.name
    assert rows.keys() == {"name", "---"}


def test_every_setting_and_limit_has_its_row() -> None:
    rows = rows_of_configuration(of_spdy=False)
    for shown in (Config, Limits, TimeLimits):
        for field in dataclasses.fields(shown):
            assert rows.pop(field.name) == default_of(field), field.name
    for name, parameter in inspect.signature(HTTP2Server).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert rows.pop(name) == repr(parameter.default), name
    assert rows.keys() == {"name", "argument", "variable", "---", "PLAIT_BUILD"}


def default_of(field: dataclasses.Field[object]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"{getattr(field.default_factory, '__name__', '')}()"
    return "time.monotonic" if callable(field.default) else repr(field.default)


# --- slugs.md -------------------------------------------------------------------------------------


def slugs_of_the_source(*, of_spdy: bool = False) -> set[str]:
    """Every string of the protocol packages that looks like a slug, docstrings apart."""
    if of_spdy:
        found = {"syn_reply.stream", "headers.stream"}
        packages = [PACKAGE / "spdy"]
    else:
        found = {f"hpack.{limit}" for limit in ("list_size", "too_many_fields", "too_many_cookies")}
        packages = [
            PACKAGE / name
            for name in ("http2", "hpack", "server", "server/http1", "server/proxies")
        ]
    for path in [path for package in packages for path in package.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(r"[a-z_0-9]+\.[a-z_]+[a-z1]", node.value):
                    found.add(node.value)
    return found - {"plait.server"}  # a logger


@pytest.mark.parametrize("of_spdy", [False, True])
def test_every_slug_is_listed(of_spdy: bool) -> None:
    rows = table_rows("docs/slugs.md", spdy=of_spdy)
    listed = {slug for row in rows for slug in re.findall("`(.+?)`", row[0])}
    assert listed == slugs_of_the_source(of_spdy=of_spdy)


@pytest.mark.parametrize("page", ["docs/configuration.md", "docs/security.md"])
def test_slugs_in_tables_are_slugs(page: str) -> None:
    known = slugs_of_the_source() | slugs_of_the_source(of_spdy=True)
    for row in table_rows(page):
        for span in re.findall(r"`([a-z_]+\.[a-z_]+)`", row[-1]):
            assert span in known | {"time.monotonic", "plait.server"} or span.endswith(".py"), span


# --- engine.md ------------------------------------------------------------------------------------


def test_every_event_has_its_row_with_its_attributes() -> None:
    rows: dict[str, str] = {}
    for row in table_rows("docs/engine.md"):
        for name in re.findall("`(.+?)`", row[0]):
            rows[name] = row[-1]
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, events.Event) and kind is not events.Event:
            for attribute in re.findall("`(.+?)`", rows[kind.__name__]):
                assert attribute in dir(kind), f"{kind.__name__}.{attribute}"


def test_every_call_of_the_engine_is_described_or_in_the_reference() -> None:
    from plait.http2 import Connection

    text = PAGES["docs/engine.md"].read_text(encoding="utf-8")
    unsaid = {
        name
        for name in dir(Connection)
        if not name.startswith("_") and not re.search(rf"\b{name}\b", text)
    }
    assert unsaid == {
        # for callers who prepare responses; extensions; facts
        "send_prepared",
        "send_alternative_service",
        "send_origin",
        "settings_acknowledged",
        "max_outbound_frame_size",
        "open_streams",
        "highest_remote_stream_id",
        "next_stream_id",
        "stream_is_open",
        "config",
    }


def test_every_call_of_a_direct_connection_is_described() -> None:
    from plait.http2 import DirectConnection

    text = PAGES["docs/engine.md"].read_text(encoding="utf-8")
    _, _, section = text.partition("## Frame by frame")
    own = {name for name in vars(DirectConnection) if not name.startswith("_")}
    assert "send_data_frame" in own
    assert {name for name in own if not re.search(rf"\b{name}\b", section)} == set()


# --- command.md -----------------------------------------------------------------------------------


def test_every_option_has_its_row_with_its_default() -> None:
    import click

    from plait.cli.commands import plait

    page = PAGES["docs/command.md"].read_text(encoding="utf-8")
    listed = {}
    for row in table_rows("docs/command.md"):
        listed |= dict.fromkeys(re.findall("--[a-z][a-z0-9-]+", row[0]), row)
    unseen = set(listed)
    commands = {**plait.commands}
    spdy = commands.pop("spdy")
    assert isinstance(spdy, click.Group)
    commands |= {f"spdy {name}": command for name, command in spdy.commands.items()}
    for name, command in commands.items():
        assert f"## `plait {name} " in page or f"## `plait {name}`" in page
        for parameter in command.params:
            if not isinstance(parameter, click.Option):
                continue
            for option in [*parameter.opts, *parameter.secondary_opts]:
                if option.startswith("--"):
                    unseen.discard(option)
                    check_default(parameter, listed[option][1].strip("`"))
    assert unseen == {"--help"}
    assert "`plait --version`" in page


def check_default(option: object, told: str) -> None:
    default = getattr(option, "default", None)
    if isinstance(default, tuple):
        (default,) = default
    if getattr(option, "is_flag", False):
        assert told in ("no", "")
        assert default is not True
    elif told:
        assert told == str(default)


# --- contributing.md, the changelog ---------------------------------------------------------------


def test_verbs_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        for verb in re.findall(r"`make ([a-z-]+)", PAGES[page].read_text(encoding="utf-8")):
            assert verb in targets, f"{page}: make {verb}"


def test_modules_of_the_layout_exist() -> None:
    (layout,) = [b for b in blocks("docs/contributing.md", "") if b.startswith("src/plait/")]
    for package, following in (("http2", "spdy/"), ("spdy", "server/")):
        told = layout.partition(f"  {package}/")[2].partition(following)[0]
        words = set(re.findall(r"\w+", told))
        unnamed = {path.stem for path in (PACKAGE / package).glob("*.py")} - words
        assert unnamed - {"constants"} == {"__init__"}


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in DOCS.rglob("*.md"):
        assert f": {path.relative_to(DOCS)}\n" in navigation, path


def test_the_changelog_keeps_its_form() -> None:
    text = Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog\n")
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)[0] == "Unreleased"


def test_help_agrees_that_the_command_has_these_subcommands() -> None:
    import sys

    said = run([sys.executable, "-m", "plait", "--help"])
    shown = set(re.findall(r"^  (\w+)  ", said.partition("Commands:")[2], re.MULTILINE))
    assert shown == {"demo", "run", "serve", "spdy"}
