"""Every error that leaves the package, as one tree.

SeedreamError
├─ InvalidRequest      the request cannot be served: size, ratio, count, reference, prompt
├─ ConfigError         unknown provider, unsafe base URL, store not writable, disk too full
│  └─ MissingKey
├─ NoConnection        nothing was sent: DNS, refused, TLS
├─ OutcomeUnknown      sent, no answer: may be billed, not sent again
├─ ApiError            the service said no: status, code, param, request_id
│  ├─ AuthFailed  ├─ PaymentRequired  ├─ ContentRefused  ├─ ModelNotFound  ├─ RateLimited
│  ├─ ServerFailed
│  └─ RequestRefused   also an InvalidRequest: the service, not we, found the fault
├─ ResponseBroken      an answer that cannot be read; its raw bytes are kept
└─ ImageError          ImageLinkExpired, ImageInvalid, ImageTooLarge, UnsafeURL
SeedreamInterrupted    a KeyboardInterrupt, so that Run All stops
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from seedream_magic.words import errors as texts
from seedream_magic.words.clip import path_from, text_width
from seedream_magic.words.language import Language, own_language
from seedream_magic.words.text import Sentence, Text, in_language, join, of_run

Billed = Literal["no", "yes", "unknown"]

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSEEN = re.compile(r"[\u200b\u200e\u200f\u2060-\u2064\ufeff]")
"""Characters without width, but for those that join letters and emoji."""
_COLUMNS = 140
"""Of a cell's output in JupyterLab at 1280 pixels: a line that is longer is shown in two rows."""
_UNPICKLED = ("rejected", "rejected_as")


