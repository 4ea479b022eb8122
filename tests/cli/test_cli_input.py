"""Wrong input: one line on standard error that says what to do, and exit status 2."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

import plait
from plait.cli import main
from plait.cli import running as running_module
from plait.process.binds import Bind, parse_bind
from tests.support.certs import make_certificate


@pytest.fixture
def complain(refused, monkeypatch):
    """As `refused`; what the command adds to `sys.path` is taken away."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    return refused


@pytest.fixture
def module(tmp_path):
    """Write a module into the current directory; its name has not been imported before."""
    written = []

    def write(source):
        name = f"application_{len(written)}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(source)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing command"),
        (["sevre"], "No such command 'sevre'"),
        (["--frobnicate"], "--frobnicate"),
        (["serve"], "Missing argument 'DIR'"),
        (["serve", ".", "."], "unexpected extra argument"),
        (["serve", ".", "--frobnicate"], "--frobnicate"),
        (["serve", ".", "--bind"], "requires an argument"),
        (["serve", ".", "--log-level", "loud"], "'loud' is not one of"),
        (["serve", ".", "--graceful-timeout", "-1"], "--graceful-timeout"),
        (["serve", ".", "--graceful-timeout", "soon"], "--graceful-timeout"),
        (["serve", ".", "--idle-timeout", "-1"], "--idle-timeout"),
        (["run", "app:app", "--threads", "9" * 20], "is too large: the most is 10000"),
        (["serve", ".", "--body-timeout", "1.5"], "'1.5' is not a whole number"),
        (["serve", ".", "--write-timeout", "86401"], "--write-timeout"),
        (["serve", ".", "--max-connections", "0"], "--max-connections"),
        (["serve", ".", "--max-connections", "many"], "'many' is not a whole number"),
        (["serve", ".", "--cache-control", "a\nb"], "is not a field value"),
        (["serve", "missing"], "there is no directory 'missing'"),
        (["serve", "a\nb"], "there is no directory 'a\\nb'"),
        (["serve", __file__], "is not a directory"),
        (["serve", "x" * 5000], "cannot serve"),
        (["run"], "Missing argument 'MODULE:OBJECT'"),
        (["demo", "extra"], "unexpected extra argument"),
        (["demo", "--tls-bind", "nowhere"], "is not HOST:PORT"),
    ],
)
def test_wrong_arguments(complain, arguments, says):
    assert says in complain(*arguments)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("8080", "is not HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER"),
        ("localhost", "is not HOST:PORT"),
        ("localhost:", "is not HOST:PORT"),
        ("localhost:http", "is not HOST:PORT"),
        ("localhost:-1", "is not HOST:PORT"),
        ("::1:8080", "is not HOST:PORT"),
        ("[::1]", "is not HOST:PORT"),
        ("local host:80", "is not HOST:PORT"),
        ("http://localhost:80", "is not HOST:PORT"),
        ("", "is not HOST:PORT"),
        ("localhost:65536", "must be between 0 and 65535"),
        ("unix:", "needs the path of a socket"),
        ("192.0.2.1:0", "this machine does not have that address"),
        ("no.such.host.invalid:0", "has no address"),
        ("a..b:0", "has no address"),
        ("unix:missing/socket", "No such file or directory"),
        ("unix:" + "x" * 200, "too long"),
    ],
)
def test_addresses_that_cannot_be_had(complain, address, says):
    assert says in complain("serve", ".", "--bind", address)


def test_a_port_in_use(complain):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = complain("serve", ".", "-b", "127.0.0.1:0", "-b", f"127.0.0.1:{port}")
        assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in line
        assert "--bind" in line
        line = complain("demo", "-b", "127.0.0.1:0", "--tls-bind", f"127.0.0.1:{port}")
        assert "choose another with --tls-bind" in line


def test_no_permission_for_a_port(complain, monkeypatch):
    # Who may take low ports is a setting of the machine, so the refusal is made up.
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(running_module, "HTTP2Server", refuse)
    assert "no permission; choose a port above 1023 with --bind" in complain(
        "serve", ".", "-b", "localhost:80"
    )
    assert (
        complain("serve", ".", "-b", "unix:x") == "plait: cannot listen on unix:x: no permission\n"
    )


