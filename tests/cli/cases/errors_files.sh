t inspect missing.onnx
t inspect models
head -c 300000 models/fashion_vgg.onnx >cut.onnx
t inspect cut.onnx
head -c 100 models/fashion_vgg.onnx >cut.onnx
t inspect cut.onnx
: >empty.onnx
t inspect empty.onnx
echo 'not a model' >text.onnx
t inspect text.onnx

t status missing.db
t digest missing.db
t bn missing.db layer
echo 'not a database, but long enough to be taken for the header of one: 0123456789012345678901234567890' >text.db
t status text.db
t run --device null --db text.db jobs/small.yaml
: >empty.db
t status empty.db
sqlite3 other.db 'CREATE TABLE x (y)'
t digest other.db
t run --device null --db other.db jobs/small.yaml
sql other.db .tables
t run --device null --db . jobs/small.yaml
t run --device null --db missing/r.db jobs/small.yaml
t plan --device null --sites missing/sites.csv jobs/small.yaml

# A file size limit stands for a full disk. 32 blocks: not even the tables fit.
(ulimit -f 32; t run --quiet --device null --db full.db jobs/small.yaml) | sed 's/has [0-9]* bytes, [0-9]*/has N bytes, N/'
t run --quiet --device null --db full.db jobs/small.yaml

t run --quiet --device null --db "a 'quoted' \"name\".db" --json jobs/small.yaml
t run --quiet --device null --db r.db jobs/small.yaml
t bn r.db layer_acuracy
t bn --format xml r.db layer
chmod 444 r.db # at rest a result file needs no write access
t digest r.db
cp r.db newer.db && chmod 644 newer.db
sqlite3 newer.db "PRAGMA user_version = 99"
t digest newer.db
t run --device null --db newer.db jobs/small.yaml
sqlite3 newer.db "PRAGMA user_version = 3" # read as it is; written when it is upgraded
t digest newer.db
t bn --limit 1 newer.db stratum
t run --device null --db newer.db jobs/small.yaml
t bn newer.db set confidence=0.9
sql newer.db 'PRAGMA user_version'
t upgrade newer.db
t upgrade newer.db
sql newer.db 'PRAGMA user_version'
t bn newer.db set confidence=0.9
t upgrade --json newer.db.v3 --output newest.db
t upgrade newer.db.v3 --output newest.db
t upgrade newer.db newest.db --output x.db
t upgrade missing.db
sqlite3 newest.db "UPDATE entry SET kind = 'wobble' WHERE id = 2" # of a bitsink that knows more kinds of faults
t status newest.db
t check newest.db --max layer_sdc=0.99
t run --device null --db newest.db jobs/small.yaml
t compare newest.db newer.db
t merge merged.db newest.db

# Output that cannot be written is an error, too.
"$bitsink" inspect models/fashion_vgg.onnx >/dev/full
echo "[exit code $?]"
