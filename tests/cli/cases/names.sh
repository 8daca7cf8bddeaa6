# Names that are not text, that are those of something else, that stand twice, or that would steer a terminal.
export TRIALS=20 IMAGES=4
good=$(cat jobs/fashion_classes.txt)
names() { # replaces the names of the classes; the file becomes this encoding
    printf '%s\n' "$1" >jobs/utf8.txt
    iconv -f UTF-8 -t "$2" jobs/utf8.txt >jobs/fashion_classes.txt
}
names "$(echo "$good" | sed 's/Coat/Gilé/')" ISO-8859-1
t plan --device null jobs/small.yaml
t run --device null --db never.db jobs/small.yaml
t classify jobs/small.yaml
names "$(echo "$good" | sed 's/Coat/“Coat”/')" WINDOWS-1252
t plan --device null jobs/small.yaml
names "$good" UTF-16
t plan --device null jobs/small.yaml
ls never.db 2>&1
names "$(printf 'DUE\n3\ncrane\ncrane\nCo\033[31mat\n=1+1\n\342\200\256Shirt\nSneaker\nBag\nB@ot, of ankle')" UTF-8
t run --quiet --device null --db r.db jobs/small.yaml
for class in DUE due 3 crane 12 '#12' cra; do
    t bn r.db query --given "class=$class" --of fault
done
for class in '#-1' '#3' '#0' =1 B@; do
    t bn r.db query --given "class=$class" --of correct_label --format csv
done
t bn r.db bn_class --format csv --limit 8 | cut -d, -f1-3
t bn r.db bn_class --format json --limit 6 | cut -d, -f1-3
printf 'class,group\n#2,DUE\n' >due.csv
printf 'class,group\ncrane,bird\n' >twice.csv
printf "class,group\n'=1+1,'@home\n#6,'@home\n" >guard.csv
printf 'truth,answer,cost\ncrane,DUE,1\n' >costs.csv
printf "truth,answer,cost\n'@home,DUE #0,7\n" >cost.csv
t bn r.db groups due.csv
t bn r.db groups twice.csv
t bn r.db groups guard.csv
t bn r.db class_group --format csv
t bn r.db costs costs.csv
t bn r.db costs cost.csv
t bn r.db group_cost
t bn r.db severity_confusion --limit 12
t bn r.db class_shown --limit 4
t bn r.db query --given 'class=DUE #0' --of correct_label --format csv
t bn r.db unit
t bn r.db unitt
t bn r.db trial --limit 1 --format csv
t bn r.db audit
t bn r.db broken_image
t bn r.db class --limit 2
t bn r.db query --given "$(printf 'class=\033[2J')" --of fault | cat -v
t bn r.db query --given 'class=Co\x1b[31mat' --of fault
echo "# Other names in a later run."
names "$good" UTF-8
t run --device null --db r.db jobs/small.yaml 2>&1 | grep 'class names'
t run --device null --db r.db jobs/small.yaml 2>&1 | grep 'class names'
# A number is no part of a name.
t bn r.db query --given layer=-2 --of fault
t bn r.db set scope=-1
printf 'class,group\n0\0junk,a\n' >nul.csv
t bn r.db groups nul.csv
