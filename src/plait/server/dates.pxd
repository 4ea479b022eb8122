cimport cython

cdef class _Now:
    cdef readonly double begin
    cdef readonly double end
    cdef readonly tuple field
    cdef readonly bytes line

cdef _Now _now

@cython.locals(now=cython.double)
cpdef _Now _current()
cpdef tuple date_field()
cpdef bytes date_line()
