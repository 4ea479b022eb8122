cimport cython

cdef bint _EAGER
cdef object _Task
cdef object _enter_task
cdef object _leave_task

cpdef object start(loop, call)
cpdef object failure(task)

cdef class FirstStep:
    cdef readonly list asked

@cython.locals(own=dict, first=FirstStep)
cdef object _started(loop, call)
