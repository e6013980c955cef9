"""Where each microsecond of a request goes: `python -m bench.layers [--publish]`.

One process and one thread, without a server around it, answer the same request again and again; PostgreSQL and Redis
are real. The functions at the borders of the layers are timed, each without those that it calls. What is told is the
median over the requests. So waiting for an answer is time here, though it is not processor time of this process.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from xml.sax.saxutils import escape

import orjson
import psycopg
import sqlalchemy

from bench.options import DEFAULT_PASSWORD
from bench.page import PAGE, block, table
from bench.people import seeded_email
from bench.plot import STYLE, WIDTH, text
from bench.servers import FAR_LIMITS, instance_folder, throw_away_postgres, throw_away_redis
from noteassist import db, door, express, front, observing, redis_scripts, schema
from noteassist.api import limits as api_limits
from noteassist.app import NoteAssist, create_app
from noteassist.config import Settings
from noteassist.db import held, prepared
from noteassist.express import reading
from noteassist.services.demo.seeding import seed_accounts

PICTURE = PAGE.parent / "images/layers.svg"
REQUESTS, WARM_UP = 2000, 200
SEEDED = {"users": 20, "notes": 50, "chapters": 4, "topics": 5, "seed": 1}
EXPLAINED = {
    "front door": "request id, address, slots, headers of every answer",
    "the front": "kept answers: the token, the bytes, what Redis has said",
    "Redis": "the script, and waiting for it",
    "metrics": "counting the answer",
    "express lane": "the way past Flask: route, context, headers",
    "guard": "the token",
    "connection": "taking one from the pool, giving it back, the cursor",
    "PostgreSQL": "sending the statement (session and content) and waiting for its answer",
    "statements": "parameters in, rows out",
    "limits": "windows, and what is left of them",
    "view": "the service: rows to dictionaries",
    "JSON": "writing it, and its tag",
}


class Layers:
    """Times the layers of one request after another: microseconds of each, without what it calls."""

    def __init__(self) -> None:
        self.running: list[list[float]] = []
        self.spent: dict[str, float] = defaultdict(float)

    def timed(self, layer: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function of a layer."""

        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.running.append([0.0])
            begun = time.perf_counter_ns()
            try:
                return function(*arguments, **options)
            finally:
                took = (time.perf_counter_ns() - begun) / 1000
                self.spent[layer] += took - self.running.pop()[0]
                if self.running:
                    self.running[-1][0] += took

        return wrapped

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time the functions at the borders."""
        borders: Sequence[tuple[str, Any, str]] = (
            ("front door", door.FrontDoor, "__call__"),
            ("the front", front.Front, "answer"),
            ("the front", front.Front, "keep_answer"),
            ("Redis", redis_scripts.Connection, "_exchange"),
            ("metrics", observing, "end_request"),
            ("express lane", express.ExpressLane, "__call__"),
            ("guard", reading, "read_bearer"),
            ("connection", prepared, "connect"),
            ("statements", held.HeldConnection, "rows"),
            ("connection", held.HeldConnection, "release"),
            ("PostgreSQL", psycopg.Cursor, "execute"),
            ("limits", api_limits.RequestLimits, "count"),
            ("view", reading, "read_first_page"),
            ("view", reading, "read_note"),
            ("JSON", reading, "to_json"),
            ("JSON", reading, "tag_of"),
        )
        with ExitStack() as stack:
            for layer, place, name in borders:
                stack.enter_context(mock.patch.object(place, name, self.timed(layer, getattr(place, name))))
            yield

    def take(self) -> dict[str, float]:
        """Give what was spent since the last time."""
        spent, self.spent = dict(self.spent), defaultdict(float)
        return spent


def request_of(path: str, token: str) -> dict[str, Any]:
    """Make the environment of a GET."""
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
    }


def ask(app: NoteAssist, path: str, token: str) -> bytes:
    """Answer one request; raises RuntimeError for anything but 200."""
    said: list[str] = []

    def start(status: str, _headers: Any, _error: Any = None) -> Any:
        said.append(status)

    body = app.wsgi_app(request_of(path, token), start)
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    if said != ["200 OK"]:
        raise RuntimeError(f"{path} answered {said}: {content[:200]!r}")
    return content


def measured(app: NoteAssist, path: str, token: str) -> dict[str, float]:
    """Give the median microseconds of each layer."""
    for _ in range(WARM_UP):
        ask(app, path, token)
        # Leave to believe Redis is taken by a thread.
        time.sleep(0.001)
    layers, taken = Layers(), []
    with layers.watching():
        for _ in range(REQUESTS):
            ask(app, path, token)
            taken.append(layers.take())
    return {
        layer: median
        for layer in EXPLAINED
        if (median := statistics.median(one.get(layer, 0.0) for one in taken)) > 0
    }


def run() -> dict[str, dict[str, float]]:
    """Measure a list and a detail, from the cache and not."""
    found = {}
    with ExitStack() as stack:
        postgres = stack.enter_context(throw_away_postgres())
        redis = stack.enter_context(throw_away_redis())
        folder = stack.enter_context(instance_folder())
        usual = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "INSTANCE_DIR": str(folder),
            "SECRET_KEY": "0123456789abcdef" * 4,
            "ACCESS_LOG": "0",
            **FAR_LIMITS,
        }
        for kind, size in (("uncached", "0"), ("warm", "64")):
            settings = Settings.from_env(usual | {"FRONT_CACHE_MB": size})
            app = create_app(settings)
            with app.app_context():
                schema.gate().prepare()
                if kind == "uncached":
                    sum(seed_accounts(settings, DEFAULT_PASSWORD, **SEEDED))
                    # As it is soon after in a database that is in use.
                    with db.direct().connect() as connection:
                        connection.execute(sqlalchemy.text("VACUUM ANALYZE"))
                [row] = db.read_rows(sqlalchemy.text("SELECT min(id) AS id FROM notes"))
            with app.test_client() as client:
                sent = {"email": seeded_email(1), "password": DEFAULT_PASSWORD}
                token = orjson.loads(client.post("/api/auth/token/", json=sent).data)["access"]
            for name, path in (("list", "/api/notes/"), ("detail", f"/api/notes/{row.id}/")):
                found[f"{name}, {kind}"] = measured(app, path, token)
    return found


def as_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Write a table of the layers."""
    rows = [
        [layer, means, *(f"{one[layer]:.0f}" if layer in one else "" for one in found.values())]
        for layer, means in EXPLAINED.items()
    ]
    total = ["**together**", "", *(f"**{sum(one.values()):.0f}**" for one in found.values())]
    return table(["layer", "what it does", *found], [*rows, total], numbers=2)


