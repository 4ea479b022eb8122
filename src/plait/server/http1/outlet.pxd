cimport cython

cdef Py_ssize_t _HIGH

cdef class H1Outlet:
    cdef readonly object loop
    cdef public object transport
    cdef public bint paused
    cdef readonly long long octets_out
    cdef public list out
    cdef public long long out_octets
    cdef readonly object file
    cdef readonly long long file_left
    cdef public bytes behind
    cdef object __weakref__

    cpdef object put(self, bytes octets)
    cpdef bint has_room(self)
    @cython.locals(out=list, octets=cython.longlong)
    cpdef object write(self)
    cpdef object close_file(self)
