# A gate for nightly jobs: what is kept, broken, open and incomplete, and the exit codes. Rows of the null device are
# refused; so that every machine has the same ones, they are made by it all the same, and the file says otherwise.
TRIALS=400 t run --quiet --device null --db null.db jobs/small.yaml
t check null.db --max network_sdc=0.5
cp null.db r.db
sql r.db "UPDATE run SET backend = 'cpu'"
before=$(sha256sum r.db)
TRIALS=5 t run --quiet --device cpu --db cpu.db jobs/small.yaml
"$bitsink" check --quiet cpu.db --max layer_sdc=1 >/dev/null && echo 'those of the CPU are judged'
echo '$ kept, open, broken'
t check r.db --max network_sdc=0.1 --bound upper
t check r.db --max network_sdc=0.01
t check r.db --max layer_sdc=0.02,layer_due=0.02
t check r.db --max layer_sdc=0.02 --layer fc1
t check r.db --max layer_sdc=0.0584 --layer fc1
t check r.db --max layer_sdc=0.2 --entry activation --layer 33 --json
t check r.db --max layer_sdc=0.02 --bound rate
t check r.db --max layer_sdc=0.02 --min layer_masked=0 --bound lower --layer conv1_2
t check r.db --max network_sdc=0.05,network_due=0.05 --entry 1 --weights uniform
t check r.db --max network_sdc=0.05 --entry 1 --bound high
t check r.db --max network_sdc=0.05 --bound population_high
echo '$ smallest values'
t check r.db --min layer_accuracy=0.9 --max layer_accuracy_drop=0.05
t check r.db --min layer_accuracy=0.9 --bound lower --entry weight
t check r.db --min trust_golden=0.9,correct_golden=0.5,rerun_caught=0.1
t check r.db --min spfm=0.9,network_accuracy=0.5 --max sdc_fit=10,kind_sdc_fit=5,layer_sdc_fit=3,severity=0.3
t check r.db --max bit_due=0.9 --layer fc1
sql r.db "SELECT count(*) FROM bit_summary"
[ "$before" = "$(sha256sum r.db)" ] || echo 'the file has changed'
t bn r.db set scope=1,2
t check r.db --max sdc_fit=10 --entry -1
t check r.db --min trust_golden=0
t check r.db --min trust_golden=0 --entry 1
echo '$ nothing to check'
t check r.db --max network_sdc=0.1 --entry error-rate
t check r.db --max layer_parameter_vf=0.1,layer_sdc=1 --entry 1
t check r.db --max rerun_caught=0.1,layer_sdc=1 --entry 2
t check r.db --max bit_sdc=0.9 --entry weight
echo '$ entries that a name leaves out'
t check --quiet r.db --max network_sdc=0.5,sdc_fit=100,layer_sdc=0.9
echo '$ the wrong side; blanks'
t check r.db --min network_sdc=0 --max 'network_accuracy=1, network_benign=1 ,spfm=1' --entry activation
t check r.db --min network_sdc=0 --max network_sdc=1 --entry activation
echo '$ mistakes'
t check r.db --max layer_sdc=0.1 --max layer_due=0.1
t check r.db --max "layer_sdc=0.1, layer_due=0.1" --max layer_sdc5=1
t check r.db --max layer_sdc=0.1 --max
t check r.db --max layer_sdc=0.1 --bound lower
t check r.db --min layer_accuracy=0.1 --bound population_high
t check r.db --max layer_sdc=0.1 --entry 1 --entry 2
t check r.db
t check r.db --max network_sdc
t check r.db --max network_scd=0.1
t check r.db --max nonsense=0.1
t check r.db --max network_sdc=5
t check r.db --max network_sdc=
t check r.db --max sdc_fit=-1
t check r.db --max sdc_fit=inf
t check r.db --max network_sdc=0.1,network_sdc=0.2
t check r.db --max network_sdc=0.1 --bound middle
t check r.db --max layer_sdc=0.1,bit_due=0.1 --bound upper
t check r.db --max due_fit=1 --bound population_high
t check r.db --min severity=0.1 --bound lower
t check r.db --max network_sdc=0.1 --layer fc1
t check r.db --max layer_sdc=0.1 --weights uniform
t check r.db --max network_sdc=0.1 --weights some
t check r.db --max layer_sdc=0.1 --layer conv9
t check r.db --max layer_sdc=0.1 --entry 9
t check missing.db --max layer_sdc=0.1
echo '$ every fault was tried on every image: no bound, but the rate'
sed 's/targets: {name: conv3_1, kind: weight}/targets: {name: conv1_1, kind: bias}\n    bits: sign/; s/trials: ${TRIALS:-20}/trials: 16/' jobs/small.yaml >jobs/census.yaml
t run --quiet --device null --db census.db jobs/census.yaml
sql census.db "UPDATE run SET backend = 'cpu'"
t check census.db --max network_sdc=0,layer_due=0 --entry 2
t check census.db --max network_sdc=0,layer_due=0 --entry 2 --bound population_high
echo '$ incomplete: a shard; a job that has grown; a run that was stopped or runs still; no trials of a layer'
TRIALS=400 t run --quiet --device null --db s1.db --shard 1/3 jobs/small.yaml
sql s1.db "UPDATE run SET backend = 'cpu'"
t check s1.db --max network_sdc=0.1
t check s1.db --max network_sdc=0.1 --partial
cp r.db more.db
sql more.db "UPDATE stratum SET repetitions = 500 WHERE layer = 33; UPDATE campaign SET job_trials = job_trials + 300"
t check more.db --max layer_sdc=0.2
t check more.db --max layer_sdc=0.2 --layer conv1_2
cp r.db stopped.db
sql stopped.db "UPDATE run SET exit = 3"
t check stopped.db --max layer_sdc=0.2 --layer fc1
t check stopped.db --max layer_sdc=0.2 --layer fc1 --partial
sql stopped.db "UPDATE run SET exit = NULL"
t check stopped.db --max layer_sdc=0.2 --layer fc1
cp r.db hole.db
sql hole.db "DELETE FROM trial WHERE layer IN (9, 19)"
for table in unit summary layer_summary fault_summary fault_wrong; do
    sql hole.db "DELETE FROM $table WHERE layer IN (9, 19)"
