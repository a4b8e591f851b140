#!/bin/sh
# Gets programs that some tests need: sh scripts/system-packages.sh chromium postgresql strace ...
# As root and with apt it installs what is missing; otherwise it says so. It exits 0 all the same:
# the tests find out what is there, and tell what they did not run.
set -u

here() {
  case $1 in
    chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
    postgresql) command -v initdb || ls /usr/lib/postgresql/*/bin/initdb ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

missing=
for program in "$@"; do
  here "$program" || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing, and not to be had from here:$missing. The tests that need it won't run."
  exit 0
fi

packages=$(echo "$missing" | sed 's/chromium/chromium fonts-liberation/')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
echo "Getting$missing with apt-get..."
for try in 1 2; do
  # shellcheck disable=SC2086 # they are several words
  apt-get update >"$log" 2>&1 </dev/null &&
    apt-get install --yes --no-install-recommends $packages >>"$log" 2>&1 </dev/null && exit 0
  echo "  try $try failed: $(tail -n 1 "$log")"
done
echo "They couldn't be installed. The tests that need them won't run."
