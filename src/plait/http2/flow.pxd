cdef long long _LARGEST
cdef long long _WORTH_A_FRAME

cdef class ReceiveWindow:
    cdef public long long available
    cdef public long long granted
    cdef public long long pending
    cdef public long long received
    cdef public long long size

    cpdef bint receive(self, long long octets)
    @cython.locals(increment="long long", given="long long")
    cpdef long long consume(self, long long octets)
    cpdef long long held(self)
    cpdef long long grant(self, long long octets)
    cpdef object resize(self, long long delta)

cpdef bint overflows(long long window, long long increment)
