"""Run the `digest` command: `python -m digest`, and the script that an installation makes.

Imports nothing but `startup`, and that inside `main`, so that Ctrl-C ends a command without a
traceback before the command's libraries are there.
"""


def main() -> None:
    """Run the digest command; see `digest.cli.main`."""
    try:
        from digest import startup

        startup.begin()
    except KeyboardInterrupt:  # the handler that says so isn't there yet
        raise SystemExit(130) from None
    from digest.cli import main as run

    run()


if __name__ == "__main__":
    main()
