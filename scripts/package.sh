#!/bin/sh
# Builds the sdist, the wheel from the sdist, and runs the tests on the installed wheel, in an empty
# folder where no source of ours can be found: PYTHON=python3 BUILDER=.venv/bin/python sh scripts/package.sh
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
cp -R "$work/tests" "$work/benchmarks" "$work/docs" "$work/pyproject.toml" "$work/LICENSE" "$work"/*.md "$empty"

echo "Installing the wheel for $("$python" --version)..."
cd "$empty"
"$python" -m venv venv
pip() { venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }
pip install --no-compile --requirement "$work/requirements.txt"
pip install --no-deps "$dist"/*.whl
pip check
venv/bin/python -c '
import digest, subscribers, sys
ours = [module.__file__ for module in (digest, subscribers)]
sys.exit(not all(path.startswith(sys.prefix) for path in ours) and f"not the wheel: {ours}")'
venv/bin/python -m pytest -q -n auto
venv/bin/python -m benchmarks.send_memory
