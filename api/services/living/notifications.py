"""Night summaries are sent by mail, and to a webhook with a signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.services.living import night_summary
from api.services.living.night_summary import NightSummary
from api.services.reviews.stored_settings import read_setting
from api.services.searching import sources
from api.settings import Settings, TellSettings
from api.wording import count_noun
from harvest.errors import SourceError, SourceRefused, SourceUnavailable
from harvest.http import Limits, Request, Response, masked
from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo
from store.searching import nights
from store.searching.nights import NightInfo

logger = logging.getLogger(__name__)

ToJson = Callable[[NightSummary], Mapping[str, Any]]

TELL = "tell"
_SECONDS = 20.0
_SIGNATURE = "X-Winnow-Signature"

Address = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+$")
]


class SendError(ValueError):
    """Summaries could not be sent to these recipients; the message says what to change."""

    # Its name in the API's JSON, which clients may rely on.
    kind = "TellError"


class NotificationSettings(BaseModel):
    """Who gets a review's night summaries.

    Attributes:
        team: addresses that get them without scores; ``leads`` get them with scores.
        webhook: an https address that gets them as signed JSON, without scores.
        quiet: whether to send a summary even if nothing is new.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: tuple[Address, ...] = Field(default=(), max_length=50)
    leads: tuple[Address, ...] = Field(default=(), max_length=50)
    webhook: str = Field(default="", max_length=2000)
    quiet: bool = True


def get_notification_settings(review: ReviewInfo) -> NotificationSettings:
    """Who gets the review's summaries; nobody if that was never set, or if it is broken."""
    return read_setting(review, TELL, NotificationSettings.model_validate, NotificationSettings())


def set_notification_settings(
    store: Store,
    settings: Settings,
    review_id: int,
    changes: Mapping[str, Any],
    *,
    person_id: int | None,
) -> NotificationSettings:
    """Change who gets a review's summaries.

    Args:
        store: the database.
        settings: the mail server, and the secret that webhooks are signed with.
        review_id: the review.
        changes: fields of the settings; what is left out stays.
        person_id: the lead.

    Returns:
        The settings that hold now.

    Raises:
        SendError: the installation has no mail server or webhook secret, or the webhook's address
            may not be asked.
    """
    _check_webhook(settings, changes.get("webhook", ""))
    with store.write() as session:
        reviews.lock_review(session, review_id)
        before = get_notification_settings(reviews.get_review(session, review_id))
        recipients = NotificationSettings.model_validate({**before.model_dump(), **changes})
        _check_mail(settings.tell, recipients)
        stored = {TELL: recipients.model_dump(mode="json")}
        reviews.update_settings(session, review_id, stored, person_id=person_id)
    return recipients


def _check_mail(tell: TellSettings, recipients: NotificationSettings) -> None:
    if (recipients.team or recipients.leads) and not (tell.smtp_host and tell.mail_from):
        raise SendError(
            "No mail server is set up. The person who runs the server sets tell.smtp_host and "
            "tell.mail_from (WINNOW_TELL__SMTP_HOST, WINNOW_TELL__MAIL_FROM)."
        )


def _check_webhook(settings: Settings, address: str) -> None:
    if not address:
        return
    if not settings.tell.webhook_secret:
        raise SendError(
            "Webhooks are signed, and no secret is set. The person who runs the server sets "
            "tell.webhook_secret (WINNOW_TELL__WEBHOOK_SECRET)."
        )
    parts = urlsplit(address)
    local = settings.harvest.allow_loopback and parts.hostname in ("127.0.0.1", "localhost")
    if not parts.hostname or (parts.scheme != "https" and not local):
        raise SendError("A webhook needs an https address.")
    with sources.open_client(settings, ports=settings.tell.webhook_ports) as client:
        try:
            client.check_address("webhook", address)
        except SourceRefused as error:
            raise SendError(f"{error.message} {error.remedy}".strip()) from error


@dataclass(frozen=True, slots=True)
class _Copies:
    """A night's summary for the team, and with scores for leads."""

    team: NightSummary
    leads: NightSummary