class _Reported(BaseException):
    """The facts that every error of the package carries beside its message.

    `billed` is whether it cost money, `saved` the picture files that exist, `hint` what to do next; where there is none
    the `advice` of the class takes its place. `details` are further lines: each fault of a request, or the service's
    own words.
    `images` is the set as far as it came, None where no run was begun; `sweep` is the sweep that it ended.
    `could_send` is False where no request is ever sent: then no line says that none was.
    `gateway` is the program that forwarded the request, if known; `attempts` how often it says it did so at least, and
    `billable_attempts` how many of those may be billed; where it does not say, None and 1.
    """

    sent: ClassVar[bool] = True
    advice: ClassVar[Text | None] = None
    billed_line: ClassVar[Text] = texts.WHAT_CAME_IS_BILLED
    billed: Billed = "no"
    could_send = True

    def __init__(
        self, message: str = "", *, hint: str = "", billed: Billed | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.details: tuple[str, ...] = ()
        self.billed = billed or type(self).billed
        self.request_id = request_id
        self.run_id: str | None = None
        self.saved: tuple[Path, ...] = ()
        self.images: Any = None
        self.sweep: Any = None
        self.gateway = ""
        self.attempts: int | None = None
        self.billable_attempts = 1

    def __str__(self) -> str:
        return printable("\n".join((super().__str__(), *self.details)))

    def __reduce__(self) -> tuple[Any, ...]:
        """What is pickled and copied: not the bytes that came in place of a picture, which nobody has looked at."""
        return type(self), self.args, {name: value for name, value in vars(self).items() if name not in _UNPICKLED}

    @property
    def message(self) -> str:
        """What happened, without the `details`."""
        message: str = self.args[0]
        return message

    def lines(self, language: Language | None = None) -> list[str]:
        """The text a person reads: what happened, what is billed, what to do. One line, and the `details`, if nothing
        was sent, else three, of which the last is the service's own words where it said any.

        Sentences of ours are in `language`, by default the reader's.
        """
        language = language or own_language()
        message, advice = (in_language(text, language) for text in (self.message, advice_of(self)))
        details = [in_language(detail, language) for detail in self.details]
        first = f"{type(self).__name__}: {message}"
        if not self.sent:
            unsent = texts.NOTHING_SENT.in_language(language) if self.could_send else ""
            sentence = join(first, in_language(self.hint, language), unsent)
            return [_one_line(in_language(line, language)) for line in (sentence, *details)]
        billed, saved = self._billed_line(language), self._saved_line(language)
        run = texts.RUN.in_language(language, run=self.run_id) if self.run_id and self.run_id not in advice else ""
        asked = texts.REQUEST_ID.in_language(language, id=self.request_id) if self.request_id else ""
        if details:
            told = _with_ids([join(first, billed), join(saved, advice), details[-1]], (asked, run), language)
            lines = (*told[:2], *details[:-1], told[2])
        else:
            ids = texts.RUN_AND_REQUEST_ID.in_language(language, run=self.run_id, id=self.request_id)
            lines = (first, join(billed, saved), join(advice, ids if run and asked else run or asked))
        return [_one_line(in_language(line, language)) for line in lines if line]

    def _saved_line(self, language: Language) -> str:
        """Where the pictures are that had come."""
        if len(self.saved) < 2:
            return texts.SAVED_ONE.in_language(language, path=path_from(self.saved[0])) if self.saved else ""
        folders = {path.parent for path in self.saved}
        folder = self.saved[0].parent if len(folders) == 1 else self.saved[0].parent.parent
        return texts.SAVED.in_language(language, count=len(self.saved), folder=path_from(folder))

    def _billed_line(self, language: Language) -> str:
        """Whether it is billed; where that is unknown, how many images may be. Of many runs the message tells it."""
        if self.sweep is not None and self.images is None:
            return ""
        if self.billed != "unknown" or self.images is None:
            lines = {"no": texts.NOT_BILLED, "yes": self.billed_line, "unknown": texts.MAY_BE_BILLED}
            return lines[self.billed].in_language(language)
        images = (self.images.own or self.images).request.images_at_most
        if not self.attempts:
            text = texts.NAMED_GATEWAY_MAY_REPEAT if self.gateway else texts.IMAGES_MAY_BE_BILLED
        else:
            text = texts.GATEWAY_SENT_ONCE if self.attempts == 1 else texts.GATEWAY_SENT_OFTEN
            images *= self.billable_attempts
        return text.in_language(language, images=images, gateway=self.gateway, times=self.attempts)

    def _render_traceback_(self) -> list[str]:
        """IPython prints these lines in place of a traceback; the cell fails all the same."""
        return self.lines()


class SeedreamError(_Reported, Exception):
    """Base of every error of the package."""


class InvalidRequest(SeedreamError):
    """The request cannot be served: size, ratio, count, reference, prompt."""

    sent = False


class ConfigError(SeedreamError):
    """Unknown provider, unsafe base URL, store not writable, disk too full."""

    sent = False


class MissingKey(ConfigError):
    """No API key was found for the provider."""


class NoConnection(SeedreamError):
    """The service was not reached; nothing was sent: DNS, refused, TLS."""

    sent = False


class OutcomeUnknown(SeedreamError):
    """The request was sent, and no answer came that says whether it was served."""

    advice = texts.SEE_USAGE_FIRST
    billed = "unknown"


class ApiError(SeedreamError):
    """The service said no.

    `status` is the HTTP status (200 where the refusal stood inside an answer), `code` the service's own word,
    `param` the field it named. `held` is the body of a refusal that holds pictures all the same, without the key.
    """

    sent = True
    advice = texts.ASK_SUPPORT
    held = b""

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str = "",
        param: str = "",
        hint: str = "",
        billed: Billed | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, billed=billed, request_id=request_id)
        self.status = status
        self.code = code
        self.param = param


class AuthFailed(ApiError):
    """401 or 403: the key is missing, wrong, or not allowed to do this; 407: a proxy wants a user and a password."""


class PaymentRequired(ApiError):
    """The account has no balance or quota left."""


class ContentRefused(ApiError):
    """The content check refused the prompt, a reference or a picture."""


class ModelNotFound(ApiError):
    """The model id is unknown to the provider or not open for this account."""


class RateLimited(ApiError):
    """Too many requests; `retry_after` is the wait in seconds that the service asked for, if it did."""

    retry_after: float | None = None


class ServerFailed(ApiError):
    """The service failed by its own fault."""


class RequestRefused(ApiError, InvalidRequest):
    """The service refused a parameter (400, 413, 415, 422): an `InvalidRequest` that only the service could find."""


class ResponseBroken(SeedreamError):
    """An answer that cannot be read, or that ended too early; its bytes are kept in the run's folder."""

    advice = texts.SEE_USAGE_FIRST


class ImageError(SeedreamError):
    """A picture was made but could not be fetched.

    `rejected` are the bytes that came in its place, until they are on disk; `rejected_as` is the suffix of that file.
    """

    advice = texts.RECOVER_LOOKS_AGAIN
    billed = "yes"
    rejected: bytes = b""
    rejected_as: str = ""


class ImageLinkExpired(ImageError):
    """The signed link of a picture is past its time, or no longer served."""

    advice = texts.RETRY_BILLS


class ImageInvalid(ImageError):
    """The bytes are no whole JPEG, PNG or WebP picture."""


