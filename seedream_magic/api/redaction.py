"""What is told without what must stay secret.

The HTTP libraries log signed links at INFO, cookies and keys at DEBUG; some gateways repeat the key in their answers.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote

LOGGERS = (
    "httpx",
    "httpcore",
    *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)
"""A filter holds for the records of its own logger only, not for those of the loggers below it."""

_SECRET_HEADER = re.compile(
    r"""(?P<name>['"][a-z0-9_-]*(?:auth|cookie|key|token|secret|location|signature)[a-z0-9_-]*['"]\s*[,:]\s*)"""
    r"""b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
    re.IGNORECASE,
)
_SECRET_LINE = re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)\s*[:=]\s*[^\r\n]+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(Bearer|Basic)\s+(?!…)[^\s'\",)\]]+", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^\s/@]+@")
_QUERY = re.compile(r"(?<=[^\s?])\?[^\s?][^\s]*")
_SIGNING = (
    r"x-(?:tos|amz|goog|oss|cos|obs)-(?!process\b)[\w-]+|q-(?:sign-algorithm|sign-time|key-time|ak|[\w-]+-list)"
    r"|[\w-]*signature|[\w-]*access_?(?:key_?)?id|key-pair-id|policy|(?:x-)?expires|sig|sign|auth[_-]?key|api[_-]?key"
    r"|(?:(?:access|auth|security|session)[_-]?)?token"
)
"""Parameters that let whoever has a link open it: of TOS, S3, Google, OSS, COS, OBS, Azure, CloudFront, and of CDNs."""
_SIGNING_NAME = re.compile(_SIGNING, re.IGNORECASE)
_SIGNED_VALUE = re.compile(rf"(?<![\w-])({_SIGNING})=[^\s&;,'\"<>)\]]+", re.IGNORECASE)
_BESIDE_SIG = re.compile(r"s(?:[eprstv]|ip|pr|rt|dd|es|cid|k(?:oid|tid|[estv])|[au]oid)")
"""What Azure signs with a `sig`; anywhere else such short names may say which picture it is."""
_LINK = re.compile(r"(https?:(?:\\?/){2}[^\s\"'<>()]+)", re.IGNORECASE)
_SHORTEST_SECRET = 8
"""Characters: a shorter one may be a word of the text."""


def redacted(text: str) -> str:
    """The text without queries of addresses, users in them, and values of headers that identify somebody."""
    text = _SECRET_HEADER.sub(r"\g<name>'…'", text)
    text = _SECRET_LINE.sub(r"\1: …", text)
    text = _CREDENTIALS.sub(r"\1 …", text)
    return _SIGNED_VALUE.sub(r"\1=…", _QUERY.sub("?…", _USER.sub("…@", text)))


def without_signing(link: str) -> str:
    """A link without the parameters that only let it be opened; to the letter as it is where it has none.

    What stays tells which picture it is, also where a signed link stands within the link.
    """
    address, *query = re.split(r"[?#]", link, maxsplit=1)
    parts = re.split(r"[?&;#]", unquote("".join(query)))
    names = [part.partition("=")[0].lower() for part in parts]
    azure = "sig" in names
    signing = [bool(_SIGNING_NAME.fullmatch(name) or (azure and _BESIDE_SIG.fullmatch(name))) for name in names]
    if not any(signing):
        return link
    kept = "&".join(part for part, signs in zip(parts, signing, strict=True) if part and not signs)
    return f"{address}?{kept}" if kept else address


def without_secret(text: str, secret: str) -> str:
    """The text with "(key)" wherever the secret stands, as it is or in any of the ways that JSON writes it."""
    if len(secret) < _SHORTEST_SECRET:
        return text
    text = text.replace(secret, "(key)")
    return re.sub("".join(map(_spelled, secret)), "(key)", text) if "\\" in text else text


def without_secret_beside_links(text: str, secret: str) -> str:
    """The same, but links stay to the letter: without the key in it a gateway's link leads nowhere."""
    if len(secret) < _SHORTEST_SECRET or re.fullmatch(r"\s*https?://\S+\s*", text, re.IGNORECASE):
        return text
    pieces = _LINK.split(text)
    pieces[::2] = (without_secret(piece, secret) for piece in pieces[::2])
    return "".join(pieces)


def _spelled(character: str) -> str:
    """A pattern for a character: itself, after a backslash, or as an escape, whose digits may be of either case."""
    digits = "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(character):04x}")
    return rf"(?:\\u{digits}|\\?{re.escape(character)})"


class Redaction(logging.Filter):
    """Lets every record pass, redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """The message is put together here, for an argument may be any object that prints itself."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging tells of a bad record by printing its arguments, which may be secret
            message = "(a record that cannot be printed)"
        record.msg, record.args = redacted(message), ()
        return True


def redact_http_logs() -> None:
    """Put the filter on the loggers of httpx and httpcore, once; all other loggers stay as they are."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(present, Redaction) for present in logger.filters):
            logger.addFilter(Redaction())
