#!/bin/sh
# Finds a Chromium for the browser tests, gets one where that is allowed, or says what won't run.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Getting Chromium for the browser tests..."
  apt-get update -qq >/dev/null 2>&1
  if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      chromium fonts-liberation >/dev/null 2>&1; then
    exit 0
  fi
fi
echo "No Chromium was found: the tests marked 'browser' will be skipped. Install one to run them."
