cimport cython
from plait.http2.body cimport Body, steady
from plait.http2.fields cimport outgoing_fields
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable

cdef int IDLE
cdef dict _FINAL

cdef class Answer:
    cdef readonly list fields
    cdef readonly tuple head
    cdef readonly list ready

cdef class _Last:
    cdef public Answer answer

cdef _Last _last

cdef class Submission:
    cdef readonly bint checks
    cdef readonly set early
    cdef readonly Outbound out
    cdef readonly Session session
    cdef readonly StreamTable streams

    # The ids that callers give are objects: a number of any size is theirs to give.
    @cython.locals(stream=Stream, status=bytes)
    cpdef object response(self, object stream_id, list fields, object body)
    @cython.locals(stream=Stream, fields=list, status=bytes)
    cpdef object headers(self, object stream_id, object headers, bint end_stream)
    cpdef object interim(self, Stream stream, list fields, bint end_stream)
    cpdef object trailers(self, Stream stream, list fields, bint end_stream)
    @cython.locals(stream=Stream)
    cpdef object data(self, object stream_id, object data, bint end_stream)
    @cython.locals(stream=Stream, body=Body)
    cpdef bint end_source(self, object stream_id) except -1
    @cython.locals(stream=Stream)
    cpdef Stream bodied(self, object stream_id)
    @cython.locals(body=Body)
    cpdef object attach(self, Stream stream, object read, bint end_stream)
    cpdef list section(self, object fields, bint pseudo)
    cpdef bint push_enabled(self)
    cpdef bint can_open_stream(self)
    @cython.locals(stream=Stream)
    cpdef Stream living(self, object stream_id)
    cpdef object require_open(self)

cpdef bint is_empty(bytes status)
cpdef Body body_of(Stream stream)
@cython.locals(head=tuple, ready=list, last=Answer, fields=list)
cpdef list response_fields(object status, object headers)

@cython.locals(name=bytes, status=bytes, first=cython.int, at=cython.Py_ssize_t)
cpdef bytes status_of(list fields)
