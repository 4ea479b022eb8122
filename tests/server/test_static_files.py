"""Static files as a function: the request goes in, the response comes out, no server between."""

from __future__ import annotations

import email
import os
import socket
import time

import pytest

from plait.http2.constants import DATA_EOF, DATA_OK
from plait.server.static import FileBody, StaticFiles
from plait.server.static import files as files_module
from plait.server.static.dates import format_http_date

TEXT = bytes(range(97, 107)) * 10  # a hundred octets, "abcdefghij" ten times
LONG_AGO = 1_500_000_000


@pytest.fixture
def root(tmp_path):
    """A served directory, beside a file that must never come out of it."""
    (tmp_path / "outside.txt").write_bytes(b"secret")
    (tmp_path / "site-secrets").mkdir()
    (tmp_path / "site-secrets" / "key").write_bytes(b"secret")
    site = tmp_path / "site"
    (site / "dir" / "deep").mkdir(parents=True)
    (site / "indexed").mkdir()
    (site / "indexed" / "index.html").write_bytes(b"<p>index")
    (site / "text.txt").write_bytes(TEXT)
    (site / "empty.txt").write_bytes(b"")
    (site / "dir" / "deep" / "page.html").write_bytes(b"<p>deep")
    os.utime(site / "text.txt", (LONG_AGO, LONG_AGO))
    return site


@pytest.fixture
def files(root):
    return StaticFiles(root)


def ask(files, path, method=b"GET", **fields):
    """Ask for `path`; the body comes back whole, the fields as a dictionary."""
    headers = [(name.replace("_", "-").encode(), value) for name, value in fields.items()]
    response = files.respond(method, path, [(b":method", method), (b":path", path), *headers])
    body = response.body
    if isinstance(body, FileBody):
        with body:
            body = body.read()
    names = [name for name, _ in response.headers]
    assert len(names) == len(set(names)), "a field was sent twice"
    return response.status, dict(response.headers), body


def open_descriptors():
    return set(os.listdir("/dev/fd"))


def test_a_file_comes_with_type_length_and_validators(files):
    status, headers, body = ask(files, b"/text.txt")
    assert (status, body) == (200, TEXT)
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"content-length"] == b"100"
    assert headers[b"last-modified"] == format_http_date(LONG_AGO)
    assert headers[b"etag"] == b'"%x-64"' % (LONG_AGO * 10**9)
    assert headers[b"accept-ranges"] == b"bytes"
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"date" in headers
    assert b"vary" not in headers


def test_an_empty_file(files):
    status, headers, body = ask(files, b"/empty.txt")
    assert (status, headers[b"content-length"], body) == (200, b"0", b"")


def test_the_query_is_no_part_of_the_name(files):
    assert ask(files, b"/text.txt?v=1/../..")[0] == 200


def test_head_has_the_same_fields_and_no_body(files, root):
    (root / "large.bin").write_bytes(b"x" * 100_000)
    for path in (b"/text.txt", b"/large.bin", b"/indexed/", b"/missing", b"/dir"):
        get_status, get_headers, _ = ask(files, path)
        status, headers, body = ask(files, path, b"HEAD")
        assert (status, headers, body) == (get_status, get_headers, None)


def test_options_and_methods_that_are_not_there(files):
    assert ask(files, b"*", b"OPTIONS")[:2][0] == 204
    for method in (b"POST", b"PUT", b"DELETE", b"get", b"CONNECT", b"BREW"):
        status, headers, body = ask(files, b"/text.txt", method)
        assert status == 405
        assert headers[b"allow"] == b"GET, HEAD, OPTIONS"
        assert body == b"405 Method Not Allowed\n"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/missing", 404),
        (b"/missing/x", 404),
        (b"/text.txt/", 404),
        (b"/text.txt/x", 404),
        (b"/" + b"x" * 300, 404),
        (b"/" + b"x/" * 3000, 404),
        (b"/caf%e9", 404),
        (b"/dir/", 404),
        (b"/../outside.txt", 400),
        (b"/%2e%2e/outside.txt", 400),
        (b"/..%2foutside.txt", 400),
        (b"/dir/../../outside.txt", 400),
        (b"/text.txt%00.html", 400),
        (b"/%zz", 400),
        (b"text.txt", 400),
        (b"", 400),
    ],
)
def test_paths_without_a_file(files, path, status):
    got, headers, body = ask(files, path)
    assert got == status
    assert body.startswith(b"%d " % status)
    assert body.count(b"\n") == 1
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"content-length"] == b"%d" % len(body)


