"""A background collector: MQTT messages and sensor polls become points in one CSV file.

The daemon knows the engine (`tinyflux`); the engine never knows the daemon.
"""
