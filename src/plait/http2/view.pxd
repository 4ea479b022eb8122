from plait.http2.inbound cimport Inbound
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.streams cimport StreamTable
from plait.http2.submission cimport Submission

cdef class ConnectionView:
    cdef readonly object config
    cdef Inbound _inbound
    cdef Outbound _out
    cdef Session _session
    cdef StreamTable _streams
    cdef Submission _submission

    cpdef bint stream_is_open(self, object stream_id)
