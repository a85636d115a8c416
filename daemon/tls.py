"""The trust of one connection: which certificates are accepted, and which one we show."""

from __future__ import annotations

import ssl

from daemon.config import TlsConfig
from daemon.errors import EX_CONFIG, StartError

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(place: str, config: TlsConfig) -> ssl.SSLContext:
    """A context that follows the configuration; certificate and host name are checked by default.

    Raises StartError, with `place` as the section's key path, for a file that cannot be used.
    """
    context = _trusting(place, config)
    context.minimum_version = _VERSIONS[config.min_version]
    if config.cert is not None and config.key is not None:
        _show(context, place, config)
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(place: str, config: TlsConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config.ca)
    except OSError as error:
        raise StartError(
            f"{place}.ca: cannot use {config.ca}: {_reason(error)}; this is a file in PEM format "
            "that the collector's user can read",
            EX_CONFIG,
        ) from error
    if config.ca is not None:
        # The same on every Python: 3.13 refuses authorities without a key usage, as most recipes
        # for an authority at home make them, and accepts the broker's own certificate as `ca`.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _show(context: ssl.SSLContext, place: str, config: TlsConfig) -> None:
    """Load the client certificate. Raises StartError."""
    assert config.cert is not None
    secret = config.key_password
    # Given even where there is none: OpenSSL would ask for it on the terminal.
    password = "" if secret is None else secret.get_secret_value()
    try:
        context.load_cert_chain(config.cert, config.key, password=lambda: password)
    except (OSError, ValueError) as error:
        hint = "these are files in PEM format that the collector's user can read"
        reason = _reason(error)
        if "KEY_VALUES_MISMATCH" in str(error):
            hint = "the key is not the one of this certificate"
        elif isinstance(error, ssl.SSLError) and error.library is not None and _is_locked(config):
            wrong = "does not open it" if secret is not None else "is missing"
            hint = f"the key is encrypted, and {place}.key_password {wrong}"
        raise StartError(
            f"{place}.cert and key: cannot use {config.cert}, {config.key}: {reason}; {hint}",
            EX_CONFIG,
        ) from error


def _is_locked(config: TlsConfig) -> bool:
    assert config.key is not None
    try:
        return b"ENCRYPTED" in config.key.read_bytes()
    except OSError:
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return getattr(error, "strerror", None) or str(error)
