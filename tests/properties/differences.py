"""How plait and PyPI's `h2` and `hpack` differ: every class of difference, by name.

`docs/differences.md` lists the same names with what is behind them. A difference that falls into no
class is a mistake, of one engine or of the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.http2 import frames as f

from .oracles import H2Oracle, Item, PlaitOracle, Story


@dataclass
class Part:
    """One frame, and what the two made of it."""

    role: str
    octets: bytes
    plait: Story
    h2: Story
    slug: str
    error: Exception | None
    gone: bool
    """Whether the frame's stream has closed."""

    @property
    def type(self) -> int:
        at = len(f.PREFACE) if self.octets.startswith(f.PREFACE) else 0
        return self.octets[at + 3] if len(self.octets) > at + 8 else -1

    def is_cut(self) -> bool:
        """Whether the frame's end has not arrived."""
        at = len(f.PREFACE) if self.octets.startswith(f.PREFACE) else 0
        length = int.from_bytes(self.octets[at : at + 3], "big")
        return len(self.octets) < at + 9 + length

    def only(self, side: str) -> list[Item]:
        """What one side tells and the other does not."""
        ours, theirs = (self.plait, self.h2) if side == "plait" else (self.h2, self.plait)
        return [item for item in ours if item not in theirs]

    def kinds(self, side: str) -> list[object]:
        return [item[0] for item in self.only(side)]

    def failed(self, name: str, *words: str) -> bool:
        """Whether h2 raised this exception with these words."""
        if type(self.error).__name__ != name:
            return False
        return all(word in str(self.error) for word in words)


# --- the same in other words ----------------------------------------------------------------------

Rewrite = Callable[[Part], bool]


def _priority_tree(part: Part) -> bool:
    """h2 tells of RFC 7540's priorities."""
    kept = [item for item in part.h2 if item[0] != "priority"]
    found = len(kept) < len(part.h2)
    part.h2 = kept
    return found


def _priority_update(part: Part) -> bool:
    """h2 does not know the frame."""
    if part.type != f.PRIORITY_UPDATE:
        return False
    unknown = [item for item in part.h2 if item[:2] == ("unknown", f.PRIORITY_UPDATE)]
    if unknown:
        part.h2 = [item for item in part.h2 if item not in unknown]
        part.plait = [item for item in part.plait if item[0] != "priority"]
    return bool(unknown)


def _origin(part: Part) -> bool:
    """h2 does not know the frame."""
    unknown = [item for item in part.h2 if item[:2] == ("unknown", f.ORIGIN)]
    if unknown:
        part.h2 = [item for item in part.h2 if item not in unknown]
        part.plait = [item for item in part.plait if item[0] != "origin"]
    return bool(unknown)


def _cookies(part: Part) -> bool:
    """h2 joins the crumbs, at the end of the list."""
    found = False
    for at, item in enumerate(part.plait):
        fields = item[-1]
        if not isinstance(fields, list):
            continue
        crumbs = [value for name, value in fields if name == b"cookie"]
        if crumbs:
            others = [field for field in fields if field[0] != b"cookie"]
            joined = [*others, (b"cookie", b"; ".join(crumbs))]
            part.plait[at] = (*item[:-1], joined)
            found = found or joined != fields
    return found


def _refused_by_goaway(part: Part) -> bool:
    """plait tells which requests the server will not answer."""
    if part.type != f.GOAWAY:
        return False
    kept = [item for item in part.plait if item[0] != "reset"]
    found = len(kept) < len(part.plait)
    part.plait = kept
    return found


def _stream_altsvc(part: Part) -> bool:
    """h2 looks the origin of a stream's ALTSVC up, plait names the stream.

    h2 says nothing of one whose origin it does not know.
    """
    ours, theirs = part.only("plait"), part.only("h2")
    if [item[0] for item in ours] == ["service"] and not theirs and ours[0][1] != 0:
        part.h2 = part.plait
        return True
    if [item[0] for item in (*ours, *theirs)] != ["service", "service"] or ours[0][1] == 0:
        return False
    part.h2 = part.plait
    return ours[0][3] == theirs[0][3]


