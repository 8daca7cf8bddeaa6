t plan --device null --threads 2 jobs/small.yaml
t plan --device null --threads 2 --json jobs/small.yaml
TRIALS=2 t plan --device null --threads 2 --sites sites.csv jobs/small.yaml
echo "$ the sites: all of the weight, the first ten, the number of lines"
grep weight sites.csv
head -n 11 sites.csv
wc -l <sites.csv
