"""The morning summary goes out: by mail, and to a webhook, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.services import mornings, sources
from api.services.mornings import Morning
from api.settings import Settings, TellSettings
from harvest.errors import SourceError, SourceRefused, SourceUnavailable
from harvest.http import Limits, Request, Response, masked
from store import nights, reviews
from store.reviews import ReviewInfo
from store.session import Store, WriteSession

logger = logging.getLogger(__name__)

TELL = "tell"
_SECONDS = 20.0
_SIGNATURE = "X-Winnow-Signature"

Address = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+$")
]


class TellError(ValueError):
    """A summary cannot go out as it was wished; the message says what to set."""


class Telling(BaseModel):
    """To whom a review's summaries go.

    Attributes:
        team: addresses that get it without scores; ``leads`` get it with them.
        webhook: an https address that gets it as signed JSON, without scores.
        quiet: whether a night that brought nothing is told too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: tuple[Address, ...] = Field(default=(), max_length=50)
    leads: tuple[Address, ...] = Field(default=(), max_length=50)
    webhook: str = Field(default="", max_length=2000)
    quiet: bool = True


def telling_of(review: ReviewInfo) -> Telling:
    """To whom the review's summaries go; nobody where that was not set."""
    return Telling.model_validate(review.settings.get(TELL) or {})


def set_telling(
    session: WriteSession,
    settings: Settings,
    review_id: int,
    wanted: Telling,
    *,
    person_id: int | None,
) -> None:
    """Set to whom summaries go.

    Raises:
        TellError: the installation has no mail server or secret for it, or the webhook's address
            is none that may be asked.
    """
    tell = settings.tell
    if (wanted.team or wanted.leads) and not (tell.smtp_host and tell.mail_from):
        raise TellError(
            "No mail server is set: whoever runs Winnow sets tell.smtp_host and tell.mail_from "
            "(WINNOW_TELL__SMTP_HOST, WINNOW_TELL__MAIL_FROM)."
        )
    if wanted.webhook:
        if not tell.webhook_secret:
            raise TellError(
                "Webhooks are signed, and no secret is set: whoever runs Winnow sets "
                "tell.webhook_secret (WINNOW_TELL__WEBHOOK_SECRET)."
            )
        parts = urlsplit(wanted.webhook)
        local = settings.harvest.allow_loopback and parts.hostname in ("127.0.0.1", "localhost")
        if not parts.hostname or (parts.scheme != "https" and not local):
            raise TellError("A webhook needs an https address.")
        _refuse_private(settings, wanted.webhook)
    reviews.set_settings(
        session, review_id, {TELL: wanted.model_dump(mode="json")}, person_id=person_id
    )


def _refuse_private(settings: Settings, address: str) -> None:
    with sources.client(settings) as client:
        try:
            client.check_address("webhook", address)
        except SourceRefused as error:
            raise TellError(f"{error.message} {error.remedy}".strip()) from error


def tell_ended(store: Store, settings: Settings) -> None:
    """Tell of every night that has ended and was not told; each once, whatever becomes of it."""
    with store.read() as session:
        waiting = nights.untold(session)
    for night in waiting:
        with store.write() as session:
            if not nights.claim_telling(session, night.id):
                continue
        with store.read() as session:
            review = reviews.by_id(session, night.review_id)
            copies = {
                lead: mornings.morning(session, night.review_id, night.id, lead=lead)
                for lead in (False, True)
            }
        problems = _tell(settings, telling_of(review), copies)
        if problems:
            with store.write() as session:
                nights.told(session, night.id, problems)


def _tell(settings: Settings, wanted: Telling, copies: Mapping[bool, Morning]) -> list[str]:
    """Send the summary, to leads their own copy; gives what did not go out, in words."""
    found = copies[False]
    if found.quiet and not wanted.quiet:
        return []
    problems = []
    for addresses, lead in ((wanted.team, False), (wanted.leads, True)):
        if addresses:
            try:
                _mail(settings, addresses, copies[lead])
            except (OSError, smtplib.SMTPException) as error:
                told = masked(str(error))[:300]
                problems.append(f"mail to {', '.join(addresses)}: {type(error).__name__}: {told}")
    if wanted.webhook:
        try:
            _post(settings, wanted.webhook, found)
        except SourceError as error:
            problems.append(f"webhook: {masked(error.message)} {error.remedy}".strip())
    for words in problems:
        logger.warning("night %s was not told: %s", found.night.id, words)
    return problems


def _mail(settings: Settings, to: Sequence[str], found: Morning) -> None:
    tell = settings.tell
    message = EmailMessage()
    news = f"{found.new:,} new"
    failed = f", {len(found.failed)} sources failed" if found.failed else ""
    message["Subject"] = " ".join(f"{found.title}: {news}{failed}".split())
    message["From"] = tell.mail_from
    message["To"] = ", ".join(to)
    message.set_content(mornings.as_text(found, base_url=settings.base_url))
    with _server(tell) as server:
        if tell.smtp_user:
            server.login(tell.smtp_user, tell.smtp_password)
        server.send_message(message)


def _server(tell: TellSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if tell.smtp_security == "tls":
        return smtplib.SMTP_SSL(tell.smtp_host, tell.smtp_port, timeout=_SECONDS, context=context)
    server = smtplib.SMTP(tell.smtp_host, tell.smtp_port, timeout=_SECONDS)
    if tell.smtp_security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def signature(secret: str, body: bytes) -> str:
    """What a receiver compares: HMAC-SHA-256 of the body, in hexadecimal."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _post(settings: Settings, address: str, found: Morning) -> None:
    body = json.dumps(mornings.as_json(found), ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        _SIGNATURE: signature(settings.tell.webhook_secret, body),
    }
    limits = Limits(interval=0.0, timeout=_SECONDS, attempts=3, backoff=2.0, longest_wait=10.0)
    with sources.client(settings) as client:
        client.ask("webhook", Request(address, data=body, headers=headers), limits, partial(_judge))


def _judge(response: Response) -> None:
    """Whether the receiver took it.

    Raises:
        SourceUnavailable: it may take it later.
        SourceRefused: it will not.
    """
    if 200 <= response.status < 300:
        return
    words = f"webhook: it answered {response.status}"
    if response.status in (408, 425, 429) or response.status >= 500:
        raise SourceUnavailable(words, source="webhook")
    raise SourceRefused(words, source="webhook", remedy="Check the address at its owner.")
