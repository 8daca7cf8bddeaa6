# A newcomer's first steps. Nobody who asked for no GPU hears of one.
"$bitsink" plan jobs/small.yaml 2>&1 | grep -c 'cuda\|driver'

# A job whose preprocessing was forgotten: said by all commands that know golden answers and labels.
sed '/^preprocess:/,/std:/d' jobs/small.yaml >jobs/raw.yaml
export IMAGES=40 TRIALS=1
t run --device cpu --threads 1 --quiet --db raw.db jobs/raw.yaml
t run --device cpu --threads 1 --quiet --json --db raw.db jobs/raw.yaml
t status raw.db | grep '^golden\|^warning'
t classify --device cpu jobs/raw.yaml | tail -n 2
t run --device cpu --threads 1 --quiet --db small.db jobs/small.yaml
t status small.db | grep '^golden'
t classify --device cpu jobs/small.yaml | tail -n 1
