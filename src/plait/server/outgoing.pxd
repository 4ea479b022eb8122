cimport cython

cdef Py_ssize_t _HIGH
cdef Py_ssize_t _LOW
cdef Py_ssize_t _FILE_PIECE

cdef class Outgoing:
    cdef object _went_down
    cdef object _chunks
    cdef object _cut
    cdef Py_ssize_t _cut_octets
    cdef Py_ssize_t _offset
    cdef Py_ssize_t _waiting
    cdef bint _paused
    cdef object _file
    cdef Py_ssize_t _left
    cdef public bint ended

    @cython.locals(size=Py_ssize_t)
    cpdef bint write(self, data) except? 0
    cpdef bint has_room(self)
    cpdef tuple read(self, Py_ssize_t most)
    @cython.locals(size=Py_ssize_t, start=Py_ssize_t, end=Py_ssize_t)
    cpdef object _next(self, chunks, Py_ssize_t most)
    cpdef object _low(self)
    cpdef object _read_file(self, file)
