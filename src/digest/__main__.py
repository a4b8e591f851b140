"""Run the `digest` command: `python -m digest`, and the script that an installation makes.

Imports nothing but `startup`, so that Ctrl-C is heeded before the command's libraries are there.
"""

from digest import startup


def main() -> None:
    """Run the digest command; see `digest.cli.main`."""
    startup.begin()
    from digest.cli import main as run

    run()


if __name__ == "__main__":
    main()