def test_names_that_are_no_utf8_are_served(files, root):
    with open(os.fsencode(root) + b"/caf\xe9.txt", "wb") as file:
        file.write(b"latin")
    assert ask(files, b"/caf%E9.txt")[2] == b"latin"


# Directories


def test_a_directory_without_slash_is_redirected(files):
    status, headers, body = ask(files, b"/indexed?a=b&c")
    assert (status, headers[b"location"], body) == (301, b"/indexed/?a=b&c", None)
    assert ask(files, b"/dir/deep")[1][b"location"] == b"/dir/deep/"


def test_a_redirect_cannot_lead_to_another_host(files, root):
    (root / "example.com").mkdir()
    (root / "a b").mkdir()
    (root / "x:y@z").mkdir()
    assert ask(files, b"//example.com")[1][b"location"] == b"/example.com/"
    assert ask(files, b"/%2e//example.com")[1][b"location"] == b"/example.com/"
    assert ask(files, b"/a%20b")[1][b"location"] == b"/a%20b/"
    assert ask(files, b"/x:y@z")[1][b"location"] == b"/x:y@z/"


def test_the_index_of_a_directory(files, root):
    status, headers, body = ask(files, b"/indexed/")
    assert (status, body) == (200, b"<p>index")
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert ask(files, b"/")[0] == 404
    (root / "index.html").write_bytes(b"<p>home")
    assert ask(files, b"/")[2] == b"<p>home"


def test_an_index_that_is_a_directory_is_not_found(files, root):
    (root / "dir" / "index.html").mkdir()
    assert ask(files, b"/dir/")[0] == 404


def test_a_listing_shows_escaped_names_directories_first(root):
    (root / "<b>&.txt").write_bytes(b"12345")
    (root / "a?b#c%41.txt").write_bytes(b"")
    (root / ".hidden").write_bytes(b"")
    (root / "broken").symlink_to("nowhere")
    (root / "leaving").symlink_to("../outside.txt")
    (root / "staying").symlink_to("text.txt")
    os.mkfifo(root / "fifo")
    with open(os.fsencode(root) + b"/caf\xe9.txt", "wb"):
        pass
    status, headers, body = ask(StaticFiles(root, listing=True), b"/")
    page = body.decode()
    assert status == 200
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert '<a href="./%3Cb%3E&amp;.txt">&lt;b&gt;&amp;.txt</a>' in page
    assert '<a href="./a%3Fb%23c%2541.txt">a?b#c%41.txt</a>' in page
    assert '<a href="./caf%E9.txt">caf\ufffd.txt</a>' in page
    assert '<a href="./staying">staying</a>' in page
    assert page.index("./dir/") < page.index("./empty.txt") < page.index("./text.txt")
    for absent in (".hidden", "broken", "leaving", "fifo", 'href="../"'):
        assert absent not in page


def test_a_listing_leads_up_and_prefers_the_index(root):
    files = StaticFiles(root, listing=True, hidden=True)
    (root / "dir" / ".hidden").write_bytes(b"")
    page = ask(files, b"/dir/")[2].decode()
    assert '<a href="../">../</a>' in page
    assert ".hidden" in page
    assert "Files in /dir/" in page
    assert ask(files, b"/indexed/")[2] == b"<p>index"


def test_a_long_listing_is_cut_and_says_so(root, monkeypatch):
    monkeypatch.setattr(files_module, "MAX_ENTRIES", 3)
    page = ask(StaticFiles(root, listing=True), b"/")[2].decode()
    assert page.count("<tr>") == 1 + 3
    assert "Only 3 entries are shown." in page


