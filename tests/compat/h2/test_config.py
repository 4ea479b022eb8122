"""`H2Configuration`: its switches, its defaults and what it refuses."""

from __future__ import annotations

import copy
import io
from types import ModuleType
from typing import Any

import h2.config
import pytest

from plait.compat.h2 import config

SWITCHES = (
    "client_side",
    "validate_outbound_headers",
    "normalize_outbound_headers",
    "split_outbound_cookies",
    "validate_inbound_headers",
    "normalize_inbound_headers",
)
BOTH = pytest.mark.parametrize("module", [h2.config, config])


def attributes(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in (*SWITCHES, "header_encoding")}


def test_the_defaults_are_those_of_h2() -> None:
    assert attributes(config.H2Configuration()) == attributes(h2.config.H2Configuration())
    assert type(config.H2Configuration().logger) is config.DummyLogger


@pytest.mark.parametrize("value", [0, 1, None, "yes", b"", [], 2.5])
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_takes_only_bools(switch: str, value: object) -> None:
    said = set()
    for module in (h2.config, config):
        with pytest.raises(ValueError, match="must be a bool") as refused:
            module.H2Configuration(**{switch: value})
        made = module.H2Configuration()
        with pytest.raises(ValueError, match="must be a bool"):
            setattr(made, switch, value)
        said.add(str(refused.value))
        assert attributes(made) == attributes(module.H2Configuration())
    assert len(said) == 1


@BOTH
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_belongs_to_one_configuration(module: ModuleType, switch: str) -> None:
    one, other = module.H2Configuration(), module.H2Configuration()
    before = getattr(other, switch)
    setattr(one, switch, not before)
    assert getattr(one, switch) is not before
    assert getattr(other, switch) is before
    assert getattr(copy.copy(one), switch) is not before
    made = module.H2Configuration(**{switch: not before})
    assert attributes(made) == {**attributes(other), switch: not before}


@pytest.mark.parametrize("value", [True, 0, 1, b"utf-8", object, 2.5])
def test_an_encoding_is_a_name_or_none(value: object) -> None:
    said = set()
    for module in (h2.config, config):
        with pytest.raises(ValueError, match="header_encoding") as refused:
            module.H2Configuration(header_encoding=value)
        said.add(str(refused.value))
    assert len(said) == 1


@BOTH
@pytest.mark.parametrize("value", [None, False, "utf-8", "no such encoding", ""])
def test_encodings_that_are_taken(module: ModuleType, value: Any) -> None:
    made = module.H2Configuration(header_encoding=value)
    assert made.header_encoding is value
    made.header_encoding = "ascii"
    assert made.header_encoding == "ascii"


@BOTH
def test_a_logger_is_kept(module: ModuleType) -> None:
    logger = module.OutputLogger(file=io.StringIO())
    assert module.H2Configuration(logger=logger).logger is logger
    silent = module.DummyLogger("any", "thing")
    silent.debug("%s", "x", extra={})
    silent.trace("%s", 1)


@pytest.mark.parametrize("finest", [False, True])
def test_what_a_logger_prints(finest: bool) -> None:
    printed = []
    for module in (h2.config, config):
        file = io.StringIO()
        logger = module.OutputLogger(file, finest)
        logger.debug("a %s of %d", "b", 3)
        logger.trace("c %r", "d")
        assert (logger.file, logger.trace_level) == (file, finest)
        printed.append(file.getvalue())
    assert printed[0] == printed[1]
    assert printed[1].count("\n") == 1 + finest


def test_an_output_logger_prints_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    config.OutputLogger().debug("%s", "said")
    assert capsys.readouterr().err == "h2 (debug): said\n"
