"""The environ of a request (PEP 3333, "environ Variables").

What is the same for all requests of a connection is made once, and copied.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .files import FileWrapper
from .types import Environ

if TYPE_CHECKING:
    from plait.server.host import Exchange, Field, Peer

_log = logging.getLogger("plait.wsgi")

# Keys by field name, for names that were seen before. A client could send new names for ever, and
# long ones, hence the bounds; and what one has sent must not stay for good, hence all are forgotten
# when there are too many.
_keys: dict[bytes, str] = {}
_MOST_KEYS = 512
_LONGEST = 64

# These have keys of their own, and a meaning only if there is one of them.
_SINGLE = frozenset(("CONTENT_TYPE", "CONTENT_LENGTH"))

_CONTEXT = "plait.wsgi"


def add_fields(environ: Environ, fields: Iterable[Field]) -> None:
    """Add a request's header fields.

    Repeated ones are joined: by ``"; "`` for cookies (RFC 9113 §8.2.3), otherwise by a comma. A
    name with an underscore is left out, for its key would be another field's: ``x_real_ip`` would
    pass for the ``x-real-ip`` that a proxy vouches for.
    """
    for name, value in fields:
        key = _keys.get(name)
        if key is None:
            key = _new_key(name)
        if not key:
            _log.debug("left out a field whose name has an underscore: %r", name)
            continue
        text = value.decode("latin-1")
        before = environ.get(key)
        if before:
            if key in _SINGLE:
                continue
            separator = "; " if key == "HTTP_COOKIE" else ","
            text = before + separator + text
        environ[key] = text


def _new_key(name: bytes) -> str:
    """Return the key for a field name, and remember it; "" if the field is left out."""
    if b"_" in name or name[:1] == b":":
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    if key not in _SINGLE:
        key = "HTTP_" + key
    if len(name) <= _LONGEST:
        if len(_keys) >= _MOST_KEYS:
            _keys.clear()
        _keys[name] = key
    return key


def decoded_path(path: bytes) -> str:
    """Return octets of a path as WSGI wants them: each as the character of its number."""
    if b"%" in path:
        path = unquote_to_bytes(path)
    return path.decode("latin-1")


class EnvironMaker:
    """Makes environs for one host.

    :param root_path: where the application is mounted; becomes SCRIPT_NAME.
    :param multithread: whether it may be called in several threads at once.
    :param multiprocess: whether other processes serve it, too.
    """

    def __init__(self, root_path: str, multithread: bool, multiprocess: bool) -> None:
        self._root = root_path.encode().decode("latin-1")
        self._common: Environ = {
            "CONTENT_TYPE": "",
            "CONTENT_LENGTH": "",
            "SCRIPT_NAME": self._root,
            "wsgi.version": (1, 0),
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
        }

    def environ(self, exchange: Exchange) -> Environ:
        """Return the environ of a request, all but ``wsgi.input`` and what can be called."""
        version, method, scheme_octets, target, fields, peer, _ = exchange.told()
        # Who made it stands beside it: the peer that a proxy tells of may share the connection's
        # context.
        known: tuple[Peer, Environ] | None = peer.context.get(_CONTEXT)
        if known is None or known[0] is not peer:
            known = peer.context[_CONTEXT] = (peer, self._template(peer))
        environ = known[1].copy()
        path, _, query = target.partition(b"?")
        environ["REQUEST_METHOD"] = method.decode("latin-1")
        environ["PATH_INFO"] = self._path_info(path)
        environ["QUERY_STRING"] = query.decode("latin-1")
        environ["REQUEST_URI"] = environ["RAW_URI"] = target.decode("latin-1")
        environ["SERVER_PROTOCOL"] = "HTTP/2.0" if version == "2" else "HTTP/" + version
        scheme = scheme_octets.decode("latin-1")
        environ["wsgi.url_scheme"] = scheme
        if scheme == "https":
            environ["HTTPS"] = "on"
        if "SERVER_PORT" not in environ:
            environ["SERVER_PORT"] = "443" if scheme == "https" else "80"
        environ["wsgi.errors"] = sys.stderr
        add_fields(environ, fields)
        return environ

    def _path_info(self, path: bytes) -> str:
        """Return the path below the mount point, whether or not a proxy has cut that off."""
        # OPTIONS * has no path that WSGI could tell; REQUEST_URI shows it.
        text = "" if path == b"*" else decoded_path(path)
        root = self._root
        if root and (text == root or text.startswith(root + "/")):
            return text[len(root) :]
        return text

    def _template(self, peer: Peer) -> Environ:
        """Return what the requests of a connection have in common."""
        template = self._common.copy()
        server, client = peer.server, peer.client
        template["SERVER_NAME"] = "localhost"
        if server is not None and server[1] is not None:
            template["SERVER_NAME"] = server[0]
            template["SERVER_PORT"] = str(server[1])
        template["REMOTE_ADDR"] = "" if client is None else client[0]
        if client is not None:
            template["REMOTE_PORT"] = str(client[1])
        return template
