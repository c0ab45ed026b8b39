#!/bin/sh
# Writes the database and, apart from it, the keys. Run it with the environment of the console:
#   set -a; . /etc/tenantpilot/tenantpilot.env; set +a; backup.sh /backup/database /backup-of-keys
# The two belong in different places: the dump alone opens no credential, the keys alone say nothing.
set -eu
database=${1:?folder for the dump}
keys=${2:?folder for the keys}
when=$(date -u +%Y%m%dT%H%M%SZ)
umask 077

pg_dump --format=custom --no-owner --no-privileges --file="$database/tenantpilot-$when.dump.part" "$DATABASE_URL"
mv "$database/tenantpilot-$when.dump.part" "$database/tenantpilot-$when.dump"
printf 'TENANTPILOT_SECRET_KEY=%s\nTENANTPILOT_CREDENTIAL_KEYS=%s\n' \
  "$TENANTPILOT_SECRET_KEY" "$TENANTPILOT_CREDENTIAL_KEYS" > "$keys/tenantpilot-$when.keys"
echo "$database/tenantpilot-$when.dump"
