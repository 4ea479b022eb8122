"""The demonstration site of `plait demo`: what multiplexing is, to look at."""

from plait.demo.handler import DemoHandler

__all__ = ["DemoHandler"]
