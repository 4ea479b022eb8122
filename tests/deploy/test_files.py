"""What the page of deployments shows is valid: each file by the program or schema it is for."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from plait.cli.commands import plait
from plait.cli.config import options_of, variable_of
from plait.cli.run import settings_of
from tests.examples.documents import PAGES
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import run

from .files import DEPLOY, PLAIT, adapted, commands_in, text_of

PAGE = "docs/deployment.md"
RUN = plait.commands["run"]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What a command line of `plait MODULE:OBJECT` stands for; fails for what it does not know."""
    return RUN.make_context("plait run", list(arguments)).params


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(text_of(name))
    return found


def manifests() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(text_of("kubernetes.yaml"))}


def container() -> dict[str, Any]:
    spec = manifests()["Deployment"]["spec"]["template"]["spec"]
    (found,) = spec["containers"]
    return {**found, "pod": spec}


def image() -> dict[str, list[str]]:
    """The instructions of the last stage of the container file."""
    text = re.sub(r"\\\n\s*", "", text_of("Containerfile"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    last = max(at for at, line in enumerate(lines) if line.startswith("FROM "))
    found: dict[str, list[str]] = {}
    for line in lines[last:]:
        name, _, rest = line.partition(" ")
        found.setdefault(name, []).append(rest)
    return found


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(" ".join(image()["ENV"])))


# --- the page -------------------------------------------------------------------------------------


def test_every_file_is_shown_whole() -> None:
    page = PAGES[PAGE].read_text(encoding="utf-8")
    shown = set(re.findall(r'^--8<-- "deploy/(.+)"$', page, re.MULTILINE))
    assert shown == {path.name for path in DEPLOY.iterdir() if path.is_file()}


# --- the commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["haproxy.cfg", "nginx.conf", "envoy.yaml"])
def test_commands_of_comments_are_commands(name: str) -> None:
    commands = commands_in(text_of(name))
    assert len(commands) == 2
    for command in commands:
        assert parsed(command)["target"]


def test_an_option_that_is_unknown_would_be_noticed() -> None:
    with pytest.raises(click.UsageError, match="No such option"):
        parsed(["app:app", "--no-such-option"])


def test_settings_of_the_file(tmp_path: Path, tls_files: TLSFiles) -> None:
    path = adapted("plait.toml", tmp_path, tls_files, {})
    context = RUN.make_context("plait run", ["--config", str(path)])
    settings = settings_of(options_of(context, {}))
    assert (settings.target, settings.workers, settings.health) == ("app:app", 4, "/healthz")
    assert (settings.access_log, settings.access_log_format) == ("-", "json")
    assert settings.metrics is not None
    assert settings.secure
    assert not settings.binds


@pytest.mark.slow
def test_settings_of_the_file_serve(tmp_path: Path, tls_files: TLSFiles) -> None:
    path = adapted("plait.toml", tmp_path, tls_files, {})
    said = run([PLAIT, "run", "--config", path, "--check-config"])
    assert "app:app" in said
    assert "asgi" in said.lower()


def test_settings_of_the_container() -> None:
    known = {variable_of(parameter) for parameter in RUN.params}
    told = {name for name in environment() if name.startswith("PLAIT_")}
    assert told
    assert told <= known


# --- systemd --------------------------------------------------------------------------------------


def test_systemd_units_are_units(tmp_path: Path) -> None:
    for name in ("plait.service", "plait.socket"):
        text = text_of(name).replace("/srv/app/.venv/bin/plait", str(PLAIT))
        (tmp_path / name).write_text(text)
    command = [require_tool("systemd-analyze"), "verify", "--man=no"]
    said = run([*command, tmp_path / "plait.service", tmp_path / "plait.socket"])
    assert said == ""


def test_the_service_starts_what_there_is_and_waits_for_its_end() -> None:
    service = unit("plait.service")["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/plait")
    assert arguments[0] == "run"
    assert parsed(arguments[1:])["config"] == "/etc/plait/plait.toml"
    settings = tomllib.loads(text_of("plait.toml"))
    assert int(service["TimeoutStopSec"]) > settings["graceful-timeout"] + 10
    # what systemd hands over is listened on only if nothing else is said
    assert "bind" not in settings
    assert unit("plait.service")["Unit"]["Requires"] == "plait.socket"
    assert service["Type"] == "notify"
    assert service["KillMode"] == "mixed"


# --- containers -----------------------------------------------------------------------------------


def test_the_container_runs_plait_as_its_first_process() -> None:
    made = image()
    entry, arguments = json.loads(made["ENTRYPOINT"][0]), json.loads(made["CMD"][0])
    assert entry == ["/venv/bin/plait"]
    assert parsed(arguments)["target"] == "app:app"
    assert made["USER"] == ["10001"]
    assert set(made["EXPOSE"][0].split()) == {str(port) for port in ports_of_the_image().values()}
    told = environment()
    assert (told["PLAIT_ACCESS_LOG"], told["PLAIT_ACCESS_LOG_FORMAT"]) == ("-", "json")


def ports_of_the_image() -> dict[str, int]:
    """By the names that they have in the manifest."""
    told = environment()
    variables = {"h2c": "PLAIT_BIND", "health": "PLAIT_HEALTH_BIND", "metrics": "PLAIT_METRICS"}
    return {name: int(told[key].rpartition(":")[2]) for name, key in variables.items()}


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_manifests_agree_with_their_schemas(version: str) -> None:
    found = manifests()
    assert set(found) == {"Deployment", "Service", "PodDisruptionBudget"}
    for manifest in found.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_manifest_with_a_mistake_would_be_noticed() -> None:
    manifest = manifests()["Deployment"]
    manifest["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_a_pod_has_time_for_its_end() -> None:
    made = container()
    options = parsed(made["args"])
    needed = options["shutdown_delay"] + options["graceful_timeout"]
    assert made["pod"]["terminationGracePeriodSeconds"] > needed + 10
    # not ready is told, and heard, before nothing is accepted any more
    ready = made["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] < options["shutdown_delay"]


def test_a_pod_listens_where_it_is_asked() -> None:
    made = container()
    ports = {each["name"]: each["containerPort"] for each in made["ports"]}
    assert ports == ports_of_the_image()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert made[probe]["httpGet"]["port"] == "health"
    (port,) = manifests()["Service"]["spec"]["ports"]
    assert port["targetPort"] == "h2c"
    notes = manifests()["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert notes["prometheus.io/port"] == str(ports["metrics"])
    assert str(made["pod"]["securityContext"]["runAsUser"]) == image()["USER"][0]


def test_selectors_select() -> None:
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


# --- proxies --------------------------------------------------------------------------------------


@pytest.mark.interop
def test_haproxy_accepts_its_configuration(tmp_path: Path, tls_files: TLSFiles) -> None:
    path = adapted("haproxy.cfg", tmp_path, tls_files, {})
    run([require_tool("haproxy"), "-c", "-f", path])


@pytest.mark.interop
def test_nginx_accepts_its_configuration(tmp_path: Path, tls_files: TLSFiles) -> None:
    path = adapted("nginx.conf", tmp_path, tls_files, {443: 18_443})
    settings = f"error_log stderr; pid {tmp_path}/nginx.pid;"
    said = run([require_tool("nginx"), "-t", "-c", path, "-g", settings])
    assert "test is successful" in said


@pytest.mark.slow
@pytest.mark.interop
def test_envoy_accepts_its_configuration(tmp_path: Path, tls_files: TLSFiles) -> None:
    path = adapted("envoy.yaml", tmp_path, tls_files, {})
    said = run([require_tool("envoy"), "--mode", "validate", "-c", path, "--log-level", "error"])
    assert f"configuration '{path}' OK" in said
