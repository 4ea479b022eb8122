cimport cython
from plait.http2.stream cimport Stream, new_stream

cdef int CLOSED

cdef class StreamTable:
    cdef public bint is_server
    cdef public long long left_out
    cdef public dict living
    cdef public Py_ssize_t local_count
    cdef public Py_ssize_t remote_count
    cdef public long long highest_remote
    cdef public long long next_local
    cdef public object reset_by_us
    cdef public list gaps

    cpdef bint is_remote(self, long long stream_id)
    cpdef bint is_idle(self, long long stream_id)
    @cython.locals(expected=cython.longlong, stream=Stream)
    cpdef Stream open_remote(self, long long stream_id, long long send_window)
    @cython.locals(stream=Stream)
    cpdef Stream open_local(self, long long send_window)
    cpdef object skip_to(self, long long stream_id)
    cpdef object count(self, Stream stream)
    cpdef object forget(self, Stream stream)
    cpdef object remember_reset(self, long long stream_id)
    cpdef bint was_reset_by_us(self, long long stream_id)
    cpdef bint was_skipped(self, long long stream_id)
    @cython.locals(stream=Stream)
    cpdef bint is_open(self, object stream_id)
