"""The command line: `./monitor COMMAND`."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor_app import config

ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] in (["test"], ["bench"]):
        # They have arguments of their own.
        module = "tests.run" if given[0] == "test" else "benchmarks"
        sys.path.insert(0, str(ROOT))
        sys.argv = [f"monitor {given[0]}", *given[1:]]
        runpy.run_module(module, run_name="__main__", alter_sys=False)
        return 0
    parser = _parser()
    args = parser.parse_args(given)
    try:
        status = int(args.run(args) or 0)
        sys.stdout.flush()
        return status
    except config.ConfigError as error:
        print(f"monitor: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python would say so again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    # Imported here, so that each command loads what it needs: `analyze` no web server, `replay` no detector.
    from monitor_app import analyze, doctor, keep, simulate
    from monitor_app.bedside import replay

    settings = "\n".join(f"  {name:<28} {text} (default {value or 'empty'})" for name, value, text in config.table())
    parser = argparse.ArgumentParser(
        prog="monitor",
        description="Breathwatch: a live CPAP monitor for sleep labs.",
        epilog=f"settings from the environment:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="a ward with simulated patients on a store of its own")
    demo.add_argument("--rooms", type=int, default=12, help="simulated patients, 1 to 64 (default 12)")
    demo.add_argument("--port", help="port to listen on (default 5006)")
    demo.set_defaults(run=_demo)

    serve = commands.add_parser("serve", help="the real thing: devices stream in, browsers watch")
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on (default 5006)")
    serve.add_argument("--data", help="folder of the store (default data)")
    serve.set_defaults(run=_serve)

    for name, module, text in (
        ("replay", replay, "a bedside device that streams a recording, or a night's folder, into a running server"),
        ("analyze", analyze, "breaths and apneas of a recording"),
        ("simulate", simulate, "a night of a simulated patient as a recording, and its truth beside it"),
        ("doctor", doctor, "checks this machine and the settings, and says what is wrong and what to do"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    keep.add_commands(commands)
    commands.add_parser("test", help="every check and test of this project", add_help=False)
    commands.add_parser("bench", help="benchmarks; each prints ratios measured in one run", add_help=False)
    return parser


def _serve(args: argparse.Namespace) -> int:
    # Settings that make no sense are told at once, before seconds of loading.
    settings = config.load(host=args.host, port=args.port, data=args.data)
    from monitor_app import logs, server

    with logs.writing(settings):
        server.run(settings)
    return 0


def _demo(args: argparse.Namespace) -> int:
    settings = config.load(port=args.port, host="127.0.0.1")
    from monitor_app import demo, logs

    with logs.writing(settings):
        return demo.run(settings, args.rooms)


if __name__ == "__main__":
    raise SystemExit(main())