done
t check hole.db --max network_sdc=0.1,layer_sdc=0.2,layer_sdc_fit=10
t check hole.db --max network_sdc=0.1,layer_sdc=0.2,layer_sdc_fit=10 --partial
t check hole.db --max layer_sdc=0.2 --layer conv1_2 --partial
echo '$ an image that cannot be read; and one that was given no weight'
cp r.db broken.db
sql broken.db "DELETE FROM trial WHERE image = 2; DELETE FROM unit WHERE image = 2; DELETE FROM summary WHERE image = 2;
DELETE FROM golden WHERE image = 2; INSERT INTO broken_image VALUES (2, 1, 1205, 'gone')"
t check broken.db --max layer_sdc=0.2 --entry 1
sql broken.db "INSERT INTO bn_prior_image VALUES (0, 1), (1, 1)"
t check broken.db --max layer_sdc=0.2 --entry 1
echo '$ lists of sites: how many trials an image has is in the job only'
t run --quiet --device null --db sites.db jobs/kinds.yaml
sql sites.db "UPDATE run SET backend = 'cpu'"
t check sites.db --max layer_sdc=1 --entry 10
sql sites.db "SELECT layer, image, done FROM unit WHERE entry = 10; DELETE FROM unit WHERE entry = 10 AND layer = 35 AND image = 3"
t check sites.db --max layer_sdc=1 --entry 10
t check sites.db --max layer_sdc=1 --entry 6
echo '$ a file of an earlier version, which may not be written'
sql r.db "DROP VIEW layer_outcome; DROP VIEW network_outcome; CREATE VIEW network_outcome AS SELECT 1 AS entry"
chmod 444 r.db
t check r.db --max network_sdc=0.01,layer_sdc=0.2

# What is not known is not kept: a scope with strata of several faults a trial, bits that no trial flipped.
sed '/^  - id: 2/,$d' jobs/small.yaml >jobs/part.yaml
cat >>jobs/part.yaml <<'YAML'
  - {id: 4, name: double, targets: conv2_1, fault: flip, count: 2, trials: 20}
YAML
t run --quiet --device cpu --threads 1 --db part.db jobs/part.yaml
t bn part.db set scope=1,4
t check part.db --max sdc_fit=1000 --entry -1
t check part.db --max sdc_fit=1000 --entry -1 --partial
TRIALS=1 t run --quiet --device cpu --threads 1 --db few.db jobs/small.yaml
t check few.db --max bit_sdc=1 --entry 2
sqlite3 few.db 'DELETE FROM campaign'
t check few.db --max layer_sdc=1
t check part.db --max layer_sdc=1 --entry ''
t bn part.db set scope=1,
# An audit that differed says that other trials may be wrong, too.
sqlite3 part.db 'UPDATE run SET audited = 10, audit_equal = 9'
t check part.db --max layer_sdc=1 --entry 1
