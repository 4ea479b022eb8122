"""The target `frames`: any octets, read whole and cut, by both roles.

The input is what the peer says, as it is, after a first octet that chooses the role, the preface
and where the second engine's reads are cut.
"""

from __future__ import annotations

from collections.abc import Callable

from fuzz.conversation import Clock
from fuzz.ledger import Ledger
from fuzz.wellformed import EventLog, check_account
from plait import http2
from tests.http2 import frames as f

Trace = Callable[[str], None]

IS_CLIENT, IS_RAW = 1, 2
CUT_SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 23, 24, 25, 64, 1000)


def read(data: bytes, trace: Trace | None = None) -> None:
    """The target `frames`."""
    choice = data[0] if data else 0
    told = data[1:]
    role = http2.Role.CLIENT if choice & IS_CLIENT else http2.Role.SERVER
    if not choice & IS_RAW:
        told = bytes(f.settings()) + told
        if role == http2.Role.SERVER:
            told = f.PREFACE + told
    size = CUT_SIZES[choice >> 4]
    whole = hear(role, [told])
    cut = hear(role, [told[at : at + size] for at in range(0, len(told), size)])
    if trace:
        for event in whole[0]:
            trace(repr(event))
        trace(whole[1].hex())
    assert whole == cut, f"cut into {size}: {cut[0]} instead of {whole[0]}"


def hear(role: http2.Role, reads: list[bytes]) -> tuple[list[http2.Event], bytes]:
    """What an engine makes of a stream of octets: its events, and its output."""
    config = http2.Config(clock=Clock())
    engine = http2.Connection(role, config)
    is_server = role == http2.Role.SERVER
    ledger = Ledger(len(f.PREFACE) if is_server else 0, config.connection_window_size - 65_535)
    log = EventLog(is_server)
    engine.initiate_connection()
    if not is_server:
        engine.send_request(f.GET)
        engine.send_request(f.POST, end_stream=False)
    found = []
    for part in reads:
        ledger.hears(part)
        events = engine.receive_data(part)
        log.take(events)
        found += events
    said = engine.data_to_send(10**9)
    ledger.says(said if is_server else said[len(f.PREFACE) :])
    if hasattr(engine, "_session"):
        check_account(engine)
    return found, said
