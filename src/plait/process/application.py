"""`MODULE:OBJECT`: the application to serve, imported from the current directory."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from plait.server import BaseRequestHandler

from .errors import UserError, one_line

if TYPE_CHECKING:
    from .settings import Settings

# With how many arguments they may be called; ASGI 2 took one, and what that returned took two.
_CALLED = {
    "asgi": ((3, 1), "(scope, receive, send)", "an ASGI application"),
    "wsgi": ((2,), "(environ, start_response)", "a WSGI application"),
    "handler": ((2,), "(http2, stream_id)", "a handler"),
}


@dataclass(frozen=True, slots=True)
class Application:
    """What is served, and how it is called.

    :ivar target: ``MODULE:OBJECT``, as it was given.
    :ivar interface: ``asgi``, ``wsgi`` or ``handler``.
    :ivar object: the application.
    """

    target: str
    interface: str
    object: Any


def load_application(
    target: str,
    *,
    interface: str = "auto",
    factory: bool = False,
    folder: str = "",
    debug: bool = False,
) -> Application:
    """Import the module that `target` names, and find out what kind of application is in it.

    :param target: ``MODULE:OBJECT``; the object may be reached through dots.
    :param interface: ``auto``, ``asgi``, ``wsgi`` or ``handler``.
    :param factory: the object is a function without arguments that returns the application.
    :param folder: comes first on ``sys.path``; the current directory by default.
    :param debug: print the traceback of a module that fails.
    :raises UserError: if there is no such application.
    """
    module_name, attribute = split_target(target)
    where = os.path.abspath(folder or os.curdir)
    module = _import(module_name, where, debug=debug)
    found = _attribute(module, attribute)
    if factory:
        found = _make(found, target, where, debug=debug)
    if not callable(found):
        raise UserError(f"{target} is not callable: it is of type {type(found).__name__}")
    if interface == "auto":
        interface = _kind(found, target)
    _check_arguments(found, target, interface)
    return Application(target, interface, found)


def wanted_application(settings: Settings) -> Application:
    """Load the application that settings name; raises `UserError`."""
    return load_application(
        settings.target,
        interface=settings.interface,
        factory=settings.factory,
        folder=settings.app_dir,
        debug=settings.log_level == "debug",
    )


def split_target(target: str) -> tuple[str, str]:
    """Return the names of the module and of the object; raises `UserError`."""
    module, colon, attribute = target.partition(":")
    if not colon or not module or not attribute:
        raise UserError(f"{target!r} is not MODULE:OBJECT, such as app:app")
    if not all(part.isidentifier() for part in module.split(".")):
        hint = _suggestion(module, attribute)
        raise UserError(f"{module!r} is not the name of a module{hint}")
    return module, attribute


def _suggestion(path: str, attribute: str) -> str:
    """Return a hint for who has written the path of a file."""
    path = path.removesuffix(".py").removeprefix("./")
    stem = path.replace("/", ".")
    if all(part.isidentifier() for part in stem.split(".")):
        return f"; write {stem}:{attribute}"
    folder, _, stem = path.rpartition("/")
    return (
        f"; write {stem}:{attribute} --app-dir {folder}" if folder and stem.isidentifier() else ""
    )


def _import(name: str, folder: str, *, debug: bool) -> ModuleType:
    if not os.path.isdir(folder):
        raise UserError(f"there is no directory {folder!r} to look for {name} in")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(missing + "."):
            script = name.removesuffix(".py")
            hint = f"; write {script}:OBJECT" if script != name else f" (looked in {folder} too)"
            raise UserError(f"there is no module {missing!r}{hint}") from None
        _report(f"importing {name}", error, folder, debug=debug)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module may raise anything
        _report(f"importing {name}", error, folder, debug=debug)


def _report(what: str, error: BaseException, folder: str, *, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "" if debug else "; --log-level debug shows more"
    told = one_line(f"{what} failed with {told}")
    raise UserError(f"{told}{_place(error, folder)}{hint}") from None


def _place(error: BaseException, folder: str) -> str:
    """Return where something was raised, as near as possible to what the user has written."""
    if isinstance(error, SyntaxError):
        return ""  # its text says so
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<")
    ]
    own = [frame for frame in frames if _is_own(frame.filename, folder)]
    for frame in (own or frames)[-1:]:
        name = os.path.relpath(frame.filename, folder) if own else frame.filename
        return f" ({name}, line {frame.lineno})"
    return ""


def _is_own(path: str, folder: str) -> bool:
    """Whether a file is of the application, and not of a package that lies below it."""
    return path.startswith(folder + os.sep) and "site-packages" not in path


def _attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UserError(f"{module.__name__} has no {path!r}{_offers(module)}") from None
    return found


def _offers(module: ModuleType) -> str:
    """Return a hint at what in a module could have been meant."""
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", module.__name__) == module.__name__
        and _looks_served(value)
    ]
    usual = ("app", "application", "asgi", "wsgi")
    names = [name for name in usual if name in vars(module)] or names
    return f"; it has {', '.join(names)}" if names else ""


def _looks_served(value: Any) -> bool:
    return _is_handler(value) or _is_asynchronous(value)


def _make(factory: Any, target: str, folder: str, *, debug: bool) -> Any:
    if not callable(factory):
        raise UserError(f"{target} is not callable, as a factory is")
    if not _takes(factory, 0):
        raise UserError(f"{target} cannot be called without arguments, as a factory is")
    try:
        made = factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a factory may raise anything
        _report(f"calling {target}", error, folder, debug=debug)
    if inspect.iscoroutine(made):
        made.close()
        raise UserError(f"{target} is a coroutine function: is it an application, not a factory?")
    return made


def _kind(found: Any, target: str) -> str:
    """Return what kind of application an object is, by what it looks like."""
    if _is_handler(found):
        return "handler"
    if _is_asynchronous(found):
        return "asgi"
    if _parameters(found) == ["http2", "stream_id"]:
        return "handler"
    if _takes(found, 2) and not isinstance(found, type):
        return "wsgi"
    if _takes(found, 3) and not isinstance(found, type):
        return "asgi"
    hint = "; if it returns the application, add --factory" if _takes(found, 0) else ""
    raise UserError(
        f"{target} is neither an ASGI nor a WSGI application nor a request handler{hint}"
    )


def _is_handler(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseRequestHandler)


def _is_asynchronous(value: Any) -> bool:
    while isinstance(value, partial):
        value = value.func
    if isinstance(value, type):
        return False
    # Mocks and the like have every attribute that is asked for; types tell what is really there.
    call = getattr(type(value), "__call__", None)  # noqa: B004 - not whether, but which
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(call)


def _check_arguments(found: Callable[..., Any], target: str, interface: str) -> None:
    """See that an application can be called as its interface says."""
    counts, arguments, kind = _CALLED[interface]
    if not any(_takes(found, count) for count in counts):
        raise UserError(f"{target} cannot be called with {arguments}, as {kind} is")


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a callable can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*(None,) * count)
    except TypeError:
        return False
    except ValueError:
        return True  # some callables written in C do not tell
    return True


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)[:2]
    except (TypeError, ValueError):
        return []
