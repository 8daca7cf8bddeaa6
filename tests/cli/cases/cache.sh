# What the cache holds, and clearing it. Facts are made by hand: which ones a run stores differs between devices.
facts="$XDG_CACHE_HOME/bitsink/facts.db"
# The size of the file is SQLite's.
c() {
    t "$@" | sed "s|$XDG_CACHE_HOME|CACHE|; s/, [1-9][0-9]* bytes/, SIZE/; s/\"bytes\": [0-9]*, \"facts\": 3/SIZE/"
}
c cache
[ -e "$XDG_CACHE_HOME" ] && echo "looking made a cache"
t run --quiet --device null --no-cache --db r.db jobs/small.yaml
[ -e "$XDG_CACHE_HOME" ] && echo "--no-cache made a cache"
"$bitsink" classify --device null --cache named jobs/small.yaml >classes
[ -e named/facts.db ] || echo "--cache made no cache"
$bitsink run --quiet --device null --db r.db jobs/small.yaml >/dev/null
sqlite3 "$facts" "DELETE FROM fact; INSERT INTO fact VALUES
    (x'01', x'', 'selection', 'conv1: 16 filters', x'1234', 1700000000, 1700090000),
    (x'02', x'', 'proof', 'model.onnx', x'12345678', 1700000001, 1700000001),
    (x'03', x'', 'selection', 'fc', x'12', 1700000002, 1700000002)"
c cache
c cache --list
c cache --list --json
c cache clear proof
c cache clear
c cache clear
t cache show
t cache clear --list
t cache --cache jobs/small.yaml
t run --device null --cache c --no-cache jobs/small.yaml
t run --device null --cache= jobs/small.yaml
# A file that is no database is dropped; a folder that is none, and a place that cannot be made, do not hinder.
echo "no database at all" >"$facts"
c classify --device null jobs/small.yaml --json | grep -v '^{'
t run --quiet --device null --db r.db jobs/small.yaml
t run --quiet --device null --cache jobs/small.yaml --db r.db jobs/small.yaml
(export XDG_CACHE_HOME=/dev/null && t run --quiet --device null --db r.db jobs/small.yaml)
(unset XDG_CACHE_HOME HOME && t run --quiet --device null --db r.db jobs/small.yaml && t cache)
t cache clear proofs
