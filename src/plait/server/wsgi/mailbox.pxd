cimport cython

cdef class Mailbox:
    cdef readonly object loop
    cdef object _calls
    cdef bint _woken

    cpdef object post(self, receiver, function, tuple arguments)
    cpdef object post_answer(self, receiver)
    cpdef object _wake(self)
    @cython.locals(count=Py_ssize_t)
    cpdef object _empty(self)
