# Queries, settings, tables loaded from CSV, export; and what mistakes are answered with.
export TRIALS=40 IMAGES=6
t run --quiet --device null --db r.db jobs/small.yaml
t bn r.db query --given class=Coat,layer=conv1_2 --of correct,fault,layer
t bn r.db query --given fault=yes --of entry,class --scope 1 --format csv --limit 4
t bn r.db query --of fault --scope 3
t bn r.db query
t bn r.db query --of klass
t bn r.db query --given 'class=Coat|#6,layer="conv1_2"|#-1' --of correct_golden,layer --limit 4
t bn r.db query --p 0.5 --layer conv1_2
t bn r.db query --given 'class=Coat|Hat'
t bn r.db query --given 'class=Coat|'
t bn r.db query --given 'class="Coat'
t bn r.db query --given 'class="Coat"s|Bag'
t bn r.db query --p 1.5
t bn r.db query --p 0.5 --scope 3
t bn r.db query --layer none
t bn r.db accuracy_curve --limit 3
t bn r.db op_accuracy --limit 2 --format csv
t bn r.db ber_curve
echo "# Rows of one entry and layer; what says nothing about a table; entries that a table lacks."
t bn r.db accuracy_curve --scope activation --layer conv1_2 --limit 2
t bn r.db image --layer conv1_2
t bn r.db layer_accuracy --p 0.5
t bn r.db accuracy_curve --scope 3
t bn r.db query --given colour=red --of class
t bn r.db query --given class --of layer
t bn r.db query --given class=S --of layer
t bn r.db query --given layer=conv9 --of class
t bn r.db query --given fault=perhaps --of class
t bn r.db query --given correct=yes --of class
t bn r.db query --given class=3,fault=no,image=0 --of label
t bn r.db query --of class --scope 9
t bn r.db set p=2
t bn r.db set layer_prior=unifrom
t bn r.db set q=2
t bn r.db set p
t bn r.db set scope=1,nonsense
t bn r.db set
t bn r.db set p=0.25 pseudo_count=1 raw_fit=200 scope=activation,2
t bn r.db bn_parameter
t bn r.db bn_prior_layer
t bn r.db bn_scope
t bn r.db query --of layer
printf 'class,group\nT-shirt,top\n2,top\n' >groups.csv
printf 'truth,answer,cost\ntop,Bag,3\n' >costs.csv
printf 'layer,entry,exposure\nconv1_2,1,0.5\n' >priors.csv
printf 'image,weight\n0,2\n1,1\n' >weights.csv
t bn r.db groups groups.csv
t bn r.db costs costs.csv
t bn r.db priors priors.csv
t bn r.db weights weights.csv
t bn r.db class_group
t bn r.db group_cost
t bn r.db bn_prior_layer
t bn r.db bn_prior_image
t bn r.db severity --limit 2
t bn r.db failure_rate --limit 3
printf 'class,group\nT-shirt,top\nT-shirt,bottom\n' >twice.csv
printf 'class,group\nHat,top\n' >hat.csv
printf 'class;group\n' >header.csv
printf 'truth,answer,cost\ntop,Bag,much\n' >much.csv
printf 'truth,answer,cost\ntop,Bag\n' >short.csv
t bn r.db groups twice.csv
t bn r.db groups hat.csv
t bn r.db groups header.csv
t bn r.db costs much.csv
printf 'truth,answer,cost\ntop,bottom,1\n' >bottom.csv
t bn r.db costs bottom.csv
t bn r.db costs short.csv
t bn r.db costs nowhere.csv
t bn r.db class_group
t bn r.db rerun_policy
t bn r.db export --by-layer
t bn r.db export --output nowhere/x.bif
t bn r.db bn_trust more
t plot r.db accuracy
t plot r.db accuracy --output x.gif
t plot r.db pie -o x.svg
t plot r.db sinks --layer conv9 -o x.svg
t plot r.db accuracy -o nowhere/x.png
t plot r.db trust -o x.svg
t plot r.db ber -o x.svg
t plot r.db talk -o x.svg
t plot r.db talk --late conv9 -o x.svg
t report r.db --output r.db
t report r.db
