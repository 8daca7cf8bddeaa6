t
t --version
t help
for command in inspect classify plan run status bn compare check trace digest; do
    t help "$command"
done
t plan --help jobs/small.yaml
