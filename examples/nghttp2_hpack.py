"""HPACK by hand: compress two headers, look at the table, decompress them again.

python -m plait.compat examples/nghttp2_hpack.py
"""

import binascii

import nghttp2

headers = [(b"foo", b"bar"), (b"baz", b"buz")]

deflater = nghttp2.HDDeflater()
block = deflater.deflate(headers)
print(binascii.b2a_hex(block))
nghttp2.print_hd_table(deflater.get_hd_table())

# The same headers again are two octets: both are in the table now.
again = deflater.deflate(headers)
print(binascii.b2a_hex(again))

inflater = nghttp2.HDInflater()
print(inflater.inflate(block))
print(inflater.inflate(again))
