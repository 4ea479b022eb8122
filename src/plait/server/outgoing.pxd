cimport cython

cdef Py_ssize_t _HIGH
cdef Py_ssize_t _LOW
cdef Py_ssize_t _FILE_PIECE

cdef class Outgoing:
    cdef object _went_down
    cdef object _chunks
    cdef Py_ssize_t _waiting
    cdef bint _paused
    cdef object _file
    cdef Py_ssize_t _left
    cdef public bint ended

    @cython.locals(size=Py_ssize_t)
    cpdef bint write(self, data) except? 0
    @cython.locals(size=Py_ssize_t)
    cpdef tuple read(self, Py_ssize_t most)
    cpdef object _low(self)
    cpdef object _read_file(self, file)
