"""Mail leaves through the outbox: after the commit, at least once, and never with a secret at rest."""

import email
import email.policy
import socket

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from noteassist import db
from noteassist.models import OutboxMail
from noteassist.services import mail
from noteassist.services.mail import outbox
from noteassist.services.mail.transports import FolderTransport, SmtpTransport, Transport, TransportError

ADDRESS = "dana@example.com"


class Inbox:
    """A mail server's handler that keeps what it is given, after refusing with `answers` first."""

    def __init__(self):
        self.messages, self.answers = [], []

    async def handle_DATA(self, server, session, envelope):  # aiosmtpd's name
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


class Broken(Transport):
    """A transport that always fails."""

    def __init__(self, *, permanent):
        self.permanent = permanent

    def deliver(self, message):
        raise TransportError("it is broken", permanent=self.permanent)


@pytest.fixture
def smtp():
    """A real SMTP server; gives its inbox and a transport to it."""
    inbox = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, SmtpTransport(f"smtp://127.0.0.1:{port}")
    controller.stop()


@pytest.fixture
def pending(context):
    """One mail in the outbox."""
    with db.transaction():
        mail.send_later("account_closed", ADDRESS)


def rows():
    return db.read_rows(
        select(OutboxMail.sent_at, OutboxMail.failed_at, OutboxMail.attempts, OutboxMail.next_try_at)
    )


def test_a_mail_reaches_the_mail_server(pending, settings, smtp):
    inbox, transport = smtp
    assert outbox.deliver_due(settings, transport) == 1
    [message] = inbox.messages
    assert (message["To"], message["Auto-Submitted"]) == (ADDRESS, "auto-generated")
    assert outbox.deliver_due(settings, transport) == 0


def test_a_rolled_back_request_sends_nothing(context, settings, smtp):
    with pytest.raises(RuntimeError), db.transaction():
        mail.send_later("account_closed", ADDRESS)
        raise RuntimeError
    assert outbox.deliver_due(settings, smtp[1]) == 0
    assert not mail.wake.is_set()


def test_a_passing_refusal_is_tried_again_with_the_same_message_id(pending, settings, smtp, move_clock):
    inbox, transport = smtp
    inbox.answers = ["451 later", "451 later"]
    for seconds in (11, 31, 61):
        outbox.deliver_due(settings, transport)
        move_clock(seconds)
    [message] = inbox.messages
    assert message["Message-ID"].endswith(".account_closed@127.0.0.1>")
    assert rows()[0].attempts == 3


def test_it_is_not_tried_before_its_time(pending, settings):
    assert outbox.deliver_due(settings, Broken(permanent=False)) == 1
    assert outbox.deliver_due(settings, Broken(permanent=False)) == 0


def test_a_permanent_refusal_ends_it_visibly(pending, settings, smtp):
    inbox, transport = smtp
    inbox.answers = ["550 no such mailbox"]
    outbox.deliver_due(settings, transport)
    assert rows()[0].failed_at is not None


def test_it_is_given_up_after_some_hours(pending, settings, move_clock):
    for _ in range(20):
        outbox.deliver_due(settings, Broken(permanent=False))
        move_clock(5500)
    assert rows()[0].failed_at is not None
    assert rows()[0].attempts == len(outbox.DELAYS) + 1


def test_a_mail_server_that_is_away_is_a_passing_trouble(pending, settings):
    outbox.deliver_due(settings, SmtpTransport("smtp://127.0.0.1:1"))
    assert rows()[0].failed_at is None


def test_whoever_dies_with_a_mail_leaves_it_due_again(pending, settings, smtp, move_clock):
    assert outbox._claim() is not None
    assert outbox.deliver_due(settings, smtp[1]) == 0
    move_clock(91)
    assert outbox.deliver_due(settings, smtp[1]) == 1


def test_many_deliverers_send_each_mail_once(context, settings, tmp_path, in_parallel, app):
    with db.transaction():
        for number in range(30):
            mail.send_later("account_closed", f"{number}@example.com")

    def deliver():
        with app.app_context():
            return outbox.deliver_due(settings, FolderTransport(tmp_path))

    assert sum(in_parallel([deliver] * 4)) == 30
    assert len(list(tmp_path.glob("*.eml"))) == 30


def test_a_name_cannot_add_a_header(sign_up, mails):
    sign_up(email=ADDRESS, name="Dana\r\nBcc: everybody@example.com")
    [message] = mails(ADDRESS)
    assert message["Bcc"] is None


@pytest.mark.parametrize("template", ["verify_email", "change_email", "reset_password"])
def test_a_token_stands_on_a_line_of_its_own_and_in_the_link(template, alice, mails, context):
    with db.transaction():
        mail.send_later(template, alice.email, user_id=alice.user["id"])
    text = mails(alice.email)[-1].get_content()
    [token] = [line.removeprefix("Token: ") for line in text.splitlines() if line.startswith("Token: ")]
    assert f"#token={token}" in text
