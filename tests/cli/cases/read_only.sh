# A folder that cannot be written. The superuser may write everywhere, so it drops that right for the command.
mkdir locked
cp jobs/small.yaml locked
t run --quiet --device null --db locked/old.db jobs/small.yaml
chmod 555 locked
if [ "$(id -u)" = 0 ]; then
    real=$bitsink
    printf '#!/bin/sh\nexec setpriv --inh-caps=-all --bounding-set=-all "%s" "$@"\n' "$real" >plain
    chmod +x plain
    bitsink=./plain
fi
if $bitsink --version >/dev/null 2>&1; then
    t run --device null --db locked/r.db jobs/small.yaml
    t run --device null --db locked/old.db jobs/small.yaml
    t plan --device null --sites locked/sites.csv jobs/small.yaml
    t digest locked/old.db
    chmod 755 locked
else
    chmod 755 locked
    skip "cannot drop the superuser's rights"
fi
