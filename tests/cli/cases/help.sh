t
t --version
for command in inspect classify plan run merge backup upgrade status bn plot report compare check trace digest synth bench \
    devices cache; do
    t help "$command"
done
t plan --help jobs/small.yaml
t job
t help rum
t help jbo
t help nothing-like-it
t help run job
t help --region nothing
echo '$ bitsink help job | head -8'
"$bitsink" help job | head -8
for topic in overview job results queries; do
    "$bitsink" help $topic | grep -c '^# \(NAME\|DESCRIPTION\)$'
    "$bitsink" help $topic | grep '^<!--'
done
