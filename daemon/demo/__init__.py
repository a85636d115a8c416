"""Simulated devices, the configuration that collects from them, and what is said at the end."""

from daemon.demo.files import demo_config_text, put_config
from daemon.demo.simulation import Simulation
from daemon.demo.summary import query_lines, summary

__all__ = ["Simulation", "demo_config_text", "put_config", "query_lines", "summary"]
