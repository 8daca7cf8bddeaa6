# Settings of the Bayesian network never override each other silently.
export TRIALS=10 IMAGES=6
t run --quiet --device null --db r.db jobs/small.yaml
prior() { sql r.db "SELECT name, value FROM bn_parameter WHERE name IN ('p', 'layer_prior'); SELECT * FROM bn_prior_layer"; }
t bn r.db set layer_prior=exposure
t bn r.db set p=0.5 layer_prior=direct scope=1
t bn r.db set scope=3
t bn r.db set p=0.5 scope=1 p=0.25
t bn r.db set raw_fit=100 raw_rate=1e-13
for number in inf nan 1e999 -1; do t bn r.db set raw_rate=$number; done
t bn r.db set raw_fit=inf
t bn r.db set activation_duty=2
t bn r.db set raw_fit=0 scope=1
prior
echo "# Columns say which prior they are for."
printf 'entry,layer,probability\n1,conv1_2,0.5\n1,fc1,0.25\n2,conv3_1.weight,0.25\n' >direct.csv
t bn r.db priors direct.csv
prior
t bn r.db set p=0.5 layer_prior=direct scope=1
prior
t bn r.db set scope=1,2
t bn r.db bn_layer --format csv
printf 'entry,layer,raw_rate,residency\n1,conv1_2,1e-12,1e-6\n2,conv3_1.weight,,12\n' >exposure.csv
t bn r.db priors exposure.csv
t bn r.db set parameter_hours=0
t bn r.db set scope=2 p=0.5 parameter_hours=24
prior
printf 'entry,layer,raw_rate,exposure,probability\n1,fc1,1e-12,0.5,1\n' >both.csv
t bn r.db priors both.csv
t bn r.db set layer_prior=bits scope=1 activation_hours=1e-3
t bn r.db set scope=
t bn r.db set layer_prior=uniform
printf 'entry,layer\n1,fc1\n' >layers.csv
t bn r.db priors layers.csv
t bn r.db set scope=
echo "# What would count nowhere."
printf 'entry,layer\n1,fc1\n3,pool2\n' >ber.csv
t bn r.db priors ber.csv
printf 'entry,layer\n2,fc1\n' >other.csv
t bn r.db priors other.csv
printf 'entry,layer,exposure\n1,fc1,inf\n' >inf.csv
t bn r.db priors inf.csv
printf 'entry,layer,probability\n1,fc1,0\n' >zero.csv
t bn r.db priors zero.csv
printf 'image,weight\n0,0\n' >weights.csv
t bn r.db weights weights.csv
printf 'image,weight\n' >none.csv
t bn r.db weights none.csv
printf 'class,group\nCoat,top\n' >groups.csv
printf 'truth,answer,cost\ntop,Bag,3\n' >costs.csv
t bn r.db groups groups.csv
t bn r.db costs costs.csv
printf 'class,group\nCoat,coats\n' >groups.csv
t bn r.db groups groups.csv
prior
echo "# Scopes come and go."
t bn r.db set scope=1
t bn r.db set layer_prior=bits
t bn r.db set layer_prior=uniform
t bn r.db set layer_prior=exposure
t bn r.db set layer_prior=exposure
t bn r.db set scope=
echo "# By hand."
sql r.db "UPDATE bn_parameter SET value = 'direct' WHERE name = 'layer_prior'"
t bn r.db bn_scope
t bn r.db set p=1e-7
sql r.db "INSERT INTO bn_prior_image SELECT id, 0 FROM image"
t bn r.db network_sdc
t bn r.db weights none.csv
t bn r.db set scope=
t bn r.db bn_scope
