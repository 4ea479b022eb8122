"""SPDY's zlib dictionaries. Made by tools/make_spdy_dictionaries.py; do not edit."""

from __future__ import annotations

from .constants import SPDY2 as _VERSION_2

# fmt: off
#: SPDY/2; the NUL at its end belongs to it.
SPDY2: bytes = (
    b"optionsgetheadpostputdeletetraceacceptaccept-charsetaccept-encodingaccept-languageauthorizati"
    b"onexpectfromhostif-modified-sinceif-matchif-none-matchif-rangeif-unmodifiedsincemax-forwardsp"
    b"roxy-authorizationrangerefererteuser-agent100101200201202203204205206300301302303304305306307"
    b"400401402403404405406407408409410411412413414415416417500501502503504505accept-rangesageetagl"
    b"ocationproxy-authenticatepublicretry-afterservervarywarningwww-authenticateallowcontent-basec"
    b"ontent-encodingcache-controlconnectiondatetrailertransfer-encodingupgradeviawarningcontent-la"
    b"nguagecontent-lengthcontent-locationcontent-md5content-rangecontent-typeetagexpireslast-modif"
    b"iedset-cookieMondayTuesdayWednesdayThursdayFridaySaturdaySundayJanFebMarAprMayJunJulAugSepOct"
    b"NovDecchunkedtext/htmlimage/pngimage/jpgimage/gifapplication/xmlapplication/xhtmltext/plainpu"
    b"blicmax-agecharset=iso-8859-1utf-8gzipdeflateHTTP/1.1statusversionurl\x00"
)

#: SPDY/3 and SPDY/3.1 (SPDY/3 §2.6.10.1).
SPDY3: bytes = (
    b"\x00\x00\x00\x07options\x00\x00\x00\x04head\x00\x00\x00\x04post\x00\x00\x00\x03put\x00\x00"
    b"\x00\x06delete\x00\x00\x00\x05trace\x00\x00\x00\x06accept\x00\x00\x00\x0eaccept-charset\x00"
    b"\x00\x00\x0faccept-encoding\x00\x00\x00\x0faccept-language\x00\x00\x00\raccept-ranges\x00\x00"
    b"\x00\x03age\x00\x00\x00\x05allow\x00\x00\x00\rauthorization\x00\x00\x00\rcache-control\x00"
    b"\x00\x00\nconnection\x00\x00\x00\x0ccontent-base\x00\x00\x00\x10content-encoding\x00\x00\x00"
    b"\x10content-language\x00\x00\x00\x0econtent-length\x00\x00\x00\x10content-location\x00\x00"
    b"\x00\x0bcontent-md5\x00\x00\x00\rcontent-range\x00\x00\x00\x0ccontent-type\x00\x00\x00\x04dat"
    b"e\x00\x00\x00\x04etag\x00\x00\x00\x06expect\x00\x00\x00\x07expires\x00\x00\x00\x04from\x00"
    b"\x00\x00\x04host\x00\x00\x00\x08if-match\x00\x00\x00\x11if-modified-since\x00\x00\x00\rif-non"
    b"e-match\x00\x00\x00\x08if-range\x00\x00\x00\x13if-unmodified-since\x00\x00\x00\rlast-modified"
    b"\x00\x00\x00\x08location\x00\x00\x00\x0cmax-forwards\x00\x00\x00\x06pragma\x00\x00\x00\x12pro"
    b"xy-authenticate\x00\x00\x00\x13proxy-authorization\x00\x00\x00\x05range\x00\x00\x00\x07refere"
    b"r\x00\x00\x00\x0bretry-after\x00\x00\x00\x06server\x00\x00\x00\x02te\x00\x00\x00\x07trailer"
    b"\x00\x00\x00\x11transfer-encoding\x00\x00\x00\x07upgrade\x00\x00\x00\nuser-agent\x00\x00\x00"
    b"\x04vary\x00\x00\x00\x03via\x00\x00\x00\x07warning\x00\x00\x00\x10www-authenticate\x00\x00"
    b"\x00\x06method\x00\x00\x00\x03get\x00\x00\x00\x06status\x00\x00\x00\x06200 OK\x00\x00\x00\x07"
    b"version\x00\x00\x00\x08HTTP/1.1\x00\x00\x00\x03url\x00\x00\x00\x06public\x00\x00\x00\nset-coo"
    b"kie\x00\x00\x00\nkeep-alive\x00\x00\x00\x06origin10010120120220520630030230330430530630740240"
    b"5406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content"
    b"301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Se"
    b"rver Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct "
    b"Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,"
    b"image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-a"
    b"ge=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
# fmt: on


def dictionary(version: int) -> bytes:
    """Return the dictionary of a protocol version; SPDY/3 and SPDY/3.1 share theirs."""
    return SPDY2 if version == _VERSION_2 else SPDY3
