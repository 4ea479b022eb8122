cimport cython
from plait.http2.body cimport Body
from plait.http2.ending cimport Ending
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable

cdef int CLOSED
cdef Py_ssize_t COPY_MAX
cdef Py_ssize_t _DIRECT_MAX
cdef Py_ssize_t DRIBBLE_MAX

cdef class Outbound(Ending):
    cdef public bint direct
    cdef public long long dribbled
    cdef public bint filling
    cdef public bint holds_heads
    cdef public long long remote_max_streams
    cdef public list source_errors
    cdef public list starved

    @cython.locals(pushed=cython.bint, behind=cython.bint, unread=cython.Py_ssize_t, waits=cython.bint)
    cpdef object send_head(self, Stream stream, list fields, bint end_stream)
    cpdef object keep_head(self, Stream stream, list fields, bint end_stream)
    cpdef object require_room_for_push(self)
    @cython.locals(waiting=cython.Py_ssize_t)
    cpdef Py_ssize_t unread_octets(self) except -1
    @cython.locals(stream=Stream, body=Body, streams=StreamTable, full=cython.bint, waiting=cython.bint, ordered=list, waiting_streams=list)
    cpdef object flush_heads(self)
    @cython.locals(length=cython.Py_ssize_t, body=Body)
    cpdef object send_octets(self, Stream stream, object data, bint end_stream)
    cpdef object body_grew(self, Stream stream, Body body)
    @cython.locals(stream=Stream)
    cpdef object fill(self, Py_ssize_t limit)
    @cython.locals(body=Body, most=cython.longlong, length=cython.Py_ssize_t, waits=cython.bint, ends=cython.bint)
    cpdef object serve(self, Stream stream)
    cpdef object defer(self, Stream stream, Body body)
    cpdef object set_aside(self, Stream stream, Body body)
    @cython.locals(stream=Stream)
    cpdef object feed_starved(self)
    @cython.locals(body=Body)
    cpdef object revive(self, Stream stream)
    @cython.locals(body=Body)
    cpdef object resume(self, Stream stream)
    cpdef object source_failed(self, Stream stream, object error)
    cpdef bint wants_write(self)
    cpdef bint has_sendable_heads(self)
    cpdef object require_sendable(self, Stream stream, str what)
