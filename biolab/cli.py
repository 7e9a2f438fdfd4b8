"""The ``biolab`` console command."""

import argparse
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="biolab", description="Lab sessions, from the bench to a verifiable archive.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve everything from this one process (embedded mode)")
    serve.add_argument("--prepare", action="store_true", help="first migrate, make the administrator and the demo lab")
    commands.add_parser("services", help="start service mode's processes here, for tries")
    verify = commands.add_parser("verify", help="check a downloaded archive, without server or network")
    verify.add_argument("arguments", nargs=argparse.REMAINDER, metavar="FILE …")
    bring = commands.add_parser("import", help="read an archive back as a read-only session: FILE.eln --team TEAM")
    bring.add_argument("arguments", nargs=argparse.REMAINDER, metavar="FILE …")
    manage = commands.add_parser("manage", help="run a management command")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    if given.command == "verify":
        from exports_app.archive.verify import main as verify_archive

        return verify_archive(given.arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")
    if given.command == "services":
        from biolab.services_here import run

        return run()
    if given.command in {"manage", "import"}:
        from django.core.management import execute_from_command_line

        named = ["import_archive"] if given.command == "import" else []
        execute_from_command_line(["biolab manage", *named, *given.arguments])
        return 0
    return _serve(prepare=given.prepare)


def _serve(*, prepare: bool) -> int:
    import daphne.server  # noqa: F401  installs the event loop before anything else can
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from biolab import embedded
    from biolab.demo.feed import Feed
    from biolab.settings import env

    if not settings.EMBEDDED:
        print("biolab serve is embedded mode; these settings need processes of their own.", file=sys.stderr)
        return 2
    if prepare:
        call_command("prepare")
    host, port = env.text("HOST", "127.0.0.1"), env.number("PORT", 8000)
    if not embedded.is_free(host, port):
        print(f"{host}:{port} is in use. Choose another port: PORT={port + 1} make run", file=sys.stderr)
        return 1
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    url = f"http://{shown}:{port}"
    print(f"\nBioLab serves at {url}  (Ctrl-C ends it)\n", flush=True)
    with_demo = prepare and env.flag("BIOLAB_DEMO", default=True)
    companions: list[embedded.Companion] = [Feed(url)] if with_demo else []
    if settings.MQTT_URL and settings.MQTT_TOKEN:
        from telemetry_app.mqtt.bridge import Bridge

        companions.append(Bridge.from_settings())
    embedded.serve(host=host, port=port, companions=companions)
    print("BioLab has stopped.", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
