cdef object _NOTHING

cdef class Done:
    pass
