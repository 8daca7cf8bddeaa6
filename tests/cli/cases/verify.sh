# The manifest of a report names what it stands on, and verify finds what is not as it was.
t run --device cpu --threads 1 --quiet --audit 0.1 --db r.db jobs/small.yaml
t report r.db -o report --quiet
sed -e 's/"made": .*/"made": WHEN,/; s/sha256": "[0-9a-f]*"/sha256": "HASH"/; s/"\(host\|version\|device\|isa\|library\|fingerprint\)": ".*"/"\1": NAME/' \
    -e 's/20[0-9-]*T[0-9:]*Z/WHEN/; s/"digest": "[0-9a-f]*"/"digest": "HASH"/' report/manifest.json | sed "s|$tmp/work/||"
hashes() {
    sed 's/sha256 [0-9a-f]*$/sha256 HASH/; s/digest [0-9a-f]*/digest HASH/; s/version .*/VERSIONS/'
}
t verify report/manifest.json | hashes
t verify report/manifest.json --job jobs/small.yaml | hashes
# The results move with the report, or are named.
mkdir safety && mv report r.db safety
t verify safety/report/manifest.json | hashes
mv safety/r.db .
t verify safety/report/manifest.json | hashes
t verify safety/report/manifest.json --db r.db --job jobs/small.yaml | hashes

# A third party repeats the campaign: other runs, the same results.
t run --device cpu --threads 2 --quiet --db again.db jobs/small.yaml
t verify safety/report/manifest.json --db again.db | cut -c 1-22

# Whatever changes is found.
SEED=4 t run --device cpu --quiet --db other.db jobs/small.yaml
t verify safety/report/manifest.json --db other.db | grep -c '^results.*DIFFERS.*campaign.seed'
sqlite3 r.db 'UPDATE trial SET top1 = 1 - top1 WHERE id = (SELECT min(id) FROM trial WHERE top1 < 2)'
t verify safety/report/manifest.json --db r.db | hashes | sed 's/: "[0-9a-f]*" in the manifest, "[0-9a-f]*" in the file//g'
# So is what rates are computed from without the rows.
cp again.db counts.db
sqlite3 counts.db 'UPDATE layer_summary SET wrong = 0'
t verify safety/report/manifest.json --db counts.db | grep -c '^results.*DIFFERS.*results.counts_sha256'
# A file without what a result file must have, as strangers may make.
cp again.db strange.db
sqlite3 strange.db 'ALTER TABLE golden RENAME TO had; CREATE TABLE golden AS SELECT * FROM had; UPDATE golden SET sha256 = NULL'
t verify safety/report/manifest.json --db strange.db --job jobs/small.yaml | grep '^images'
# A manifest that others could read in another way is none.
for more in '"results": 1' '"re\u0073ults": 1' '"campaign.seed": 1' '"note": "\u0000"'; do
    sed "1s/.*/{ $(printf %s "$more" | sed 's/\\/&&/g'),/" safety/report/manifest.json >odd.json
    t verify odd.json --db again.db
done
{ cat safety/report/manifest.json && printf '\0{}'; } >odd.json
t verify odd.json --db again.db
sed 's/"entries": 3/"entries": "3"/; s/"shard": null/"shard": "null"/' safety/report/manifest.json >odd.json
t verify odd.json --db again.db | grep -o '^results.*DIFFERS.*'
echo >>safety/report/report.html
t verify safety/report/manifest.json --db r.db | grep '^report' | hashes
sed 's/trials: 5$/trials: 6/' jobs/small.yaml >jobs/more.yaml
printf x >>models/fashion_vgg.onnx
t verify safety/report/manifest.json --db again.db --job jobs/more.yaml | grep '^job\|^error' | hashes
t verify jobs/small.yaml
t verify safety
t verify no.json
