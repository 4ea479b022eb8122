cdef class RequestHead:
    cdef public bytes method
    cdef public str version
    cdef public bytes path
    cdef public bytes host
    cdef public list fields
    cdef public long long content_length
    cdef public bint chunked
    cdef public bint keep_alive
    cdef public bytes protocol
    cdef public bytes settings
    cdef public bint expects_continue

    cpdef bint has_body(self)
