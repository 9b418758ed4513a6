"""Text of others, made fit to be displayed and kept: short, on one line, and without what must stay secret.

The HTTP libraries log signed links at INFO, cookies and keys at DEBUG; some gateways repeat the key in their answers.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import unquote

from seedream_magic.errors import printable

LOGGERS = (
    "httpx",
    "httpcore",
    *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)
"""A filter holds for the records of its own logger only, not for those of the loggers below it."""

MAXIMUM_TEXT = 500
"""Characters of the service's own words that are kept and displayed."""

_SECRET_HEADER = re.compile(
    r"""(?P<name>['"][a-z0-9_-]*(?:auth|cookie|key|token|secret|location|signature)[a-z0-9_-]*['"]\s*[,:]\s*)"""
    r"""b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
    re.IGNORECASE,
)
_SECRET_LINE = re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)\s*[:=]\s*[^\r\n]+", re.IGNORECASE)
_SOCKS_LOGIN = re.compile(r"""\bauth=\((?:\s*b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,?)+\)""")
"""How httpcore logs a user and a password for a SOCKS proxy."""
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
LINK_IN_TEXT = re.compile(r"(https?:(?:\\?/){2}[^\s\"'<>()]+)", re.IGNORECASE)
"""A link in a text or, with its slashes escaped, in JSON."""
_SHORTEST_SECRET = 8
"""Characters: a shorter one may be a word of the text."""
_SHORTEST_VALUE = 12
"""Characters of a header's value that is not named as a secret."""
_SECRET_NAME = re.compile(r"auth|cookie|credential|key|pass|secret|session|signature|token", re.IGNORECASE)
_LINK = r"https?:(?:[^\s\"'<>\\]|\\[/u])*"
"""An address in a text or, with its escapes, in JSON."""
_BASE64 = re.compile(r"[A-Za-z0-9+/=\\]{4096,}")
_PICTURE = re.compile(r"(?:\\?/9j|iVBORw0KGgo|UklGR)")
"""How a JPEG, a PNG and a WebP begin in base64."""
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


class _Secrets:
    """The values that `remember_secret` was given. It prints their number, for a debugger may print variables."""

    def __init__(self) -> None:
        self.anywhere: set[str] = set()
        self.as_words: set[str] = set()

    def __repr__(self) -> str:
        return f"<{len(self.anywhere) + len(self.as_words)} values>"


_remembered = _Secrets()


def remember_secret(value: str, *, header: str) -> None:
    """From now on `redact` and `without_secret` put "(header)" in place of a header's value and of its longer parts.

    A gateway may repeat what it was sent, in any text. But a value may also be a word that answers have anyhow, such as
    `production`: what does not look random is taken out where it stands as a word, and links keep it.
    """
    parts = {value, *re.findall(r"[^\s,;:={}\[\]'\"]+", value)}  # "Bearer SECRET", "a=SECRET; b=SECRET", JSON
    if _SECRET_NAME.search(header):
        secrets = {part for part in parts if len(part) >= _SHORTEST_SECRET}
        random = {part for part in secrets if len(part) >= 2 * _SHORTEST_SECRET or re.search(r"\d", part)}
        _remembered.anywhere |= random
        _remembered.as_words |= secrets - random
    else:
        _remembered.as_words |= {part for part in parts if len(part) >= _SHORTEST_VALUE}


def redact(text: str) -> str:
    """The text without queries of addresses, users in them, and values of headers that identify somebody."""
    text = _SECRET_HEADER.sub(r"\g<name>'…'", without_secret(text))
    text = _SOCKS_LOGIN.sub("auth=…", text)
    text = _SECRET_LINE.sub(r"\1: …", text)
    text = _CREDENTIALS.sub(r"\1 …", text)
    return _SIGNED_VALUE.sub(r"\1=…", _QUERY.sub("?…", _USER.sub("…@", text)))


def without_signing(link: str) -> str:
    """A link without the parameters that only let it be opened; to the letter as it is where it has none.

    What stays says which picture it is, also where a signed link stands within the link.
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


def without_secret(text: str, secret: str = "") -> str:
    """The text with "(key)" wherever the secret stands, as it is or in any of the ways that JSON writes it.

    Values that `remember_secret` was given are taken out as well.
    """
    longest_first = partial(sorted, key=len, reverse=True)
    anywhere = [(value, "(header)") for value in longest_first(_remembered.anywhere)]
    if len(secret) >= _SHORTEST_SECRET:
        anywhere.insert(0, (secret, "(key)"))
    for value, placeholder in anywhere:
        text = text.replace(value, placeholder)
    # The text as JSON reads it: each value without backslashes that stands in the text stands in it as well. The
    # pattern of all spellings takes a second for 16 MiB, so it is only looked for where it will be found.
    plain = ""
    if "\\" in text:
        plain = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda escape: chr(int(escape[1], 16)), text).replace("\\", "")
    for value, placeholder in anywhere:
        if value in plain or ("\\" in value and plain):
            text = _substitute(_json_pattern(value), placeholder, text)
        for form in _base64_forms(value):
            text = _replace_outside_pictures(text, form, placeholder)
    for value in longest_first(_remembered.as_words):
        if value in text or value in plain or ("\\" in value and plain):
            word = rf"({_LINK})|(?<![\w.-]){_json_pattern(value)}(?![\w-]|\.\w)"
            text = _substitute(word, lambda match: match[1] or "(header)", text)
    return text


def scrub(exc: BaseException, secret: str) -> None:
    """Take a secret out of the words of an exception and of all that stand behind it: tracebacks and logs print those.

    A server that speaks no HTTP may repeat what it was sent, and libraries put what they could not read in their words.
    """
    links, seen = [exc], set[int]()
    while links:
        link = links.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        link.args = tuple(_scrubbed(argument, secret) for argument in link.args)
        for name in ("doc", "object"):  # of what could not be decoded
            with suppress(AttributeError, TypeError):
                setattr(link, name, _scrubbed(getattr(link, name), secret))
        if details := getattr(link, "details", None):
            setattr(link, "details", tuple(_scrubbed(detail, secret) for detail in details))  # noqa: B010 - of errors of ours
        links += filter(None, (link.__cause__, link.__context__, *getattr(link, "exceptions", ())))


def _scrubbed(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return without_secret(value, secret)
    return bytes_without_secret(bytes(value), secret) if isinstance(value, bytes | bytearray) else value


def bytes_without_secret(data: bytes, secret: str) -> bytes:
    """Bytes of any kind with "(key)" wherever the secret stands: as it is, in base64, and in UTF-16 or UTF-32."""
    if len(secret) < _SHORTEST_SECRET:
        return data
    for form in (secret, *_base64_forms(secret)):
        data = data.replace(form.encode(), b"(key)")
    return wide_without_secret(data, secret)


def wide_without_secret(data: bytes, secret: str) -> bytes:
    """Bytes with "(key)" where the secret stands in UTF-16 or UTF-32, in which no search of their text finds it."""
    if len(secret) < _SHORTEST_SECRET:
        return data
    for encoding in _WIDE:
        data = data.replace(secret.encode(encoding), "(key)".encode(encoding))
    return data


def _base64_forms(secret: str) -> Iterator[str]:
    """What of a secret's base64 is its own, wherever it stands in what was encoded; also as PHP and links write it."""
    data = secret.encode("utf-8", "surrogatepass")
    for shift in range(3):
        letters = base64.b64encode(b"\0" * shift + data).decode()
        form = letters[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        yield from {form, form.replace("/", r"\/"), form.replace("+", "-").replace("/", "_")}


def _replace_outside_pictures(text: str, form: str, placeholder: str) -> str:
    """`str.replace`, but for what stands in the base64 of a picture, of which no byte is ours to change."""
    if form not in text:
        return text
    pieces, at = list[str](), 0
    while (found := text.find(form, at)) >= 0:
        start = max(text.rfind(sign, 0, found) for sign in "\"',:;= \n\t<>(") + 1
        end = found + len(form)
        pieces += [text[at:found], form if _PICTURE.match(text, start) else placeholder]
        at = end
    return "".join([*pieces, text[at:]])


def _substitute(pattern: str, replace: str | Callable[[re.Match[str]], str], text: str) -> str:
    """`re.sub`, but for pictures in base64: half a gigabyte of them would take minutes, and no words stand in them."""
    pieces, at = [], 0
    for picture in _BASE64.finditer(text):
        pieces += [re.sub(pattern, replace, text[at : picture.start()]), picture[0]]
        at = picture.end()
    return "".join([*pieces, re.sub(pattern, replace, text[at:])])


def mask(address: str) -> str:
    """An address without the user and the password in it."""
    return re.sub(r"(?s)//.*@", "//…@", address)


def is_link(text: str) -> bool:
    """Whether a text is nothing but a link, whatever signs stand in it."""
    return re.fullmatch(r"\s*https?://\S+\s*", text, re.IGNORECASE) is not None


def without_secret_beside_links(text: str, secret: str) -> str:
    """The text with "(key)" as `without_secret` writes it, but for links: without its key a gateway's leads nowhere."""
    if is_link(text):
        return text
    pieces = LINK_IN_TEXT.split(text)
    pieces[::2] = (without_secret(piece, secret) for piece in pieces[::2])
    return "".join(pieces)


def _json_pattern(text: str) -> str:
    """A pattern for a text in any of the ways that JSON writes it: as it is, after backslashes, or as escapes."""
    codes = ("".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(character):04x}") for character in text)
    return "".join(rf"(?:\\u{code}|\\?{re.escape(sign)})" for code, sign in zip(codes, text, strict=True))


def clean_text(value: object) -> str:
    """Text of the service, at most 500 characters, without line ends, half characters and what steers a terminal."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", as_text(value)[: MAXIMUM_TEXT * 2])
    text = printable(text).strip()
    return text if len(text) <= MAXIMUM_TEXT else text[: MAXIMUM_TEXT - 1] + "…"


def page_words(page: str) -> str:
    """The words of a web page or of a plain text, as gateways answer with: its title, else all but its tags."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page[:4096], re.IGNORECASE | re.DOTALL)
    return (title[1] if title else re.sub(r"<[^>]*>", " ", page[:4096])).strip()


def as_text(value: object) -> str:
    """A value as `str` writes it; its type where that fails: 4,300 digits, lists a thousand deep, code of its own."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever the object's own code raises
        return f"<{type(value).__name__}>"


class Redaction(logging.Filter):
    """Lets every record pass, redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """The message is put together here, for an argument may be any object that prints itself."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging reports a bad record by printing its arguments, which may be secret
            message = "(a record that cannot be printed)"
        record.msg, record.args = redact(message), ()
        return True


def redact_http_logs() -> None:
    """Put the filter on the loggers of httpx and httpcore, once; all other loggers stay as they are."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(present, Redaction) for present in logger.filters):
            logger.addFilter(Redaction())
