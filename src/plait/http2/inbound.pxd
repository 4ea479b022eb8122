cimport cython
from plait.http2.blocks cimport FieldBlocks, unpadded_end
from plait.http2.control cimport ControlFrames
from plait.http2.flow cimport ReceiveWindow
from plait.http2.frames cimport uint32
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream

cdef int CONTINUATION
cdef int DATA
cdef int END_STREAM
cdef int HEADERS
cdef int PADDED
cdef int WINDOW_UPDATE
cdef int PUSH_PROMISE
cdef Py_ssize_t _HEADER
cdef Py_ssize_t _SMALL
cdef Py_ssize_t _MOST_BESIDE_BLOCK

cdef class Inbound:
    cdef public FieldBlocks blocks
    cdef public ControlFrames control
    cdef public bytearray partial
    cdef public Py_ssize_t preface_left
    cdef public Session session
    cdef public object unfinished
    cdef public double unfinished_since

    @cython.locals(session=Session, at=cython.Py_ssize_t, end=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef object feed(self, bytes data)
    @cython.locals(partial=bytearray)
    cpdef object watch_unfinished(self)
    cpdef Py_ssize_t skip_preface(self, bytes data) except -1
    @cython.locals(missing=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef Py_ssize_t complete(self, bytearray partial, bytes data, Py_ssize_t at) except -1
    cpdef object check_length(self, int frame_type, Py_ssize_t length)
    cpdef object on_frame(self, bytes data, Py_ssize_t at, Py_ssize_t length)
    @cython.locals(frame_type=cython.int, flags=cython.int, stream_id=cython.longlong, start=cython.Py_ssize_t, blocks=FieldBlocks)
    cpdef object dispatch(self, bytes data, Py_ssize_t at, Py_ssize_t length)
    @cython.locals(control=ControlFrames, payload=bytes)
    cpdef object dispatch_rest(self, bytes data, Py_ssize_t start, Py_ssize_t length, int frame_type, int flags, long long stream_id)
    @cython.locals(session=Session, at=cython.Py_ssize_t, end=cython.Py_ssize_t, size=cython.Py_ssize_t, stream=Stream)
    cpdef object on_data(self, bytes data, Py_ssize_t start, Py_ssize_t length, int flags, long long stream_id)
    cpdef object on_stray_data(self, Stream stream, Py_ssize_t length, long long stream_id)
    @cython.locals(session=Session, window=ReceiveWindow, size=cython.Py_ssize_t, owed=cython.Py_ssize_t, padding=cython.Py_ssize_t)
    cpdef object on_body(self, Stream stream, bytes payload, Py_ssize_t length, bint end_stream)
    cpdef ReceiveWindow window_of(self, Stream stream)
