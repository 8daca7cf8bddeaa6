# How many trials: by margin of error, and in rounds.
sed 's/trials: ${TRIALS:-20}/margin: 0.05/' jobs/small.yaml >jobs/margin.yaml
t plan --device null jobs/margin.yaml
sed 's/trials: ${TRIALS:-20}/margin: 5/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
sed 's/trials: ${TRIALS:-20}/margin: 0.05\n    trials: 3/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
sed 's/trials: ${TRIALS:-20}/confidence: 0.99/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
sed 's/trials: ${TRIALS:-20}/relative_margin: 5/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
t run --quiet --device null --db r.db jobs/small.yaml
t plan --db r.db jobs/small.yaml
t plan --db r.db --margin 0.05 jobs/small.yaml
t plan --db r.db --margin 0.05 --confidence 0.9 --json jobs/small.yaml
t plan --db r.db --margin 2 jobs/small.yaml
t plan --db r.db --relative-margin 2 jobs/small.yaml
SEED=4 t plan --db r.db --margin 0.05 jobs/small.yaml
t bn r.db network_sdc
echo '$ relative margins: of the option, of an entry (with a confidence of its own), and the wider one of two'
t plan --db r.db --relative-margin 0.3 jobs/small.yaml
sed '0,/trials: ${TRIALS:-20}/s//trials: 20\n    relative_margin: 0.5\n    confidence: 0.8/' jobs/small.yaml >jobs/relative.yaml
t plan --db r.db --margin 0.05 jobs/relative.yaml
t plan --db r.db --margin 0.05 --relative-margin 0.7 --json jobs/small.yaml
echo '$ rounds until the margin is reached'
trials=20
for round in 1 2 3 4; do
    TRIALS=$trials t run --quiet --device null --db r.db jobs/small.yaml
    TRIALS=$trials t plan --db r.db --margin 0.03 jobs/small.yaml
    trials=$(TRIALS=$trials "$bitsink" plan --db r.db --margin 0.03 jobs/small.yaml | sed -n "s/^entry [12]: 'trials: \([0-9]*\)'.*/\1/p" | sort -n | tail -n 1)
    [ "$trials" ] || break
done
echo '$ all faults there are: a bias of 16 values, its signs'
sed 's/targets: {name: conv3_1, kind: weight}/targets: {name: conv1_1, kind: bias}\n    bits: sign/; s/trials: ${TRIALS:-20}/trials: 16/' jobs/small.yaml >jobs/census.yaml
t run --quiet --device null --db census.db jobs/census.yaml
t plan --db census.db --margin 0.01 jobs/census.yaml
t plan --db census.db --relative-margin 0.1 --json jobs/census.yaml
echo '$ more trials than faults'
sed 's/trials: 16/trials: 20/' jobs/census.yaml >jobs/beyond.yaml
t run --quiet --device null --db census.db jobs/beyond.yaml
t plan --db census.db --margin 0.01 jobs/beyond.yaml
echo '$ a job behind its file'
t plan --db census.db --margin 0.05 jobs/census.yaml
TRIALS=7 t plan --db r.db --margin 0.02 jobs/small.yaml
echo '$ one image of three'
t run --quiet --device null --shard 1/3 --db shard.db jobs/census.yaml
t plan --db shard.db --margin 0.2 jobs/census.yaml
t plan --db shard.db --margin 0.2 --margin 0.1 jobs/census.yaml
rm census.db
t run --quiet --device null --db census.db jobs/census.yaml
echo '$ exact bounds'
t bn census.db layer_outcome_exact
