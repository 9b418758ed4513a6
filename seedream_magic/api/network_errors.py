"""What went wrong on the way to the service: how far a request came, and the messages and hints for a person."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from seedream_magic.api.certificates import FOREIGN_VARIABLES, TRUSTSTORE, has_truststore, named_certificates
from seedream_magic.api.providers import is_loopback
from seedream_magic.api.proxies import ESCAPES, Proxy, exceptions
from seedream_magic.api.redaction import clean_text, redact
from seedream_magic.api.retry import Phase
from seedream_magic.errors import NoConnection

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""Exceptions of httpx after which not a byte of the request can have left."""
_LONG_SILENCE = 20.0
"""Seconds: proxies and firewalls on the way cut connections on which nothing went for 30, 60 or 100 s."""
_USAGE_HINT = "Look at the provider's usage page before running the cell again."


@dataclass
class Progress:
    """The step in which one attempt is, and since when (`now` is a clock in seconds).

    The steps, as httpx's `trace` extension reports them; "unknown" where it reports nothing:

        connecting   the connection, TLS, the tunnel through a proxy: not a byte of the request has left
        sending      from the first byte of its head; a failure in it (`cut_short`) does not end it, for some services
                     answer before they close
        waiting      all of it is sent, the head of the answer is awaited

    `proxy` is the one on the way, None without one; `met` says whether anybody answered at its address or the host's.
    `begin_sending` is called where the first step ends.
    """

    now: Callable[[], float]
    since: float
    step: Literal["unknown", "connecting", "sending", "waiting"] = "unknown"
    proxy: Proxy | None = None
    begin_sending: Callable[[], object] = lambda: None
    met: bool = False
    cut_short: bool = False

    async def follow(self, event: str, details: Mapping[str, Any]) -> None:
        """Called by httpx as each part of the request begins and ends."""
        if self.step == "unknown":
            self.step = "connecting"
        self.met = self.met or event.endswith("connect_tcp.complete")
        if event.endswith("send_request_headers.started") and details["request"].method == b"POST":
            self.step, self.since = "sending", self.now()
            self.begin_sending()
        elif self.step == "sending" and ".send_request_" in event and event.endswith(".failed"):
            self.cut_short = True
        elif self.step == "sending" and event.endswith("receive_response_headers.started"):
            self.step = "sending" if self.cut_short else "waiting"
            self.since = self.since if self.cut_short else self.now()

    @property
    def seconds(self) -> float:
        """How long the step has lasted."""
        return self.now() - self.since


def phase_of(exc: BaseException | None) -> Phase:
    """How far a request came that was not sent, read from the exception and its causes."""
    links = [*causes(exc)]
    settled = is_login_refusal(exc) or any(isinstance(link, ssl.SSLCertVerificationError) for link in links)
    if not isinstance(exc, _UNREACHED) or settled:
        return "unsendable"
    # The subclasses of SSLError stand for a handshake that was cut off or is still going on.
    return "handshake" if any(type(link) is ssl.SSLError for link in links) else "unreached"


def is_login_refusal(exc: BaseException | None) -> bool:
    """Whether a proxy refused the user and the password, or the lack of them: more wrong ones may lock an account."""
    return isinstance(exc, httpx.ProxyError) and _LOGIN_REFUSAL.match(str(exc)) is not None


def no_connection(host: str, exc: Exception, progress: Progress) -> NoConnection:
    """The error of a request that was not sent: what stopped it, and what to look at.

    `host` has its port where that is not the usual one.
    """
    said, proxy = reason(exc), progress.proxy
    where = f"{host} through the proxy {proxy}" if proxy else host
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        said = f"no connection within {_measure(progress.seconds)}"
    if proxy and isinstance(exc, httpx.ProxyError):
        words, hint = proxy_refusal(proxy, host, exc), proxy_refusal_hint(proxy, exc)
    elif "CERTIFICATE_VERIFY_FAILED" in said:
        words, hint = f"The certificate of {where} is not to be trusted ({said}).", certificate_hint(said)
    elif any(type(link) is ssl.SSLError and "ALERT" not in (link.reason or "") for link in causes(exc)):
        # The handshake met bytes that are none; an alert would be a word of TLS.
        words = f"What answers at {where} is not TLS ({said})."
        beside = "" if is_loopback(urlsplit(f"//{host}").hostname or "") else f" and the proxy ({_variable(proxy)})"
        hint = f"Check the port of the base URL{beside}; the key does not go out in clear."
    elif proxy and not progress.met:
        words, hint = f"The proxy {proxy} was not reached ({said}).", proxy_refusal_hint(proxy, exc)
    else:
        words = f"{where} was not reached ({said})."
        hint = f"Check the network, the proxy ({_variable(proxy)}) and the base URL, then run the cell again."
        if is_loopback(urlsplit(f"//{host}").hostname or ""):
            hint = "Check that it runs and that the base URL has its port, then run the cell again."
    return NoConnection(words, hint=hint)


