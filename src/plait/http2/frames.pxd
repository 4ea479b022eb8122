cimport cython

cdef bytes _EMPTY_HEADER

@cython.locals(start=cython.Py_ssize_t)
cpdef object append_header(bytearray out, Py_ssize_t length, int frame_type, int flags, long long stream_id)
cpdef object write_header(bytearray out, Py_ssize_t start, Py_ssize_t length, int frame_type, int flags, long long stream_id)
cpdef object append_uint32(bytearray out, long long value)
@cython.locals(first="long long")
cpdef long long uint32(bytes data, Py_ssize_t at)
cpdef object append_rst_stream(bytearray out, long long stream_id, long long error_code)
cpdef object append_window_update(bytearray out, long long stream_id, long long increment)
