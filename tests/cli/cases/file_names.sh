# What SQLite would take for a database in memory, or for an address, is no result file.
t run --quiet --device null --db r.db jobs/small.yaml
t run --quiet --device null --db :memory: jobs/small.yaml
t run --quiet --device null --db 'file:r.db?mode=memory' jobs/small.yaml
t run --quiet --device null --db file:x.db jobs/small.yaml
t merge :memory: r.db
t merge all.db file:r.db
t backup r.db file::memory:
t backup :memory: copy.db
t upgrade r.db --output :memory:
t bn :memory: set p=0.1
t bn 'file:r.db?mode=ro' run
t status :memory:
t run --quiet --device null --db ./:memory: jobs/small.yaml
t digest ./:memory:
ls
