"""The provider that needs no key and no network; it says so in what it writes."""

from collections.abc import Callable, Generator, Mapping

from noteassist.services.ai import offline
from noteassist.services.ai.base import Deadline, Piece, Provider, Question

# Part of the cache key: raise it when the offline texts change.
VERSION = "1"


def _generate(question: Question) -> str:
    fields = question.fields
    return offline.outline(
        _required(fields, "topic"),
        level=_required(fields, "level"),
        subject=fields.get("subject"),
        references=question.references,
        language=question.language,
    )


def _improve(question: Question) -> str:
    fields = question.fields
    return offline.improve(_required(fields, "content"), instructions=fields.get("instructions"))


def _summarize(question: Question) -> str:
    fields = question.fields
    length, form = _required(fields, "length"), _required(fields, "format")
    return offline.summarize(_required(fields, "content"), length=length, format=form)


def _code(question: Question) -> str:
    fields = question.fields
    return offline.skeleton(
        _required(fields, "prompt"),
        programming_language=_required(fields, "programming_language"),
        level=_required(fields, "level"),
        language=question.language,
    )


def _required(fields: Mapping[str, str | None], name: str) -> str:
    value = fields[name]
    if value is None:
        raise KeyError(name)
    return value


WRITERS: Mapping[str, Callable[[Question], str]] = {
    "generate": _generate,
    "improve": _improve,
    "summarize": _summarize,
    "code": _code,
}


class OfflineProvider(Provider):
    """Extracts, tidies and outlines; deterministic."""

    name = "offline"
    model = f"offline-{VERSION}"

    def stream(self, question: Question, deadline: Deadline) -> Generator[Piece]:
        """Write the answer paragraph by paragraph, and the note that no model was asked."""
        text = WRITERS[question.tool](question)
        for paragraph in text.split("\n\n"):
            yield Piece(f"{paragraph}\n\n")
        yield Piece(offline.LABEL, "stop")
