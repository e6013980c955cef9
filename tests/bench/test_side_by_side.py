"""The comparison of searches, as it is called."""

import sys

import pytest

from bench import side_by_side


def test_whoever_asks_for_help_starts_no_servers(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["side_by_side", "--help"])
    monkeypatch.setattr(side_by_side, "throw_away_postgres", lambda: pytest.fail("a server was started"))
    with pytest.raises(SystemExit) as ended:
        side_by_side.main()
    assert ended.value.code == 0
    assert "thirty queries" in capsys.readouterr().out
