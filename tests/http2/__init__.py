"""Tests of the HTTP/2 engine, written from the RFCs; `frames` and `script` know nothing of it."""
