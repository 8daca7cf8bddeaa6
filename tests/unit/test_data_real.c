/* Proves that real data sets give the sums that Pillow 11.3 gave, decoding and preprocessing the same
 * files. Skipped where they are absent. */
#include "support/testing.h"

#include "data/dataset.h"

#include <pthread.h>

static char *copy_test_data(const char *name)
{
    return strdup(test_data(name));
}

static bs_preprocess squeezenet(void)
{
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.resize_short = 256;
    p.crop_h = p.crop_w = 227;
    p.bgr = true;
    p.scale = 1;
    return p;
}

struct worker {
    pthread_t thread;
    const bs_dataset *set;
    bs_preprocess p;
    int side;
    size_t first, step;
    int64_t sum;
    bs_error error;
};

static void *sum_pixels(void *arg)
{
    struct worker *w = arg;
    size_t n = 3 * (size_t)(w->side * w->side);
    float *chw = malloc(n * sizeof *chw);
    for (size_t i = w->first; chw && i < bs_dataset_count(w->set); i += w->step) {
        if (bs_dataset_load(w->set, i, &w->p, 3, w->side, w->side, chw, NULL) != BS_OK) {
            bs_error_save(&w->error);
            break;
        }
        for (size_t k = 0; k < n; k++)
            w->sum += (int64_t)chw[k];
    }
    free(chw);
    return NULL;
}

static int64_t sum_in_threads(const bs_dataset *set, bs_preprocess p, int side)
{
    struct worker workers[3];
    int64_t sum = 0;
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (struct worker){.set = set, .p = p, .side = side, .first = i, .step = 3};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, sum_pixels, &workers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        if (workers[i].error.status != BS_OK)
            fail_msg("%s", workers[i].error.message);
        sum += workers[i].sum;
    }
    return sum;
}

static void test_imagenet(void **state)
{
    (void)state;
    char *labels = copy_test_data("imagenet-200/labels.csv");
    bs_dataset *d;
    bs_dataset_spec spec = {.labels = labels};
    assert_ok(bs_dataset_open(&d, &spec, 1000));
    assert_int_equal(bs_dataset_count(d), 200);
    assert_int_equal(bs_dataset_image(d, 199)->label, 995);
    assert_true(sum_in_threads(d, squeezenet(), 227) == 3504369980);

    bs_preprocess mobilenet;
    bs_preprocess_default(&mobilenet);
    mobilenet.scale = 1;
    mobilenet.crop_fraction = 0.875f;
    mobilenet.resize_h = mobilenet.resize_w = 224;
    assert_true(sum_in_threads(d, mobilenet, 224) == 3410107065);
    bs_dataset_close(d);
    assert_error(bs_dataset_open(&d, &spec, 995), "labels.csv:201: label 995 is outside 0..994");
    free(labels);
}

static void test_imagenet_one_image(void **state)
{
    (void)state;
    char *file = copy_test_data("imagenet-200/n01440764_tench.JPEG");
    static float chw[3 * 227 * 227];
    char hash[65];
    bs_dataset *d;
    bs_preprocess p = squeezenet();
    bs_dataset_spec spec = {.files = (const char *const[]){file}, .n_files = 1};
    assert_ok(bs_dataset_open(&d, &spec, 1000));
    assert_ok(bs_dataset_load(d, 0, &p, 3, 227, 227, chw, hash));
    assert_string_equal(hash, "98f7e89b26142f7bdb61f3a627dee89729b0bb07a29e9e7f3be9d394c00c6f01");
    const float first[3] = {81, 84, 68}, inside[3] = {95, 102, 92}; /* B, G, R at (0, 0) and (100, 57) */
    for (int c = 0; c < 3; c++) {
        assert_true(chw[c * 227 * 227] == first[c]);
        assert_true(chw[(c * 227 + 100) * 227 + 57] == inside[c]);
    }
    bs_dataset_close(d);
    free(file);
}

static void test_imagenet_class_names(void **state)
{
    (void)state;
    char **names;
    int n;
    assert_ok(bs_class_names_read(&names, &n, test_data("imagenet-200/synset.txt")));
    assert_int_equal(n, 1000);
    assert_string_equal(names[0], "tench");
    assert_string_equal(names[2], "great white shark");
    bs_class_names_free(names, n);
}

static void test_mnist(void **state)
{
    (void)state;
    char *images = copy_test_data("mnist/t10k-images-idx3-ubyte.gz");
    char *labels = copy_test_data("mnist/t10k-labels-idx1-ubyte.gz");
    bs_dataset *d;
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.scale = 1;
    float chw[784], sum = 0;
    char hash[65];
    bs_dataset_spec spec = {.idx_images = images, .idx_labels = labels};
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), 10000);
    int label_sum = 0;
    for (size_t i = 0; i < 10000; i++)
        label_sum += bs_dataset_image(d, i)->label;
    assert_int_equal(label_sum, 44434);
    assert_string_equal(bs_dataset_image(d, 17)->path, "t10k-images-idx3-ubyte.gz#17");
    assert_int_equal(bs_dataset_image(d, 17)->label, 7);
    assert_ok(bs_dataset_load(d, 17, &p, 1, 28, 28, chw, hash));
    for (int i = 0; i < 784; i++)
        sum += chw[i];
    assert_true(sum == 22668);
    assert_string_equal(hash, "18fdeb85eb1e41d53acd89bebff400cd7413ad2ea7b2c928796de3ddfa630b82");
    bs_dataset_close(d);
    free(images);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_imagenet),
        cmocka_unit_test(test_imagenet_one_image),
        cmocka_unit_test(test_imagenet_class_names),
        cmocka_unit_test(test_mnist),
    };
    return run_suite(tests, NULL, NULL);
}