def test_hidden_names_are_served_only_if_asked_for(root):
    (root / ".env").write_bytes(b"PASSWORD=1")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"[core]")
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_bytes(b"Contact:")
    for path in (b"/.env", b"/%2Eenv", b"/.git/config", b"/.git", b"/.git/"):
        assert ask(StaticFiles(root), path)[0] == 404
    assert ask(StaticFiles(root), b"/.well-known/security.txt")[0] == 200
    assert ask(StaticFiles(root, hidden=True), b"/.env")[0] == 200


# No way out


def test_links_within_the_root_are_followed(files, root):
    (root / "link.txt").symlink_to("text.txt")
    (root / "absolute.txt").symlink_to(root / "text.txt")
    (root / "linked").symlink_to("dir")
    (root / "again").symlink_to("linked/deep")
    (root / "home").symlink_to(root)
    for path in (b"/link.txt", b"/absolute.txt", b"/home/text.txt", b"/home/home/link.txt"):
        assert ask(files, path)[2] == TEXT
    assert ask(files, b"/linked/deep/page.html")[2] == b"<p>deep"
    assert ask(files, b"/again/page.html")[2] == b"<p>deep"
    assert ask(files, b"/linked")[1][b"location"] == b"/linked/"


def test_links_that_lead_out_are_refused(files, root):
    (root / "out.txt").symlink_to("../outside.txt")
    (root / "absolute.txt").symlink_to(root.parent / "outside.txt")
    (root / "up").symlink_to("..")
    (root / "sibling").symlink_to("../site-secrets")
    (root / "nowhere").symlink_to("../no-such-file")
    (root / "system").symlink_to("/etc")
    (root / "indexed" / "index.html").unlink()
    (root / "indexed" / "index.html").symlink_to("../../outside.txt")
    for path in (
        b"/out.txt",
        b"/absolute.txt",
        b"/up/outside.txt",
        b"/up/",
        b"/up",
        b"/sibling/key",
        b"/nowhere",
        b"/system/passwd",
        b"/indexed/",
    ):
        status, _, body = ask(files, path)
        assert (status, body) == (403, b"403 Forbidden\n"), path


def test_links_in_a_circle_and_broken_ones_are_not_found(files, root):
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "broken").symlink_to("missing")
    assert ask(files, b"/one")[0] == 404
    assert ask(files, b"/one/x")[0] == 404
    assert ask(files, b"/broken")[0] == 404


def test_the_root_may_be_a_link_itself(root, tmp_path):
    (tmp_path / "current").symlink_to(root)
    files = StaticFiles(tmp_path / "current")
    assert files.root == str(root)
    assert ask(files, b"/text.txt")[2] == TEXT


def test_the_file_system_root_can_be_served(root):
    assert ask(StaticFiles("/"), os.fsencode(root / "text.txt"))[2] == TEXT


def test_special_files_are_not_opened(files, root):
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        started = time.monotonic()
        assert ask(files, b"/fifo")[0] == 404
        assert ask(files, b"/socket")[0] == 404
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("number", "status"), [(13, 403), (1, 403), (24, 503), (23, 503), (5, 500), (2, 404)]
)
def test_errors_of_the_system_become_statuses(files, monkeypatch, caplog, number, status):
    def fail(segments):
        raise OSError(number, os.strerror(number), "/a/secret/place")

    class Failing:
        open = staticmethod(fail)

    monkeypatch.setattr(files, "_tree", Failing())
    got, _, body = ask(files, b"/text.txt")
    assert got == status
    assert b"secret" not in body
    assert bool(caplog.records) is (status >= 500)


@pytest.mark.parametrize("bad", ["missing", "file"])
def test_the_root_must_be_a_directory(tmp_path, bad):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileNotFoundError if bad == "missing" else NotADirectoryError):
        StaticFiles(tmp_path / bad)


# Conditions


