cdef class Peer:
    cdef public object client
    cdef public object server
    cdef public object tls
    cdef public dict context

cdef class Cycle:
    cdef object __weakref__

    cpdef object begin(self)
    cpdef object data(self, bytes data)
    cpdef object end(self, list trailers)
    cpdef object writable(self)
    cpdef object closed(self, error_code)
    cpdef object leaving(self)
