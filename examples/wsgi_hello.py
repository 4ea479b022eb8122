"""A WSGI application: a greeting, an upload that is counted, and a body made piece by piece.

plait wsgi_hello:app --app-dir examples
curl http://127.0.0.1:8080/world
curl --http2-prior-knowledge http://127.0.0.1:8080/numbers
"""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    if environ["PATH_INFO"] == "/numbers":
        return (b"%d\n" % number for number in range(1000))
    if environ["REQUEST_METHOD"] == "POST":
        octets = 0
        while piece := environ["wsgi.input"].read(65_536):
            octets += len(piece)
        return [b"%d octets\n" % octets]
    name = environ["PATH_INFO"][1:].encode("latin-1").decode() or "you"
    return [f"Hello, {name}!\n".encode()]
