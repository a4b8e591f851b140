#!/bin/sh
# The digest command for whoever looks after the installed service: as its user, in its folder,
# with its settings and secrets. Copy to /usr/local/bin/digest; to be called as root.
set -eu
cd /var/lib/digest
exec runuser -u digest -- env \
  DIGEST_SECRET_FILE=/etc/digest/secret \
  DIGEST_SENDGRID_API_KEY_FILE=/etc/digest/sendgrid-api-key \
  /opt/digest/venv/bin/digest "$@"
