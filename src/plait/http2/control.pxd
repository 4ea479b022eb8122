cimport cython
from plait.http2.blocks cimport FieldBlocks
from plait.http2.flow cimport overflows
from plait.http2.frames cimport uint32
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream

cdef int HALF_CLOSED_LOCAL
cdef int RESERVED_REMOTE

cdef class ControlFrames:
    cdef public FieldBlocks blocks
    cdef public Session session
    cdef public bint settings_received

    @cython.locals(session=Session, out=Outbound, stream=Stream, increment=cython.longlong)
    cpdef object on_window_update(self, bytes data, Py_ssize_t start, Py_ssize_t length, long long stream_id)
    @cython.locals(session=Session, stream=Stream, answered=cython.bint)
    cpdef object on_rst_stream(self, bytes payload, long long stream_id)
