/* Proves that job files are read as documented, and are refused with the right words. */
#include "support/testing.h"

#include "job/form.h"
#include "job/job.h"
#include "model/graph.h"

#include <dirent.h>
#include <math.h>

static char folder[] = "/tmp/bitsink-job-XXXXXX";
static char job_path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(job_path, sizeof job_path, "%s/a.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(job_path);
    return rmdir(folder);
}

static bs_status read_text(bs_job **job, const char *text, size_t len)
{
    FILE *f = fopen(job_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    return bs_job_read(job, job_path);
}

#define HEAD "model: m.onnx\nimages: {folder: pics}\nfaults:\n" /* 3 lines */
#define GOOD HEAD "  - {id: 1, targets: all}\n"

static void test_everything(void **state)
{
    static const char text[] = "name: demo\n"
                               "model: /m/${BS_NET:-net}.onnx\n"
                               "class_names: names.txt\n"
                               "seed: 0xffffffffffffffff\n"
                               "math: native\n"
                               "label_offset: 1\n"
                               "images:\n"
                               "  labels: $BS_DATA/l.csv\n"
                               "  root: r$$x\n"
                               "  first: 3\n"
                               "  limit: 5\n"
                               "preprocess:\n"
                               "  scale: 1/255\n"
                               "  mean: [0.1, 0.2, 0.3]\n"
                               "  std: 2\n"
                               "  bgr: true\n"
                               "  resize_short: 256\n"
                               "  crop_fraction: 0.875\n"
                               "  resize: [224, 225]\n"
                               "  crop: 227\n"
                               "faults:\n"
                               "  - id: 7\n"
                               "    name: first\n"
                               "    targets: [{op: Conv, kind: weight}, 'fc*', {id: 12}, all]\n"
                               "    fault: stuck-at-1\n"
                               "    bits: [0, 23-30, sign]\n"
                               "    burst: 2\n"
                               "    count: 3\n"
                               "    trials: ${BS_TRIALS:-40}\n"
                               "  - {id: 0, targets: x, fault: set, value: -.inf, ber: 1e-6}\n"
                               "  - {id: 255, targets: x, fault: random, range: [-1, 1/2]}\n"
                               "  - {id: 3, sites: s.csv}\n";
    bs_job *job;
    (void)state;
    setenv("BS_DATA", "sub", 1);
    setenv("BS_TRIALS", "", 1);
    unsetenv("BS_NET");
    assert_ok(read_text(&job, text, sizeof text - 1));
    assert_string_equal(job->path, job_path);
    assert_string_equal(job->text, text);
    assert_string_equal(job->name, "demo");
    assert_string_equal(job->model, "/m/net.onnx");
    assert_true(job->seed == UINT64_MAX && job->label_offset == 1 && job->math == BS_MATH_NATIVE);
    char expected[128];
    snprintf(expected, sizeof expected, "%s/sub/l.csv", folder);
    assert_string_equal(job->images.labels, expected);
    snprintf(expected, sizeof expected, "%s/r$x", folder);
    assert_string_equal(job->images.root, expected);
    assert_true(job->images.first == 3 && job->images.limit == 5 && !job->images.folder);
    const bs_preprocess *p = &job->preprocess;
    assert_true(p->scale == (float)(1.0 / 255) && p->bgr && p->n_mean == 3 && p->n_std == 1);
    assert_true(p->mean[2] == 0.3f && p->std[0] == 2.0f && p->crop_fraction == 0.875f);
    assert_true(p->resize_short == 256 && p->resize_h == 224 && p->resize_w == 225 && p->crop_h == 227 &&
                p->crop_w == 227);

    assert_int_equal(job->n_entries, 4);
    const bs_entry *e = &job->entries[0];
    assert_true(e->id == 7 && e->line == 22 && e->trials == 40 && e->n_targets == 4);
    assert_string_equal(e->name, "first");
    assert_true(e->fault.kind == BS_FAULT_STUCK1 && e->bits.numbers == 0x7f800001u && e->fault.burst == 2 &&
                e->bits.fields == 1u << BS_BITS_SIGN);
    assert_true(e->fault.count == 3 && e->fault.ber == 0);
    assert_true(e->targets[0].kind == BS_TARGET_WEIGHT && e->targets[0].id == -1 && e->targets[0].line == 24);
    assert_string_equal(e->targets[0].op, "Conv");
    assert_string_equal(e->targets[1].name, "fc*");
    assert_true(e->targets[2].id == 12 && e->targets[2].kind == -1 && e->targets[3].all);
    e = &job->entries[1];
    assert_string_equal(e->name, "entry-0");
    assert_true(e->fault.kind == BS_FAULT_SET && isinf(e->fault.value) && e->fault.value < 0);
    assert_true(e->fault.ber == 1e-6 && e->trials == 1 && e->bits.fields == 1u << BS_BITS_ANY &&
                e->fault.burst == 1);
    e = &job->entries[2];
    assert_true(e->fault.low == -1.0f && e->fault.high == 0.5f);
    snprintf(expected, sizeof expected, "%s/s.csv", folder);
    assert_string_equal(job->entries[3].sites, expected);
    bs_job_free(job);
}

static void test_defaults(void **state)
{
    bs_job *job;
    (void)state;
    assert_ok(read_text(&job, GOOD, sizeof GOOD - 1));
    assert_string_equal(job->name, "a");
    assert_true(job->seed == 0 && job->images.limit == 0 && job->preprocess.n_mean >= 0 && !job->class_names);
    assert_true(job->entries[0].fault.kind == BS_FAULT_FLIP && job->entries[0].fault.count == 1);
    bs_job_free(job);
    assert_ok(bs_job_parse(&job, "some/where/b.c.yml", GOOD "# not this one", sizeof GOOD - 1));
    assert_string_equal(job->name, "b.c");
    assert_string_equal(job->text, GOOD);
    assert_string_equal(job->model, "some/where/m.onnx");
    bs_job_free(job);
    bs_job_free(NULL);
}

/* A job, the line that is to blame, and parts of message and hint. */
static const struct broken {
    const char *text;
    int line;
    const char *message, *hint;
} broken[] = {
    {"", 1, "a job file must be a mapping", "model:"},
    {"- a\n", 1, "a job file must be a mapping", "model:"},
    {"a: b: c\n", 1, "not valid YAML", ""},
    {"model: 'x\n", 2, "not valid YAML", "line 1"},
    {"model: [x\n", 2, "not valid YAML", "line 1"},
    {"model: x\n\timages: y\n", 2, "not valid YAML", ""},
    {"model: m\nimages: &a {folder: x}\n", 2, "anchors (&) and aliases (*)", "write the value out"},
    {"model: *m\n", 1, "anchors (&) and aliases (*)", "quotes"},
    {GOOD "---\nmodel: m\n", 5, "a second document", "file of its own"},
    {"a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1, "nested deeper", ""},
    {"model: m.onnx\nimages: {folder: x}\n", 1, "key 'faults' is missing in the job", "add 'faults: ...'"},
    {GOOD "modle: x\n", 5, "unknown key 'modle' in the job", "did you mean 'model'?"},
    {GOOD "zebra: x\n", 5, "unknown key 'zebra' in the job", "the keys are: name, model"},
    {GOOD "model: x\n", 5, "key 'model' is given twice", "line 1"},
    {GOOD "name:\n", 5, "key 'name' has no value", "remove the line"},
    {GOOD "name: ''\n", 5, "'name' is empty", ""},
    {GOOD "name: [a]\n", 5, "'name' must be text, not a list", ""},
    {GOOD "? [a, b]\n: c\n", 5, "a key of the job must be a plain word", ""},
    {GOOD "math: fp64\n", 5, "'math' must be fp32, tf32 or native, not 'fp64'", ""},
    {GOOD "seed: -1\n", 5, "'seed' must be a whole number from 0 to 2^64 - 1, not '-1'", ""},
    {GOOD "seed: 18446744073709551616\n", 5, "'seed' is out of range", "below 2^64"},
    {GOOD "seed: 1.5\n", 5, "'seed' must be a whole number", ""},
    {GOOD "label_offset: 5000\n", 5, "'label_offset' is out of range: 5000", "allowed: -1000 to 1000"},
    {GOOD "name: $BS_UNSET/x\n", 5, "variable 'BS_UNSET' is not set", "${BS_UNSET:-value}"},
    {GOOD "name: ${BS_UNSET\n", 5, "malformed variable '${BS_UNSET'", "$$"},
    {GOOD "name: ${BS UNSET}\n", 5, "malformed variable", ""},
    {GOOD "name: a $ b\n", 5, "a '$' without the name", "$$"},
    {GOOD "preprocess: [3]\n", 5, "'preprocess' must be a mapping of keys to values, not a list", ""},
    {GOOD "preprocess: {scale: 0}\n", 5, "'scale' is out of range", "allowed"},
    {GOOD "preprocess: {scale: 1/0}\n", 5, "'scale' must be a number, not '1/0'", "1/255"},
    {GOOD "preprocess: {scale: nan}\n", 5, "'scale' must be a number", ""},
    {GOOD "preprocess: {scale: 0x10}\n", 5, "'scale' must be a number", ""},
    {GOOD "preprocess: {mean: [1, 2, 3, 4, 5]}\n", 5, "'mean' has 5 values", "each channel"},
    {GOOD "preprocess: {mean: []}\n", 5, "'mean' has 0 values", ""},
    {GOOD "preprocess: {std: [1, 0]}\n", 5, "'std' must be above 0", "divided"},
    {GOOD "preprocess: {bgr: yes}\n", 5, "'bgr' must be true or false, not 'yes'", ""},
    {GOOD "preprocess:\n  crop: [1, 2, 3]\n", 6, "'crop' has 3 values", "[height, width]"},
    {GOOD "preprocess:\n  crop: 0\n", 6, "'crop' is out of range: 0", "1 to 16384"},
    {GOOD "preprocess: {resize_shrt: 9}\n", 5, "unknown key 'resize_shrt' in preprocess", "'resize_short'"},
    {"model: m\nimages: {limit: 3}\nfaults: [{id: 1, targets: all}]\n", 2, "no images are given",
     "exactly one of"},
    {"model: m\nimages: {folder: a, labels: b}\nfaults: [{id: 1, targets: all}]\n", 2, "more than one form",
     ""},
    {"model: m\nimages: {idx_images: a}\nfaults: [{id: 1, targets: all}]\n", 2, "'idx_images' has no labels",
     "add 'idx_labels"},
    {"model: m\nimages: {folder: a, root: b}\n", 2, "'root' has no meaning without 'labels'", "CSV"},
    {"model: m\nimages: {folder: a, limit: -1}\n", 2, "'limit' is out of range: -1", ""},
    {"model: m\nimages: [a]\n", 2, "'images' must be a mapping of keys to values, not a list", ""},
    {"faults: {id: 1}\n", 1, "'faults' must be a list of fault entries", "- id: 1"},
    {"faults: []\n", 1, "'faults' must be a list of fault entries", ""},
    {HEAD "- {targets: all}\n", 4, "key 'id' is missing in a fault entry", "add 'id: ...'"},
    {HEAD "- {id: 256, targets: all}\n", 4, "'id' is out of range: 256", "allowed: 0 to 255"},
    {HEAD "- {id: 1, targets: all}\n- {id: 1, targets: all}\n", 5, "entry id 1 is used twice", "line 4"},
    {HEAD "- id: 1\n  trials: 3\n", 4, "entry 1: key 'targets' is missing", "say what is hit"},
    {HEAD "- id: 1\n  targets: []\n", 5, "'targets' is an empty list", "all"},
    {HEAD "- id: 1\n  targets: {}\n", 5, "a selector without conditions", "kind, op, name, layer or id"},
    {HEAD "- id: 1\n  targets: {opp: Conv}\n", 5, "unknown key 'opp' in targets", "did you mean 'op'?"},
    {HEAD "- id: 1\n  targets:\n  - {op: Cnov}\n", 6, "unknown operator 'Cnov'", "did you mean 'Conv'?"},
    {HEAD "- {id: 1, targets: {op: GroupNormalization}}\n", 4, "unknown operator 'GroupNormalization'",
     "bitsink makes GroupNormalization of other operators: select the node by its layer, {layer: NODE}"},
    {HEAD "- {id: 1, targets: {op: Loop}}\n", 4, "unknown operator 'Loop'", "{layer: NODE}"},
    {HEAD "- {id: 1, targets: {op: MyFunction}}\n", 4, "unknown operator 'MyFunction'", "{layer: NODE}"},
    {HEAD "- id: 1\n  targets: {kind: weights}\n", 5, "unknown target kind 'weights'",
     "did you mean 'weight'?"},
    {HEAD "- id: 1\n  targets: {id: 4096}\n", 5, "'id' is out of range: 4096", "0 to 4095"},
    {HEAD "- id: 1\n  targets: [[all]]\n", 5, "'targets' must be a mapping of keys to values, not a list",
     ""},
    {HEAD "- id: 1\n  targets: all\n  fault: flp\n", 6, "unknown fault 'flp'", "did you mean 'flip'?"},
    {HEAD "- id: 1\n  targets: all\n  fault: explode\n", 6, "unknown fault 'explode'", "stuck-at-0"},
    {HEAD "- id: 1\n  targets: all\n  bits: exponnt\n", 6, "'bits' must be a set of bits, not 'exponnt'",
     "'exponent'"},
    {HEAD "- id: 1\n  targets: all\n  bits: 64\n", 6, "'bits' must be a set of bits, not '64'",
     "0 (lowest) to 31"},
    {HEAD "- id: 1\n  targets: all\n  bits: 9-3\n", 6, "'bits' must be a set of bits, not '9-3'", ""},
    {HEAD "- id: 1\n  targets: all\n  bits: [1,\n   -4]\n", 7, "'bits' must be a set of bits, not '-4'", ""},
    {HEAD "- id: 1\n  targets: all\n  bits: []\n", 6, "'bits' is an empty list", ""},
    {HEAD "- id: 1\n  targets: all\n  burst: 0\n", 6, "'burst' is out of range: 0", "1 to 32"},
    {HEAD "- id: 1\n  targets: all\n  count: 0\n", 6, "'count' is out of range: 0", "allowed: 1 to"},
    {HEAD "- id: 1\n  targets: all\n  count: 2\n  ber: 0.5\n", 7, "'count' and 'ber' exclude",
     "fixed number"},
    {HEAD "- id: 1\n  targets: all\n  ber: 0\n", 6, "'ber' is not a bit error rate: 0", "at most 1"},
    {HEAD "- id: 1\n  targets: all\n  ber: 1.5\n", 6, "'ber' is not a bit error rate: 1.5", ""},
    {HEAD "- id: 1\n  targets: all\n  ber: -1e-3\n", 6, "'ber' is not a bit error rate", ""},
    {HEAD "- id: 1\n  targets: all\n  ber: .nan\n", 6, "'ber' must be a number, not '.nan'", ""},
    {HEAD "- id: 1\n  targets: all\n  ber: NaN\n", 6, "'ber' must be a number, not 'NaN'", ""},
    {HEAD "- id: 1\n  targets: all\n  trials: 1048576\n", 6, "'trials' is out of range: 1048576",
     "1 to 1048575"},
    {HEAD "- id: 1\n  targets: all\n  trials: 0\n", 6, "'trials' is out of range: 0", ""},
    {HEAD "- id: 1\n  targets: all\n  trials: many\n", 6, "'trials' must be a whole number, not 'many'", ""},
    {HEAD "- id: 1\n  targets: all\n  trials: {a: b}\n", 6, "'trials' must be a whole number, not a mapping",
     ""},
    {HEAD "- id: 1\n  targets: all\n  trials: 99999999999999999999\n", 6, "'trials' is out of range", ""},
    {HEAD "- id: 1\n  targets: all\n  margin: 1\n", 6, "'margin' must be above 0 and below 1",
     "percentage point"},
    {HEAD "- id: 1\n  targets: all\n  relative_margin: 0\n", 6,
     "'relative_margin' must be above 0 and below 1", "a fifth"},
    {HEAD "- id: 1\n  targets: all\n  margin: 0.1\n  trials: 3\n", 7, "'trials' and 'margin' exclude",
     "how many"},
    {HEAD "- id: 1\n  targets: all\n  confidence: 0.9\n", 6,
     "'confidence' without 'margin' or 'relative_margin'", "give both"},
    {HEAD "- id: 1\n  sites: a.csv\n  relative_margin: 0.3\n", 6, "'relative_margin' and 'sites' exclude",
     ""},
    {HEAD "- id: 1\n  targets: all\n  fault: set\n", 4, "entry 1: key 'value' is missing", "fault: set"},
    {HEAD "- id: 1\n  targets: all\n  value: 3\n", 6, "'value' has no meaning for this fault", "fault: set"},
    {HEAD "- id: 1\n  targets: all\n  fault: set\n  value: 1e40\n", 7, "'value' is out of range", "allowed"},
    {HEAD "- id: 1\n  targets: all\n  fault: random\n", 4, "entry 1: key 'range' is missing", "random"},
    {HEAD "- id: 1\n  targets: all\n  fault: random\n  range: [1, 0]\n", 7, "'range' is empty or too wide",
     ""},
    {HEAD "- id: 1\n  targets: all\n  fault: random\n  range: [-3e38, 3e38]\n", 7, "too wide", "finite"},
    {HEAD "- id: 1\n  targets: all\n  fault: random\n  range: 4\n", 7, "'range' must be a list of two",
     "[-1, 1]"},
    {HEAD "- id: 1\n  targets: all\n  fault: zero\n  bits: 3\n", 7, "'bits' has no meaning for this fault",
     "flip"},
    {HEAD "- id: 1\n  targets: all\n  fault: zero\n  burst: 3\n", 7, "'burst' has no meaning", ""},
    {HEAD "- id: 1\n  sites: a.csv\n  trials: 3\n", 6, "'trials' and 'sites' exclude each other",
     "how often"},
    {HEAD "- id: 1\n  targets: all\n  sites: a.csv\n", 6, "'targets' and 'sites' exclude each other", ""},
    {HEAD "- all\n", 4, "'a fault entry' must be a mapping of keys to values, not 'all'", ""},
};

static void test_margins(void **state)
{
    static const char text[] =
        HEAD "- {id: 1, targets: all, margin: 0.02, relative_margin: 0.25, confidence: 0.9}\n"
             "- {id: 2, targets: all, trials: 30, relative_margin: 0.5}\n"
             "- {id: 3, targets: all}\n";
    bs_job *job;
    (void)state;
    assert_ok(read_text(&job, text, sizeof text - 1));
    const bs_entry *e = job->entries;
    assert_true(e[0].margin == 0.02 && e[0].relative_margin == 0.25 && e[0].confidence == 0.9);
    assert_true(e[1].margin == 0 && e[1].relative_margin == 0.5 && e[1].confidence == 0.95 &&
                e[1].trials == 30);
    assert_true(e[2].margin == 0 && e[2].relative_margin == 0);
    bs_job_free(job);
}

static void test_broken_jobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        const struct broken *b = &broken[i];
        char where[80];
        bs_job *job = (bs_job *)&job;
        if (read_text(&job, b->text, strlen(b->text)) != BS_USAGE)
            fail_msg("accepted, or another status:\n%s(%s)", b->text, bs_error_message());
        snprintf(where, sizeof where, "%s:%d: ", job_path, b->line);
        if (strncmp(bs_error_message(), where, strlen(where)) != 0 ||
            !strstr(bs_error_message(), b->message) || !strstr(bs_error_hint(), b->hint))
            fail_msg("%s\nsays '%s' (hint: '%s'), not line %d, '%s', '%s'", b->text, bs_error_message(),
                     bs_error_hint(), b->line, b->message, b->hint);
        assert_null(job);
    }
}

