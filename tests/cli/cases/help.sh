t
t --version
t help
for command in inspect classify plan run status bn compare trace digest; do
    t help "$command"
done
t plan --help jobs/small.yaml