REWRITES: dict[str, Rewrite] = {
    "priority tree": _priority_tree,
    "PRIORITY_UPDATE": _priority_update,
    "ORIGIN": _origin,
    "cookie crumbs": _cookies,
    "refused by GOAWAY": _refused_by_goaway,
    "ALTSVC of a stream": _stream_altsvc,
}
"""Differences after which both engines are where they were, and the comparison goes on."""


# --- different judgements -------------------------------------------------------------------------

Judge = Callable[[Part], bool]


def _stream_error(part: Part) -> bool:
    """plait resets the stream, h2 ends the connection."""
    return part.kinds("plait") == ["says reset"] and part.kinds("h2") == ["says goaway"]


def _other_code(part: Part) -> bool:
    """Both reset the stream, or both end the connection."""
    ours, theirs = part.only("plait"), part.only("h2")
    same = len(ours) == len(theirs) == 1 and ours[0][:-1] == theirs[0][:-1]
    return same and ours[0][0] in ("says reset", "says goaway")


def _after_the_end(part: Part) -> bool:
    """h2 resets a stream that has ended, for which plait ends the connection."""
    slugs = ("headers.closed", "continuation.unexpected")
    return part.slug in slugs and part.kinds("h2") == ["says reset"]


def _closed_ignored(part: Part) -> bool:
    """A frame for a stream that plait has reset: h2 answers once more, or ends the connection."""
    answered = part.kinds("h2") == ["says reset"] or part.error is not None
    return part.gone and answered and not part.only("plait") and not part.slug


def _slug(*slugs: str) -> Judge:
    """plait refuses for one of these reasons, and h2 does not refuse."""

    def judge(part: Part) -> bool:
        return part.slug in slugs and part.error is None

    return judge


def _half_a_frame(part: Part) -> bool:
    """h2 judges a frame's header before its payload is there."""
    return part.is_cut() and not part.plait


def _never_opened(part: Part) -> bool:
    """plait ends the connection for a frame on a stream that was skipped, or only promised."""
    return part.slug in ("data.idle", "stream.state") and part.error is None


def _reserved_bit(part: Part) -> bool:
    """h2 refuses the bit before an increment, and takes it for a part of an id."""
    kinds = part.kinds("plait")
    if kinds == part.kinds("h2") and kinds in (["goaway"], ["promise"]):
        return part.only("plait")[0][2] == part.only("h2")[0][2] & 0x7FFFFFFF
    set_bit = part.octets[-4] > 127 if len(part.octets) >= 13 else False
    return part.type == f.WINDOW_UPDATE and set_bit and part.failed("ProtocolError", "non-comp")


def _no_authority(part: Part) -> bool:
    return not part.slug and part.failed("ProtocolError", ":authority or Host")


def _field_grammar(part: Part) -> bool:
    """plait finds something in a field that it does not let pass, h2 does not."""
    return part.slug.startswith("field.") and part.error is None


def _own_credit(part: Part) -> bool:
    """plait gave credit for padding and for what no application will see."""
    return part.type == f.DATA and not part.slug and part.failed("FlowControlError")


def _unused_window(part: Part) -> bool:
    """Credit for a pushed stream, on which a client sends nothing."""
    return part.type == f.WINDOW_UPDATE and part.kinds("h2") == ["says reset"] and not part.slug


def _padding_only(part: Part) -> bool:
    return part.failed("ProtocolError", "invalid padding") and not part.slug


def _interim_push(part: Part) -> bool:
    return part.role == "client" and part.kinds("plait") == ["interim"] and part.error is not None


def _closed_windows(part: Part) -> bool:
    return part.type == f.SETTINGS and not part.slug and part.failed("FlowControlError")


