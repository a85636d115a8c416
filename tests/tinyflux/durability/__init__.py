"""What the engine promises of disks, crashes and other processes: see docs/durability.md."""
