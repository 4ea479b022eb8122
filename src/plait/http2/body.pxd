cimport cython

cpdef object steady(object data)

cdef class Body:
    cdef public object chunks
    cdef public object read
    cdef public list trailers
    cdef public object cut
    cdef public Py_ssize_t cut_octets
    cdef public Py_ssize_t offset
    cdef public bint ends
    cdef public bint reading
    cdef public bint resumed
    cdef public bint starved

    cpdef object add(self, object data)
    cpdef bint has_octets(self)
    cpdef object take(self, Py_ssize_t most)
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t, size=Py_ssize_t)
    cpdef object slice(self, object chunks, Py_ssize_t most)
    cpdef object ask(self, Py_ssize_t most)