COLOURS = (
    "#1d4ed8", "#60a5fa", "#dc2626", "#a3a3a3", "#7c3aed", "#0891b2", "#94a3b8", "#c2660c", "#f0b072", "#65a30d",
    "#0f766e", "#be185d",
)  # fmt: skip
LEFT, TOP, BAR = 130.0, 96.0, 34.0


def picture(found: Mapping[str, Mapping[str, float]]) -> str:
    """Draw one bar for each kind of request, made of its layers."""
    most = max(sum(one.values()) for one in found.values())
    scale = (WIDTH - LEFT - 70) / most
    drawn, title = [], "Microseconds of a request, by layer"
    for number, (name, one) in enumerate(found.items()):
        x, y = LEFT, TOP + number * (BAR + 14)
        drawn.append(text(LEFT - 10, y + BAR / 2 + 4, name, anchor="end"))
        for place, layer in enumerate(EXPLAINED):
            width = one.get(layer, 0.0) * scale
            drawn.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[place]}">'
                f"<title>{escape(layer)}: {one.get(layer, 0.0):.0f}</title></rect>"
            )
            x += width
        drawn.append(text(x + 6, y + BAR / 2 + 4, f"{sum(one.values()):.0f}", "times"))
    bottom = TOP + len(found) * (BAR + 14) + 10
    for place, layer in enumerate(EXPLAINED):
        x, y = 20 + place % 6 * 140, bottom + place // 6 * 22
        drawn += [
            f'<rect x="{x}" y="{y:.0f}" width="11" height="11" fill="{COLOURS[place]}"/>',
            text(x + 17, y + 10, layer),
        ]
    told = "; ".join(f"{name} {sum(one.values()):.0f}" for name, one in found.items())
    height = bottom + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="title desc"><title id="title">{title}</title><desc id="desc">{escape(told)}.</desc>'
        f'<style>{STYLE}</style><rect class="ground" width="{WIDTH}" height="{height:.0f}"/>\n'
        f'<text class="title" x="20" y="32">{title}</text>\n'
        + text(
            20,
            54,
            "One thread, PostgreSQL and Redis on the same machine; waiting included, HTTP not.",
            "small",
        )
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def main() -> None:
    """Measure and print, and on request publish."""
    parser = argparse.ArgumentParser(prog="python -m bench.layers", description=__doc__)
    parser.add_argument("--publish", action="store_true", help=f"write table and picture into {PAGE.name}")
    given, found = parser.parse_args(), run()
    print(as_table(found))
    if given.publish:
        PAGE.write_text(block(PAGE.read_text(), "layers", as_table(found)))
        PICTURE.write_text(picture(found))


if __name__ == "__main__":
    main()