def test_a_directory_that_may_not_be_entered(complain, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "no permission to read '.'" in complain("serve", ".")


def test_certificates_that_cannot_be_used(complain, tmp_path, tls_files):
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other")
    key = serialization.load_pem_private_key(tls_files.key.read_bytes(), password=None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    broken = tmp_path / "broken.pem"
    broken.write_bytes(tls_files.cert.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    cert = ("serve", ".", "-b", "127.0.0.1:0", "--certfile", tls_files.cert)

    assert "holds no private key: name the key's file too" in complain(*cert)
    assert "cannot read the key missing: No such file" in complain(*cert, "--keyfile", "missing")
    assert "cannot read the key .: Is a directory" in complain(*cert, "--keyfile", ".")
    assert "holds no private key in PEM" in complain(*cert, "--keyfile", tls_files.cert)
    assert "does not belong to the certificate" in complain(*cert, "--keyfile", other.key)
    assert f"the key in {encrypted} is encrypted" in complain(*cert, "--keyfile", encrypted)
    assert "leave out --certfile" in complain(*cert, "--dev-cert")

    def with_certificate(path):
        return complain("serve", ".", "--certfile", path, "--keyfile", tls_files.key)

    assert "cannot read the certificate missing" in with_certificate("missing")
    assert "holds no certificate in PEM" in with_certificate(tls_files.key)
    assert "cannot use the certificate in" in with_certificate(broken)
    assert "holds no certificate in PEM" in with_certificate("/dev/null")

    for command in (["serve", "."], ["demo"]):
        line = complain(*command, "--keyfile", tls_files.key)
        assert "needs the certificate too: give it with --certfile" in line


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("app", "is not MODULE:OBJECT"),
        ("app:", "is not MODULE:OBJECT"),
        (":Handler", "is not MODULE:OBJECT"),
        (".app:Handler", "is not the name of a module"),
        ("a..b:Handler", "is not the name of a module"),
        ("./site/app.py:Handler", "write site.app:Handler"),
        ("no_such_module:Handler", "there is no module 'no_such_module'"),
        ("no_such_module.py:Handler", "write no_such_module:OBJECT"),
        ("json.nothing:Handler", "there is no module 'json.nothing'"),
        ("json:Nothing", "json has no 'Nothing'"),
        ("json:decoder.Nothing", "json has no 'decoder.Nothing'"),
        ("json:__name__", "json:__name__ is not callable: it is of type str"),
        ("json:JSONDecoder", "neither an ASGI nor a WSGI application nor a request handler"),
        ("os:getcwd", "if it returns the application, add --factory"),
    ],
)
def test_handlers_that_are_not_there(complain, spec, says):
    assert says in complain("run", spec)


def test_a_module_with_a_handler_of_another_name_is_a_hint(complain, module):
    name = module(
        "from plait.server import BaseRequestHandler\nclass Real(BaseRequestHandler): ..."
    )
    assert complain("run", f"{name}:Handler").endswith("it has Real\n")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("\nraise RuntimeError('no\\nluck')", ".py, line 2); --log-level debug shows more"),
        ("import json\njson.loads('')", ".py, line 2); --log-level debug"),
        ("raise RuntimeError", "failed with RuntimeError ("),
        ("import no_such_dependency", "ModuleNotFoundError: No module named 'no_such_dependency'"),
        ("from json import no_such_name", "ImportError: cannot import name"),
        ("class Own(BaseException): ...\nraise Own('no luck')", "failed with Own: no luck ("),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("def f(:", "SyntaxError: "),
        ("def __getattr__(name): raise AttributeError(name)", "has no 'Handler'"),
    ],
)
def test_a_module_that_fails_while_it_is_imported(complain, module, source, says):
    assert says in complain("run", f"{module(source)}:Handler")


def test_a_failing_module_is_traced_at_level_debug(capsys, monkeypatch, tmp_path, module):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = module("raise RuntimeError('no luck')")
    assert main(["run", f"{name}:Handler", "--log-level", "debug"]) == 2
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert any(f"{name}.py" in line for line in trace)
    assert last.endswith(f"failed with RuntimeError: no luck ({name}.py, line 1)")


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [("click", ["--help"]), ("cryptography", ["serve", ".", "--dev-cert"])],
)
def test_what_is_not_installed_is_named(missing, arguments):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom plait.cli import main\nsys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert missing in done.stderr
    assert "pip install 'plait[cli]'" in done.stderr


def test_without_standard_output(module, monkeypatch, tmp_path):
    """As with `>&-` in a shell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = module("from plait.server import BaseRequestHandler as app\n")
    monkeypatch.setattr(sys, "stdout", None)
    assert main([f"{name}:app", "--check-config"]) == 0


def test_help_and_version(capsys):
    for arguments in (["--help"], ["serve", "-h"], ["run", "--help"], ["demo", "--help"]):
        assert main(arguments) == 0
        assert "Usage: plait" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{plait.build_info()}\n"


@pytest.mark.parametrize(
    ("text", "bind", "address", "url"),
    [
        ("127.0.0.1:80", Bind("127.0.0.1", 80), ("127.0.0.1", 80), "http://127.0.0.1:81/"),
        ("localhost:0", Bind("localhost", 0), ("localhost", 0), "http://localhost:81/"),
        ("[::1]:80", Bind("::1", 80), ("::1", 80), "http://[::1]:81/"),
        (":80", Bind("", 80), (None, 80), "http://localhost:81/"),
        ("*:80", Bind("", 80), (None, 80), "http://localhost:81/"),
        ("0.0.0.0:80", Bind("0.0.0.0", 80), ("0.0.0.0", 80), "http://localhost:81/"),
        ("[::]:80", Bind("::", 80), ("::", 80), "http://localhost:81/"),
    ],
)
def test_addresses_and_their_urls(text, bind, address, url):
    assert parse_bind(text) == bind
    assert bind.address == address
    assert bind.url("http", 81) == url


@pytest.mark.parametrize("text", ["127.0.0.1:80", "[::1]:0", "unix:/run/plait", "unix:rel:80"])
def test_an_address_is_told_as_it_was_written(text):
    assert str(parse_bind(text)) == text


def test_a_unix_socket_is_an_address_with_a_path():
    assert parse_bind("unix:/run/plait").address == "unix:/run/plait"
