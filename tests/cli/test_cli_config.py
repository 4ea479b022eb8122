"""Where options come from: the command line, the environment, a file; and what is refused."""

from __future__ import annotations

import dataclasses
import os
import sys

import pytest

from plait.cli import main
from plait.cli import run as run_module
from plait.server.websocket import WebSocketOptions

APPLICATION = """
from plait.server import BaseRequestHandler as handler
async def app(scope, receive, send): ...
async def two(scope, receive): ...
"""


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Run the command in a folder with an application; return the settings it would serve with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in os.environ if name.startswith("PLAIT_")]:
        monkeypatch.delenv(name)
    seen = []
    monkeypatch.setattr(run_module, "run", lambda settings, *_: seen.append(settings) or 0)

    def invoke(*arguments, status=0):
        assert main(list(arguments)) == status
        return seen.pop()

    return invoke


def write(tmp_path, text, name="plait.toml"):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_what_is_said_nowhere_has_its_default(settings):
    found = settings("app:app")
    assert found.target == "app:app"
    assert found.workers is None
    assert found.binds == ()
    assert found.http1 is None
    assert found.reload_include == ("*.py",)
    assert found.time_limits.idle == 180


@pytest.mark.parametrize(
    "arguments",
    [
        ("app:app", "--workers", "2"),
        ("--workers", "2", "app:app"),
        ("run", "app:app", "--workers", "2"),
        ("run", "--workers", "2", "app:app"),
    ],
)
def test_run_may_be_left_out(settings, arguments):
    found = settings(*arguments)
    assert (found.target, found.workers) == ("app:app", 2)


def test_the_command_line_comes_before_the_environment_before_the_file(
    settings, tmp_path, monkeypatch
):
    path = write(tmp_path, 'app = "file:app"\nworkers = 1\nthreads = 1\nmax-requests = 1\n')
    monkeypatch.setenv("PLAIT_WORKERS", "2")
    monkeypatch.setenv("PLAIT_THREADS", "2")
    found = settings("run", "--config", path, "--workers", "3")
    assert (found.target, found.workers, found.threads, found.max_requests) == ("file:app", 3, 2, 1)


def test_a_default_that_is_given_counts_as_given(settings, tmp_path):
    path = write(tmp_path, 'graceful-timeout = 9\nbind = ["127.0.0.1:1"]\n')
    found = settings(
        *("app:app", "--config", path, "--graceful-timeout", "5", "--bind", "127.0.0.1:8080")
    )
    assert found.graceful_timeout == 5
    assert [str(bind) for bind in found.binds] == ["127.0.0.1:8080"]


def test_every_option_has_its_variable(settings, monkeypatch):
    for name, value in {
        "PLAIT_APP": "app:app",
        "PLAIT_BIND": "127.0.0.1:1, [::1]:2 unix:/x",
        "PLAIT_RELOAD": "yes",
        "PLAIT_HTTP1": "0",
        "PLAIT_CERTFILE": "a b",
        "PLAIT_IDLE_TIMEOUT": "7",
        "PLAIT_HEALTH_BIND": ":9",
    }.items():
        monkeypatch.setenv(name, value)
    found = settings("run")
    assert settings().target == found.target
    assert [str(bind) for bind in found.binds] == ["127.0.0.1:1", "[::1]:2", "unix:/x"]
    assert found.reload
    assert found.http1 is False
    assert [each.certfile for each in found.certificates] == ["a", "b"]
    assert found.time_limits.idle == 7
    assert found.health_bind.port == 9


