"""The commands that set an installation up and look after it.

`init` creates or upgrades the database; `doctor` checks whether the installation is fit to send;
`docs` prints the manual. Each module is one command, imported when it is called.
"""
