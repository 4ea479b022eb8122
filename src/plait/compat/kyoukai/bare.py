"""Components and signals without Asphalt: as much of them as the backend needs."""

from __future__ import annotations

import logging
import time as _time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, ref


class BareComponent:
    """Something that can be started."""


class BareContext:
    """Where a component is started: here it holds nothing."""


class BareEvent:
    """Something that has happened.

    :param source: to whom.
    :param topic: the name of the signal.
    :param time: when, in seconds since 1970; now by default.
    """

    def __init__(self, source: Any, topic: str, time: float | None = None) -> None:
        self.source = source
        self.topic = topic
        self.time = _time.time() if time is None else time


class BareSignal:
    """Tells whoever has connected to it of events; an attribute of a class."""

    def __init__(self, event_class: type[BareEvent]) -> None:
        self.event_class = event_class
        self.topic = ""
        self._bound: WeakKeyDictionary[Any, BoundSignal] = WeakKeyDictionary()

    def __set_name__(self, owner: type, name: str) -> None:
        self.topic = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        bound = self._bound.get(instance)
        if bound is None:
            bound = BoundSignal(self.event_class, self.topic, ref(instance))
            self._bound[instance] = bound
        return bound


class BoundSignal:
    """The signal of one object, which is not kept alive by it."""

    def __init__(self, event_class: type[BareEvent], topic: str, source: ref[Any]) -> None:
        self._event_class = event_class
        self._topic = topic
        self._source = source
        self._listeners: list[Callable[[Any], Any]] = []

    def connect(self, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Call ``callback`` with each event from now on."""
        if callback not in self._listeners:
            self._listeners.append(callback)
        return callback

    def disconnect(self, callback: Callable[[Any], Any]) -> None:
        """Call it no more."""
        if callback in self._listeners:
            self._listeners.remove(callback)

    def dispatch(self, *arguments: Any, **named: Any) -> None:
        """Make an event and tell it; what a listener raises is logged."""
        event = self._event_class(self._source(), self._topic, *arguments, **named)
        for callback in list(self._listeners):
            try:
                callback(event)
            except Exception:
                logging.getLogger("Kyoukai").exception("Uncaught exception in event listener")
