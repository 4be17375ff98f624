"""How every command ends: fast help, one clear sentence, one JSON document, the right exit code, no traceback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backupd import errors
from backupd.cli import main as main_module
from backupd.cli.main import _COMMANDS, run
from backupd.cli.progress import Display
from backupd.runs.surroundings import Progress

HEAVY = ("sqlalchemy", "alembic", "cryptography", "rich", "apsw", "zstandard")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from backupd.cli.main import run; code = run(['--help']); "
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in _COMMANDS)


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: backupd {name}")


@pytest.mark.parametrize("name", sorted(set(_COMMANDS) - {"import", "demo", "keys", "rebuild-index"}))
def test_an_empty_home_is_said_and_not_made(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {
        "show": ["x"],
        "ls": ["x"],
        "export": ["--all", "--to", str(tmp_path / "out")],
        "restore": ["x"],
    }
    assert (
        run(["--home", str(tmp_path / "home"), name, *arguments.get(name, [])]) == errors.NotFound.exit_code
    )
    assert "backupd import" in capsys.readouterr().err
    assert not (tmp_path / "home").exists() and not (tmp_path / "out").exists()


def test_an_unknown_command_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snapshot"]) == 2
    assert "Did you mean snapshots" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["ls"], ["export", "--all"], ["check", "--read-data=0%"], ["--nope"]]
)
def test_json_errors_are_one_document(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["--json", "--home", str(tmp_path), *arguments])
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert set(document["error"]) == {"type", "message", "hint", "exit_code"}
    assert document["error"]["exit_code"] == code == 2
    assert err == ""


def test_a_wrong_setting_is_an_error_like_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKUPD_SLICE_SECONDS", "soon")
    assert run(["organizations"]) == 2
    assert "BACKUPD_SLICE_SECONDS" in capsys.readouterr().err


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(
        main_module, "load_command", lambda name: main_module.click.Command(name, callback=fail)
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Integrity("It is\x1b[2J damaged."), 5),
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device", "/x"), 9),
        (PermissionError(13, "Permission denied", "/x"), 10),
        (OSError(30, "Read-only file system"), 10),
        (OSError(5, "Input/output error", "/x"), 8),
        (ValueError("a mistake of ours"), 70),
    ],
)
def test_every_error_is_a_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    failing(monkeypatch, error)
    assert run(["stats"]) == code
    said = capsys.readouterr().err
    assert said.startswith("backupd: ") and "Traceback" not in said and "\x1b" not in said


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ValueError("a mistake of ours"))
    monkeypatch.setenv("BACKUPD_DEBUG", "1")
    with pytest.raises(ValueError, match="a mistake of ours"):
        run(["stats"])


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "from backupd.cli.main import run; import sys; sys.exit(run(['--help']))"
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=write_fd, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write_fd)
    assert (done.returncode, done.stderr) == (141, "")


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display("import", shown=False) as display:
        display.update(Progress(1, 2, "Inbox"))
        display.begin_part("x")
        display.end_part(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_progress_bar_obeys_no_stranger(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with Display("[red]im\x1bport", shown=True, total_bytes=10) as display:
        display.update(Progress(1, 5, "[bold]\x1b]0;title\x07"))
        display.expect(20)
        display.begin_part("[link]\x1b]0;title\x07")
        assert display._bar is not None
        (task,) = display._bar.tasks
        assert (task.completed, task.total) == (5, 20)
        assert "\x1b" not in task.description + task.fields["place"]
        row = list(display._bar.get_renderables())
    assert row and "]0;title\x07" not in capsys.readouterr().err


def test_exit_codes_are_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.BackupdError)
    }
    assert (
        raised | {0, main_module.INTERRUPTED, main_module.BROKEN_PIPE, main_module.UNEXPECTED} == documented
    )


def test_every_command_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    for name in _COMMANDS:
        assert f"### `backupd {name}" in text