def _variable(proxy: Proxy | None) -> str:
    return proxy.source if proxy else "HTTPS_PROXY"


def proxy_refusal(proxy: Proxy, host: str, exc: Exception) -> str:
    """What a proxy that does not let a request pass has said, in a sentence."""
    if not is_login_refusal(exc):
        return f"The proxy {proxy} refused the way to {host} ({reason(exc)})."
    return f"The proxy {proxy} {login_wanted(proxy, exc)}."


def login_wanted(proxy: Proxy, exc: Exception) -> str:
    """What a proxy wants that refused the user and the password."""
    wants = "does not take this user and password" if proxy.has_user else "wants a user and a password"
    return f"{wants} ({reason(exc)})"


def proxy_refusal_hint(proxy: Proxy, exc: Exception) -> str:
    """What to do about a proxy that is not there or does not let a request pass."""
    if is_login_refusal(exc):
        return f"Correct {proxy.source}: http://USER:PASSWORD@HOST:PORT. {ESCAPES}"
    named = exceptions()
    nothing = f" (it has {named.unreadable[0]}, which excepts nothing)" if named and named.unreadable else ""
    what = "Look whether it lets this host pass" if isinstance(exc, httpx.ProxyError) else "Start it"
    return f"{what}, or correct {proxy.source}; NO_PROXY excepts hosts{nothing}. {proxy.remedy}".rstrip()


def no_answer(host: str, exc: Exception, said: str, progress: Progress) -> tuple[str, str]:
    """The message and the hint for a request that may have left; `said` is the reason in words.

    It names the step in which the request ended, and how long that step lasted.
    """
    seconds = progress.seconds
    after = _measure(seconds)
    sending = progress.step == "sending" or isinstance(exc, httpx.WriteTimeout | httpx.WriteError)
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        if sending:
            words = f"{host} did not take the whole request within {after}."
            return words, f"Fewer or smaller references are sent sooner. {_USAGE_HINT}"
        if progress.step != "waiting":
            return f"{host} did not answer within {after}.", _USAGE_HINT
        # The limit of each read has not passed: something came now and then.
        dripped = not isinstance(exc, httpx.TimeoutException)
        words = "did not complete the head of its answer" if dripped else "did not answer"
        return f"The request was sent; {host} {words} within {after}.", _USAGE_HINT
    after = f" after {after}" if seconds >= 1 else ""
    if sending:
        return f"The connection to {host} broke{after}, while the request was being sent ({said}).", _USAGE_HINT
    if seconds < _LONG_SILENCE:
        return f"The connection to {host} broke{after} before an answer came ({said}).", _USAGE_HINT
    words = f"The connection to {host} broke{after} of silence, before an answer came ({said})."
    quiet = "A proxy on the way may cut connections that are quiet for so long: ask for a stream, or for fewer images."
    return words, f"{quiet} {_USAGE_HINT}"