OLDER = format_http_date(LONG_AGO - 1)
SAME = format_http_date(LONG_AGO)
NEWER = format_http_date(LONG_AGO + 1)
ETAG = b'"%x-64"' % (LONG_AGO * 10**9)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"if_none_match": ETAG}, 304),
        ({"if_none_match": b"W/" + ETAG}, 304),
        ({"if_none_match": b'"a", ' + ETAG + b' , "b"'}, 304),
        ({"if_none_match": b"*"}, 304),
        ({"if_none_match": b'"other"'}, 200),
        ({"if_none_match": ETAG.strip(b'"')}, 200),
        ({"if_none_match": b'"a,' + ETAG[1:]}, 200),
        ({"if_none_match": b""}, 200),
        ({"if_modified_since": SAME}, 304),
        ({"if_modified_since": NEWER}, 304),
        ({"if_modified_since": OLDER}, 200),
        ({"if_modified_since": b"yesterday"}, 200),
        # If-Modified-Since is ignored beside If-None-Match
        ({"if_none_match": b'"other"', "if_modified_since": NEWER}, 200),
        ({"if_none_match": ETAG, "if_modified_since": OLDER}, 304),
        ({"if_match": ETAG}, 200),
        ({"if_match": b"*"}, 200),
        ({"if_match": b'"other", ' + ETAG}, 200),
        ({"if_match": b'"other"'}, 412),
        ({"if_match": b"W/" + ETAG}, 412),
        ({"if_match": b"nonsense"}, 412),
        ({"if_unmodified_since": SAME}, 200),
        ({"if_unmodified_since": NEWER}, 200),
        ({"if_unmodified_since": OLDER}, 412),
        ({"if_unmodified_since": b"yesterday"}, 200),
        # If-Unmodified-Since is ignored beside If-Match, and both come before the other two
        ({"if_match": ETAG, "if_unmodified_since": OLDER}, 200),
        ({"if_match": b'"other"', "if_none_match": ETAG}, 412),
        ({"if_unmodified_since": OLDER, "if_modified_since": NEWER}, 412),
        ({"if_match": ETAG, "if_none_match": ETAG}, 304),
        # the condition decides before the range is looked at
        ({"if_none_match": ETAG, "range": b"bytes=500-"}, 304),
        ({"if_match": b'"other"', "range": b"bytes=0-0"}, 412),
    ],
)
def test_preconditions(files, fields, status):
    for method in (b"GET", b"HEAD"):
        got, headers, body = ask(files, b"/text.txt", method, **fields)
        assert got == status
        if status == 304:
            assert body is None
            assert {b"etag", b"last-modified", b"date", b"cache-control"} == (
                set(headers) - {b"accept-ranges"}
            )


def test_conditions_count_only_where_there_is_a_file(files):
    assert ask(files, b"/missing", if_none_match=b"*")[0] == 404
    assert ask(files, b"/missing", if_match=b'"x"')[0] == 404
    assert ask(files, b"/text.txt", b"POST", if_match=b'"x"')[0] == 405
    assert ask(files, b"/dir", if_none_match=b"*")[0] == 301


def test_repeated_condition_fields_are_one_list(files):
    headers = [(b"if-none-match", b'"a"'), (b"if-none-match", ETAG)]
    assert files.respond(b"GET", b"/text.txt", headers).status == 304


def test_a_change_changes_the_entity_tag(files, root):
    before = ask(files, b"/text.txt")[1][b"etag"]
    os.utime(root / "text.txt", ns=(LONG_AGO * 10**9 + 1, LONG_AGO * 10**9 + 1))
    assert ask(files, b"/text.txt")[1][b"etag"] != before
    assert ask(files, b"/text.txt", if_none_match=before)[0] == 200


def test_last_modified_is_never_later_than_date(files, root):
    tomorrow = time.time() + 86400
    os.utime(root / "text.txt", (tomorrow, tomorrow))
    headers = ask(files, b"/text.txt")[1]
    assert headers[b"last-modified"] == headers[b"date"]


def test_a_file_from_before_the_epoch(files, root):
    os.utime(root / "text.txt", (-86400, -86400))
    headers = ask(files, b"/text.txt")[1]
    assert headers[b"last-modified"] == b"Wed, 31 Dec 1969 00:00:00 GMT"
    assert ask(files, b"/text.txt", if_none_match=headers[b"etag"])[0] == 304


@pytest.mark.parametrize("value", ["max-age=3600", None])
def test_cache_control_can_be_chosen(root, value):
    headers = ask(StaticFiles(root, cache_control=value), b"/text.txt")[1]
    assert headers.get(b"cache-control") == (value.encode() if value else None)


