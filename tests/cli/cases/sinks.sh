# Enough trials for sink classes: the null device drains a share of its wrong answers into classes 0 and 1.
export TRIALS=997 IMAGES=20
t run --quiet --device null --db r.db jobs/small.yaml
t digest r.db
t bn r.db sink_class
t bn --limit 12 r.db sink_test
t plot r.db talk -o talk.svg
t plot r.db talk --layer conv1_2 --late conv1_2 -o talk.svg
t bn r.db bn_class_given_layer
t bn r.db bn_layer_given_class
t bn r.db bn_scope
sql r.db 'SELECT layer, sum(masked), sum(benign), sum(sdc1), sum(due), count(*) FROM outcome GROUP BY layer ORDER BY layer'
sql r.db "UPDATE bn_parameter SET value = 0.5 WHERE name = 'p'"
t bn --limit 3 r.db bn_trust
t digest r.db
