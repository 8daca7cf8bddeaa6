/* Proves the `images` and `preprocess` keys of a job: presets and their overrides, forms of data sets,
 * refusals. */
#include "support/testing.h"

#include "job/job.h"

#define HEAD   "model: m.onnx\nfaults: [{id: 1, targets: all}]\n" /* 2 lines */
#define IMAGES HEAD "images: {folder: val}\n"                     /* 3 lines */

static bs_job *parse(const char *text)
{
    bs_job *job;
    assert_ok(bs_job_parse(&job, "/jobs/a.yaml", text, strlen(text)));
    return job;
}

static bs_preprocess preprocess_of(const char *text)
{
    bs_job *job = parse(text);
    bs_preprocess p = job->preprocess;
    bs_job_free(job);
    return p;
}

static void test_presets(void **state)
{
    (void)state;
    bs_preprocess p = preprocess_of(IMAGES "preprocess: torchvision\n");
    assert_true(p.interpolation == BS_BILINEAR && p.resize_short == 256 && p.resize_h == 0 && !p.bgr);
    assert_true(p.crop_h == 224 && p.crop_w == 224 && p.crop_fraction == 0 && p.n_mean == 3 && p.n_std == 3);
    assert_true(p.scale == 1.0f / 255 && p.mean[0] == 0.485f && p.std[2] == 0.225f);
    p = preprocess_of(IMAGES "preprocess: {preset: keras-caffe}\n");
    assert_true(p.interpolation == BS_NEAREST && p.resize_short == 0 && p.resize_h == 224 && p.crop_h == 0);
    assert_true(p.bgr && p.scale == 1 && p.mean[0] == 103.939f && p.mean[2] == 123.68f && p.std[1] == 1);
    p = preprocess_of(IMAGES "preprocess: keras-tf\n");
    assert_true(!p.bgr && p.scale == 1.0f / 127.5f && p.mean[1] == 1 && p.std[1] == 1 && p.resize_w == 224);
    p = preprocess_of(IMAGES "preprocess: keras-torch\n");
    assert_true(!p.bgr && p.scale == 1.0f / 255 && p.mean[1] == 0.456f && p.std[1] == 0.224f);
}

static void test_overrides(void **state)
{
    (void)state;
    bs_preprocess p = preprocess_of(IMAGES "preprocess:\n  resize_short: 232\n  interpolation: bicubic\n"
                                           "  preset: torchvision\n  crop: [200, 224]\n  mean: 0.5\n");
    assert_true(p.interpolation == BS_BICUBIC && p.resize_short == 232 && p.crop_h == 200);
    assert_true(p.crop_w == 224 && p.n_mean == 1 && p.mean[0] == 0.5f && p.std[0] == 0.229f);
    /* one way to resize replaces the other */
    p = preprocess_of(IMAGES "preprocess: {preset: keras-tf, resize_short: 256, crop: 224}\n");
    assert_true(p.resize_short == 256 && p.resize_h == 0 && p.resize_w == 0 && p.crop_w == 224);
    p = preprocess_of(IMAGES "preprocess: {preset: torchvision, resize: 224}\n");
    assert_true(p.resize_short == 0 && p.resize_h == 224 && p.crop_h == 224);
    p = preprocess_of(IMAGES "preprocess: {resize_short: 40, resize: 30}\n");
    assert_true(p.resize_short == 40 && p.resize_h == 30);
}

static void test_forms(void **state)
{
    (void)state;
    bs_job *job = parse(HEAD "images:\n  folder: val\n  ground_truth: gt.txt\n  ground_truth_base: 1\n"
                             "  ground_truth_synsets: ids.txt\n  synsets: /s/synsets.txt\n  max_broken: 7\n");
    assert_string_equal(job->images.folder, "/jobs/val");
    assert_string_equal(job->images.ground_truth, "/jobs/gt.txt");
    assert_string_equal(job->images.ground_truth_synsets, "/jobs/ids.txt");
    assert_string_equal(job->images.synsets, "/s/synsets.txt");
    assert_true(job->images.ground_truth_base == 1 && job->max_broken == 7 && !job->images.unlabelled);
    bs_job_free(job);
    job = parse(HEAD "images: {idx_images: i.gz, unlabelled: true}\n");
    assert_true(job->images.unlabelled && !job->images.idx_labels && job->max_broken == -1);
    bs_job_free(job);
}

static void test_model_keys(void **state)
{
    (void)state;
    bs_job *job = parse(IMAGES "input_size: [32, 40]\noutput: probs\n"
                               "inputs: {mask: true, 'a:0': [0.5, -1, 1/4], off: false}\n"
                               "preprocess: {preset: torchvision, flatten: chw}\n");
    const bs_import_options *o = &job->import;
    assert_true(o->input_size[0] == 32 && o->input_size[1] == 40 && o->n_inputs == 3);
    assert_string_equal(o->output, "probs");
    assert_string_equal(o->inputs[0].name, "mask");
    assert_true(o->inputs[0].n == 1 && o->inputs[0].value[0] == 1);
    assert_string_equal(o->inputs[1].name, "a:0");
    assert_true(o->inputs[1].n == 3 && o->inputs[1].value[1] == -1 && o->inputs[1].value[2] == 0.25);
    assert_true(o->inputs[2].n == 1 && o->inputs[2].value[0] == 0);
    assert_true(job->preprocess.flatten == BS_FLATTEN_CHW);
    bs_job_free(job);
    job = parse(IMAGES "input_size: 32\n");
    assert_true(job->import.input_size[0] == 32 && job->import.input_size[1] == 32 && !job->import.output);
    assert_true(job->preprocess.flatten == BS_FLATTEN_NONE);
    bs_job_free(job);
}