@pytest.mark.parametrize("value", ["", "a\r\nb", " a", "a\0", "é"])
def test_cache_control_must_be_a_field_value(root, value):
    with pytest.raises(ValueError, match="not a field value"):
        StaticFiles(root, cache_control=value)


# Ranges


def test_a_single_range(files):
    status, headers, body = ask(files, b"/text.txt", range=b"bytes=10-14")
    assert (status, body) == (206, b"abcde")
    assert headers[b"content-range"] == b"bytes 10-14/100"
    assert headers[b"content-length"] == b"5"
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"etag"] == ETAG
    assert ask(files, b"/text.txt", range=b"bytes=-3")[2] == b"hij"
    assert ask(files, b"/text.txt", range=b"bytes=97-")[2] == b"hij"


def test_several_ranges_are_a_multipart_body(files):
    status, headers, body = ask(files, b"/text.txt", range=b"bytes=90-92, 0-0, -1")
    assert status == 206
    assert headers[b"content-length"] == b"%d" % len(body)
    assert b"content-range" not in headers
    message = email.message_from_bytes(
        b"content-type: " + headers[b"content-type"] + b"\r\n\r\n" + body
    )
    assert message.get_content_type() == "multipart/byteranges"
    parts = message.get_payload()
    assert [part["content-range"] for part in parts] == [
        "bytes 90-92/100",
        "bytes 0-0/100",
        "bytes 99-99/100",
    ]
    assert {part["content-type"] for part in parts} == {"text/plain; charset=utf-8"}
    assert [part.get_payload() for part in parts] == ["abc", "a", "j"]


def test_one_satisfiable_range_of_several_is_sent_plainly(files):
    status, headers, body = ask(files, b"/text.txt", range=b"bytes=500-,0-1")
    assert (status, headers[b"content-range"], body) == (206, b"bytes 0-1/100", b"ab")


def test_a_range_beyond_the_end_is_416(files):
    status, headers, body = ask(files, b"/text.txt", range=b"bytes=100-")
    assert (status, headers[b"content-range"]) == (416, b"bytes */100")
    assert body == b"416 Range Not Satisfiable\n"


@pytest.mark.parametrize("field", [b"bytes=9-1", b"lines=1-2", b"bytes=x", b"bytes=0-,0-"])
def test_ranges_that_are_ignored_give_the_whole(files, field):
    assert ask(files, b"/text.txt", range=field)[::2] == (200, TEXT)


def test_head_ignores_ranges(files):
    status, headers, _ = ask(files, b"/text.txt", b"HEAD", range=b"bytes=0-0")
    assert (status, headers[b"content-length"]) == (200, b"100")


def test_a_range_given_twice_is_ignored(files):
    headers = [(b"range", b"bytes=0-0"), (b"range", b"bytes=1-1")]
    assert files.respond(b"GET", b"/text.txt", headers).status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (SAME, 206),
        (b"W/" + ETAG, 200),
        (b'"other"', 200),
        (OLDER, 200),
        (NEWER, 200),
        (b"nonsense", 200),
        (b"", 200),
        (ETAG + b", " + ETAG, 200),
    ],
)
def test_if_range(files, condition, status):
    assert ask(files, b"/text.txt", range=b"bytes=0-0", if_range=condition)[0] == status
    # where the condition fails even a range that cannot be satisfied is ignored
    expected = 416 if status == 206 else 200
    assert ask(files, b"/text.txt", range=b"bytes=500-", if_range=condition)[0] == expected


def test_a_date_within_the_second_of_the_change_is_no_strong_validator(files, root, monkeypatch):
    monkeypatch.setattr(files_module.time, "time", lambda: LONG_AGO + 0.5)
    assert ask(files, b"/text.txt", range=b"bytes=0-0", if_range=SAME)[0] == 200
    monkeypatch.setattr(files_module.time, "time", lambda: LONG_AGO + 1.5)
    assert ask(files, b"/text.txt", range=b"bytes=0-0", if_range=SAME)[0] == 206


# Precompressed variants


