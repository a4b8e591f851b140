#!/bin/sh
# Runs a part of the tests, two minutes of them, on the wheel that scripts/package.sh has built:
#   PYTHON=python3.12 BIN=.venv/bin sh scripts/part.sh     with packages as they are pinned
#   OLDEST=1 BIN=.venv/bin sh scripts/part.sh              with the oldest that pyproject.toml allows
set -eu
here=$(pwd)
uv=$here/${BIN:-.venv/bin}/uv
python=${PYTHON:-python3}
PART="tests/api/test_changes.py tests/api/test_directory.py tests/api/test_problems.py tests/cli
  tests/client/test_api_connection.py tests/comparisons/test_comparisons_command.py tests/http_client tests/mail tests/migrations/test_revisions.py
  tests/render/lint tests/render/test_engine.py tests/render/test_golden.py tests/render/test_graphemes.py
  tests/render/test_pages.py tests/reports
  tests/service/test_scheduler.py tests/service/test_schedule_command.py tests/test_db.py
  tests/sources/pages tests/sources/test_feeds.py tests/sources/test_robots.py tests/sources/test_sitemaps.py
  tests/stories/test_first_issue.py tests/stories/test_wrong_usage.py tests/web/test_signup_wiring.py
  tests/web/test_server.py tests/web/test_public_pages.py tests/web/test_provider_webhook.py
  tests/web/test_monitoring.py"

empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
cp -R tests benchmarks docs README.md pyproject.toml requirements-dev.txt "$empty"
cd "$empty"
"$uv" venv -q --python "$python" venv
pip() { "$uv" pip install -q --python venv/bin/python "$@"; }
if [ -n "${OLDEST:-}" ]; then
  "$uv" pip compile -q --resolution lowest-direct --python "$python" --extra postgres --extra charts --extra dkim \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o floors.txt
  # The tests' own tools stay as they are pinned, whatever versions they would rather have.
  sed 's/==.*//' floors.txt >names.txt
  grep '^[a-z0-9]' requirements-dev.txt | grep -vwFf names.txt >tools.txt
  pip --override floors.txt -r floors.txt -r tools.txt
else
  pip -r requirements-dev.txt
fi
pip --no-deps "$here"/dist/*.whl
echo "With $(venv/bin/python --version)${OLDEST:+ and the oldest packages that are allowed}:"
# shellcheck disable=SC2086 # they are several words
venv/bin/python -m pytest -q -n auto --dist worksteal -m 'not browser' $PART
