"""Fuzz octets as a program: what a peer and an application do to one connection, step by step.

Four octets of configuration, then operations: a code, the length of an operand, the operand.
Octets changed at random still make a program. The mutator knows the borders: it adds, drops,
repeats, swaps and moves whole operations, and leaves the insides of one to libFuzzer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

HEAD = 4
LONGEST = 255

# What the peer sends.
(
    HEADERS,
    DATA,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
    PRIORITY,
    PRIORITY_UPDATE,
    ALTSVC,
    ORIGIN,
    ANY_FRAME,
    RAW,
    REPEAT,
    # What the application does.
    RESPOND,
    SEND_HEADERS,
    SEND_DATA,
    SEND_BODY,
    RESUME,
    RESET,
    ACKNOWLEDGE,
    GROW_WINDOW,
    CHANGE_SETTINGS,
    SEND_PING,
    PUSH,
    PRIORITIZE,
    SHUT_DOWN,
    SAY_GOAWAY,
    TERMINATE,
    PULL,
    WAIT,
    REQUEST,
    ANNOUNCE,
    UPGRADE,
) = range(37)
CODES = UPGRADE + 1


@dataclass(frozen=True)
class Operation:
    """One step."""

    code: int
    operand: bytes = b""

    def __bytes__(self) -> bytes:
        return bytes((self.code, len(self.operand))) + self.operand


def parse(data: bytes) -> tuple[bytes, list[Operation]]:
    """The configuration and the operations of a program."""
    head = data[:HEAD].ljust(HEAD, b"\0")
    found = []
    at = HEAD
    while at < len(data):
        length = data[at + 1] if at + 1 < len(data) else 0
        found.append(Operation(data[at] % CODES, data[at + 2 : at + 2 + length]))
        at += 2 + length
    return head, found


def build(head: bytes, operations: list[Operation]) -> bytes:
    """The octets of a program."""
    return head + b"".join(map(bytes, operations))


def mutate(
    data: bytes, max_size: int, seed: int, mutate_octets: Callable[[bytes, int], bytes]
) -> bytes:
    """A program that differs a little.

    Args:
        data: The program.
        max_size: Octets that the result may have.
        seed: Of the choices made here.
        mutate_octets: libFuzzer's own mutations, of given octets up to a given length.
    """
    rng = random.Random(seed)
    head, steps = parse(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        luck = rng.random()
        at = rng.randrange(len(steps) + 1)
        if luck < 0.05:
            head = mutate_octets(head, HEAD)[:HEAD].ljust(HEAD, b"\0")
        elif luck < 0.35 or not steps:
            operand = mutate_octets(rng.randbytes(rng.randrange(1, 12)), 40)
            steps.insert(at, Operation(rng.randrange(CODES), operand[:LONGEST]))
        elif luck < 0.65:
            at %= len(steps)
            operand = mutate_octets(steps[at].operand or b"\0", LONGEST)
            steps[at] = Operation(steps[at].code, operand[:LONGEST])
        elif luck < 0.75:
            del steps[at % len(steps)]
        elif luck < 0.87:
            begin = rng.randrange(len(steps))
            steps[at:at] = steps[begin : begin + rng.randrange(1, 5)]
        elif luck < 0.95:
            one, other = rng.randrange(len(steps)), rng.randrange(len(steps))
            steps[one], steps[other] = steps[other], steps[one]
        else:
            at %= len(steps)
            steps[at] = Operation(rng.randrange(CODES), steps[at].operand)
    while len(made := build(head, steps)) > max_size and steps:
        del steps[rng.randrange(len(steps))]
    return made[:max_size]
