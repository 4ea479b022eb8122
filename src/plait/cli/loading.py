"""`MODULE:HANDLER`: the handler for `plait run`, imported from the current directory."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from plait.server import BaseRequestHandler

from .errors import UserError

Handler = Callable[[Any, int], BaseRequestHandler]


def load_handler(spec: str, *, debug: bool = False) -> Handler:
    """Import the module and return the handler that `spec` names.

    The handler may be any callable that takes `(http2, stream_id)`, and may be reached through
    dots. The current directory comes first on `sys.path`. With `debug`, the traceback of a module
    that fails is printed. Raises `UserError`.
    """
    module_name, colon, attribute = spec.partition(":")
    if not colon or not module_name or not attribute:
        raise UserError(f"{spec!r} is not MODULE:HANDLER, such as app:Handler")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise UserError(f"{module_name!r} is not the name of a module{_suggestion(module_name)}")
    module = _import(module_name, debug=debug)
    handler: Handler = _attribute(module, attribute)
    _check(handler, spec)
    return handler


def _suggestion(name: str) -> str:
    stem = name.removesuffix(".py").removeprefix("./").replace("/", ".")
    usable = all(part.isidentifier() for part in stem.split("."))
    return f"; write {stem}:HANDLER" if usable else ""


def _import(name: str, *, debug: bool) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(missing + "."):
            script = name.removesuffix(".py")
            hint = f"; write {script}:HANDLER" if script != name else f" (looked in {here} too)"
            raise UserError(f"there is no module {missing!r}{hint}") from None
        _report(name, error, debug=debug)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        _report(name, error, debug=debug)


def _report(name: str, error: BaseException, *, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "" if debug else "; --log-level debug shows where"
    raise UserError(f"importing {name} failed with {told}{hint}") from None


def _attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UserError(f"{module.__name__} has no {path!r}{_offers(module)}") from None
    return found


def _offers(module: ModuleType) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseRequestHandler)
        and value.__module__ == module.__name__
    ]
    return f"; it has {', '.join(names)}" if names else ""


def _check(handler: Any, spec: str) -> None:
    if not callable(handler):
        raise UserError(f"{spec} is not callable: it is of type {type(handler).__name__}")
    try:
        signature = inspect.signature(handler)
    except ValueError:
        return  # some callables written in C do not tell
    try:
        signature.bind(None, 1)
    except TypeError:
        raise UserError(
            f"{spec} cannot be called with (http2, stream_id), as a handler is"
        ) from None
