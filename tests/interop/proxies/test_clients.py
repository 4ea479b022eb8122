"""Whom the applications see: the client behind a proxy that is trusted, else the proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.certs import TLSFiles

from .conftest import Instances
from .setting import CLIENT, PROXIES, Instance, haproxy, plait

pytestmark = pytest.mark.interop

LIES = {
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-proto": "ftp",
    "forwarded": "for=192.0.2.2;proto=ftp;host=example.com",
}


def seen(front: Any, scheme: str, version: str) -> dict[str, Any]:
    """What the application tells, when a client has told lies."""
    with front.client(scheme, version) as client:
        answer = client.get("/seen", headers=LIES).raise_for_status()
        assert answer.http_version == f"HTTP/{version}"
        found: dict[str, Any] = answer.json()
        return found


def test_haproxy_is_believed_and_nobody_else(
    instances: Instances, tls_files: TLSFiles, tmp_path: Path
) -> None:
    with haproxy([instances("app")], tmp_path, tls_files) as front:
        for scheme in ("http", "https"):
            told = seen(front, scheme, "2")
            assert told["client"] == [CLIENT, 0]
            assert (told["scheme"], told["http_version"]) == (scheme, "2")
            assert told["server"] == ["127.0.0.1", 8443]
            assert told["fields"]["host"] == "example.org"


@pytest.mark.slow
@pytest.mark.parametrize("behind", ["http", "https"])
@pytest.mark.parametrize("application", ["app", "wsgi"])
@pytest.mark.parametrize("name", PROXIES)
def test_a_trusted_proxy_tells_of_its_client(
    name: str,
    application: str,
    behind: str,
    instances: Instances,
    tls_files: TLSFiles,
    tmp_path: Path,
) -> None:
    proxy, version = PROXIES[name]
    instance = instances(application, secure=behind == "https")
    with proxy([instance], tmp_path, tls_files) as front:
        for scheme, spoken in (("http", "1.1"), ("https", "1.1"), ("https", "2")):
            told = seen(front, scheme, spoken)
            assert told["client"] == [CLIENT, 0]
            assert (told["scheme"], told["http_version"]) == (scheme, version)
            if "nghttpx" not in name:
                assert told["fields"]["host"] == "example.org"
            if "nghttpx" not in name and application == "app":
                assert told["server"] == ["127.0.0.1", 8443]


@pytest.mark.slow
@pytest.mark.parametrize("application", ["app", "wsgi"])
@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_that_is_not_trusted_is_the_client(
    name: str, application: str, instances: Instances, tls_files: TLSFiles, tmp_path: Path
) -> None:
    proxy, version = PROXIES[name]
    with proxy([instances(application, trusting=False)], tmp_path, tls_files) as front:
        told = seen(front, "https", "2")
        assert told["client"][0] == "127.0.0.1"
        assert told["client"][1] > 0
        assert (told["scheme"], told["http_version"]) == ("http", version)
        # what it tells is there to be read, and the client's lies are gone even so
        told_of = told["fields"].get("forwarded", "") + told["fields"].get("x-forwarded-for", "")
        assert CLIENT in told_of
        assert "192.0.2" not in told_of


# --- the PROXY protocol ---------------------------------------------------------------------------


def telling(instance: Instance, folder: Path, tls: TLSFiles, header: str, **options: Any) -> Any:
    """HAProxy with a PROXY header, and no word in the fields."""
    options.setdefault("lines", "retries 0")
    return haproxy([instance], folder, tls, server=header, forward=False, **options)


HEADERS = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options ssl,cert-cn,crc32c"]


@pytest.mark.slow
@pytest.mark.parametrize("application", ["app", "wsgi"])
def test_proxy_headers_name_the_client(
    application: str, tls_files: TLSFiles, tmp_path: Path
) -> None:
    options = ("--proxies=127.0.0.1", "--proxy-protocol")
    with plait(application, *options) as instance:
        for header in HEADERS:
            for version in ("2", "1.1"):
                with telling(instance, tmp_path, tls_files, header, version=version) as front:
                    for scheme in ("http", "https"):
                        told = seen(front, scheme, "2" if scheme == "https" else "1.1")
                        assert told["client"][0] == CLIENT
                        assert told["client"][1] > 0
                        assert told["http_version"] == version
                        # only with the option does the header tell of TLS
                        known = "ssl" in header
                        assert told["scheme"] == (scheme if known else "http")


@pytest.mark.slow
@pytest.mark.parametrize("header", HEADERS[:2])
def test_proxy_headers_before_tls(header: str, tls_files: TLSFiles, tmp_path: Path) -> None:
    options = ("--proxies=127.0.0.1", "--proxy-protocol")
    with (
        plait("app", *options, tls=tls_files) as instance,
        telling(instance, tmp_path, tls_files, header, mode="tcp") as front,
    ):
        for version in ("1.1", "2"):
            told = seen(front, "https", version)
            assert told["client"][0] == CLIENT
            assert told["server"] == ["127.0.0.1", front.secure]
            assert (told["scheme"], told["http_version"]) == ("https", version)


@pytest.mark.slow
def test_proxy_headers_of_strangers_are_refused(tls_files: TLSFiles, tmp_path: Path) -> None:
    with (
        plait("app", "--proxies=192.0.2.7", "--proxy-protocol") as instance,
        telling(instance, tmp_path, tls_files, "send-proxy") as front,
        front.client() as client,
    ):
        assert client.get("/seen").status_code in (502, 503)
    # nor is a header read where none is to be expected
    with (
        plait("app", "--proxies=127.0.0.1", "--no-http1") as instance,
        telling(instance, tmp_path, tls_files, "send-proxy-v2") as front,
        front.client() as client,
    ):
        assert client.get("/seen").status_code in (502, 503)
