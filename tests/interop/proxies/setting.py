"""Proxies in front of plait: each a process, with a port in clear text and one for TLS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port

HERE = Path(__file__).parent

# The proxies see clients here, and themselves come from 127.0.0.1.
CLIENT = "127.0.0.2"


@dataclass(frozen=True)
class Instance:
    """`plait`, serving one of the applications."""

    process: Background
    port: int
    tls: TLSFiles | None = None


@contextmanager
def plaits(
    number: int, name: str, *options: str | Path, tls: TLSFiles | None = None
) -> Iterator[list[Instance]]:
    """So many instances, for `application:app` or `application:wsgi`."""
    secure = [f"--certfile={tls.cert}", f"--keyfile={tls.key}"] if tls else []
    command = [sys.executable, "-m", "plait", f"application:{name}", f"--app-dir={HERE}"]
    command += ["--bind=127.0.0.1:0", *map(str, [*secure, *options])]
    with ExitStack() as stack:
        processes = [stack.enter_context(Background(command)) for _ in range(number)]
        serving = r"^plait: serving .* on https?://[^ ]*:(\d+)/ "
        ports = [int(process.wait_for(serving)[1]) for process in processes]
        yield [Instance(*each, tls) for each in zip(processes, ports, strict=True)]
        for process in processes:
            assert "Traceback" not in process.output, process.output


@contextmanager
def plait(name: str, *options: str | Path, tls: TLSFiles | None = None) -> Iterator[Instance]:
    """One instance, which has to live to the end."""
    with plaits(1, name, *options, tls=tls) as (instance,):
        yield instance
        assert instance.process.process.poll() is None, instance.process.output


class Front(NamedTuple):
    """Where a proxy listens."""

    clear: int
    secure: int
    tls: TLSFiles
    process: Background

    def url(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self.secure if scheme == 'https' else self.clear}"

    def client(self, scheme: str = "http", version: str = "1.1") -> httpx.Client:
        """A client at `CLIENT`, that speaks one version of HTTP."""
        two = version == "2"
        transport = httpx.HTTPTransport(
            verify=self.tls.client_context(), http1=not two, http2=two, local_address=CLIENT
        )
        return httpx.Client(transport=transport, base_url=self.url(scheme), timeout=20)


Proxy = Callable[..., AbstractContextManager[Front]]


@contextmanager
def begun(command: Callable[[int, int], Sequence[str | Path]], tls: TLSFiles) -> Iterator[Front]:
    """A proxy that listens on two free ports; if somebody else was quicker, on two others."""
    for attempt in range(5):
        clear, secure = free_port(), free_port()
        with Background(command(clear, secure)) as process:
            try:
                process.wait_for_port(clear)
                process.wait_for_port(secure)
            except AssertionError:
                if attempt == 4:
                    raise
                continue
            yield Front(clear, secure, tls, process)
            assert process.process.poll() is None, process.output
            return


def haproxy(
    instances: Sequence[Instance],
    folder: Path,
    tls: TLSFiles,
    *,
    version: str = "2",
    server: str = "",
    mode: str = "http",
    lines: str = "",
    forward: bool = True,
) -> AbstractContextManager[Front]:
    """HAProxy.

    It speaks HTTP/2 to plait, or version "1.1". `server` is what is said besides of each instance,
    `lines` of all of them; `forward` lets it tell of its clients.
    """
    both = folder / "site.pem"
    both.write_text(tls.cert.read_text() + tls.key.read_text())
    way = server
    if mode == "http" and secure_behind(instances):
        way += f" ssl ca-file {tls.cert} alpn {'h2' if version == '2' else 'http/1.1'}"
    elif mode == "http" and version == "2":
        way += " proto h2"
    servers = "\n".join(
        f"    server number{n} 127.0.0.1:{each.port} {way}" for n, each in enumerate(instances)
    )
    rules = """
    http-request del-header forwarded
    http-request set-header x-forwarded-proto %[ssl_fc,iif(https,http)]
    http-request set-header x-forwarded-for %[src]
    http-request set-header x-forwarded-host example.org
    http-request set-header x-forwarded-port 8443
