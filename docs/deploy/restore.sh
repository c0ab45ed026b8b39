#!/bin/sh
# Restores a dump into an empty database and proves that it is whole. Stop web, worker and beat first.
#   set -a; . /etc/tenantpilot/tenantpilot.env; . /backup-of-keys/tenantpilot-….keys; set +a; restore.sh tenantpilot-….dump
# DATABASE_URL names the empty database and its owner; MANAGE is the command that runs manage.py.
set -eu
dump=${1:?the dump}
: "${MANAGE:=/opt/tenantpilot/.venv/bin/python /opt/tenantpilot/manage.py}"

pg_restore --exit-on-error --no-owner --no-privileges --dbname="$DATABASE_URL" "$dump"
# What a newer version needs; nothing where the dump is of this one.
$MANAGE migrate --no-input --verbosity 0
# Do the keys open every credential, and is the log as it was written?
$MANAGE credential_rotate --check
$MANAGE audit verify
