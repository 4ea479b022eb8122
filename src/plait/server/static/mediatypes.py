"""Media types by file name.

The table below comes first, then the one that Python carries. The system's own tables are left
out on purpose: the same directory is served the same way on every machine.
"""

from __future__ import annotations

import mimetypes
from functools import lru_cache

_DEFAULT = "application/octet-stream"

# What the web of today uses and Python's table lacks, has otherwise, or differs by version.
_TYPES = {
    "7z": "application/x-7z-compressed",
    "apng": "image/apng",
    "avif": "image/avif",
    "br": "application/x-brotli",
    "cjs": "text/javascript",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gz": "application/gzip",
    "heic": "image/heic",
    "ico": "image/x-icon",
    "ics": "text/calendar",
    "js": "text/javascript",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "log": "text/plain",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "map": "application/json",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mkv": "video/x-matroska",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "rst": "text/x-rst",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "toml": "application/toml",
    "ttf": "font/ttf",
    "vtt": "text/vtt",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "xz": "application/x-xz",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
    "zst": "application/zstd",
}

# `filenames=()` keeps the system's files out.
_PYTHON = mimetypes.MimeTypes(filenames=()).types_map[True]


@lru_cache(maxsize=1024)
def content_type(name: str) -> bytes:
    """Return the value of `Content-Type` for a file of this name.

    Text is said to be UTF-8. A file of unknown type is `application/octet-stream`, which browsers
    save rather than run.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem or not dot:
        return _DEFAULT.encode()
    extension = extension.lower()
    media_type = _TYPES.get(extension) or _PYTHON.get("." + extension, _DEFAULT)
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return media_type.encode()
