from plait.http2.stream cimport Stream

cdef class Scheduler:
    cdef public Py_ssize_t count
    cdef public Stream next
    cdef public list queues

    cpdef object add(self, Stream stream)
    cpdef object remove(self, Stream stream)
    cpdef Stream first(self)
    cpdef object rotate(self, Stream stream)