static void test_odd_files(void **state)
{
    bs_job *job;
    (void)state;
    assert_error(bs_job_read(&job, "/nonexistent/x.yaml"), "cannot open '/nonexistent/x.yaml'");
    assert_non_null(strstr(bs_error_hint(), "tests/jobs"));
    assert_error(bs_job_read(&job, folder), "cannot read");
    size_t n = (1 << 20) + 1;
    char *big = malloc(n);
    assert_non_null(big);
    memset(big, '#', n);
    assert_error(read_text(&job, big, n), "larger than the limit");
    free(big);
    assert_error(read_text(&job, "name: \"a\\0b\"\n" GOOD, sizeof GOOD + 12), "NUL character");
    assert_error(read_text(&job, "model: a\0b\n", 11), "not valid YAML");
    assert_error(read_text(&job, "model: \xff\xfe\n", 10), ":1: byte 0xff is not UTF-8");
}

/* Every prefix of a good job and every single changed byte gives a job or a message, and never more. */
static void test_mutations(void **state)
{
    static const char base[] = HEAD "  - id: 1\n    targets: [{op: Conv}, 'a*', all]\n    bits: [1, 2-3]\n"
                                    "    ber: 1e-6\n    trials: ${X:-3}\n";
    static const char odd[] = "\0:-#[]{}'\"$*&!|>%@`,? \n\t\x80z9";
    char text[sizeof base];
    int refused = 0;
    (void)state;
    for (size_t i = 0; i < sizeof base - 1; i++)
        for (size_t k = 0; k < sizeof odd; k++) {
            bs_job *job;
            memcpy(text, base, sizeof base);
            text[i] = odd[k];
            bs_error_clear();
            if (bs_job_parse(&job, "a.yaml", text, k == 0 ? i : sizeof base - 1) != BS_OK) {
                refused++;
                assert_true(bs_error_message()[0] != '\0');
                assert_null(job);
            }
            bs_job_free(job);
        }
    assert_true(refused > 1000);
}