class ImageTooLarge(ImageError):
    """More bytes or pixels than any picture of the service can have."""

    advice = texts.TOO_LARGE_AGAIN


class UnsafeURL(ImageError):
    """A picture link to an address where no picture of the service can be, as inside the local network."""

    advice = texts.LINK_IS_KEPT


class SeedreamInterrupted(_Reported, KeyboardInterrupt):
    """Stop was pressed. Pictures that had arrived are in `images` and on disk."""

    billed_line = texts.BEGUN_IS_BILLED


def reword(error: SeedreamError, change: Callable[[str], str]) -> None:
    """Put each sentence of an error through `change`."""
    error.args, error.hint = (change(error.message),), change(error.hint)
    error.details = tuple(map(change, error.details))


@contextmanager
def sends_nothing() -> Iterator[None]:
    """Around what only marks, writes a file or looks, also as a decorator: its errors do not say "Nothing was sent"."""
    try:
        yield
    except SeedreamError as error:
        error.could_send = False
        raise


def _one_line(text: str) -> str:
    return printable(" ".join(text.splitlines()))


def printable(text: str) -> str:
    """Text that cannot steer a terminal: no control characters but line feeds and tabs, no change of direction,
    and nothing that is not seen.

    Words of a file or a service stand in many messages; here, where each is read, they lose what a terminal obeys.
    """
    return _UNSEEN.sub("", _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def escaped(text: str) -> str:
    r"""The same for JSON and for Python's literals, where each can be written out: as `\u202e`."""
    write = re.compile(f"{_UNPRINTABLE.pattern}|{_UNSEEN.pattern}")
    return write.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _with_ids(lines: list[str], ids: tuple[str, ...], language: Language) -> list[str]:
    """These lines with ids behind them, each where it takes no row more: of what to do, what happened, or the end."""

    def rows(line: str) -> int:
        return -(-text_width(in_language(line, language)) // _COLUMNS)

    if rows(lines[2]) > 1 and rows(join(*lines[:2])) == 1:
        lines = [join(*lines[:2]), "", lines[2]]
    for one in filter(None, ids):
        behind = min((1, 0, 2), key=lambda at: rows(join(lines[at], one)) - rows(lines[at]) if lines[at] else 9)
        lines[behind] = join(lines[behind], one)
    return lines


def advice_of(error: _Reported) -> str:
    """What to do after an error: its own hint, else what its kind has."""
    return of_run(error.hint or (error.advice() if error.advice else ""), error.run_id)


def reason_of(exc: BaseException) -> str:
    """Why something failed that is not ours: what the system means, else the library's words, else the fault's name.

    One line without its full stop, at most 300 characters and never empty: exceptions come without words, and those of
    other people's objects may fail at printing themselves.
    """
    if known := _known_reason(exc):
        return known
    try:
        words = getattr(exc, "strerror", None) or str(exc)
    except Exception:  # noqa: BLE001 - whatever it is, the name remains
        words = ""
    return quoted(" ".join(str(words).split())[:300].rstrip(". ")) or type(exc).__name__


def _known_reason(exc: BaseException) -> str:
    """What an exception means whose words are ours, or one that there are words for in both languages; else ""."""
    from seedream_magic.words import system  # noqa: PLC0415 - load time: nothing has failed yet

    for words in (*exc.args[:1], getattr(exc, "strerror", None)):
        if isinstance(words, Sentence):
            return words
    if isinstance(exc, json.JSONDecodeError):
        return system.JSON_BROKEN(position=exc.pos + 1)
    if isinstance(exc, UnicodeDecodeError):
        return system.NO_TEXT(encoding=exc.encoding)
    return reason_of_number(exc.errno) if isinstance(exc, OSError) and type(exc).__module__ != "ssl" else ""


def reason_of_number(number: int | None) -> str:
    """What the system's number of a fault means; "" for one without words of ours."""
    from seedream_magic.words import system  # noqa: PLC0415 - load time: nothing has failed yet

    text = system.BY_NUMBER.get(number) if number else None
    return text() if text else ""


def quoted(words: str) -> str:
    """Words of the system or a library, which are English sentences; names, numbers and sentences of ours stay."""
    from seedream_magic.words import system  # noqa: PLC0415 - load time: nothing has failed yet

    if isinstance(words, Sentence) or not re.search(r"[A-Za-z]{2,} [A-Za-z]", words):
        return words
    return system.QUOTED(words=words)


def plural(number: int, noun: str = "image") -> str:
    """A number of things in words: "1 image", "3 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
