cdef class ThreadPool:
    cdef Py_ssize_t _threads
    cdef Py_ssize_t _most
    cdef object _lock
    cdef object _jobs
    cdef readonly list _idle
    cdef list _started
    cdef Py_ssize_t _left
    cdef bint _called
    cdef object _emptied

    cpdef bint submit(self, job) except? 0
    cpdef bint withdraw(self, job) except? 0
    cpdef object _call(self)
    cpdef object _next(self, bint called, bell)
