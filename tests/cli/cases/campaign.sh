t run --device null --threads 2 --db r.db jobs/small.yaml
t run --device null --threads 2 --db r.db --json jobs/small.yaml
t status r.db
t status --json r.db
t digest r.db
t bn r.db
for table in layer_accuracy bn_trust bn_layer bn_parameter entry stratum; do
    t bn r.db "$table"
done
t bn --limit 3 --format csv r.db bn_class_given_image_layer
t bn --limit 3 --format json r.db bn_class_given_layer
sql r.db 'SELECT * FROM layer_summary ORDER BY entry, layer, class'
sql r.db 'SELECT id, entry, layer, image, repetition, element, bit, keep, toggle, n_sites, died_at, top1 FROM trial ORDER BY id LIMIT 8'
sql r.db 'SELECT layer, sum(masked), sum(benign), sum(sdc1), sum(due), count(*) FROM outcome GROUP BY layer ORDER BY layer'
sql r.db 'SELECT path, label, class FROM image ORDER BY id'
sql r.db 'SELECT id, name FROM class ORDER BY id'
sql r.db 'PRAGMA integrity_check'
sql r.db 'PRAGMA user_version'