def _own_dependency(part: Part) -> bool:
    """plait ignores priorities altogether once the client has said that it uses none of them."""
    return not part.slug and part.failed("ProtocolError", "depend on itself")


def _broken_altsvc(part: Part) -> bool:
    return part.type == f.ALTSVC and not part.slug and part.error is not None


JUDGEMENTS: dict[str, Judge] = {
    "stream error, connection error": _stream_error,
    "another code": _other_code,
    "half a frame": _half_a_frame,
    "frames too long": _slug("frame.length"),
    "SETTINGS first": _slug("preface.settings"),
    "last words to strangers": lambda part: part.slug == "preface.invalid",
    "windows of pushed streams": _unused_window,
    "credit of its own": _own_credit,
    "streams never opened": _never_opened,
    "reserved bit": _reserved_bit,
    "requests without authority": _no_authority,
    "grammar of fields": _field_grammar,
    "unfinished promises": _slug("push.not_allowed", "push.stream_id", "push.parent"),
    "late frames": _closed_ignored,
    "frames after the end": _after_the_end,
    "idle streams": _slug("rst_stream.idle", "window_update.idle", "headers.stream_id"),
    "acknowledgement of nothing": _slug("settings.ack"),
    "PRIORITY_UPDATE out of place": _slug(
        "priority_update.role",
        "priority_update.target",
        "priority_update.stream_id",
        "priority_update.length",
        "priority_update.flood",
    ),
    "budgets": _slug("settings.entries", "continuation.flood", "control.flood"),
    "length of an empty body": _slug("content_length.short"),
    "content of a 204": _slug("content_length.exceeded"),
    "later settings": _slug("settings.value"),
    "fields that are too short": _slug("headers.length"),
    "promised method": _slug("push.method", "push.authority"),
    "nothing but padding": _padding_only,
    "interim response to a push": _interim_push,
    "windows of closed streams": _closed_windows,
    "broken ALTSVC": _broken_altsvc,
    "self-dependency": _own_dependency,
}
"""Differences after which the engines are in different states: the comparison ends."""

GOODBYE = "GOAWAY without an error"
"""h2 takes nothing after any GOAWAY: the comparison ends with one."""

LOST = "events before a fault"
"""h2 raises, and what it would have told of the same read is lost. Here it gets frame by frame."""

NAMES = {*REWRITES, *JUDGEMENTS, GOODBYE, LOST}


@dataclass
class Comparison:
    """What was found in one stream."""

    classes: Counter[str]
    parts: int
    unnamed: Part | None = None


def compare(role: str, parts: Iterable[bytes]) -> Comparison:
    """Give both engines the same parts, until they must part or there are no more."""
    plait, theirs = PlaitOracle(role), H2Oracle(role)
    found = Comparison(Counter(), 0)
    for octets in parts:
        told = plait.takes(octets), theirs.takes(octets)
        part = Part(role, octets, *told, plait.slug, theirs.error, plait.is_gone(octets))
        found.parts += 1
        for name, rewrite in REWRITES.items():
            found.classes[name] += rewrite(part)
        if part.plait != part.h2:
            for name, judge in JUDGEMENTS.items():
                if judge(part):
                    found.classes[name] += 1
                    return found
            found.unnamed = part
            return found
        if theirs.goodbye:
            # Both have nothing more to say after an error; plait goes on after a graceful one.
            found.classes[GOODBYE] += not plait.closed
            return found
        if plait.closed != theirs.closed:
            found.unnamed = part
            return found
        if plait.closed:
            return found
    return found


def frame_by_frame(octets: bytes, *, preface: bool) -> Iterator[bytes]:
    """Octets cut where their frame headers say."""
    at = 0
    end = len(f.PREFACE) if preface else 0
    while at < len(octets):
        length = int.from_bytes(octets[end : end + 3], "big")
        end = min(end + 9 + length, len(octets))
        yield octets[at:end]
        at = end
