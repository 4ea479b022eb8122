cdef class Application:
    cdef readonly object app
    cdef readonly str root_path
    cdef readonly bytes raw_root
    cdef public dict state
    cdef readonly set running
    cdef readonly dict targets

    cpdef tuple target(self, bytes target)
    cpdef object keep(self, task)
