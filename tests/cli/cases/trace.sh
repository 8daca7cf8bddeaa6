t run --quiet --device null --db r.db jobs/small.yaml
t trace --device null r.db 1:19:0:0
t trace --device null r.db 3:26:2:1
t trace --device null --json r.db 2:9:1:7
t trace --device null r.db "$(sqlite3 r.db 'SELECT min(id) FROM trial WHERE died_at IS NULL')"
t trace --device null r.db 1:19:0:20
t trace --device null r.db 1:19:3:0
t trace --device null r.db 1:18:0:0
t trace --device null r.db nonsense
t trace --device null r.db -- -1
t trace --device null r.db 1:19:0:1048576
t trace --device null r.db 4294967297:19:0:0
t trace --device null r.db 1:19:0
t trace --device null r.db 1:19:0:-1
# The job's arithmetic is asked of the device, as it is by the other commands.
sed 's/^seed:.*/&\nmath: tf32/' jobs/small.yaml >jobs/tf32.yaml
t plan --device null jobs/tf32.yaml
t classify --device cpu jobs/tf32.yaml
sqlite3 r.db "UPDATE campaign SET job = job || char(10) || 'math: tf32'"
t trace --device cpu r.db 1:19:0:0
