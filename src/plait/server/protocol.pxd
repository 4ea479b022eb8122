cimport cython
from plait.http2.connection cimport Connection
from plait.http2.events cimport (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from plait.server.exchanges cimport Exchanges

cdef int _OPENING
cdef int _SPEAKING
cdef int _LINGERING
cdef int _LOST
cdef Py_ssize_t _SMALL_READ

cdef class ServerProtocol(Exchanges):
    cdef readonly int phase
    cdef readonly long long octets_in
    cdef readonly long long peer_resets
    cdef readonly bytes opening
    cdef readonly bint leaving
    cdef readonly bint at_fault
    cdef readonly object watch
    cdef readonly object linger

    cpdef object data_received(self, data)
    @cython.locals(engine=Connection, events=list)
    cpdef object hear(self, bytes data)
    @cython.locals(kept=list)
    cpdef list without_withdrawn(self, Connection engine, list events)
    cpdef object rare_event(self, event)
    @cython.locals(engine=Connection, events=list)
    cpdef object flush(self)
