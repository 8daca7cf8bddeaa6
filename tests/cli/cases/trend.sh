# Figure trend: several files in order of time, whatever their order on the command line, and what it refuses.
t run --quiet --device null --db a.db jobs/small.yaml
cp a.db b.db
cp a.db c.db
sql a.db "UPDATE run SET ended = '2026-03-02T01:00:00Z'"
sql b.db "UPDATE run SET ended = '2026-03-01T01:00:00Z'"
sql c.db "UPDATE run SET ended = '2026-03-03T01:00:00Z'; UPDATE campaign SET seed = '4'"
t plot trend a.db b.db -o one.svg
t plot trend b.db a.db -o other.svg
t plot trend a.db b.db c.db -o seed.svg
echo "# One drawing for both orders; the change of the seed is marked, by a dotted line."
same() { sed 's/surface[0-9]*/surface/' "$1" >1.txt; sed 's/surface[0-9]*/surface/' "$2" >2.txt; cmp -s 1.txt 2.txt && echo yes || echo no; }
same one.svg other.svg
grep -c 'stroke-dasharray:1,3' one.svg seed.svg
cp a.db trend
t plot ./trend accuracy -o x.svg
t plot trend a.db -o x.svg
t plot trend
t plot trend a.db b.db
t plot trend a.db b.db -o x.gif
t plot trend a.db nowhere.db -o x.svg
t plot trend a.db b.db --entry error-rate -o x.svg
t plot trend a.db b.db --layer fc1 -o x.svg
t plot a.db accuracy b.db -o x.svg
t plot trend a.db b.db -o nowhere/x.svg
sql c.db "UPDATE entry SET definition = definition || ' twice'"
t plot trend a.db c.db -o x.svg
ls x.*
