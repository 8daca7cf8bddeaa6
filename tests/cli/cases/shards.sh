for k in 1 2 3; do
    t run --device null --db s$k.db --shard $k/3 --quiet jobs/small.yaml
done
t status s2.db
t merge all.db s1.db s3.db
t merge --json all.db s1.db s3.db
t merge all.db s2.db
t merge all.db s2.db s3.db
t digest all.db
t run --device null --db whole.db --quiet jobs/small.yaml
t digest whole.db
# A file is of one shard, or of all images.
t run --device null --db s1.db --shard 2/3 jobs/small.yaml
t run --device null --db s1.db jobs/small.yaml
t run --device null --db whole.db --shard 2/3 jobs/small.yaml
t run --device null --db s.db --shard 4/3 jobs/small.yaml
t run --device null --db s.db --shard 0/3 jobs/small.yaml
t run --device null --db s.db --shard 1 jobs/small.yaml
t run --device null --db s.db --shard 2/4 jobs/small.yaml
# What cannot be merged.
t merge new.db missing.db
t merge s1.db s2.db
t merge all.db all.db
t merge all.db
t merge jobs/small.yaml s1.db
t merge missing/new.db s1.db
SEED=4 t run --device null --db other.db --shard 1/3 --quiet jobs/small.yaml
t merge new.db s2.db other.db
t merge all.db other.db
sed 's/  limit/  first: 1\n  limit/' jobs/small.yaml >jobs/other.yaml
t run --device null --db moved.db --quiet jobs/other.yaml
t merge new.db s2.db moved.db
ls
