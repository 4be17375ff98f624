"""`backupd`: the table of commands, and how every command ends.

Commands are imported when they are called, so that `backupd --help` needs click and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import click

from backupd import __version__
from backupd.cli.context import Context
from backupd.errors import BackupdError
from backupd.settings import wants_debug

INTERRUPTED = 130
BROKEN_PIPE = 141
UNEXPECTED = 70


class _Entry(NamedTuple):
    """A command as the overview shows it, and the module that defines it as `command`."""

    module: str
    section: str
    text: str


_COMMANDS = {
    "import": _Entry("commands.take_in", "Protect", "Take a folder of mail and files into a vault."),
    "backup": _Entry("commands.backup", "Protect", "Back up what changed since the last time."),
    "organizations": _Entry("commands.organizations", "Look", "List the organizations."),
    "accounts": _Entry("commands.accounts", "Look", "List the accounts and how fresh each one's backup is."),
    "snapshots": _Entry("commands.snapshots", "Look", "List the points in time of an account."),
    "ls": _Entry("commands.ls", "Look", "List the items of an account, now or at a point in time."),
    "show": _Entry("commands.show", "Look", "Show one item."),
    "failures": _Entry("commands.failures", "Look", "List the items that could not be backed up, and why."),
    "stats": _Entry("commands.stats", "Look", "Show what is stored and how much room it takes."),
    "export": _Entry("commands.export", "Get back", "Write accounts into a folder or a ZIP file."),
    "restore": _Entry("commands.restore", "Get back", "Put items back where they were, or elsewhere."),
    "check": _Entry("commands.check", "Keep", "Prove that the vault is whole."),
    "prune": _Entry("commands.prune", "Keep", "Give back the room that nothing needs any more."),
    "retention": _Entry("commands.retention", "Keep", "Show or set how long old versions are kept."),
    "keys": _Entry("commands.keys", "Keep", "Look after the keys: status, rotation, recovery kit, erasure."),
    "rebuild-index": _Entry(
        "commands.rebuild_index", "Keep", "Make indexes and catalog again from the vaults."
    ),
    "demo": _Entry("demo.command", "Try", "Show all of it on a made-up company."),
}
_SECTIONS = ("Protect", "Look", "Get back", "Keep", "Try")


def load_command(name: str) -> click.Command:
    """Import the module of a command and return it."""
    command: click.Command = import_module(f"backupd.cli.{_COMMANDS[name].module}").command
    return command


class _Commands(click.Group):
    """A group that knows its commands by name and short help, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name) if cmd_name in _COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            near = [known for known in _COMMANDS if known.startswith(name[:3])]
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in _SECTIONS:
            with formatter.section(section):
                formatter.write_dl(
                    [(name, entry.text) for name, entry in _COMMANDS.items() if entry.section == section]
                )


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--home", metavar="DIR", help="Where keys, catalog and vaults live. [default: per-user data folder]"
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document to standard output.")
@click.version_option(__version__, prog_name="backupd", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: str | None, as_json: bool) -> None:
    """Back up mail and files into an encrypted, deduplicated vault, and get them back exactly."""
    ctx.obj = ctx.with_resource(Context(home, as_json))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; the entry point of the `backupd` script."""
    # Nothing that is made per item is a cycle, so collecting after every 700 new containers finds nothing.
    gc.set_threshold(50_000, 20, 50)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code (docs/cli.md lists them)."""
    for stream in (sys.stdout, sys.stderr):
        # Names from sources may hold what the terminal's encoding cannot say.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        # Not `cli.main`: it prints and exits by itself, with codes of its own.
        with cli.make_context("backupd", list(arguments)) as click_context:
            status = cli.invoke(click_context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help and --version
        return done.exit_code
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, click.Abort):
        return _fail(
            arguments, "Interrupted", "Stopped by Ctrl-C. What was committed stays.", "", INTERRUPTED
        )
    except click.ClickException as error:
        return _fail(arguments, "UsageError", error.format_message(), _usage_hint(error), error.exit_code)
    except Exception as error:
        # The last line of defence: people never see a traceback, developers ask for one.
        if wants_debug():
            raise
        known = _known(error)
        if known is not None:
            return _fail(arguments, type(known).__name__, known.message, known.hint, known.exit_code)
        message = f"Something unexpected happened: {type(error).__name__}: {error}"
        hint = "Set BACKUPD_DEBUG=1 for details, and report it."
        return _fail(arguments, "Unexpected", message, hint, UNEXPECTED)
    return status if isinstance(status, int) else 0


def _reader_gone() -> int:
    """The reader went away (`backupd ls | head`): nothing may be written any more, not even by Python's own flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _known(error: Exception) -> BackupdError | None:
    """Return what an error means for people; None for a mistake of ours."""
    if isinstance(error, BackupdError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        from backupd.vault.stores.os_errors import store_error

        return store_error(error, str(error.filename or "the home folder"))
    return None


def _wants_json(arguments: list[str]) -> bool:
    """Say whether `--json` stands before the command; asked before click has parsed, as parsing itself may fail."""
    for argument in arguments:
        if argument in _COMMANDS:
            return False
        if argument == "--json":
            return True
    return False


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"'{context.command_path} --help' shows how it is used." if context is not None else ""


def _fail(arguments: list[str], kind: str, message: str, hint: str, code: int) -> int:
    from backupd.cli.terminal import clean

    if _wants_json(arguments):
        document: dict[str, Any] = {"type": kind, "message": message, "hint": hint, "exit_code": code}
        sys.stdout.write(json.dumps({"error": document}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"backupd: {clean(message)}\n")
        if hint:
            sys.stderr.write(f"         {clean(hint)}\n")
    return code
