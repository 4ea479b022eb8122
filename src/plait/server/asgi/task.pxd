cdef bint _EAGER
cdef object _Task

cpdef object start(loop, call)
cpdef object failure(task)
