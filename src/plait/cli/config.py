"""Where the options of `plait run` come from: the command line, the environment, a TOML file.

Click's own options are the one table of what there is. What was not given on the command line is
looked for in `PLAIT_...`, then in the file, and goes through the same checks.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from plait.process.errors import UserError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

# Options of one run, not of a service.
ONLY_GIVEN = frozenset(("config", "check_config", "help"))
_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("0", "false", "no", "off"))


def name_of(parameter: click.Parameter) -> str:
    """Return what a parameter is called in a file: `max-requests`."""
    if isinstance(parameter, click.Argument):
        return "app"
    [name, *_] = [each for each in parameter.opts if each.startswith("--")]
    return name.removeprefix("--")


def variable_of(parameter: click.Parameter) -> str:
    """Return the environment variable of a parameter: `PLAIT_MAX_REQUESTS`."""
    return "PLAIT_" + name_of(parameter).replace("-", "_").upper()


@dataclass(frozen=True, slots=True)
class Options:
    """The parameters of a command, wherever they come from.

    :ivar values: by the names of the parameters; those of ``[[certificate]]`` tables as
        ``certificates``.
    :ivar given: the names of those that somebody has given.
    """

    values: dict[str, Any]
    given: frozenset[str]


def options_of(ctx: click.Context, environ: Mapping[str, str] = os.environ) -> Options:
    """Complete a command's parameters from the environment and the file, as they are now.

    Raises `UserError`.
    """
    parameters = [p for p in ctx.command.params if p.name not in ONLY_GIVEN]
    path = ctx.params.get("config") or environ.get("PLAIT_CONFIG") or None
    filed = {} if path is None else read_file(path)
    certificates = _certificates(filed, path or "")
    _refuse_unknown(filed, parameters, path or "")
    values = dict(ctx.params)
    given: set[str] = set()
    for parameter in parameters:
        assert parameter.name is not None
        source = ctx.get_parameter_source(parameter.name)
        text = environ.get(variable_of(parameter))
        key = name_of(parameter)
        if source is ParameterSource.COMMANDLINE:
            given.add(parameter.name)
        elif text is not None:
            where = variable_of(parameter)
            value = _from_text(parameter, text, where)
            values[parameter.name] = _checked(ctx, parameter, value, where)
            given.add(parameter.name)
        elif key in filed:
            where = f"{path}: {key}"
            value = _from_toml(parameter, filed[key], where)
            values[parameter.name] = _checked(ctx, parameter, value, where)
            given.add(parameter.name)
    if certificates and not given & {"certfiles", "keyfiles", "dev_cert"}:
        values["certificates"] = certificates
    return Options(values, frozenset(given))


def read_file(path: str) -> dict[str, Any]:
    """Return the settings in a TOML file; in a `pyproject.toml`, those of `[tool.plait]`."""
    try:
        with open(path, "rb") as file:
            filed = tomllib.load(file)
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML: {one_line(str(error))}") from None
    if os.path.basename(path) == "pyproject.toml":
        tool = filed.get("tool")
        found = tool.get("plait") if isinstance(tool, dict) else None
        if not isinstance(found, dict):
            raise UserError(f"{path} has no table [tool.plait]")
        return found
    return filed


def _certificates(filed: dict[str, Any], path: str) -> tuple[tuple[str, str | None], ...]:
    """Take `[[certificate]]` out of a file: pairs of `certfile` and `keyfile`."""
    tables = filed.pop("certificate", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UserError(f"{path}: certificate: write each as a table under [[certificate]]")
    if tables and ("certfile" in filed or "keyfile" in filed):
        raise UserError(f"{path}: certificate: leave out certfile and keyfile beside it")
    pairs = []
    for table in tables:
        for key, value in table.items():
            if key not in ("certfile", "keyfile"):
                raise UserError(f"{path}: certificate.{key}: only certfile and keyfile go there")
            if not isinstance(value, str):
                raise UserError(f"{path}: certificate.{key}: must be a string")
        if "certfile" not in table:
            raise UserError(f"{path}: certificate: certfile is missing")
        pairs.append((table["certfile"], table.get("keyfile")))
    return tuple(pairs)


def _refuse_unknown(filed: dict[str, Any], parameters: list[click.Parameter], path: str) -> None:
    names = [name_of(parameter) for parameter in parameters]
    for key in filed:
        if key not in names:
            close = get_close_matches(key.replace("_", "-"), names, 1)
            hint = f"; is {close[0]} meant?" if close else ""
            raise UserError(f"{path}: {key}: there is no such setting{hint}")


def _from_text(parameter: click.Parameter, text: str, where: str) -> Any:
    """Return what a variable's text stands for, still to be checked."""
    if _is_flag(parameter):
        if text.lower() not in _TRUE | _FALSE:
            raise UserError(f"{where}: {text!r} is neither true nor false")
        return text.lower() in _TRUE
    if parameter.multiple if isinstance(parameter, click.Option) else False:
        return tuple(part for part in re.split(r"[,\s]+", text) if part)
    return text


def _from_toml(parameter: click.Parameter, value: Any, where: str) -> Any:
    """Check that a value is of the type it should be of."""
    if _is_flag(parameter):
        return _of_type(value, bool, "true or false", where)
    if isinstance(parameter, click.Option) and parameter.multiple:
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise UserError(f"{where}: must be a string, or a list of strings")
        return tuple(value)
    if isinstance(parameter.type, click.types.IntParamType):
        return _of_type(value, int, "a whole number", where)
    return _of_type(value, str, "a string", where)


def _of_type(value: Any, kind: type, what: str, where: str) -> Any:
    # to Python, true is a whole number
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where}: must be {what}, not {value!r}")
    return value


def _is_flag(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and bool(parameter.is_flag)


def _checked(ctx: click.Context, parameter: click.Parameter, value: Any, where: str) -> Any:
    """Check a value as if it had been given on the command line."""
    try:
        return parameter.process_value(ctx, value)
    except click.BadParameter as error:
        raise UserError(f"{where}: {one_line(error.message).rstrip('.')}") from None