def test_the_file_may_be_named_by_a_variable_too(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAIT_CONFIG", write(tmp_path, "workers = 5\n"))
    assert settings("app:app").workers == 5


def test_run_may_be_left_out_where_the_file_names_the_application(settings, tmp_path, monkeypatch):
    path = write(tmp_path, 'app = "file:app"\nworkers = 5\n')
    assert settings("--config", path).workers == 5
    assert settings("--workers", "3", "--config", path).workers == 3
    monkeypatch.setenv("PLAIT_CONFIG", path)
    assert settings().target == "file:app"


OBSERVED = {
    "access-log": ("log", "log"),
    "access-log-format": ("json", "json"),
    "metrics": (":9000", ":9000"),
    "proxies": (["::1"], ("::1",)),
    "proxy-fields": (["forwarded", "x-forwarded-for"], ("forwarded", "x-forwarded-for")),
}
WEBSOCKETS = {
    "ws-max-size": (1, "max_message_size"),
    "ws-max-queue": (2, "max_queue"),
    "ws-max-fragments": (3, "max_fragments"),
    "ws-max-control-frames": (4, "max_control_frames"),
    "ws-ping-interval": (5, "ping_interval"),
    "ws-ping-timeout": (6, "ping_timeout"),
    "ws-close-timeout": (7, "close_timeout"),
    "ws-compression": (False, "compression"),
    "ws-window-bits": (9, "window_bits"),
    "ws-context-takeover": (False, "context_takeover"),
}


def given(way, name, value, tmp_path, monkeypatch):
    """Give an option in one of the three ways; return what is to be typed."""
    values = value if isinstance(value, list) else [value]
    if way == "file":
        told = str(value).lower() if isinstance(value, bool) else repr(value)
        return ("--config", write(tmp_path, f"{name} = {told}\n"))
    if way == "environment":
        monkeypatch.setenv(
            "PLAIT_" + name.replace("-", "_").upper(), " ".join(str(each) for each in values)
        )
        return ()
    if value is False:
        return (f"--no-{name}",)
    return tuple(part for each in values for part in (f"--{name}", str(each)))


@pytest.mark.parametrize("way", ["command line", "environment", "file"])
def test_what_is_observed_can_be_said_in_three_ways(settings, tmp_path, monkeypatch, way):
    for name, (value, wanted) in OBSERVED.items():
        found = settings("app:app", *given(way, name, value, tmp_path, monkeypatch))
        told = getattr(found, name.replace("-", "_"))
        assert (str(told) if name == "metrics" else told) == wanted


@pytest.mark.parametrize("way", ["command line", "environment", "file"])
def test_every_option_of_websockets_can_be_said_in_three_ways(settings, tmp_path, monkeypatch, way):
    for name, (value, attribute) in WEBSOCKETS.items():
        found = settings("app:app", *given(way, name, value, tmp_path, monkeypatch))
        assert getattr(found.websocket, attribute) == value, name
    assert {field.name for field in dataclasses.fields(WebSocketOptions)} == {
        attribute for _, attribute in WEBSOCKETS.values()
    }


def test_the_defaults_are_those_of_the_server(settings):
    assert settings("app:app").websocket == WebSocketOptions()
    assert settings("app:app", "--ws-ping-interval", "0").websocket.ping_interval is None


def test_the_table_of_a_project(settings, tmp_path):
    path = write(tmp_path, '[tool.plait]\napp = "app:app"\nreload = true\n', "pyproject.toml")
    assert settings("run", "--config", path).reload


@pytest.mark.parametrize("text", ["", "tool = 1", "[tool]", "[tool]\nplait = 1"])
def test_a_project_without_settings(refused, tmp_path, text):
    path = write(tmp_path, text, "pyproject.toml")
    assert f"{path} has no table [tool.plait]" in refused("app:app", "--config", path)


def test_certificates_in_a_file(settings, tmp_path):
    path = write(
        tmp_path,
        '[[certificate]]\ncertfile = "a"\nkeyfile = "b"\n[[certificate]]\ncertfile = "c"\n',
    )
    found = settings("app:app", "--config", path)
    assert [(c.certfile, c.keyfile) for c in found.certificates] == [("a", "b"), ("c", None)]
    # those of the command line take the place of all in the file
    found = settings("app:app", "--config", path, "--certfile", "d")
    assert [c.certfile for c in found.certificates] == ["d"]


def test_certificates_and_keys_come_in_pairs(settings):
    found = settings(
        *("app:app", "--certfile", "a", "--keyfile", "1", "--keyfile", "2", "--certfile", "b")
    )
    assert [(c.certfile, c.keyfile) for c in found.certificates] == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("workesr = 2", "plait.toml: workesr: there is no such setting; is workers meant?"),
        ("max_requests = 2", "max_requests: there is no such setting; is max-requests meant?"),
        ("zzz = 2", "plait.toml: zzz: there is no such setting\n"),
        ("check-config = true", "check-config: there is no such setting"),
        ('workers = "2"', "plait.toml: workers: must be a whole number, not '2'"),
        ("workers = true", "workers: must be a whole number, not True"),
        ("workers = 0", "plait.toml: workers: 0 is too small: the least is 1"),
        ("reload = 1", "reload: must be true or false, not 1"),
        ("root-path = 1", "root-path: must be a string, not 1"),
        ("bind = [1]", "bind: must be a string, or a list of strings"),
        ('bind = "x"', "plait.toml: bind: 'x' is not HOST:PORT"),
        ('lifespan = "maybe"', "lifespan: 'maybe' is not one of"),
        ('health-bind = "x"', "health-bind: 'x' is not HOST:PORT"),
        ("workers = = 2", "plait.toml is not TOML: "),
        ("certificate = 1", "certificate: write each as a table"),
        ("[[certificate]]\nkeyfile = 'a'", "certificate: certfile is missing"),
        ("[[certificate]]\ncertfile = 1", "certificate.certfile: must be a string"),
        ("[[certificate]]\ncert = 'a'", "certificate.cert: only certfile and keyfile go there"),
        ("certfile = 'a'\n[[certificate]]\ncertfile = 'b'", "leave out certfile and keyfile"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(refused, tmp_path, text, says):
    (tmp_path / "plait.toml").write_text(text)
    assert says in refused("run", "app:app", "--config", "plait.toml")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PLAIT_WORKERS", "many", "PLAIT_WORKERS: 'many' is not a whole number"),
        ("PLAIT_WORKERS", "0", "PLAIT_WORKERS: 0 is too small"),
        ("PLAIT_RELOAD", "perhaps", "PLAIT_RELOAD: 'perhaps' is neither true nor false"),
        ("PLAIT_BIND", "a", "PLAIT_BIND: 'a' is not HOST:PORT"),
        ("PLAIT_CONFIG", "missing.toml", "cannot read the configuration missing.toml"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(refused, monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    assert says in refused("run", "app:app")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["app"], "to serve an application in it, write app:app"),
        (["app.app"], "No such command 'app.app': is app:app meant?"),
        (["/srv/shop/app.py:app"], "; write app:app --app-dir /srv/shop"),
        (["app:app", "--bind", "unix:app.py"], "a file that is no socket is there"),
        (["app:"], "'app:' is not MODULE:OBJECT, such as app:app"),
        ([":app"], "':app' is not MODULE:OBJECT, such as app:app"),
        (["app:app", "--port", "80"], "there is no --port here: it is --bind HOST:PORT"),
        (["app:app", "-w", "2"], "there is no -w here: it is --workers"),
        (["--wrokers", "2"], "plait run: No such option '--wrokers'"),
        (["--wrokers", "2", "serve", "."], "plait: No such option '--wrokers'"),
        (["--workers", "2"], "plait run: Missing argument 'MODULE:OBJECT'"),
        (["app:app", "--bind", "8000"], "fd://NUMBER; is :8000 meant?"),
        (["app:two"], "app:two cannot be called with (scope, receive, send)"),
        (["app:app", "--interface", "wsgi"], "cannot be called with (environ, start_response)"),
        (["app:app", "--access-log", "no/log"], "cannot write the access log no/log: No such file"),
        (
            ["app:app", "--access-log", "-", "--access-log-format", "%(zz)s"],
            "--access-log-format: '%(zz)s' has an atom %(zz)s, which is none of",
        ),
        (["app:handler", "--access-log", "-"], "--access-log is for applications"),
        (["app:handler", "--health", "/h"], "--health PATH is for applications"),
        (["app:app", "--metrics", "nowhere"], "'nowhere' is not HOST:PORT"),
        (["app:app", "--metrics", "192.0.2.1:0"], "cannot listen on 192.0.2.1:0"),
        (["app:app", "--proxy-fields", "forwarded"], "--proxy-fields needs to know whose word"),
        (
            ["app:app", "--proxies", "::1", "--proxy-fields", "via"],
            "--proxy-fields: 'via' is not one of the fields forwarded, x-forwarded-for",
        ),
        (["app:app", "--ws-window-bits", "8"], "8 is too small: the least is 9"),
        (["app:app", "--ws-close-timeout", "0"], "0 is too small: the least is 1"),
        (["./app.py"], "to serve an application in it, write app:app"),
        (["app:nothing"], "app has no 'nothing'; it has app"),
        (["app:app", "--max-requests", "5"], "give their number with --workers"),
        (["app:app", "--max-memory", "5"], "give their number with --workers"),
        (["app:app", "--workers", "0"], "--workers"),
        (["app:app", "--health", "health"], "'health' is not a path, such as /health"),
        (["app:app", "--client-ca", "x"], "client certificates need TLS"),
        (["app:app", "--keyfile", "x"], "give it with --certfile"),
        (["app:app", "--root-path", "x"], "--root-path begins with a slash"),
        (["app:app", "--reload", "--reload-dir", "no"], "see --reload-dir"),
        (["app:app", "--bind", "fd://x"], "is not fd://NUMBER"),
        (["app:app", "--bind", "fd://9999"], "there is no open descriptor of that number"),
        (["app:app", "--proxies", "somewhere"], "--proxies: 'somewhere' is"),
        (["app:app", "--proxy-protocol"], "give --proxies"),
        (["app:app", "--app-dir", "no"], "there is no directory"),
        (
            ["app:app", "--certfile", "a", "--certfile", "b", "--keyfile", "c"],
            "there are 2 --certfile and 1 --keyfile",
        ),
    ],
)
def test_what_cannot_be_served_is_told(refused, tmp_path, monkeypatch, arguments, says):
    (tmp_path / "app.py").write_text(APPLICATION)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    assert says in refused(*arguments, *([] if "--bind" in arguments else ["--bind", ":0"]))
    sys.modules.pop("app", None)


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("watchfiles", ["--reload"]),
        ("httptools", ["--http1"]),
        ("prometheus_client", ["--metrics", ":0"]),
    ],
)
def test_what_is_not_installed_is_told(refused, monkeypatch, package, arguments):
    monkeypatch.setitem(sys.modules, package, None)
    line = refused("app:app", *arguments)
    assert f"{arguments[0]} needs {package.replace('_', '-')}: pip install 'plait[" in line


def test_check_config_tells_what_would_be_served(capsys, tmp_path, monkeypatch, tls_files):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "checked_application.py").write_text(APPLICATION)
    arguments = ["checked_application:app", "--check-config", "--workers", "2", "--no-http1"]
    arguments += ["--certfile", str(tls_files.cert), "--keyfile", str(tls_files.key)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == (
        "plait: would serve checked_application:app (asgi) on 127.0.0.1:8080 (h2) by 2 workers\n"
        f"plait: certificate 1: {tls_files.cert}\n"
    )
    sys.modules.pop("checked_application", None)


def test_check_config_finds_what_is_wrong(refused, tmp_path, monkeypatch, tls_files):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "failing_application.py").write_text("1 / 0")
    assert "ZeroDivisionError" in refused("failing_application:app", "--check-config")
    certificate = ("--certfile", tls_files.cert)
    assert "give it with --keyfile" in refused("app:app", "--check-config", *certificate)
