"""The copy of a note that the user with few notes gets."""

from bench.growth import copy_of


def test_a_copy_has_what_was_written_and_nothing_that_the_server_gave() -> None:
    topic = {
        "id": 3,
        "name": "Sets",
        "order": 1,
        "created_at": "x",
        "updated_at": "x",
        "source": None,
        "explanation": {"content": "Each once.", "updated_at": "x"},
        "code_snippet": {"language": "python", "code": "{1}", "updated_at": "x"},
    }
    chapter = {"id": 2, "title": "Basics", "order": 1, "topics": [topic]}
    detail = {
        "id": 1,
        "title": "Python",
        "slug": "python",
        "tags": ["a"],
        "status": "draft",
        "chapter_count": 1,
        "topic_count": 1,
        "chapters": [chapter],
    }

    assert copy_of(detail) == {
        "title": "Python",
        "tags": ["a"],
        "status": "draft",
        "chapters": [
            {
                "title": "Basics",
                "topics": [
                    {
                        "name": "Sets",
                        "explanation": {"content": "Each once."},
                        "code_snippet": {"language": "python", "code": "{1}"},
                    }
                ],
            }
        ],
    }
