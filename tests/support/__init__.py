"""Real parts that several test folders share: brokers, ports, processes."""