def send_summaries(store: Store, settings: Settings, to_json: ToJson) -> None:
    """Send the summary of every night that has ended and was not sent; each once, even on error.

    Args:
        store: the database.
        settings: the mail server, and the secret that webhooks are signed with.
        to_json: makes the object that webhooks get.
    """
    with store.read() as session:
        unsent = nights.list_unsent_nights(session)
    for night in unsent:
        with store.write() as session:
            claimed = nights.claim_sending(session, night.id)
        if claimed:
            try:
                _send_night(store, settings, night, to_json)
            except Exception:
                # Each night is sent once; the other reviews get theirs.
                logger.exception("the summary of night %s was not sent", night.id)
                problem = "Winnow failed to write the summary; its log says why"
                with store.write() as session:
                    nights.record_sending(session, night.id, [problem])


def _send_night(store: Store, settings: Settings, night: NightInfo, to_json: ToJson) -> None:
    review_id = night.review_id
    with store.read() as session:
        recipients = get_notification_settings(reviews.get_review(session, review_id))
        copies = _Copies(
            team=night_summary.build_summary(session, review_id, night.id, lead=False),
            leads=night_summary.build_summary(session, review_id, night.id, lead=True),
        )
    if copies.team.quiet and not recipients.quiet:
        return
    body = json.dumps(to_json(copies.team), ensure_ascii=False).encode()
    problems = list(_send(settings, recipients, copies, body))
    for problem in problems:
        logger.warning("the summary of night %s was not sent: %s", night.id, problem)
    if problems:
        with store.write() as session:
            nights.record_sending(session, night.id, problems)


def _send(
    settings: Settings, recipients: NotificationSettings, copies: _Copies, body: bytes
) -> Iterator[str]:
    """Send each copy, and the body to the webhook; gives what went wrong, in words."""
    for addresses, summary in ((recipients.team, copies.team), (recipients.leads, copies.leads)):
        if addresses:
            try:
                _mail(settings, addresses, summary)
            except (OSError, smtplib.SMTPException) as error:
                reason = masked(str(error))[:300]
                yield f"mail to {', '.join(addresses)}: {type(error).__name__}: {reason}"
    if recipients.webhook:
        try:
            _post(settings, recipients.webhook, body)
        except SourceError as error:
            yield f"webhook: {masked(error.message)} {error.remedy}".strip()


def _mail(settings: Settings, addresses: Sequence[str], summary: NightSummary) -> None:
    tell = settings.tell
    message = EmailMessage()
    sources_failed = count_noun(len(summary.failed), "source")
    failed = f", {sources_failed} failed" if summary.failed else ""
    message["Subject"] = " ".join(f"{summary.title}: {summary.new:,} new{failed}".split())
    message["From"] = tell.mail_from
    message["To"] = ", ".join(addresses)
    message.set_content(night_summary.format_text(summary, base_url=settings.base_url))
    with _connect(tell) as server:
        if tell.smtp_user:
            server.login(tell.smtp_user, tell.smtp_password)
        server.send_message(message)


def _connect(tell: TellSettings) -> smtplib.SMTP:
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


def sign(secret: str, body: bytes) -> str:
    """The signature that a receiver compares: HMAC-SHA-256 of the body, in hexadecimal."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _post(settings: Settings, address: str, body: bytes) -> None:
    headers = {
        "Content-Type": "application/json",
        _SIGNATURE: sign(settings.tell.webhook_secret, body),
    }
    limits = Limits(interval=0.0, timeout=_SECONDS, attempts=3, backoff=2.0, longest_wait=10.0)
    with sources.open_client(settings, ports=settings.tell.webhook_ports) as client:
        client.ask("webhook", Request(address, data=body, headers=headers), limits, _judge)


def _judge(response: Response) -> None:
    """Check that the receiver took the summary.

    Raises:
        SourceUnavailable: it did not, but may later.
        SourceRefused: it never will.
    """
    if 200 <= response.status < 300:
        return
    message = f"webhook: it answered {response.status}"
    if response.status in (408, 425, 429) or response.status >= 500:
        raise SourceUnavailable(message, source="webhook")
    raise SourceRefused(message, source="webhook", remedy="Ask its owner for the right address.")
