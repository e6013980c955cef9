"""Mail leaves through the outbox: after the commit, at least once, and never with a secret at rest."""

import email
import email.policy
import socket
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, text

from noteassist import db
from noteassist.jobs import mail as jobs
from noteassist.models import OutboxMail, Task
from noteassist.queues import CATALOGUE
from noteassist.services import mail
from noteassist.services.mail.transports import SmtpTransport, Transport, TransportError
from noteassist.worker.runner import Runner
from tests.people import do_all_due

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


@pytest.fixture
def deliver(app, settings, pull_due, monkeypatch):
    """Deliver what is due through a transport; gives how many mails were tried."""

    def run(transport):
        monkeypatch.setattr(jobs, "transport_of", lambda _: transport)
        return do_all_due(Runner(app, settings))

    return run


@pytest.fixture
def pull_due():
    """Let what waits for its next try be due now."""

    def pull():
        with db.transaction():
            db.execute(text("UPDATE tasks SET run_after = created_at WHERE status = 'queued'"))

    return pull


def outbox_row():
    [row] = db.read_rows(select(OutboxMail.sent_at, OutboxMail.failed_at, OutboxMail.error))
    return row


def task_row():
    [row] = db.read_rows(select(Task.status, Task.failures, Task.run_after, Task.created_at))
    return row


def test_a_mail_reaches_the_mail_server(pending, deliver, smtp):
    inbox, transport = smtp
    assert deliver(transport) == 1
    [message] = inbox.messages
    assert (message["To"], message["Auto-Submitted"]) == (ADDRESS, "auto-generated")
    assert deliver(transport) == 0
    assert outbox_row().sent_at is not None


def test_a_rolled_back_request_sends_nothing(context, deliver, smtp):
    with pytest.raises(RuntimeError), db.transaction():
        mail.send_later("account_closed", ADDRESS)
        raise RuntimeError
    assert deliver(smtp[1]) == 0
    assert smtp[0].messages == []


def test_a_passing_refusal_is_tried_again_with_the_same_message_id(pending, deliver, smtp, pull_due):
    inbox, transport = smtp
    inbox.answers = ["451 later", "451 later"]
    for _ in range(3):
        assert deliver(transport) == 1
        pull_due()
    [message] = inbox.messages
    assert message["Message-ID"].endswith(".account_closed@127.0.0.1>")
    assert task_row().failures == 2


def test_it_is_not_tried_before_its_time(pending, deliver):
    assert deliver(Broken(permanent=False)) == 1
    assert deliver(Broken(permanent=False)) == 0
    assert 7 < (task_row().run_after - task_row().created_at).total_seconds() < 14


def test_a_permanent_refusal_ends_it_visibly(pending, deliver, smtp):
    inbox, transport = smtp
    inbox.answers = ["550 no such mailbox"]
    deliver(transport)
    assert outbox_row().failed_at is not None
    assert "550" in outbox_row().error
    assert task_row().status == "failed"


def test_it_is_given_up_after_some_hours(pending, deliver, pull_due):
    spec = CATALOGUE["mail"]
    tries = 0
    while deliver(Broken(permanent=False)):
        tries += 1
        pull_due()
    assert tries == spec.failures == len(spec.delays) + 1
    assert 3.5 * 3600 < sum(spec.delays) < 4.5 * 3600
    assert outbox_row().failed_at is not None


def test_a_mail_server_that_is_away_is_a_passing_trouble(pending, deliver):
    deliver(SmtpTransport("smtp://127.0.0.1:1"))
    assert outbox_row().failed_at is None
    assert task_row().status == "queued"


def test_many_deliverers_send_each_mail_once(context, app, settings, tmp_path, in_parallel):
    with db.transaction():
        for number in range(30):
            mail.send_later("account_closed", f"{number}@example.com")
    own = replace(settings, instance_dir=tmp_path)
    assert sum(in_parallel([lambda: do_all_due(Runner(app, own))] * 4)) == 30
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 30


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
