# What people take for a model, an image or a list is called by its name.
pointer='version https://git-lfs.github.com/spec/v1'
echo "$pointer" >lfs.onnx
echo '<!DOCTYPE html>' >page.onnx
gzip -c models/fashion_vgg.onnx >packed.onnx
for file in lfs page packed; do
    t inspect $file.onnx
done
mkdir data data/bag data/coat data/coat/more
echo "$pointer" >data/bag/lfs.jpg
t classify --device cpu models/fashion_vgg.onnx data/bag/lfs.jpg
t plan packed.onnx

# A folder gives names to its classes, and says what is left out. A name may be any bytes, and is stored as text.
job() {
    printf 'model: models/fashion_vgg.onnx\nimages: {%s}\nfaults: [{id: 1, targets: relu1_1, trials: 4}]\n' "$1" >job.yaml
}
base64 -d >data/coat/a.png <<END
iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAVUlEQVR42mNkgAIHJKoBKsaERQ4OmBjwAFRJBzySDnh1oqlhwhR0INlBmL4h
UieWYCBOJ7bwY8Lhf2zGOpAZtniNdcATtnh1Dq6AdyAcfHgDnoREDQBHDgg44bsfjQAAAABJRU5ErkJggg==
END
cp data/coat/a.png data/bag/b.jfif
touch data/bag/1.webp data/bag/2.WebP data/coat/3.bmp data/bag/notes.txt data/4.png
cp data/coat/a.png "$(printf 'data/coat/b\377.png')"
mkdir data/none
ln -s gone.png data/none/link.png
job 'folder: data'
t classify --device cpu job.yaml data/coat/a.png 2>&1 | sed -n 's/^\(  [1-3]\.  *[0-9]*\)  *[-0-9.]*  /\1  /p'
t run --quiet --device null --db r.db job.yaml
t bn r.db image
sql r.db "SELECT hex(path) FROM image WHERE id = 3"
t bn r.db class --limit 3
job 'folder: data/bag, unlabelled: true'
t plan --device null job.yaml 2>&1 | grep ^warning
gzip -c jobs/fashion_classes.txt >classes.gz
job 'folder: data, synsets: classes.gz'
t plan --device null job.yaml
job 'folder: lfs.onnx'
t plan --device null job.yaml

cp classes.gz sites.csv
printf 'model: models/fashion_vgg.onnx\nimages: {idx_images: lfs.onnx, idx_labels: lfs.onnx}\nfaults: [{id: 1, sites: sites.csv}]\n' >job.yaml
t plan --device null job.yaml
sed 's/images: .*/images: {folder: data}/' job.yaml >sites.yaml
t plan --device null sites.yaml 2>&1 | grep -v ^warning

# Things in one another's place: an image or weights for a model, a model or a result file for a job.
t inspect data/coat/a.png
head -c 100 models/fashion_vgg.onnx >packed.onnx.data
t inspect packed.onnx.data
t plan models/fashion_vgg.onnx
t plan r.db
t status job.yaml

# A model alone takes images as they are.
sed -z 's/\n\x02\x08\x1c\n\x02\x08\x1c/\n\x02\x12\x00\n\x02\x12\x00/' models/fashion_vgg.onnx >open.onnx
t classify --device cpu --input-size 30 open.onnx data/coat/a.png
t inspect --input-size 1 open.onnx
