/* Proves that ImageNet is read as it lies on disks: sub-folders named by WordNet ids, the flat folder of
 * ILSVRC2012's validation set with its ground truth, and images without labels. */
#include "support/data_fixture.h"

#include "data/dataset.h"

static void touch(void **state, const char *name)
{
    fixture_text(state, name, "-"); /* never decoded here */
}

static int make_images(void **state)
{
    if (fixture_open(state))
        return -1;
    fixture_folder(state, "train");
    fixture_folder(state, "train/n02000000");
    fixture_folder(state, "train/n01000000");
    touch(state, "train/n02000000/a.JPEG");
    touch(state, "train/n01000000/b.JPEG");
    fixture_folder(state, "val");
    fixture_folder(state, "val/sub.JPEG"); /* a folder is no image */
    touch(state, "val/ILSVRC2012_val_00000003.JPEG");
    touch(state, "val/ILSVRC2012_val_00000001.JPEG");
    touch(state, "val/ILSVRC2012_val_00000002.JPEG");
    touch(state, "val/readme.txt");
    return 0;
}

static void assert_labels(const bs_dataset_spec *spec, int classes, const char *first, int n,
                          const int *label)
{
    bs_dataset *d;
    assert_ok(bs_dataset_open(&d, spec, classes));
    assert_int_equal(bs_dataset_count(d), n);
    assert_string_equal(bs_dataset_image(d, 0)->path, first);
    for (int i = 0; i < n; i++)
        assert_int_equal(bs_dataset_image(d, (size_t)i)->label, label[i]);
    bs_dataset_close(d);
}

static void refuse(const bs_dataset_spec *spec, int classes, const char *message, const char *hint)
{
    bs_dataset *d;
    assert_error(bs_dataset_open(&d, spec, classes), message);
    if (!strstr(bs_error_hint(), hint))
        fail_msg("hint '%s' lacks '%s'", bs_error_hint(), hint);
}

static char *copy(const char *path)
{
    char *own = strdup(path); /* fixture paths share a buffer */
    assert_non_null(own);
    return own;
}

static void test_synsets_order_the_classes(void **state)
{
    char *folder = copy(fixture_path(state, "train"));
    bs_dataset_spec spec = {.folder = folder};
    assert_labels(&spec, 2, "n01000000/b.JPEG", 2, (int[]){0, 1});
    char *list = copy(
        fixture_text(state, "synsets.txt", "\xEF\xBB\xBFn03000000\r\nn02000000 dog, hound\n n01000000\n\n"));
    spec.synsets = list;
    assert_labels(&spec, 3, "n01000000/b.JPEG", 2, (int[]){2, 1});
    refuse(&spec, 2, "n01000000': class index 2 is outside 0..1", "more lines than");
    fixture_text(state, "synsets.txt", "\xff\xfen");
    refuse(&spec, 3, "synsets.txt:1: the file is UTF-16", "iconv -f UTF-16");
    fixture_text(state, "synsets.txt", "n03000000\nn02000000\n");
    refuse(&spec, 3, "train/n01000000' is not in '", "first word of a line");
    fixture_text(state, "synsets.txt", "n02000000\nn01000000\nn02000000\n");
    refuse(&spec, 3, "synsets.txt: 'n02000000' stands on lines 1 and 3", "WordNet ids");
    fixture_text(state, "synsets.txt", "n02000000\n\nn01000000\n");
    refuse(&spec, 3, "synsets.txt:2: the line is empty", "one class per line");
    fixture_text(state, "synsets.txt", "\n");
    refuse(&spec, 3, "lists no classes", "");
    free(list);
    free(folder);
}

static void assert_names(const bs_dataset_spec *spec, int n, const char *const *expected)
{
    bs_dataset *d;
    const char *const *names;
    assert_ok(bs_dataset_open(&d, spec, 0));
    assert_int_equal(bs_dataset_class_names(d, &names), n);
    for (int i = 0; i < n; i++)
        assert_string_equal(names[i], expected[i]);
    bs_dataset_close(d);
}

/* Sub-folders name their classes; a list of the network's classes names all of them. */
static void test_class_names(void **state)
{
    char *folder = copy(fixture_path(state, "train"));
    bs_dataset_spec spec = {.folder = folder};
    assert_names(&spec, 2, (const char *[]){"n01000000", "n02000000"});
    spec.limit = 1; /* of the first class */
    assert_names(&spec, 2, (const char *[]){"n01000000", "n02000000"});
    fixture_folder(state, "train/\xe9t\xc3\xa9");
    assert_names(&spec, 3, (const char *[]){"n01000000", "n02000000", "\\xe9t\xc3\xa9"});
    rmdir(fixture_path(state, "train/\xe9t\xc3\xa9"));
    char *list = copy(fixture_text(state, "named.txt", "n02000000 dog, hound\nn01000000\nn03000000 cat\n"));
    spec.synsets = list;
    assert_names(&spec, 3, (const char *[]){"dog", "n01000000", "cat"});
    spec = (bs_dataset_spec){.folder = folder, .unlabelled = true};
    fixture_text(state, "train/c.jpg", "-");
    assert_names(&spec, 0, NULL);
    assert_int_equal(unlink(fixture_path(state, "train/c.jpg")), 0);
    free(list);
    free(folder);
}

