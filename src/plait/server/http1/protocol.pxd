from plait.server.http1.conversation cimport Conversation

cdef class HTTP1Protocol(Conversation):
    cdef readonly tuple remote_address
    cdef readonly long long octets_in
    cdef readonly dict refusals
    cdef readonly bint at_fault
    cdef readonly object watch
    cdef readonly object linger

    cpdef object data_received(self, bytes data)
