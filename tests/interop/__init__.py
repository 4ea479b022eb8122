"""plait against other implementations."""