static void test_examples(void **state)
{
    int n = 0;
    struct dirent *d;
    DIR *dir = opendir("tests/jobs");
    (void)state;
    unsetenv("BITSINK_TRIALS");
    assert_non_null(dir);
    while ((d = readdir(dir))) {
        const char *dot = strrchr(d->d_name, '.');
        char path[512];
        bs_job *job;
        if (!dot || strcmp(dot, ".yaml") != 0)
            continue;
        snprintf(path, sizeof path, "tests/jobs/%s", d->d_name);
        assert_ok(bs_job_read(&job, path));
        assert_true(job->n_entries > 0);
        bs_job_free(job);
        n++;
    }
    closedir(dir);
    assert_true(n >= 5);
}

/* Every key says in the manual what it takes and is; scripts/docs.sh sees that the manual has every section.
 */
static void test_keys_in_manual(void **state)
{
    int sections = 0;
    (void)state;
    for (const bs_job_section *s = bs_job_sections; s->name; s++, sections++) {
        const bs_field_table *keys = s->keys;
        assert_true(keys->n > 0);
        for (int k = 0; k < keys->n; k++) {
            const bs_field *f = &keys->field[k];
            bs_str value = {0};
            assert_true(bs_form_value(&value, f) && value.len > 0);
            bs_str_clear(&value);
            assert_non_null(f->help);
            assert_true(strlen(f->help) > 10 && f->help[strlen(f->help) - 1] == '.');
        }
    }
    assert_true(sections >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_margins),    cmocka_unit_test(test_broken_jobs),
        cmocka_unit_test(test_odd_files),  cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_examples),   cmocka_unit_test(test_keys_in_manual),
    };
    return run_suite(tests, make_folder, remove_folder);
}
