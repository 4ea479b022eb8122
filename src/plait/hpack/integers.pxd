cimport cython

cdef unsigned long long _MAX

@cython.locals(
    value="unsigned long long", shift="unsigned int", end="size_t", octet="unsigned long long",
    packed="unsigned long long"
)
cpdef long long decode_continued(bytes data, size_t at, unsigned int prefix) except -1

cpdef Py_ssize_t encode_integer(
    bytearray out, size_t at, unsigned int first, unsigned int prefix, unsigned long long value
) except -1