@pytest.fixture
def compressed(root):
    (root / "app.js").write_bytes(b"original" * 100)
    (root / "app.js.gz").write_bytes(b"gzip, fairly long")
    (root / "app.js.br").write_bytes(b"brotli")
    (root / "app.js.zst").write_bytes(b"zstandard")
    return root


@pytest.mark.parametrize(
    ("accept", "coding", "body"),
    [
        (b"gzip", b"gzip", b"gzip, fairly long"),
        (b"gzip, deflate, br, zstd", b"br", b"brotli"),
        (b"gzip, zstd", b"zstd", b"zstandard"),
        (b"gzip;q=1, br;q=0.5", b"gzip", b"gzip, fairly long"),
        (b"br;q=0, *", b"zstd", b"zstandard"),
        (b"identity", None, b"original" * 100),
        (b"deflate", None, b"original" * 100),
        (b"gzip;q=0", None, b"original" * 100),
        (b"gzip;q=0.1, identity;q=0.2", None, b"original" * 100),
        (b"identity;q=0, *;q=0", None, b"original" * 100),
        (b"", None, b"original" * 100),
        (None, None, b"original" * 100),
    ],
)
def test_the_variant_the_client_prefers_is_sent(compressed, accept, coding, body):
    fields = {} if accept is None else {"accept_encoding": accept}
    status, headers, got = ask(StaticFiles(compressed), b"/app.js", **fields)
    assert (status, got) == (200, body)
    assert headers.get(b"content-encoding") == coding
    assert headers[b"content-type"] == b"text/javascript; charset=utf-8"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"vary"] == b"accept-encoding"


def test_variants_have_entity_tags_and_ranges_of_their_own(compressed):
    files = StaticFiles(compressed)
    tags = {
        ask(files, b"/app.js", accept_encoding=coding)[1][b"etag"]
        for coding in (b"br", b"gzip", b"zstd", b"identity")
    }
    assert len(tags) == 4
    brotli = ask(files, b"/app.js", accept_encoding=b"br")[1][b"etag"]
    status, headers, _ = ask(files, b"/app.js", accept_encoding=b"br", if_none_match=brotli)
    assert (status, headers[b"vary"]) == (304, b"accept-encoding")
    assert b"content-encoding" not in headers
    assert ask(files, b"/app.js", accept_encoding=b"gzip", if_none_match=brotli)[0] == 200
    status, headers, body = ask(files, b"/app.js", accept_encoding=b"br", range=b"bytes=0-1")
    assert (status, headers[b"content-range"], body) == (206, b"bytes 0-1/6", b"br")


def test_a_variant_asked_for_by_name_is_a_plain_file(compressed):
    _, headers, body = ask(StaticFiles(compressed), b"/app.js.gz", accept_encoding=b"gzip")
    assert body == b"gzip, fairly long"
    assert headers[b"content-type"] == b"application/gzip"
    assert b"content-encoding" not in headers


def test_a_variant_older_than_the_file_is_left_out(compressed):
    now = time.time()
    os.utime(compressed / "app.js", (now, now))
    os.utime(compressed / "app.js.br", (now - 60, now - 60))
    os.utime(compressed / "app.js.gz", (now - 1, now - 1))
    (compressed / "app.js.zst").unlink()
    files = StaticFiles(compressed)
    assert ask(files, b"/app.js", accept_encoding=b"br")[2] == b"original" * 100
    assert ask(files, b"/app.js", accept_encoding=b"br, gzip")[2] == b"gzip, fairly long"


def test_a_variant_that_is_no_file_or_leads_out_is_left_out(compressed):
    (compressed / "app.js.br").unlink()
    (compressed / "app.js.br").symlink_to("../outside.txt")
    (compressed / "app.js.gz").unlink()
    (compressed / "app.js.gz").mkdir()
    (compressed / "app.js.zst").unlink()
    before = open_descriptors()
    status, headers, body = ask(StaticFiles(compressed), b"/app.js", accept_encoding=b"br, gzip")
    assert (status, body) == (200, b"original" * 100)
    assert b"content-encoding" not in headers
    assert open_descriptors() == before


