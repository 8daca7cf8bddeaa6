# A share of the trials is run again in full, the same ones in every run; a difference ends the run.
t run --device null --quiet --db plain.db jobs/small.yaml
t run --device null --quiet --audit 0.1 --db tenth.db jobs/small.yaml
t run --device null --quiet --audit 0.1 --replay suffix --threads 1 --batch 7 --db again.db jobs/small.yaml
for db in plain tenth again; do t digest $db.db; done
sql tenth.db 'SELECT count(*), sum(audit) FROM trial'
sql tenth.db 'SELECT audited, audit_equal FROM run ORDER BY id'
echo 'trials audited in one run only:' $(sqlite3 tenth.db "ATTACH 'again.db' AS x; SELECT count(*) FROM trial JOIN x.trial y USING (id) WHERE trial.audit <> y.audit")
sql tenth.db 'SELECT count(*), count(DISTINCT trial), count(DISTINCT trial || logits_hash) FROM audit'
t status tenth.db
sed 's/^seed:.*/&\naudit: 1/' jobs/small.yaml >jobs/all.yaml
t run --device null --quiet --db all.db jobs/all.yaml
sql all.db 'SELECT count(*), sum(audit) FROM trial'
# A device whose quick way for parameters is wrong, unproven.
t run --device null:2 --threads 1 --self-test off --audit 1 --db wrong.db jobs/small.yaml
sql wrong.db 'SELECT exit, audited - audit_equal, trials > 0 FROM run ORDER BY id'
sql wrong.db 'SELECT count(*) FROM audit WHERE trial NOT IN (SELECT id FROM trial)'
sql wrong.db 'SELECT count(*) FROM trial WHERE audit = 0'
t run --device null --audit 1.5 --db x.db jobs/small.yaml
t run --device null --audit some --db x.db jobs/small.yaml
