"""Users who think for 1 to 3 seconds and ask for lists, details and AI texts as 3 : 2 : 1.

Locust is no dependency of the project; bench/README.md says how to run this with one of its own. A user has either a
token from the file LOCUST_TOKENS (one access token a line, of users who have notes) or registers, and then writes notes
first.
"""

import random
import secrets
from functools import lru_cache
from itertools import cycle
from pathlib import Path

from locust import FastHttpUser, between, events, task

LIST = "/api/notes/"
DETAIL = "/api/notes/{note_id}/"
GENERATE = "/api/ai-tools/generate/"
REGISTER = "/api/auth/register/"
FIRST_NOTES = 3
# What limits answer is what was asked for, not a fault.
LIMITED = (402, 429)


@events.init_command_line_parser.add_listener
def add_options(parser, **_):
    """Let the command line name the file of tokens."""
    parser.add_argument(
        "--tokens", env_var="LOCUST_TOKENS", default="", help="a file with access tokens, one a line"
    )


@lru_cache
def tokens(path):
    """Read the tokens of a file; where there are more users than tokens, some share one."""
    return cycle(Path(path).read_text().split())


class Student(FastHttpUser):
    """Somebody who reads notes and now and then has something explained."""

    wait_time = between(1, 3)

    def on_start(self):
        """Sign in, and learn which notes there are."""
        path = self.environment.parsed_options.tokens
        self.headers = {"Authorization": f"Bearer {next(tokens(path)) if path else self.registered()}"}
        if not path:
            for number in range(FIRST_NOTES):
                self.write_note(number)
        self.note_ids = []
        self.read_list()

    def registered(self):
        """Make an account of one's own, and give its token."""
        body = {
            "email": f"locust-{secrets.token_hex(8)}@example.com",
            "password": f"locust {secrets.token_hex(12)}",
            "name": "Locust",
        }
        return self.client.post(REGISTER, json=body).json()["access"]

    def write_note(self, number):
        """Write a note with a chapter and a topic."""
        topic = {"name": "Lists", "explanation": {"content": "A list keeps its order. " * 30}}
        body = {
            "title": f"Note {number}",
            "tags": ["locust"],
            "chapters": [{"title": "Types", "topics": [topic]}],
        }
        self.client.post(LIST, json=body, headers=self.headers)

    @task(3)
    def read_list(self):
        """Look at the first page of the list."""
        with self.client.get(LIST, headers=self.headers, catch_response=True) as answer:
            if answer.status_code == 200:
                self.note_ids = [note["id"] for note in answer.json()["results"]]

    @task(2)
    def read_detail(self):
        """Look at one of the notes on it."""
        if self.note_ids:
            path = DETAIL.replace("{note_id}", str(random.choice(self.note_ids)))
            self.client.get(path, headers=self.headers, name=DETAIL)

    @task(1)
    def generate(self):
        """Have something explained that nobody has asked for; the worker does it later."""
        body = {"topic": f"Topic {secrets.token_hex(6)}", "level": "beginner"}
        with self.client.post(GENERATE, json=body, headers=self.headers, catch_response=True) as answer:
            if answer.status_code in LIMITED:
                answer.success()
