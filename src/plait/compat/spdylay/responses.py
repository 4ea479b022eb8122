"""What a response says of itself: reasons, the page of an error, the date."""

from __future__ import annotations

import functools
import socket
import time
from collections.abc import Sequence
from html import escape

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = [
    *(None, "Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
]

ERROR_CONTENT_TYPE = "text/html; charset=UTF-8"

ERROR_MESSAGE_FORMAT = """\
<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>{code} {reason}</title>
</head><body>
<h1>{reason}</h1>
<p>{explain}</p>
<hr>
<address>{server} at {hostname} Port {port}</address>
</body></html>
"""

UNKNOWN = "???"
"""The reason and the explanation of a status code that is not in ``RESPONSES``."""

# The texts of Python 3.3's http.server: programs and their tests know them, and the ones of today
# differ.
RESPONSES: dict[int, tuple[str, str]] = {
    100: ("Continue", "Request received, please continue"),
    101: ("Switching Protocols", "Switching to new protocol; obey Upgrade header"),
    200: ("OK", "Request fulfilled, document follows"),
    201: ("Created", "Document created, URL follows"),
    202: ("Accepted", "Request accepted, processing continues off-line"),
    203: ("Non-Authoritative Information", "Request fulfilled from cache"),
    204: ("No Content", "Request fulfilled, nothing follows"),
    205: ("Reset Content", "Clear input form for further input."),
    206: ("Partial Content", "Partial content follows."),
    300: ("Multiple Choices", "Object has several resources -- see URI list"),
    301: ("Moved Permanently", "Object moved permanently -- see URI list"),
    302: ("Found", "Object moved temporarily -- see URI list"),
    303: ("See Other", "Object moved -- see Method and URL list"),
    304: ("Not Modified", "Document has not changed since given time"),
    305: ("Use Proxy", "You must use proxy specified in Location to access this resource."),
    307: ("Temporary Redirect", "Object moved temporarily -- see URI list"),
    400: ("Bad Request", "Bad request syntax or unsupported method"),
    401: ("Unauthorized", "No permission -- see authorization schemes"),
    402: ("Payment Required", "No payment -- see charging schemes"),
    403: ("Forbidden", "Request forbidden -- authorization will not help"),
    404: ("Not Found", "Nothing matches the given URI"),
    405: ("Method Not Allowed", "Specified method is invalid for this resource."),
    406: ("Not Acceptable", "URI not available in preferred format."),
    407: (
        "Proxy Authentication Required",
        "You must authenticate with this proxy before proceeding.",
    ),
    408: ("Request Timeout", "Request timed out; try again later."),
    409: ("Conflict", "Request conflict."),
    410: ("Gone", "URI no longer exists and has been permanently removed."),
    411: ("Length Required", "Client must specify Content-Length."),
    412: ("Precondition Failed", "Precondition in headers is false."),
    413: ("Request Entity Too Large", "Entity is too large."),
    414: ("Request-URI Too Long", "URI is too long."),
    415: ("Unsupported Media Type", "Entity body in unsupported format."),
    416: ("Requested Range Not Satisfiable", "Cannot satisfy request range."),
    417: ("Expectation Failed", "Expect condition could not be satisfied."),
    428: ("Precondition Required", "The origin server requires the request to be conditional."),
    429: (
        "Too Many Requests",
        'The user has sent too many requests in a given amount of time ("rate limiting").',
    ),
    431: (
        "Request Header Fields Too Large",
        "The server is unwilling to process the request because its header fields are too large.",
    ),
    500: ("Internal Server Error", "Server got itself in trouble"),
    501: ("Not Implemented", "Server does not support this operation"),
    502: ("Bad Gateway", "Invalid responses from another server/proxy."),
    503: ("Service Unavailable", "The server cannot process the request due to a high load"),
    504: ("Gateway Timeout", "The gateway server did not receive a timely response"),
    505: ("HTTP Version Not Supported", "Cannot fulfill request."),
    511: (
        "Network Authentication Required",
        "The client needs to authenticate to gain network access.",
    ),
}


@functools.cache
def host_name() -> str:
    """Return this machine's name; asked once, since the answer may take seconds."""
    return socket.getfqdn()


def error_page(
    template: str, *, code: int, reason: str, explain: str, server: str, port: int
) -> bytes:
    """Return the page that tells of an error, with everything but numbers escaped for HTML."""
    page = template.format(
        code=code,
        reason=escape(reason, quote=False),
        explain=escape(explain, quote=False),
        server=escape(server, quote=False),
        hostname=escape(host_name(), quote=False),
        port=port,
    )
    return page.encode("utf-8")


def http_date(
    timestamp: float | None, weekdays: Sequence[str], months: Sequence[str | None]
) -> str:
    """Return a moment in HTTP's form, as in ``Sun, 06 Nov 1994 08:49:37 GMT``.

    :param timestamp: seconds since the epoch; ``None`` for now.
    """
    moment = time.gmtime(timestamp)
    return (
        f"{weekdays[moment.tm_wday]}, {moment.tm_mday:02} {months[moment.tm_mon]} "
        f"{moment.tm_year:04} {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} GMT"
    )


def unfit_header(name: object, value: object) -> str | None:
    """Return why a response cannot have this header; ``None`` if it can.

    The session refuses names that are no names. Values it sends as they are, although the peer
    has to reject control characters (SPDY/3 §2.6.10).
    """
    if not isinstance(name, str):
        return f"the name of a header must be a str, not {name!r}"
    if not isinstance(value, str):
        return f"the value of the header {name!r} must be a str, not {value!r}"
    if any((char < " " and char != "\t") or char == "\x7f" for char in value):
        return f"the value of the header {name!r} holds a control character: {value!r}"
    return None
