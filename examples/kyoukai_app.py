"""An application for Kyoukai's HTTP/2 backend: Werkzeug's requests and responses, awaited.

python -m plait.compat examples/kyoukai_app.py KEY CERT [PORT]
curl --http2 --insecure -d name=plait https://127.0.0.1:4444/hello
"""

import asyncio
import logging
import sys

from kyoukai.backends.http2 import H2KyoukaiComponent, Request, Response


class Application:
    """What the backend needs of an application."""

    request_class = Request
    server_name = None
    loop = None

    def finalize(self):
        """Called once, before the server listens."""

    async def process_request(self, request, parent_context):
        if request.path == "/hello":
            await request.read_async()  # after this, form and data are there
            return Response(f"Hello, {request.form.get('name', 'world')}!\n")
        if request.path == "/count":
            return Response(f"{number}\n" for number in range(1000))
        if request.path == "/sum":
            octets = 0
            while chunk := await request.read_async(to_end=False):
                octets += len(chunk)
            return Response(f"{octets}\n")
        return Response("There is nothing here.\n", 404)


async def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    logging.basicConfig(level=logging.INFO)
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 4444
    component = H2KyoukaiComponent(Application(), sys.argv[1], sys.argv[2], port=port)
    await component.start()
    print(f"https://127.0.0.1:{component.port}/", flush=True)
    await component.server.serve_forever()


asyncio.run(main())