def _measure(seconds: float) -> str:
    """A measured time: "83 s", "0.4 s"."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0") + " s"


def certificate_hint(said: str) -> str:
    """What to do about a certificate that is not trusted, `said` being what TLS says of it."""
    checked = "the certificate is never left unchecked."
    if "expired" in said or "not yet valid" in said:
        told = f"This machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, set it."
        return f"{told} Check this machine's clock and the proxy; {checked}"
    foreign = [name for name in FOREIGN_VARIABLES if os.environ.get(name)]
    if named := named_certificates():
        trusted = f"Only what {named[0]} names ({named[1][:120]}) is trusted here."
    elif foreign:
        trusted = f"{' and '.join(foreign)} is not read here: name its file in SSL_CERT_FILE."
    else:
        systems = "" if has_truststore() else f", or take the system's certificates: {TRUSTSTORE}"
        trusted = f"Where a company's proxy opens TLS, name its certificate in SSL_CERT_FILE{systems}."
    return f"{trusted} Check this machine's clock and the proxy; {checked}"


_WORDLESS = re.compile(r"\W*|None|[\w.]*\(\W*\)")
"""What an exception prints that was given no words: nothing, `()`, `ReadError('')`."""
_PLAIN_ENGLISH = {
    "ConnectTimeout": "no connection came about in time",
    "PoolTimeout": "no connection was free in time",
    "WriteTimeout": "the other side took no more of what was sent",
    "ReadTimeout": "nothing came for too long",
    "TimeoutException": "it took too long",
    "TimeoutError": "it took too long",
    "ConnectError": "no connection came about",
    "ConnectionRefusedError": "the connection was refused",
    "gaierror": "the host's name was not found",
    "ProxyError": "the proxy refused the way",
    "EndOfStream": "the other side closed the connection",
    "IncompleteReadError": "the other side closed the connection too early",
    "IncompleteRead": "the other side closed the connection too early",
    "EOFError": "the other side closed the connection too early",
    "SSLZeroReturnError": "the other side closed the connection",
    "SSLEOFError": "the other side closed the connection without a word of TLS",
    "SSLError": "TLS failed",
    "ConnectionError": "the other side broke the connection off",
    "BrokenResourceError": "the other side broke the connection off",
    "ClosedResourceError": "the connection was closed on this side",
    "ReadError": "the connection broke while the answer was read",
    "WriteError": "the connection broke while the request was sent",
    "NetworkError": "the connection broke",
    "RemoteProtocolError": "what came is no HTTP",
    "LocalProtocolError": "the request is no HTTP",
    "DecodingError": "what came could not be unpacked",
    "MemoryError": "there is no memory left",
}
"""What happened, by the name of an exception's class or of one that it derives from.

The exceptions of httpx, httpcore, anyio, asyncio and ssl have no words, or such as only their authors understand.
"""
_LOGIN_REFUSAL = re.compile(r"40[17]\b|Invalid username|Requested ")
"""How httpcore's words begin where a proxy did not take the login: of HTTP, and of SOCKS."""
_NO_WORDS = re.compile(r"All connection attempts failed|Requested .* from proxy server, but got .*")
"""Words of anyio and httpcore that say less than what caused them, or nothing to a person."""
_JARGON = ("IncompleteReadError", "IncompleteRead")
"""Classes whose own words ("0 bytes read on a total of 5 expected bytes") help nobody."""


def reason(exc: BaseException) -> str:
    """Why something failed, in few words and without what signs a link; never empty.

    An exception without words of its own is given those of its cause, else what its class means: the libraries raise
    `ReadError("")` on top of "Connection reset by peer", and plain `EndOfStream()`.
    """
    chain = list(causes(exc))
    classes = (kind.__name__ for link in reversed(chain) for kind in type(link).__mro__)
    words = (*map(_own_words, chain), *(_PLAIN_ENGLISH.get(name, "") for name in classes))
    return next(filter(None, words), f"it gave no reason but its name, {type(exc).__name__}")


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that caused it; of a group, the first."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        # A context that a library suppresses ("from None") is what the operating system or TLS said.
        exc = exc.exceptions[0] if isinstance(exc, BaseExceptionGroup) else exc.__cause__ or exc.__context__


def _own_words(exc: BaseException) -> str:
    if isinstance(exc, BaseExceptionGroup) or type(exc).__name__ in _JARGON:
        return ""
    if isinstance(exc, OSError) and (exc.strerror or "").startswith("Connect call failed"):
        return os.strerror(exc.errno or 0)  # asyncio's own words are the address
    words = re.sub(r"^\[(Errno|WinError) -?\d+\] ", "", redact(clean_text(exc)))[:120].strip().rstrip(".")
    wordless = _WORDLESS.fullmatch(words) or _NO_WORDS.fullmatch(words) or words == type(exc).__name__
    return "" if wordless else words
