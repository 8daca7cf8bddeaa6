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
