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
from seedream_magic.api.proxies import Proxy, exceptions
from seedream_magic.api.redaction import clean_text, redact
from seedream_magic.api.retry import Phase
from seedream_magic.errors import NoConnection, quoted, reason_of_number
from seedream_magic.words import network as texts
from seedream_magic.words import system
from seedream_magic.words.errors import SEE_USAGE_FIRST
from seedream_magic.words.lists import AND
from seedream_magic.words.text import chain, join

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
NOT_SENT = (*_UNREACHED, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""Exceptions of httpx after which not a byte of the request can have left."""
_LONG_SILENCE = 20.0
"""Seconds: proxies and firewalls on the way cut connections on which nothing went for 30, 60 or 100 s."""


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
    where = texts.HOST_AND_PROXY(host=host, proxy=proxy) if proxy else host
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        said = texts.NO_CONNECTION_WITHIN(time=_measure(progress.seconds))
    if proxy and isinstance(exc, httpx.ProxyError):
        words, hint = proxy_refusal(proxy, host, exc), proxy_refusal_hint(proxy, exc)
    elif "CERTIFICATE_VERIFY_FAILED" in said:
        words, hint = texts.CERTIFICATE(host=where, why=said), certificate_hint(said)
    elif any(type(link) is ssl.SSLError and "ALERT" not in (link.reason or "") for link in causes(exc)):
        # The handshake met bytes that are none; an alert would be a word of TLS.
        words, hint = texts.NOT_TLS(host=where, why=said), texts.CHECK_PORT()
        if not is_loopback(urlsplit(f"//{host}").hostname or ""):
            hint = texts.CHECK_PORT_AND_PROXY(variable=_variable(proxy))
    elif proxy and not progress.met:
        words, hint = texts.PROXY_NOT_REACHED(proxy=proxy, why=said), proxy_refusal_hint(proxy, exc)
    else:
        words, hint = texts.NOT_REACHED(host=where, why=said), texts.CHECK_NETWORK(variable=_variable(proxy))
        if is_loopback(urlsplit(f"//{host}").hostname or ""):
            hint = texts.CHECK_IT_RUNS()
    return NoConnection(words, hint=hint)


def _variable(proxy: Proxy | None) -> str:
    return proxy.source if proxy else "HTTPS_PROXY"


def proxy_refusal(proxy: Proxy, host: str, exc: Exception) -> str:
    """What a proxy that does not let a request pass has said, in a sentence."""
    if not is_login_refusal(exc):
        return texts.PROXY_REFUSED(proxy=proxy, host=host, why=reason(exc))
    return texts.PROXY_WANTS(proxy=proxy, what=login_wanted(proxy, exc))


def login_wanted(proxy: Proxy, exc: Exception) -> str:
    """What a proxy wants that refused the user and the password."""
    return (texts.LOGIN_REFUSED if proxy.has_user else texts.LOGIN_WANTED)(why=reason(exc))


def proxy_refusal_hint(proxy: Proxy, exc: Exception) -> str:
    """What to do about a proxy that is not there or does not let a request pass."""
    if is_login_refusal(exc):
        return join(texts.CORRECT_LOGIN(variable=proxy.source), texts.ESCAPES())
    named = exceptions()
    nothing = texts.EXCEPTS_NOTHING(entry=named.unreadable[0]) if named and named.unreadable else ""
    what = (texts.LETS_PASS if isinstance(exc, httpx.ProxyError) else texts.START_IT)(variable=proxy.source)
    return join(what, nothing, proxy.remedy)


def no_answer(host: str, exc: Exception, said: str, progress: Progress) -> tuple[str, str]:
    """The message and the hint for a request that may have left; `said` is the reason in words.

    It names the step in which the request ended, and how long that step lasted.
    """
    seconds = progress.seconds
    after = _measure(seconds)
    sending = progress.step == "sending" or isinstance(exc, httpx.WriteTimeout | httpx.WriteError)
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        if sending:
            return texts.NOT_ALL_TAKEN(host=host, time=after), join(texts.SMALLER_IS_SOONER(), SEE_USAGE_FIRST())
        if progress.step != "waiting":
            return texts.NO_ANSWER(host=host, time=after), SEE_USAGE_FIRST()
        # The limit of each read has not passed: something came now and then.
        dripped = not isinstance(exc, httpx.TimeoutException)
        text = texts.HEAD_INCOMPLETE if dripped else texts.NO_ANSWER_TO_SENT
        return text(host=host, time=after), SEE_USAGE_FIRST()
    if seconds < 1:
        at_once = texts.BROKE_WHILE_SENDING if sending else texts.BROKE
        return at_once(host=host, why=said), SEE_USAGE_FIRST()
    if sending or seconds < _LONG_SILENCE:
        text = texts.BROKE_WHILE_SENDING_AFTER if sending else texts.BROKE_AFTER
        return text(host=host, time=after, why=said), SEE_USAGE_FIRST()
    words = texts.BROKE_AFTER_SILENCE(host=host, time=after, why=said)
    return words, join(texts.SILENCE_IS_CUT(), SEE_USAGE_FIRST())


def _measure(seconds: float) -> str:
    """A measured time: "83 s", "0.4 s"."""
    return system.SECONDS(count=f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0"))


def certificate_hint(said: str) -> str:
    """What to do about a certificate that is not trusted, `said` being what TLS says of it."""
    if "expired" in said or "not yet valid" in said:
        return join(texts.CLOCK_SAYS(time=f"{datetime.now(UTC):%Y-%m-%d %H:%M}"), texts.CHECK_CLOCK_AND_PROXY())
    foreign = [name for name in FOREIGN_VARIABLES if os.environ.get(name)]
    if named := named_certificates():
        trusted = texts.ONLY_TRUSTED(variable=named[0], path=named[1][:120])
    elif foreign:
        trusted = texts.NOT_READ_HERE(variables=chain(AND, foreign))
    else:
        or_system = texts.NAME_CERTIFICATE_OR_SYSTEM(command=TRUSTSTORE)
        trusted = texts.NAME_CERTIFICATE() if has_truststore() else or_system
    return join(trusted, texts.CHECK_CLOCK_AND_PROXY())


_WORDLESS = re.compile(r"\W*|None|[\w.]*\(\W*\)")
"""What an exception prints that was given no words: nothing, `()`, `ReadError('')`."""
_REASONS = {
    "ConnectTimeout": texts.NO_CONNECTION_IN_TIME,
    "PoolTimeout": texts.NONE_FREE_IN_TIME,
    "WriteTimeout": texts.NO_MORE_TAKEN,
    "ReadTimeout": texts.NOTHING_CAME,
    "TimeoutException": texts.TOOK_TOO_LONG,
    "TimeoutError": texts.TOOK_TOO_LONG,
    "ConnectError": texts.NONE_CAME_ABOUT,
    "ConnectionRefusedError": texts.REFUSED,
    "gaierror": texts.NAME_NOT_FOUND,
    "ProxyError": texts.PROXY_REFUSED_WAY,
    "EndOfStream": texts.CLOSED,
    "IncompleteReadError": texts.CLOSED_TOO_EARLY,
    "IncompleteRead": texts.CLOSED_TOO_EARLY,
    "EOFError": texts.CLOSED_TOO_EARLY,
    "SSLZeroReturnError": texts.CLOSED,
    "SSLEOFError": texts.CLOSED_WITHOUT_TLS,
    "SSLError": texts.TLS_FAILED,
    "ConnectionError": texts.BROKEN_OFF,
    "BrokenResourceError": texts.BROKEN_OFF,
    "ClosedResourceError": texts.CLOSED_HERE,
    "ReadError": texts.BROKE_WHILE_READING,
    "WriteError": texts.BROKE_ON_SENDING,
    "NetworkError": texts.CONNECTION_BROKE,
    "RemoteProtocolError": texts.CAME_NO_HTTP,
    "LocalProtocolError": texts.SENT_NO_HTTP,
    "DecodingError": texts.NOT_UNPACKED,
    "MemoryError": texts.NO_MEMORY,
}
"""What happened, by the name of an exception's class or of one that it derives from.

The exceptions of httpx, httpcore, anyio, asyncio and ssl have no words, or such as only their authors understand.
"""
_LOGIN_REFUSAL = re.compile(r"40[17]\b|Invalid username|Requested ")
"""How httpcore's words begin where a proxy did not take the login: of HTTP, and of SOCKS."""
_NO_WORDS = re.compile(r"All connection attempts failed|Requested .* from proxy server, but got .*")
"""Words of anyio and httpcore that say less than what caused them, or nothing to a person."""
_ENDS = re.compile(r"Server disconnected without sending|peer closed connection without sending complete")
"""Words of h11 and httpcore for an answer that was not begun, or not ended."""
_JARGON = ("IncompleteReadError", "IncompleteRead")
"""Classes whose own words ("0 bytes read on a total of 5 expected bytes") help nobody."""


def reason(exc: BaseException) -> str:
    """Why something failed, in few words and without what signs a link; never empty.

    An exception without words of its own is given those of its cause, else what its class means: the libraries raise
    `ReadError("")` on top of "Connection reset by peer", and plain `EndOfStream()`.
    """
    chain = list(causes(exc))
    classes = (kind.__name__ for link in reversed(chain) for kind in type(link).__mro__)
    words = (*map(_own_words, chain), *(_REASONS[name]() for name in classes if name in _REASONS))
    return next(filter(None, words), texts.NO_REASON_BUT_NAME(name=type(exc).__name__))


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
    words = redact(clean_text(exc))
    # Asyncio's own words are the address; httpcore and httpx repeat the system's, with its number.
    number = re.match(r"\[Errno (-?\d+)\] ", words)
    own = exc.errno if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError) else None
    if known := reason_of_number(own or (int(number[1]) if number else None)):
        return known
    if end := _ENDS.match(words):
        return texts.CLOSED_TOO_EARLY() if "complete" in end[0] else texts.CLOSED()
    words = re.sub(r"^\[(Errno|WinError) -?\d+\] ", "", words)[:120].strip().rstrip(".")
    wordless = _WORDLESS.fullmatch(words) or _NO_WORDS.fullmatch(words) or words == type(exc).__name__
    return "" if wordless else quoted(words)