static const struct {
    const char *text;
    int line;
    const char *message, *hint;
} refused[] = {
    {IMAGES "preprocess: torchvison\n", 4, "unknown preset 'torchvison'", "did you mean 'torchvision'?"},
    {IMAGES "preprocess: 3\n", 4, "unknown preset '3'", "torchvision, keras-caffe, keras-tf, keras-torch"},
    {IMAGES "preprocess:\n  crop: 9\n  preset: keras_tf\n", 6, "unknown preset", "did you mean 'keras-tf'?"},
    {IMAGES "preprocess: {preset: [torchvision]}\n", 4, "'preset' must be the name of a preset, not a list",
     ""},
    {IMAGES "preprocess: {preset: torchvision, preset: keras-tf}\n", 4, "key 'preset' is given twice", ""},
    {IMAGES "preprocess: {interpolation: cubic}\n", 4, "unknown interpolation 'cubic'", "bicubic"},
    {HEAD "images:\n  folder: v\n  ground_truth: g\n", 5, "no meaning without 'ground_truth_base'",
     "'ground_truth_base: 1' where"},
    {HEAD "images:\n  folder: v\n  ground_truth_base: 1\n", 5, "no meaning without 'ground_truth'", ""},
    {HEAD "images: {folder: v, ground_truth: g, ground_truth_base: 2}\n", 3, "is out of range: 2", "0 to 1"},
    {HEAD "images:\n  labels: v\n  ground_truth: g\n", 5, "no meaning without 'folder'", "flat folder"},
    {HEAD "images:\n  labels: v\n  synsets: g\n", 5, "no meaning without 'folder'", "sub-folder"},
    {HEAD "images: {folder: v, ground_truth: g, ground_truth_base: 1, ground_truth_synsets: s}\n", 3,
     "no meaning without 'synsets'", "network's own list"},
    {HEAD "images: {folder: v, ground_truth: g, ground_truth_base: 1, synsets: s}\n", 3,
     "needs 'ground_truth_synsets'", "in the order"},
    {HEAD "images:\n  idx_labels: a\n", 4, "no meaning without 'idx_images'", "add 'idx_images"},
    {HEAD "images:\n  idx_images: a\n", 4, "'idx_images' has no labels", "unlabelled: true"},
    {HEAD "images: {folder: v, max_broken: -1}\n", 3, "'max_broken' is out of range", "allowed"},
    {IMAGES "input_size: [32]\ninput_size: 3\n", 5, "given twice", ""},
    {IMAGES "input_size: [3, 4, 5]\n", 4, "'input_size' has 3 values", "[height, width]"},
    {IMAGES "input_size: 64 x 48\n", 4,
     "'input_size' must be a whole number, or [HEIGHT, WIDTH], not '64 x 48'", "'input_size: [64, 48]'"},
    {IMAGES "input_size: \"64,48\"\n", 4, "[HEIGHT, WIDTH], not '64,48'", "'input_size: [64, 48]'"},
    {IMAGES "input_size: large\n", 4, "[HEIGHT, WIDTH], not 'large'", "'input_size: 224' (a square)"},
    {IMAGES "input_size: 0\n", 4, "out of range: 0", "1 to 16384"},
    {IMAGES "output: [a, b]\n", 4, "'output' must be text, not a list", ""},
    {IMAGES "inputs: mask\n", 4, "'inputs' must be a mapping of names to values", "inputs: {mask: 1}"},
    {IMAGES "inputs:\n  a: 1\n  a: 2\n", 6, "input 'a' is given twice", ""},
    {IMAGES "inputs:\n  a: []\n", 5, "input 'a' is given no value", "one value"},
    {IMAGES "inputs:\n  a: [1, no]\n", 5, "'a' must be a number, not 'no'", "true or false"},
    {IMAGES "preprocess: {flatten: chv}\n", 4, "unknown order 'chv'", "did you mean 'chw'?"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        bs_job *job;
        char where[32];
        snprintf(where, sizeof where, "/jobs/a.yaml:%d: ", refused[i].line);
        bs_status st = bs_job_parse(&job, "/jobs/a.yaml", refused[i].text, strlen(refused[i].text));
        if (st != BS_USAGE || strncmp(bs_error_message(), where, strlen(where)) != 0 ||
            !strstr(bs_error_message(), refused[i].message) || !strstr(bs_error_hint(), refused[i].hint))
            fail_msg("%s: status %d, '%s', hint '%s'", refused[i].text, st, bs_error_message(),
                     bs_error_hint());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),    cmocka_unit_test(test_overrides), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_model_keys), cmocka_unit_test(test_refusals),
    };
    return run_suite(tests, NULL, NULL);
}
