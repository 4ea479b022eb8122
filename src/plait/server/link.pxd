from plait.http2.connection cimport Connection

cdef class Link:
    cdef public Connection engine
    cdef public object transport
    cdef public object loop
    cdef public object log
    cdef public bint logs_access
    cdef public tuple remote_address
    cdef public object peer
    cdef public bint can_push
    cdef public bint busy
    cdef public object calling
    cdef public list due_trailers

    cpdef object flush(self)
    cpdef object flush_soon(self)