"""

    def command(clear: int, secure: int) -> list[str | Path]:
        path = folder / "haproxy.cfg"
        second = f"ssl crt {both} alpn h2,http/1.1" if mode == "http" else ""
        path.write_text(f"""
global
    stats socket {folder}/admin level admin
defaults
    mode {mode}
    option abortonclose
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout tunnel 20s
    timeout check 5s
frontend clients
    bind 127.0.0.1:{clear}
    bind 127.0.0.1:{secure} {second}
    {rules if forward and mode == "http" else ""}
    default_backend plait
backend plait
    {lines}
{servers}
""")
        return [require_tool("haproxy"), "-db", "-f", path]

    return begun(command, tls)


def secure_behind(instances: Sequence[Instance]) -> bool:
    """Whether the proxy has to speak TLS to them."""
    return any(each.tls is not None for each in instances)


def nghttpx(
    instances: Sequence[Instance], folder: Path, tls: TLSFiles, *, proto: str = "h2"
) -> AbstractContextManager[Front]:
    """nghttpx, which tells of its clients by `Forwarded`."""
    del folder

    def command(clear: int, secure: int) -> list[str | Path]:
        behind = [
            f"--backend=127.0.0.1,{each.port};;proto={proto}"
            + (";tls;sni=localhost" if each.tls else "")
            for each in instances
        ]
        return [
            *(require_tool("nghttpx"), "--conf=/dev/null", "--no-ocsp", "--workers=1", *behind),
            *(f"--frontend=127.0.0.1,{clear};no-tls", f"--frontend=127.0.0.1,{secure}"),
            *(f"--cacert={tls.cert}", "--strip-incoming-forwarded", "--forwarded-for=ip"),
            *("--add-forwarded=for,proto,host", "--strip-incoming-x-forwarded-for"),
            tls.key, tls.cert,
        ]  # fmt: skip

    return begun(command, tls)


def nginx(
    instances: Sequence[Instance], folder: Path, tls: TLSFiles, *, grpc: bool = False
) -> AbstractContextManager[Front]:
    """nginx: HTTP/1.1 to plait, or `grpc_pass`, its only way to speak HTTP/2 to what is behind."""
    secure = secure_behind(instances)
    check = f"proxy_ssl_trusted_certificate {tls.cert}; proxy_ssl_verify on;" if secure else ""
    passing = f"""
            proxy_pass http{"s" if secure else ""}://plait;
            proxy_http_version 1.1;
            {check}
            proxy_ssl_name localhost;
            proxy_ssl_server_name on;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header Forwarded "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host example.org;
            proxy_set_header X-Forwarded-Port 8443;
            proxy_set_header X-Forwarded-Proto $scheme;
"""
    if grpc:
        passing = f"grpc_pass grpc{'s' if secure else ''}://plait;"
    servers = " ".join(f"server 127.0.0.1:{each.port};" for each in instances)

    def command(clear: int, secured: int) -> list[str | Path]:
        path = folder / "nginx.conf"
        path.write_text(f"""
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    client_max_body_size 0;
    proxy_request_buffering off;
    proxy_buffering off;
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    upstream plait {{ {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{clear}{" http2" if grpc else ""};
        listen 127.0.0.1:{secured} ssl http2;
        ssl_certificate {tls.cert}; ssl_certificate_key {tls.key};
        location / {{ {passing} }}
    }}
}}
""")
        return [require_tool("nginx"), "-e", "stderr", "-p", folder, "-c", path]

    return begun(command, tls)


def over_http1(proxy: Any, **options: Any) -> Proxy:
    """A proxy that is told to speak HTTP/1.1 to plait."""

    def begin(instances: Any, folder: Path, tls: TLSFiles) -> AbstractContextManager[Front]:
        found: AbstractContextManager[Front] = proxy(instances, folder, tls, **options)
        return found

    return begin


# By name: the proxy, and the version of HTTP that it speaks to plait.
PROXIES: dict[str, tuple[Proxy, str]] = {
    "haproxy": (haproxy, "2"),
    "haproxy over HTTP/1.1": (over_http1(haproxy, version="1.1"), "1.1"),
    "nghttpx": (nghttpx, "2"),
    "nghttpx over HTTP/1.1": (over_http1(nghttpx, proto="http/1.1"), "1.1"),
    "nginx": (nginx, "1.1"),
}
