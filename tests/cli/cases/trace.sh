t run --quiet --device null --db r.db jobs/small.yaml
t trace --job jobs/small.yaml --device null r.db 1:19:0:0
t trace --job jobs/small.yaml --device null r.db 3:26:2:1
t trace --job jobs/small.yaml --device null --json r.db 2:9:1:7
t trace --job jobs/small.yaml --device null r.db "$(sqlite3 r.db 'SELECT min(id) FROM trial WHERE died_at IS NULL')"
t trace --job jobs/small.yaml --device null r.db 1:19:0:20
t trace --job jobs/small.yaml --device null r.db 1:19:3:0
t trace --job jobs/small.yaml --device null r.db 1:18:0:0
t trace --job jobs/small.yaml --device null r.db nonsense
t trace --job jobs/small.yaml --device null r.db -- -1
t trace --job jobs/small.yaml --device null r.db 1:19:0:1048576
t trace --job jobs/small.yaml --device null r.db 4294967297:19:0:0
t trace --job jobs/small.yaml --device null r.db 1:19:0
t trace --job jobs/small.yaml --device null r.db 1:19:0:-1
# The job's arithmetic is asked of the device, as it is by the other commands.
sed 's/^seed:.*/&\nmath: tf32/' jobs/small.yaml >jobs/tf32.yaml
t plan --device null jobs/tf32.yaml
t classify --device cpu jobs/tf32.yaml
sed 's/tf32/native/' jobs/tf32.yaml >jobs/native.yaml
t classify --device cpu jobs/native.yaml
t trace --job jobs/tf32.yaml --device cpu r.db 1:19:0:0
# A trial that hits several targets, and one that hits none.
sed '/^faults:/,$d' jobs/small.yaml >jobs/network.yaml
cat >>jobs/network.yaml <<'END'
faults:
  - {id: 1, scope: inference, targets: [{op: Conv, kind: activation, probability: 0.3}, {name: fc1, kind: bias, probability: 0.3}], fault: flip, bits: sign}
END
t run --quiet --device null --db n.db --audit 1 jobs/network.yaml
for which in max min; do
    trial=$(sqlite3 n.db "SELECT id FROM trial ORDER BY n_sites $([ $which = max ] && echo DESC), id LIMIT 1")
    t trace --job jobs/network.yaml --device null n.db "$trial"
    t trace --job jobs/network.yaml --device null --json n.db "$trial" | head -4
done
# Without --job, the file alone is asked: nothing that it names is opened, no variable of its job is expanded.
sqlite3 r.db "UPDATE campaign SET job_path = 'evil dir/\$(x).yaml', job = 'model: \${HOME}/m.onnx', model = '/dev/evil'"
t trace r.db 1:19:0:0
t trace r.db "$(sqlite3 r.db 'SELECT min(id) FROM trial WHERE died_at IS NULL')"
t trace --json r.db 3:26:2:1 | head -n 3
t trace --json r.db 3:26:2:1 | tail -n 2
t trace r.db 1:19:0:20
t trace r.db 1:19:0:0 --dump x
t trace n.db "$trial"
# The job must be that of the file.
SEED=4 t trace r.db 1:19:0:0 --job jobs/small.yaml
t trace r.db 1:19:0:0 --job jobs/network.yaml
t trace r.db 1:19:0:0 --job missing.yaml
t run --quiet --device null --db s2.db --shard 2/3 jobs/small.yaml
t trace --device null s2.db 1:19:0:0 --job jobs/small.yaml | sed -n 2p
