# The example of the job file's manual is a job that runs.
awk '/^```/ { if (on) exit; on = 1; next } on' "$here/../../host/job/bitsink-job.5.md" | sed 's|tests/||' >example.yaml
"$bitsink" plan --quiet --device null --threads 2 example.yaml | awk 'NF == 6 && $1 + 0 { n[$1]++ } END { for (e = 1; e <= 13; e++) print "entry " e ": " n[e] " targets" }'
t run --quiet --device null --threads 2 example.yaml
