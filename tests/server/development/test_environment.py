"""The environment of the Procfile's commands."""

from pathlib import Path

from server.development.environment import env_file


def test_an_env_file_is_read_with_its_quotes_and_comments(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\nB=two words\nexport C='three'\nD=\n\nE=\"a=b\"\nnonsense\n")

    assert env_file(path) == {"B": "two words", "C": "three", "D": "", "E": "a=b"}
    assert env_file(tmp_path / "absent") == {}
