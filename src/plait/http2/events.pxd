from plait.http2.heads cimport Head

cimport cython


cdef class Event:
    pass

cdef class RequestReceived(Event):
    cdef readonly bytes authority
    cdef readonly bint end_stream
    cdef readonly bint has_cookies
    cdef readonly list headers
    cdef readonly bytes method
    cdef readonly bytes path
    cdef readonly bytes scheme
    cdef readonly int stream_id

@cython.locals(event=RequestReceived)
cpdef RequestReceived request_received(long long stream_id, Head head, bint end_stream)

cdef class ResponseReceived(Event):
    cdef readonly bint end_stream
    cdef readonly list headers
    cdef readonly int status
    cdef readonly int stream_id

cdef class InformationalResponseReceived(Event):
    cdef readonly list headers
    cdef readonly int status
    cdef readonly int stream_id

cdef class TrailersReceived(Event):
    cdef readonly list headers
    cdef readonly int stream_id

cdef class DataReceived(Event):
    cdef readonly bytes data
    cdef readonly bint end_stream
    cdef readonly long long flow_controlled_length
    cdef readonly int stream_id

cdef class StreamReset(Event):
    cdef readonly object error_code
    cdef readonly bint late
    cdef readonly bint remote_reset
    cdef readonly str slug
    cdef readonly int stream_id

cdef class StreamClosed(Event):
    cdef readonly long long error_code
    cdef readonly bint spared
    cdef readonly int stream_id

@cython.locals(event=StreamClosed)
cpdef StreamClosed stream_closed(long long stream_id, long long error_code)

cdef class WindowUpdated(Event):
    cdef readonly long long delta
    cdef readonly int stream_id

cdef class RemoteSettingsChanged(Event):
    cdef readonly dict changed_settings

cdef class SettingsAcknowledged(Event):
    cdef readonly dict changed_settings

cdef class PingReceived(Event):
    cdef readonly bytes ping_data

cdef class PingAcknowledged(Event):
    cdef readonly bytes ping_data

cdef class PushedStreamReceived(Event):
    cdef readonly list headers
    cdef readonly int parent_stream_id
    cdef readonly int pushed_stream_id

cdef class PriorityUpdated(Event):
    cdef readonly bint incremental
    cdef readonly int stream_id
    cdef readonly int urgency

cdef class PriorityReceived(Event):
    cdef readonly long long depends_on
    cdef readonly bint exclusive
    cdef readonly bint in_headers
    cdef readonly long long stream_id
    cdef readonly long long weight


cdef class ConnectionTerminated(Event):
    cdef readonly bytes additional_data
    cdef readonly object error_code
    cdef readonly long long last_stream_id
    cdef readonly bint remote
    cdef readonly str slug
    cdef readonly long long stream_id

cdef class AlternativeServiceAvailable(Event):
    cdef readonly bytes field_value
    cdef readonly bytes origin
    cdef readonly int stream_id

cdef class OriginReceived(Event):
    cdef readonly list origins

cdef class UnknownFrameReceived(Event):
    cdef readonly int flags
    cdef readonly int frame_type
    cdef readonly bytes payload
    cdef readonly int stream_id