/* All names that JPEG files go by are read, and nothing else. */
static void test_endings(void **state)
{
    char *folder = copy(fixture_folder(state, "endings"));
    bs_dataset_spec spec = {.folder = folder, .unlabelled = true};
    static const char *const files[] = {"1.jfif", "2.JPE", "3.png", "4.webp", "5.bmp", "6", "7.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[32];
        snprintf(path, sizeof path, "endings/%s", files[i]);
        touch(state, path);
    }
    assert_labels(&spec, 5, "1.jfif", 3, (int[]){-1, -1, -1});
    free(folder);
}

static void test_flat_folder(void **state)
{
    char *folder = copy(fixture_path(state, "val")),
         *truth = copy(fixture_text(state, "gt.txt", "5\n1\r\n3\n\n"));
    const char *first = "ILSVRC2012_val_00000001.JPEG";
    bs_dataset_spec spec = {.folder = folder, .ground_truth = truth, .ground_truth_base = 1};
    assert_labels(&spec, 5, first, 3, (int[]){4, 0, 2});
    spec.ground_truth_base = 0;
    assert_labels(&spec, 6, first, 3, (int[]){5, 1, 3});
    refuse(&spec, 5, "gt.txt:1: class 5 is outside 0..4", "ground_truth_base");
    spec.first = 1;
    spec.limit = 1;
    assert_labels(&spec, 6, "ILSVRC2012_val_00000002.JPEG", 1, (int[]){1});
    fixture_text(state, "gt.txt", "0\n1\n2\n");
    spec.ground_truth_base = 1;
    refuse(&spec, 5, "gt.txt:1: class 0 is outside 1..5", "ground_truth_base");
    fixture_text(state, "gt.txt", "1\n2\n");
    refuse(&spec, 5, "has 2 labels, the folder 3 images", "each image needs its line");
    fixture_text(state, "gt.txt", "1\n2\n3\n4\n");
    refuse(&spec, 5, "has 4 labels, the folder 3 images", "");
    fixture_text(state, "gt.txt", "1\n\n3\n");
    refuse(&spec, 5, "gt.txt:2: '' is not a whole number", "one class per line");
    fixture_text(state, "gt.txt", "1\n2 x\n3\n");
    refuse(&spec, 5, "gt.txt:2: '2 x' is not a whole number", "");
    free(folder);
    free(truth);
}

/* ILSVRC2012 counts its classes in another order than networks do. */
static void test_ground_truth_by_name(void **state)
{
    char *folder = copy(fixture_path(state, "val")),
         *truth = copy(fixture_text(state, "gt.txt", "3\n1\n2\n"));
    char *counted = copy(fixture_text(state, "ids.txt", "n3\nn1\nn2\n"));
    char *wanted = copy(fixture_text(state, "synsets.txt", "n0\nn1\nn2\nn3\n"));
    bs_dataset_spec spec = {.folder = folder,
                            .ground_truth = truth,
                            .ground_truth_base = 1,
                            .ground_truth_synsets = counted,
                            .synsets = wanted};
    assert_labels(&spec, 4, "ILSVRC2012_val_00000001.JPEG", 3, (int[]){2, 3, 1});
    fixture_text(state, "synsets.txt", "n1\nn2\n");
    refuse(&spec, 4, "gt.txt:2: class 1 is 'n3', which the network's classes lack", "every class");
    fixture_text(state, "ids.txt", "n1\nn2\n");
    refuse(&spec, 4, "gt.txt:1: class 3 is outside 1..2", "");
    free(folder);
    free(truth);
    free(counted);
    free(wanted);
}

static void test_unlabelled(void **state)
{
    char *folder = copy(fixture_path(state, "val"));
    bs_dataset_spec spec = {.folder = folder};
    refuse(&spec, 5, "no images in", "one sub-folder per class"); /* sub.JPEG is the only class, and empty */
    spec.unlabelled = true;
    assert_labels(&spec, 5, "ILSVRC2012_val_00000001.JPEG", 3, (int[]){-1, -1, -1});
    char *csv = copy(fixture_text(state, "l.csv",
                                  "file\nval/ILSVRC2012_val_00000002.JPEG,\n"
                                  "val/ILSVRC2012_val_00000001.JPEG,3\n"
                                  "val/ILSVRC2012_val_00000003.JPEG\n"));
    bs_dataset_spec list = {.labels = csv, .unlabelled = true};
    assert_labels(&list, 5, "val/ILSVRC2012_val_00000002.JPEG", 3, (int[]){-1, 3, -1});
    fixture_text(state, "l.csv", "val/ILSVRC2012_val_00000002.JPEG,\n");
    list.unlabelled = false;
    refuse(&list, 5, "l.csv:1: the label is missing", "unlabelled: true");
    free(folder);
    free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synsets_order_the_classes),
        cmocka_unit_test(test_class_names),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_flat_folder),
        cmocka_unit_test(test_ground_truth_by_name),
        cmocka_unit_test(test_unlabelled),
    };
    return run_suite(tests, make_images, fixture_close);
}
