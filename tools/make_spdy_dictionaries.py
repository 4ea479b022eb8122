"""Writes `src/plait/spdy/dictionaries.py` from the words of SPDY's compression dictionaries.

The dictionaries are fixed octet for octet: both ends give them to zlib before the first header
block. SPDY/2's is one run of words, with the NUL that ended the C string in its authors' code.
SPDY/3's (SPDY/3 §2.6.10.1; SPDY/3.1 has the same) is 65 words with their lengths before them, as
they stand in a header block, and then a run of words. A slip of the pen shows: length and SHA-256
of both are checked.

Without arguments the file is written; with `--check` it is only compared.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from zlib import adler32

TARGET = Path(__file__).resolve().parents[1] / "src" / "plait" / "spdy" / "dictionaries.py"

# Length, Adler-32 (it stands on the wire) and SHA-256.
SUMS = {
    "SPDY2": (
        907,
        0xDFA251B2,
        "0088d05d3b07b510aae796d67857c83308247ae79078d5743f412e483c23fbc6",
    ),
    "SPDY3": (
        1423,
        0xE3C6A7C2,
        "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02",
    ),
}

# Spaces and line ends only part the words here; where a space belongs to the dictionary, it is `_`.
SPDY2_RUN = """
    options get head post put delete trace accept accept-charset accept-encoding accept-language
    authorization expect from host if-modified-since if-match if-none-match if-range
    if-unmodifiedsince max-forwards proxy-authorization range referer te user-agent
    100 101 200 201 202 203 204 205 206 300 301 302 303 304 305 306 307 400 401 402 403 404 405 406
    407 408 409 410 411 412 413 414 415 416 417 500 501 502 503 504 505
    accept-ranges age etag location proxy-authenticate public retry-after server vary warning
    www-authenticate allow content-base content-encoding cache-control connection date trailer
    transfer-encoding upgrade via warning content-language content-length content-location
    content-md5 content-range content-type etag expires last-modified set-cookie
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
    chunked text/html image/png image/jpg image/gif application/xml application/xhtml text/plain
    public max-age charset=iso-8859-1 utf-8 gzip deflate HTTP/1.1 status version url
"""

SPDY3_WORDS = """
    options head post put delete trace accept accept-charset accept-encoding accept-language
    accept-ranges age allow authorization cache-control connection content-base content-encoding
    content-language content-length content-location content-md5 content-range content-type date
    etag expect expires from host if-match if-modified-since if-none-match if-range
    if-unmodified-since last-modified location max-forwards pragma proxy-authenticate
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
    user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url
    public set-cookie keep-alive origin
"""

SPDY3_RUN = """
    100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412 413 414
    415 416 417 502 504 505 203_Non-Authoritative_Information 204_No_Content 301_Moved_Permanently
    400_Bad_Request 401_Unauthorized 403_Forbidden 404_Not_Found 500_Internal_Server_Error
    501_Not_Implemented 503_Service_Unavailable
    Jan_Feb_Mar_Apr_May_Jun_Jul_Aug_Sept_Oct_Nov_Dec_00:00:00_Mon,_Tue,_Wed,_Thu,_Fri,_Sat,_Sun,_GMT
    chunked, text/html, image/png, image/jpg, image/gif, application/xml, application/xhtml+xml,
    text/plain, text/javascript, public private max-age= gzip, deflate, sdch
    charset=utf-8 charset=iso-8859-1, utf-, *, enq=0.
"""

HEADER = '''"""SPDY's zlib dictionaries. Made by tools/make_spdy_dictionaries.py; do not edit."""

from __future__ import annotations

from .constants import SPDY2 as _VERSION_2

# fmt: off
'''

FOOTER = '''

def dictionary(version: int) -> bytes:
    """Return the dictionary of a protocol version; SPDY/3 and SPDY/3.1 share theirs."""
    return SPDY2 if version == _VERSION_2 else SPDY3
'''


def words(text: str) -> list[bytes]:
    """The words of one of the lists above."""
    return [word.replace("_", " ").encode("ascii") for word in text.split()]


def dictionaries() -> dict[str, bytes]:
    """Both dictionaries, checked."""
    with_lengths = b"".join(len(word).to_bytes(4, "big") + word for word in words(SPDY3_WORDS))
    made = {
        "SPDY2": b"".join(words(SPDY2_RUN)) + b"\0",
        "SPDY3": with_lengths + b"".join(words(SPDY3_RUN)),
    }
    for name, octets in made.items():
        if (len(octets), adler32(octets), sha256(octets).hexdigest()) != SUMS[name]:
            raise SystemExit(f"the dictionary {name} is wrong: its checksums do not fit")
    return made


def literal(name: str, comment: str, octets: bytes) -> str:
    """Octets as source, in lines of at most 100."""
    lines, piece = [f"#: {comment}", f"{name}: bytes = ("], b""
    for octet in octets:
        if len(repr(piece + bytes([octet]))) > 96:
            lines.append(quoted(piece))
            piece = b""
        piece += bytes([octet])
    return "\n".join([*lines, quoted(piece), ")"]) + "\n"


def quoted(piece: bytes) -> str:
    """A line of the literal. There are neither quotes nor backslashes in the dictionaries."""
    return '    b"' + repr(piece)[2:-1] + '"'


def render() -> str:
    """The module's text."""
    made = dictionaries()
    parts = [
        literal("SPDY2", "SPDY/2; the NUL at its end belongs to it.", made["SPDY2"]),
        literal("SPDY3", "SPDY/3 and SPDY/3.1 (SPDY/3 §2.6.10.1).", made["SPDY3"]),
    ]
    return HEADER + "\n".join(parts) + "# fmt: on\n" + FOOTER


def main(arguments: list[str]) -> int:
    """Writes or compares the file; returns the exit status."""
    text = render()
    if arguments == ["--check"]:
        return 0 if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text else 1
    if arguments:
        print("usage: make_spdy_dictionaries.py [--check]", file=sys.stderr)
        return 2
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
