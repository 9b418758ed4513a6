"""Which certificates are trusted: those that the environment names, else the system's, else those that httpx brings.

`SSL_CERT_FILE`, or without it `SSL_CERT_DIR`, stands in place of all others. The system's are taken where the package
`truststore` is installed: a company's proxy that opens TLS has its certificate there.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import httpx

from seedream_magic.errors import ConfigError, reason_of
from seedream_magic.words import network as texts

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The first that is set counts."""
FOREIGN_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What requests and curl read, and this client does not."""
TRUSTSTORE = '%pip install "seedream-magic[truststore]"'
_HASHED = re.compile(r"[0-9a-f]{8}\.\d", re.IGNORECASE)


def named_certificates() -> tuple[str, str] | None:
    """The variable that says which certificates are trusted, and the file or folder that it names; None without one."""
    return next(((name, os.environ[name].strip()) for name in VARIABLES if os.environ.get(name, "").strip()), None)


def has_truststore() -> bool:
    """Whether the certificates of the system are taken where no variable names others."""
    return find_spec("truststore") is not None


def environment_certificates() -> ssl.SSLContext:
    """The trusted certificates. Raises `ConfigError`, which names the variable, for those that cannot be used."""
    named = named_certificates()
    if named is None:
        return _trusted()
    try:
        found, why = _trusted(*named), complaint(*named) if named[0] == "SSL_CERT_DIR" else ""
    except OSError as exc:  # of a folder that has none, or is none, nothing is raised
        why = complaint(*named) or texts.CANNOT_BE_USED(why=reason_of(exc))
    if why:
        raise ConfigError(texts.NAMES(variable=named[0], path=named[1][:200], why=why), hint=unset_hint(named[0]))
    return found


def unset_hint(name: str) -> str:
    """What to do about a variable that names what cannot be used."""
    return texts.CORRECT_OR_EMPTY(variable=name)


def complaint(variable: str, named: str) -> str:
    """Why the certificates that a variable names cannot be used, "" where they can."""
    return _folder_complaint(named) if variable == "SSL_CERT_DIR" else _file_complaint(named)


def _file_complaint(named: str) -> str:
    place = Path(named)
    if not place.exists():
        return texts.NO_SUCH_FILE()
    if place.is_dir():
        return texts.IS_FOLDER()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(named)
    except ssl.SSLError:
        return texts.NO_CERTIFICATE()
    except OSError as exc:
        return texts.CANNOT_BE_READ(why=reason_of(exc))
    return ""


def _folder_complaint(named: str) -> str:
    folders = [Path(folder) for folder in named.split(os.pathsep)]
    if any(map(_holds_certificates, folders)):
        return ""
    if any(folder.is_dir() for folder in folders):
        return texts.NO_HASHED()
    return texts.IS_FILE() if Path(named).is_file() else texts.NO_SUCH_FOLDER()


def _holds_certificates(folder: Path) -> bool:
    """Whether OpenSSL finds certificates in a folder: it looks for names that are made from them."""
    try:
        return any(_HASHED.fullmatch(entry.name) for entry in folder.iterdir())
    except OSError:
        return False


@cache
def _trusted(variable: str = "", named: str = "") -> ssl.SSLContext:
    """Read once: it takes longer than all the rest of a small run."""
    if variable == "SSL_CERT_FILE":
        return ssl.create_default_context(cafile=named)
    if variable:
        return ssl.create_default_context(capath=named)
    if has_truststore():
        import truststore  # noqa: PLC0415 - it is an extra

        systems = ssl.get_default_verify_paths().cafile
        if systems and sys.platform not in {"win32", "darwin"}:  # truststore would read it for each connection, 0.02 s
            return ssl.create_default_context(cafile=systems)
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context(trust_env=False)
