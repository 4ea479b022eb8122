cimport cython

cdef class _Now:
    cdef readonly long long second
    cdef readonly tuple field
    cdef readonly bytes line

cdef _Now _now

@cython.locals(second=cython.longlong)
cpdef _Now _current()
cpdef tuple date_field()
cpdef bytes date_line()
