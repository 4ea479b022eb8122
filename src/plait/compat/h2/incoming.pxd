from plait.http2.events cimport DataReceived as _Data, RequestReceived as _Request

cdef class Incoming:
    cdef object _connection
    cdef object _encoding
    cdef object _engine
    cdef long long _highest_told
    cdef bint _joins
    cdef set _undecodable
    cdef public object fault
    cdef public set lately_reset

    cpdef list events(self, list told)
    cdef object _request(self, _Request event, list events)
    cdef object _data(self, _Data event, list events)
