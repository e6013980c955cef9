"""Formulas in brackets, and brackets that are escaped."""

import pytest

from noteassist.services.exports.markdown import formulas, parse


@pytest.mark.parametrize(
    "text", [r"\(x^2\)", r"\[a = b\]", r"As \(n\) grows", r"\[\frac{1}{2}\]", r"\(2 + 2\) apples"]
)
def test_what_models_write_between_brackets_is_a_formula(text):
    assert len(list(formulas(parse(text)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        r"\[click\](https://example.org)",
        r"\[click\]\(https://example.org/?a=b\)",
        r"\[see above\]",
        r"\(by the way\)",
        r"\(\)",
        r"!\[x\](https://example.org/x.png)",
    ],
)
def test_escaped_brackets_are_none(text):
    assert list(formulas(parse(text))) == []
