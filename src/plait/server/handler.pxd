from plait.server.link cimport Link

cdef class BaseRequestHandler:
    cdef public Link http2
    cdef public long long stream_id
    cdef public object remote_address
    cdef public object scheme
    cdef public object method
    cdef public object host
    cdef public object path
    cdef public object headers
    cdef public object status
    cdef public bint pushed
    cdef public bint _crumbs_joined
    cdef public object _sent_headers
    cdef public object _sent_body
    cdef public int _plan
    cdef public bint _failed
    cdef public object _work
    cdef object __weakref__

    cpdef object _log_access(self)
