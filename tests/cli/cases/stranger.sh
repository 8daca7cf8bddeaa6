# A result file that a stranger made: its triggers never fire, its views do not count, and its job is not followed.
t run --quiet --device null --db r.db jobs/small.yaml
cp r.db shard.db
sqlite3 r.db 'DELETE FROM trial WHERE image = 2; DELETE FROM unit WHERE image = 2; DELETE FROM golden WHERE image = 2'
cp r.db plain.db
for table in trial unit golden summary run bn_parameter campaign; do
    for event in INSERT UPDATE DELETE; do
        sqlite3 r.db "CREATE TABLE IF NOT EXISTS fired (what);
            CREATE TRIGGER ${table}_$event AFTER $event ON $table BEGIN INSERT INTO fired VALUES ('$table $event'); END"
    done
done
cp r.db other.db
cp r.db old.db
t run --quiet --device null --db r.db jobs/small.yaml
t bn r.db set p=0.25
t merge other.db shard.db --quiet
sqlite3 old.db 'PRAGMA user_version = 8'
t upgrade old.db --output new.db | sed 's/in [0-9.]* s$/in TIME/'
t backup r.db copy.db
for db in r other old copy; do sql $db.db 'SELECT count(*) FROM fired'; done
# Views of the file that call what they may not, or say something else.
t bn plain.db layer_accuracy --format csv --limit 1 | cut -d, -f 1-8
sqlite3 plain.db "DROP VIEW layer_accuracy; CREATE VIEW layer_accuracy AS SELECT load_extension('evil') AS entry;
    DROP VIEW outcome; CREATE VIEW outcome AS SELECT writefile('evil', 'x') AS trial"
t bn plain.db layer_accuracy --format csv --limit 1 | cut -d, -f 1-8
t report plain.db -o report
ls evil 2>&1
