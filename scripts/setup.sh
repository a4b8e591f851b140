#!/bin/sh
# Makes the virtual environment every make target runs in: sh scripts/setup.sh PYTHON FOLDER
set -u
python=$1
venv=$2

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

command -v "$python" >/dev/null 2>&1 ||
  fail "There is no $python here. Name a Python 3.11 or newer: make PYTHON=/path/to/python ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "Python 3.11 or newer is needed; this is $("$python" --version 2>&1)." \
    "Name another: make PYTHON=python3.13 ..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"

echo "Setting up $venv, once; this takes half a minute, or longer on a slow line..."
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  "$python" -m venv --clear "$venv" || fail "$venv can't be made; what Python says is above."
fi

alive() { # says every few seconds that this goes on, for as long as this script does
  seconds=0
  while sleep 5 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    seconds=$((seconds + 5))
    set -- "$venv"/lib/python*/site-packages/*.dist-info
    echo "  $seconds s: $# packages are in place, and it goes on..."
  done
}
alive &
trap 'kill $! 2>/dev/null' EXIT

install() { # without bytecode: Python makes it for what is used, when it is used
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$@" ||
    fail "The packages couldn't be installed; what pip says is above." \
      "It needs a package index, or a mirror of one named in pip's settings. Then run make again."
}
install --requirement requirements-dev.txt
install --no-deps --no-build-isolation --editable .
faults=$("$venv/bin/python" -m pip check --disable-pip-version-check 2>&1) ||
  fail "$faults" "requirements-dev.txt lacks what pyproject.toml asks for. Mend it: make requirements"
echo "Done: $venv is ready."
