"""plait measured beside its peers: ``python -m benchmarks`` prints and writes one table.

Every figure is CPU time of the process under test, or a count of octets or instructions, never
wall time (requests per second are shown for orientation only). What is compared is run in turns
within one session, A B A B, and the *ratio* is taken per round before the median: a machine that
slows down for a while slows both.

Engines run each in a worker process of their own (`benchmarks.worker`), servers each as they are
deployed, so nothing that is measured shares an interpreter with what measures it.
"""
