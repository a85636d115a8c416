"""Files with secrets that every user of the machine may read, told to the person who wrote them."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from daemon.config.brokers import BrokerConfig
from daemon.documents import Document


def readable_secrets(
    origin: Path, document: Document, brokers: Mapping[str, BrokerConfig]
) -> Iterator[str]:
    """One sentence for each file of a configuration that holds a secret and is open to all.

    Looks at the files' modes, at nothing in them.
    """
    for path in dict.fromkeys(_files(origin, document, brokers)):
        if _is_readable_by_all(path):
            yield (
                f"{path} holds a secret, and every user of this machine may read it; "
                f"chmod o-rwx {path}"
            )


def _files(origin: Path, document: Document, brokers: Mapping[str, BrokerConfig]) -> Iterator[Path]:
    yield origin.parent / "secrets.yaml"
    for name, broker in brokers.items():
        path = ("brokers", name, "password")
        if broker.password is not None and path not in document.hidden:
            yield Path(document.place(path).file or origin)
        if broker.password_file is not None:
            yield broker.password_file
        if broker.tls is not None and broker.tls.key is not None:
            yield broker.tls.key


def _is_readable_by_all(path: Path) -> bool:
    """Also not where its folder is closed, as the service's is."""
    try:
        is_open = path.stat().st_mode & stat.S_IROTH
        return bool(is_open and path.parent.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return False
