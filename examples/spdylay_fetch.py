"""A client: fetches URLs and writes down what comes on which stream.

python -m plait.compat examples/spdylay_fetch.py [--cafile CERT] URL...

Over TLS ALPN says which version is spoken; to http URLs SPDY/3.1.
"""

import ssl
import sys

import spdylay


class Print(spdylay.BaseSPDYStreamHandler):
    def on_header(self, nv):
        print(f"Stream#{self.stream_id}")
        for name, value in nv:
            print(f"  {name}: {value}")

    def on_data(self, data):
        sys.stdout.write(data.decode(errors="replace"))

    def on_error(self, error):
        print(f"{self.url}: {error}")

    def on_close(self, status_code):
        print(f"Stream#{self.stream_id} closed")


urls = sys.argv[1:]
context = version = None
if urls[:1] == ["--cafile"]:
    context = ssl.create_default_context(cafile=urls[1])
    urls = urls[2:]
if not urls:
    sys.exit(__doc__)
if urls[0].startswith("http:"):
    version = spdylay.PROTO_SPDY3_1
try:
    spdylay.urlfetch(urls, Print, context=context, version=version)
except spdylay.UrlFetchError as error:
    sys.exit(f"urlfetch: {error}")
