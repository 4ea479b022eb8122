cimport cython

cdef unsigned int _codes[257]
cdef unsigned short _lengths[257]
cdef unsigned short _short_prefixes[256]
cdef unsigned short _symbols[257]
cdef unsigned short _long_lengths[17]
cdef unsigned int _long_ends[17]
cdef int _long_offsets[17]

cdef unsigned long long _HELD
cdef list _spare
cdef size_t _SPARE_SIZE

@cython.locals(bits="size_t", octet="unsigned char")
cpdef Py_ssize_t huffman_length(bytes data) except -1

@cython.locals(
    held="unsigned long long", bits="unsigned int", length="unsigned int", octet="unsigned char",
    word="unsigned int", one="unsigned long long"
)
cpdef Py_ssize_t encode_huffman(bytearray out, size_t at, bytes data) except -1

@cython.locals(
    most="size_t", out=bytearray, start="const char*", size="size_t", held="unsigned long long", bits="unsigned int",
    found="unsigned int", length="unsigned int", word="unsigned int", padding="unsigned long long"
)
cpdef bytes decode_huffman(bytes data, size_t at, size_t end)

@cython.locals(
    window="unsigned int", kind="unsigned int", length="unsigned int", symbol="unsigned int"
)
cdef unsigned int _decode_long(unsigned long long held, unsigned int bits) except 0
