"""The commands that set an installation up and look after it.

`setup` asks for what a newsletter needs, tries it and writes it, and `setup_output` prints how that
goes; `init` creates or upgrades the database; `doctor` checks whether the installation is fit to
send; `docs` prints the manual; `token_commands` makes the tokens of the API. A command's
module is imported when it is called.
"""