def test_the_index_has_variants_too(root):
    (root / "indexed" / "index.html.gz").write_bytes(b"gz")
    assert ask(StaticFiles(root), b"/indexed/", accept_encoding=b"gzip")[2] == b"gz"


# Bodies


@pytest.fixture
def large(root):
    """A file too large to be read at once, with every place in it recognisable."""
    content = b"".join(b"%07d\n" % i for i in range(40_000))
    (root / "large.bin").write_bytes(content)
    return content


def test_a_large_file_is_a_stream_read_in_pieces(files, large):
    before = open_descriptors()
    response = files.respond(b"GET", b"/large.bin", [])
    body = response.body
    assert isinstance(body, FileBody)
    pieces = list(iter(lambda: body.read1(16384), b""))
    assert b"".join(pieces) == large
    assert max(map(len, pieces)) == 16384
    body.close()
    body.close()
    assert open_descriptors() == before


def test_large_ranges_are_streams_too(files, large):
    assert ask(files, b"/large.bin", range=b"bytes=100000-199999")[2] == large[100000:200000]
    _, headers, body = ask(files, b"/large.bin", range=b"bytes=0-99999,200000-299999")
    assert headers[b"content-length"] == b"%d" % len(body)
    assert large[:100000] in body
    assert large[200000:300000] in body


def test_any_read_size_gives_the_same_octets(files, large):
    for size in (1000, 7, 65536):
        with files.respond(b"GET", b"/large.bin", [(b"range", b"bytes=5-20000,-9")]).body as body:
            pieces = list(iter(lambda body=body, size=size: body.read(size), b""))
        assert all(0 < len(piece) <= size for piece in pieces)
        joined = b"".join(pieces)
        assert large[5:20001] in joined
        assert large[-9:] in joined


def test_a_file_that_shrinks_meanwhile_fails_rather_than_ends(files, large, root):
    with files.respond(b"GET", b"/large.bin", []).body as body:
        body.read1(1000)
        os.truncate(root / "large.bin", 2000)
        assert len(body.read1(5000)) == 1000
        with pytest.raises(EOFError):
            body.read1(5000)


def test_a_small_file_that_shrinks_meanwhile_is_an_error(files, root, monkeypatch):
    fstat = os.fstat

    def cut_afterwards(fd):
        info = fstat(fd)
        os.truncate(root / "text.txt", 50)
        return info

    monkeypatch.setattr(os, "fstat", cut_afterwards)
    assert ask(files, b"/text.txt")[0] == 500


def test_a_file_that_grows_meanwhile_keeps_its_promised_length(files, large, root):
    with files.respond(b"GET", b"/large.bin", []).body as body:
        with open(root / "large.bin", "ab") as file:
            file.write(b"more")
        assert body.read() == large


def test_a_body_forgotten_closes_itself(files, large):
    before = open_descriptors()
    files.respond(b"GET", b"/large.bin", [])
    assert open_descriptors() == before


def test_nothing_stays_open_after_answers_without_a_stream(files, large):
    before = open_descriptors()
    kept = [
        files.respond(method, path, headers)
        for method in (b"GET", b"HEAD")
        for path in (b"/text.txt", b"/", b"/dir", b"/indexed/", b"/text.txt/", b"/missing/x")
        for headers in ([], [(b"range", b"bytes=900-")], [(b"if-match", b'"x"')])
    ]
    kept.append(files.respond(b"HEAD", b"/large.bin", []))
    kept.append(files.respond(b"GET", b"/large.bin", [(b"if-none-match", b"*")]))
    assert open_descriptors() == before


def test_the_last_octets_of_a_body_generator_say_that_they_are_the_last(files, large):
    for fields in ([], [(b"range", b"bytes=0-99999,200000-299999")]):
        response = files.respond(b"GET", b"/large.bin", fields)
        with response.body as body:
            answers = []
            while not answers or answers[-1][1] == DATA_OK:
                answers.append(body.generate(16384))
        assert [flag for _, flag in answers] == [DATA_OK] * (len(answers) - 1) + [DATA_EOF]
        assert all(0 < len(data) <= 16384 for data, _ in answers)
        assert sum(len(data) for data, _ in answers) == int(
            dict(response.headers)[b"content-length"]
        )
