"""HTTP dates, read and written (RFC 9110 §5.6.7).

Three forms have to be understood and one is written. The parser is strict: what is no HTTP-date is
`None`, because a conditional field with an invalid date has to be ignored rather than guessed at.
The names of days and months are fixed by the RFC, so nothing here asks the locale.
"""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_MONTH = rb"(?P<month>" + "|".join(_MONTHS).encode() + rb")"
_CLOCK = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_SHORT_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = rb"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"

_FORMS = (
    # Sun, 06 Nov 1994 08:49:37 GMT: the only form a current sender writes
    re.compile(
        _SHORT_DAY + rb", (?P<day>\d\d) " + _MONTH + rb" (?P<year>\d{4}) " + _CLOCK + rb" GMT"
    ),
    # Sunday, 06-Nov-94 08:49:37 GMT: RFC 850
    re.compile(
        _LONG_DAY + rb", (?P<day>\d\d)-" + _MONTH + rb"-(?P<year>\d\d) " + _CLOCK + rb" GMT"
    ),
    # Sun Nov  6 08:49:37 1994: asctime()
    re.compile(
        _SHORT_DAY + rb" " + _MONTH + rb" (?P<day>[ \d]\d) " + _CLOCK + rb" (?P<year>\d{4})"
    ),
)


def parse_http_date(value: bytes) -> int | None:
    """Return the seconds since the epoch that an HTTP-date names, or `None` if it is none."""
    for form in _FORMS:
        match = form.fullmatch(value)
        if match is not None:
            return _seconds(match)
    return None


def _seconds(match: re.Match[bytes]) -> int | None:
    year, day = int(match["year"]), int(match["day"])
    month = _MONTHS.index(match["month"].decode()) + 1
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if len(match["year"]) == 2:
        year = _full_year(year)
    # A leap second (60) is part of the grammar; timegm carries it into the next minute.
    if hour > 23 or minute > 59 or second > 60 or year < 1:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def _full_year(two_digits: int) -> int:
    # "MUST interpret a timestamp that appears to be more than 50 years in the future as
    # representing the most recent year in the past that had the same last two digits."
    this_year = time.gmtime().tm_year
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + 50 else year


@lru_cache(maxsize=1024)
def format_http_date(seconds: int) -> bytes:
    """Return `seconds` since the epoch as an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`."""
    t = time.gmtime(seconds)
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    date = f"{t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04}"
    return f"{_DAYS[t.tm_wday]}, {date} {clock} GMT".encode()
