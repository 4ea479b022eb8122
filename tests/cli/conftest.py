"""What the tests of the command have in common."""

from __future__ import annotations

import pytest

from plait.cli import main


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Run the command with wrong arguments in an empty directory; return the one line it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 2
        printed, complaint = capsys.readouterr()
        assert printed == ""
        assert complaint.endswith("\n")
        assert complaint.count("\n") == 1, complaint
        assert complaint.startswith("plait")
        return complaint

    return run
