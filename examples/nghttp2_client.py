"""A client: fetches paths over one connection, all at once, and takes what is pushed.

python -m plait.compat examples/nghttp2_client.py PORT PATH...
"""

import sys

import nghttp2


class Response(nghttp2.BaseResponseHandler):
    def __init__(self, name):
        super().__init__()
        self.name = name
        self.length = 0

    def on_headers(self):
        print(self.name, self.status.decode())

    def on_data(self, data):
        self.length += len(data)

    def on_push_promise(self, push_promise):
        pushed = Response(f"{push_promise.path.decode()} (pushed)")
        open_responses.add(pushed)
        self.accept_push(push_promise, pushed)

    def on_close(self, error_code):
        print(self.name, self.length, "octets, error code", error_code)
        open_responses.discard(self)
        if not open_responses:
            client.loop.stop()


if len(sys.argv) < 3:
    sys.exit(__doc__)
open_responses = set()
client = nghttp2.HTTP2Client(("127.0.0.1", int(sys.argv[1])))
for path in sys.argv[2:]:
    response = Response(path)
    open_responses.add(response)
    client.send_request(url=path, handler=response)
client.loop.run_forever()
client.close()
client.loop.run_until_complete(client.wait_closed())
