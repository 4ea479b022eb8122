"""An application that wants to leave, in a process that serves it."""

from __future__ import annotations

import signal

import httpx
import pytest

from plait.process.looping import run_to_its_end

from .services import Service

LEAVING = """
import asyncio, sys

async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/later":
        await asyncio.sleep(0)
    if scope["path"] != "/":
        sys.exit("had enough")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"still here"})
"""


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_leaving_is_a_failure_of_one_request(tmp_path, options):
    (tmp_path / "application.py").write_text(LEAVING)
    arguments = ("application:app", "--bind", "127.0.0.1:0", "--lifespan", "off", *options)
    with Service(*arguments, cwd=tmp_path) as service:
        url = f"http://127.0.0.1:{service.port()}"
        with httpx.Client(http1=False, http2=True, trust_env=False, timeout=20) as client:
            for path in ("/now", "/later"):
                assert client.get(url + path).status_code == 500
                assert client.get(url + "/").text == "still here"
        assert service.stop(signal.SIGTERM) == 0
        assert service.output.count("wants to leave by SystemExit('had enough')") == 2


def test_what_is_raised_by_the_server_itself_counts():
    async def fail():
        raise ValueError("the server's")

    async def leave():
        raise SystemExit(3)

    with pytest.raises(ValueError, match="the server's"):
        run_to_its_end(fail())
    with pytest.raises(SystemExit):
        run_to_its_end(leave())
