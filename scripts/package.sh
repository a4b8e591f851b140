#!/bin/sh
# Builds the sdist, the wheel from the sdist, tries the wheel as production installs it, and runs the
# tests on it in an empty folder where no source of ours can be found:
#   PYTHON=python3 BUILDER=.venv/bin/python sh scripts/package.sh [ARGUMENTS OF PYTEST]
set -eu
python=${PYTHON:-python3}
builder=$(pwd)/${BUILDER:-.venv/bin/python}

rm -rf dist
"$builder" -m hatchling build --target sdist --directory dist

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf dist/*.tar.gz -C "$work" --strip-components 1
dist=$(pwd)/dist
(cd "$work" && "$builder" -m hatchling build --target wheel --directory "$dist")

empty=$(mktemp -d)
trap 'rm -rf "$work" "$empty"' EXIT
cp -R "$work/tests" "$work/benchmarks" "$work/deploy" "$work/docs" "$work/scripts" "$work/pyproject.toml" "$work/zensical.toml" \
  "$work/LICENSE" "$work"/*.md \
  "$work"/requirements*.txt "$empty"
cd "$empty"

installed() { # the pinned packages, and the wheel: installed FOLDER REQUIREMENTS
  "$python" -m venv "$1"
  "$1/bin/python" -m pip --quiet --disable-pip-version-check install --no-compile -r "$work/$2"
  "$1/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps "$dist"/*.whl
  "$1/bin/python" -m pip --disable-pip-version-check check
}

echo "Installing the wheel for $("$python" --version), as production does..."
installed production requirements.txt
production/bin/digest demo --readers 20 --folder "$empty/demo" >"$empty/demo.log" ||
  { cat "$empty/demo.log"; exit 1; }
rm -rf production demo demo.log

echo "Installing it once more, for its tests..."
installed venv requirements-dev.txt
venv/bin/python -c '
import digest, subscribers, sys
ours = [module.__file__ for module in (digest, subscribers)]
sys.exit(not all(path.startswith(sys.prefix) for path in ours) and f"not the wheel: {ours}")'
venv/bin/python -m pytest -q -n auto --dist worksteal "$@"
venv/bin/python -m benchmarks.send_memory
