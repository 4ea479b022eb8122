cimport cython

cdef Entry _GONE
cdef list _NO_ENTRIES
cdef Py_ssize_t _SLACK

@cython.locals(entry=Entry)
cpdef Entry make_entry(field, bytes name, bytes value, kind)

@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Entry:
    cdef readonly object field
    cdef readonly bytes name
    cdef readonly object kind
    cdef readonly Py_ssize_t size
    cdef readonly bint is_cookie
    cdef long long older

    cdef int fill(self, field, bytes name, bytes value, kind) except -1

@cython.final
cdef class DynamicTable:
    cdef readonly Py_ssize_t limit
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t count
    cdef readonly long long added
    cdef Py_ssize_t first
    cdef list entries

    cpdef int add(self, Entry entry) except -1
    cpdef int resize(self, Py_ssize_t limit) except -1
    cpdef int evict(self, Py_ssize_t target) except -1
    cpdef int push(self, Entry entry) except -1
    @cython.locals(entries=list, entry=Entry)
    cpdef Entry pop(self)
