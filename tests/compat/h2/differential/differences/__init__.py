"""How `plait.compat.h2` and h2 differ: every class of difference, by name.

`docs/h2.md` has the same tables, in its section "Differences from h2". What differs and falls into
no class is a mistake, of one of the two or of the tests.
"""

from .calls import CALLS
from .divergence import Difference, Divergence, states_of
from .ending import ENDING
from .fields import FIELDS, GRAMMAR
from .frames import FRAMES
from .words import WORDS

JUDGEMENTS = [*FIELDS, *FRAMES, *ENDING, *CALLS, GRAMMAR]
"""Both are in different states afterwards: the comparison ends. The first that fits counts."""

DIFFERENCES = [*WORDS, *JUDGEMENTS]

LOST = Difference(
    "events before a fault",
    "raises; what came before in the same read is lost",
    "the exception has an attribute `events`, with what came before the fault",
    "a valid request should not be lost because something follows it",
    lambda divergence: False,
)
CREDIT = Difference(
    "portions of credit",
    "gives credit back when half of the largest window so far is consumed",
    "when half of the window is, or when what waits is as much as the peer has left; the "
    "connection has back at once what lies unread on streams that are gone",
    "about as many frames; no window is left empty, and none leaks",
    lambda divergence: False,
)
NOT_BY_STEPS = [LOST, CREDIT]
"""What is compared otherwise than step by step."""

__all__ = [
    "CREDIT",
    "DIFFERENCES",
    "JUDGEMENTS",
    "LOST",
    "NOT_BY_STEPS",
    "WORDS",
    "Difference",
    "Divergence",
    "states_of",
]
