"""Thirty queries on both databases, side by side: `python -m bench.side_by_side`; 1 where the hits differ."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from bench.servers import instance_folder, throw_away_postgres
from noteassist import db, schema
from noteassist.app import NoteAssist, create_app
from noteassist.config import Settings
from noteassist.paging import PageRequest
from noteassist.security.actors import Actor
from noteassist.services import notes
from noteassist.services.accounts import insert_account
from noteassist.services.search.finding import search

Found = list[tuple[str, str]]

CORPUS: dict[str, list[tuple[str, str, str]]] = {
    "Cell biology": [
        ("Mitosis", "A cell divides. Chromosomes line up at the equator, then move apart.", ""),
        ("Meiosis", "Four cells with half the chromosomes each.", ""),
        ("Mitochondria", "The power house of the cell. Café of the cell, so to speak.", ""),
    ],
    "Python in practice": [
        (
            "Names and files",
            "Use os.path.join, never string concatenation.",
            "def read_file(path):\n    return os.path.getsize(path)",
        ),
        (
            "HTTP clients",
            "XMLHttpRequest is older than fetch.",
            "getHTTPResponse(requestUrl)\nnew_client.close()",
        ),
        (
            "PostgreSQL",
            'The tsvector type, and "phrase search" with <->.',
            "SELECT * FROM notes WHERE a.b = 1;",
        ),
    ],
    "東京の歴史": [
        ("江戸時代", "江戸は現在の東京都庁のあたりではない。", ""),
        ("カタカナ", "カタカナで書く。", ""),
    ],
    "Русский язык": [("Ёлка и йод", "Ёлка стоит в углу.", ""), ("Straße", "Die Straße ist lang.", "")],
    "हिन्दी": [("व्याकरण", "हिन्दी व्याकरण के नियम", ""), ("العَرَبِيَّة", "النحو والصرف", "")],
    "Plants": [
        ("Photosynthesis", "Light becomes sugar; the cell wall helps.", ""),
        ("Roots", "Osmosis in roots.", ""),
    ],
}
QUERIES = (
    *(
        "cell",
        "cells",
        "cell wall",
        '"cell wall"',
        '"wall cell"',
        "cell -mitosis",
        "chromo",
        "chromosomes -half",
    ),
    *(
        "biology mitosis",
        "mitocondria",
        "fotosynthesis",
        "os.path",
        "read_file",
        "readfile",
        "a.b",
        "camelCase",
    ),
    *(
        "http response",
        "xmlhttprequest",
        "postgresql",
        "東京",
        "都庁",
        "カナ",
        "ｶﾀｶﾅ",
        "елка",
        "strasse",
        "cafe",
    ),
    *("हिन्दी", "العربية", "NEAR(cell* AND", "'\"<->&|!:*"),
)


def filled(instance_dir: object, address: str) -> tuple[NoteAssist, Actor]:
    """Make an application with the corpus."""
    url = address.replace("postgresql:", "postgresql+psycopg:", 1)
    app = create_app(Settings(instance_dir=instance_dir, database_url=url).completed())  # type: ignore[arg-type]  # a path
    with app.app_context():
        schema.gate().prepare()
        with db.transaction():
            user_id = insert_account("someone@example.com", "-")
        actor = Actor(user_id, 0, "user", "FREE", True, 0)
        for title, topics in CORPUS.items():
            with db.transaction():
                notes.create_note(actor, title=title, chapters=[{"title": "All", "topics": made(topics)}])
    return app, actor


def made(topics: Sequence[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Make the bodies of topics."""
    bodies: list[dict[str, object]] = []
    for name, text, code in topics:
        snippet = {"language": "text", "code": code} if code else None
        bodies.append({"name": name, "explanation": {"content": text}, "code_snippet": snippet})
    return bodies


def found(app: NoteAssist, actor: Actor, query: str) -> Found:
    """Give what a query finds, in order."""
    with app.app_context():
        hits = search(actor, query, PageRequest(100)).results
        db.direct().dispose()
    return [(hit["title"], f"{hit['rank']:.2f}") for hit in hits]


def main() -> int:
    """Print the table; 1 where the databases differ in anything."""
    # It takes no options, but whoever asks for help shall not start servers.
    about = "Search a small corpus with thirty queries on PostgreSQL and SQLite, and print what each finds."
    argparse.ArgumentParser(
        prog="python -m bench.side_by_side",
        description=about,
        epilog="Both are throw-away databases. The exit status is 1 when the hits or their ranks differ.",
    ).parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(throw_away_postgres())
        folders = [stack.enter_context(instance_folder()) for _ in range(2)]
        sides = [filled(folders[0], server.url), filled(folders[1], "")]
        rows = [(query, found(*sides[0], query), found(*sides[1], query)) for query in QUERIES]
        for app, _ in sides:
            with app.app_context():
                db.db.engine.dispose()
    table = Table("query", "PostgreSQL", "SQLite", "same", title=f"{len(rows)} queries", show_lines=False)
    for query, one, other in rows:
        table.add_row(query, written(one), written(other), "yes" if one == other else "NO")
    Console(width=None if sys.stdout.isatty() else 160).print(table, markup=False)
    return int(any(one != other for _, one, other in rows))


def written(hits: Found) -> str:
    """Write hits with their ranks."""
    return ", ".join(f"{title} {rank}" for title, rank in hits) or "-"


if __name__ == "__main__":
    sys.exit(main())
