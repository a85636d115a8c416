"""The service on a booted system: in a container (systemd-nspawn) and in a virtual machine (qemu).

Not collected by pytest: `make test-nspawn` and `make test-vm`.
"""
