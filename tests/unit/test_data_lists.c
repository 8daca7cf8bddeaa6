/* Proves that bs_dataset_open() accepts and refuses labels files, class folders, plain lists, slices and
 * class names as documented. */
#include "support/data_fixture.h"

#include "data/dataset.h"

static void write_image(void **state, const char *name, int value)
{
    uint8_t px[4] = {(uint8_t)value, 1, 2, 3};
    struct fixture_bytes file = fixture_png(px, 2, 2, 2, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE);
    fixture_write(state, name, file.ptr, file.len);
    free(file.ptr);
}

static int make_images(void **state)
{
    if (fixture_open(state))
        return -1;
    write_image(state, "a.png", 10);
    write_image(state, "b, \"c\".png", 20);
    fixture_folder(state, "sub");
    write_image(state, "sub/d.png", 30);
    return 0;
}

static float first_value(const bs_dataset *d, size_t i)
{
    float chw[4];
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.scale = 1;
    assert_ok(bs_dataset_load(d, i, &p, 1, 2, 2, chw, NULL));
    return chw[0];
}

static void assert_image(const bs_dataset *d, size_t i, const char *path, int label, int value)
{
    const bs_image *image = bs_dataset_image(d, i);
    assert_non_null(image);
    assert_string_equal(image->path, path);
    assert_int_equal(image->label, label);
    assert_true(first_value(d, i) == (float)value);
}

static void test_csv_header_quotes_blank_lines(void **state)
{
    bs_dataset *d;
    bs_dataset_spec spec = {0};
    spec.labels = fixture_text(state, "l.csv",
                               "\xEF\xBB\xBF"
                               "File,Label\r\n a.png , 7\r\n\r\n\"b, \"\"c\"\".png\",0\nsub/d.png,9");
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), 3);
    assert_image(d, 0, "a.png", 7, 10);
    assert_image(d, 1, "b, \"c\".png", 0, 20);
    assert_image(d, 2, "sub/d.png", 9, 30);
    assert_null(bs_dataset_image(d, 3));
    bs_dataset_close(d);
}

static void test_csv_root(void **state)
{
    bs_dataset *d;
    char absolute[600];
    snprintf(absolute, sizeof absolute, "d.png,1\n%s,2\n", fixture_path(state, "a.png"));
    bs_dataset_spec spec = {.root = fixture_path(state, "sub")};
    spec.labels = fixture_text(state, "root.csv", absolute);
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_image(d, 0, "d.png", 1, 30);
    assert_image(d, 1, fixture_path(state, "a.png"), 2, 10);
    bs_dataset_close(d);
}

static void refuse_csv(void **state, const char *text, const char *where, const char *message)
{
    bs_dataset *d;
    bs_dataset_spec spec = {.labels = fixture_text(state, "bad.csv", text)};
    assert_error(bs_dataset_open(&d, &spec, 10), message);
    assert_null(d);
    if (!strstr(bs_error_message(), where))
        fail_msg("'%s' lacks '%s'", bs_error_message(), where);
}

static void test_csv_errors_name_the_line(void **state)
{
    refuse_csv(state, "a.png,1\n\na.png,x\n", "bad.csv:3: ", "label 'x' is not a whole number");
    refuse_csv(state, "a.png,1\nfile,label\n", "bad.csv:2: ", "label 'label' is not");
    refuse_csv(state, "a.png,10\n", "bad.csv:1: ", "label 10 is outside 0..9");
    refuse_csv(state, "a.png,-1\n", "bad.csv:1: ", "label -1 is outside 0..9");
    refuse_csv(state, "a.png,99999999999999999999\n", "bad.csv:1: ", "is outside 0..9");
    refuse_csv(state, "a.png,1.5\n", "bad.csv:1: ", "label '1.5' is not");
    refuse_csv(state, "a.png,\n", "bad.csv:1: ", "the label is missing");
    refuse_csv(state, "file,label\na.png\n", "bad.csv:2: ", "expected two fields, found 1");
    refuse_csv(state, "b, \"c\".png,1\n", "bad.csv:1: ", "quote");
    refuse_csv(state, "a.png,1,2", "bad.csv:1: ", "expected two fields, found 3");
    refuse_csv(state, ",1\n", "bad.csv:1: ", "file name is empty");
    refuse_csv(state, "a.png,1\n\"a.png,2\na.png,3\n", "bad.csv:2: ", "does not end on its line");
    refuse_csv(state, "a.png,1\r\"a.png", "bad.csv:", "does not end");
    refuse_csv(state, "file,label\na.png,1\nmissing.png,2\n", "bad.csv:3: ", "missing.png': No such file");
    refuse_csv(state, "sub,1\n", "bad.csv:1: ", "not a regular file");
    char *line = malloc(100001);
    assert_non_null(line);
    memset(line, 'x', 100000);
    strcpy(line + 99998, ",1");
    refuse_csv(state, line, "bad.csv:1: ", "the line has 100001 bytes");
    free(line);
    refuse_csv(state, "", "bad.csv", "no images in");
    refuse_csv(state, "file,label\n", "bad.csv", "no images in");
}

static void test_csv_nul_byte(void **state)
{
    bs_dataset *d;
    bs_dataset_spec spec = {.labels = fixture_write(state, "nul.csv", "a.png\0x,1\n", 10)};
    assert_error(bs_dataset_open(&d, &spec, 10), "nul.csv:1: a field holds a NUL byte");
    spec.labels = "/nonexistent/labels.csv";
    assert_error(bs_dataset_open(&d, &spec, 10), "cannot open '/nonexistent/labels.csv'");
}

static void test_folder(void **state)
{
    bs_dataset *d;
    fixture_folder(state, "val");
    fixture_folder(state, "val/b");
    fixture_folder(state, "val/B");
    fixture_folder(state, "val/empty");
    fixture_folder(state, "val/.hidden");
    fixture_folder(state, "val/b/folder.png");
    write_image(state, "val/b/2.PNG", 42);
    write_image(state, "val/b/10.jpeg", 41); /* a PNG by its content */
    write_image(state, "val/b/.3.png", 0);
    write_image(state, "val/stray.png", 0);
    write_image(state, "val/.hidden/x.png", 0);
    fixture_text(state, "val/b/notes.txt", "no image");
    write_image(state, "val/B/z.Jpg", 43);
    assert_int_equal(symlink(fixture_path(state, "sub"), fixture_path(state, "val/link")), 0);
    bs_dataset_spec spec = {.folder = fixture_path(state, "val")};
    assert_ok(bs_dataset_open(&d, &spec, 4));
    assert_int_equal(bs_dataset_count(d), 4);
    assert_image(d, 0, "B/z.Jpg", 0, 43);
    assert_image(d, 1, "b/10.jpeg", 1, 41);
    assert_image(d, 2, "b/2.PNG", 1, 42);
    assert_image(d, 3, "link/d.png", 3, 30);
    bs_dataset_close(d);
    assert_error(bs_dataset_open(&d, &spec, 3), "val/link': class index 3 is outside 0..2");
    spec.folder = fixture_path(state, "val/empty");
    assert_error(bs_dataset_open(&d, &spec, 3), "no images in");
    spec.folder = fixture_path(state, "nowhere");
    assert_error(bs_dataset_open(&d, &spec, 3), "cannot read folder");
}

static void test_files_and_slices(void **state)
{
    bs_dataset *d;
    char a[512], b[512], c[512];
    strcpy(a, fixture_path(state, "a.png"));
    strcpy(b, fixture_path(state, "b, \"c\".png"));
    strcpy(c, fixture_path(state, "sub/d.png"));
    const char *files[] = {c, a, b};
    bs_dataset_spec spec = {.files = files, .n_files = 3};
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), 3);
    assert_image(d, 0, c, -1, 30);
    bs_dataset_close(d);

    spec.first = 1;
    spec.limit = 1;
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), 1);
    assert_image(d, 0, a, -1, 10);
    bs_dataset_close(d);

    spec.limit = INT64_MAX;
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), 2);
    assert_image(d, 1, b, -1, 20);
    bs_dataset_close(d);

    spec.first = 3;
    assert_error(bs_dataset_open(&d, &spec, 10), "first image, 3, is outside the 3 images");
    spec.first = -1;
    assert_error(bs_dataset_open(&d, &spec, 10), "negative");
    files[1] = "/nonexistent/x.png";
    spec.first = 0;
    assert_error(bs_dataset_open(&d, &spec, 10), "cannot open image '/nonexistent/x.png': No such file");
}

static void test_exactly_one_form(void **state)
{
    (void)state;
    bs_dataset *d;
    assert_error(bs_dataset_open(&d, &(bs_dataset_spec){0}, 10), "no images are given");
    bs_dataset_spec two = {.labels = "x", .folder = "y"};
    assert_error(bs_dataset_open(&d, &two, 10), "more than one way");
    bs_dataset_spec root = {.folder = "x", .root = "y"};
    assert_error(bs_dataset_open(&d, &root, 10), "without a labels file");
    bs_dataset_spec idx = {.folder = "x", .idx_labels = "y"};
    assert_error(bs_dataset_open(&d, &idx, 10), "without idx images");
    bs_dataset_close(NULL);
    assert_int_equal(bs_dataset_count(NULL), 0);
    assert_null(bs_dataset_image(NULL, 0));
}

static void test_load_errors_name_the_image(void **state)
{
    bs_dataset *d;
    float chw[12];
    bs_preprocess p;
    bs_preprocess_default(&p);
    fixture_text(state, "broken.png", "\x89PNG\r\n\x1a\n");
    bs_dataset_spec spec = {.labels = fixture_text(state, "load.csv", "broken.png,1\na.png,2\n")};
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_error(bs_dataset_load(d, 0, &p, 1, 2, 2, chw, NULL), "cannot decode image 'broken.png': PNG: ");
    assert_error(bs_dataset_load(d, 1, &p, 3, 1, 4, chw, NULL), "image 'a.png': the image has 2 x 2 pixels");
    assert_error(bs_dataset_load(d, 2, &p, 1, 2, 2, chw, NULL), "image 2 is outside the 2 images");
    assert_int_equal(unlink(fixture_path(state, "broken.png")), 0);
    assert_error(bs_dataset_load(d, 0, &p, 1, 2, 2, chw, NULL), "broken.png': No such file");
    bs_dataset_close(d);
}

/* Any bytes may be a file's name: it is opened by them, and stored as text. */
static void test_paths_that_are_not_text(void **state)
{
    bs_dataset *d;
    write_image(state, "b\xff\x1b.png", 40);
    bs_dataset_spec spec = {.labels = fixture_text(state, "odd.csv", "b\xff\x1b.png,1\n")};
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_image(d, 0, "b\\xff\x1b.png", 1, 40);
    bs_dataset_close(d);
    spec.labels = fixture_write(state, "odd.csv", "\xfe\xff\0a", 4);
    assert_error(bs_dataset_open(&d, &spec, 10), "odd.csv:1: the file is UTF-16");
    assert_int_equal(unlink(fixture_path(state, "b\xff\x1b.png")), 0);
}

/* A cut at the first comma must not make two names equal, and quotes hold a name together. */
static void test_class_names_with_commas(void **state)
{
    static const char *const lines[][2] = {
        {"crane, bird", "crane, bird"},
        {"n01440764 tench , Tinca tinca", "tench"},
        {"n03126707 crane ,machine", "crane ,machine"},
        {"\"kite, toy\"", "kite, toy"},
        {"n01440764 \"kite, bird\" , Milvus, \"glede\"\r", "kite, bird"},
        {"\"6\"\" nail\"", "6\" nail"},
        {"maillot", "maillot"},
        {"maillot, tank suit", "maillot, tank suit"},
        {"\"maillot, tank suit\"", "maillot, tank suit"},
        {"cock, rooster", "cock, rooster"},
        {"\"cock\"", "cock"},
        {"5\" disk, floppy", "5\" disk"},
        {"\"open, end", "\"open"},
        {"\"Coat\" of arms, shield", "\"Coat\" of arms"},
        {"\"\", nothing", "\"\""},
    };
    enum { N = sizeof lines / sizeof *lines };
    char text[1024] = "", **names;
    int n;
    for (int i = 0; i < N; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", lines[i][0]);
    assert_ok(bs_class_names_read(&names, &n, fixture_text(state, "names.txt", text)));
    assert_int_equal(n, N);
    for (int i = 0; i < n; i++)
        assert_string_equal(names[i], lines[i][1]);
    bs_class_names_free(names, n);
}

static void test_class_names(void **state)
{
    char **names;
    int n;
    const char *path = fixture_text(state, "names.txt",
                                    "\xEF\xBB\xBFn01440764 tench, Tinca tinca\r\n"
                                    "great white shark\n  n2 cat \n n01440764\nnew house\n\n");
    assert_ok(bs_class_names_read(&names, &n, path));
    assert_int_equal(n, 5);
    const char *expected[] = {"tench", "great white shark", "n2 cat", "n01440764", "new house"};
    for (int i = 0; i < n; i++)
        assert_string_equal(names[i], expected[i]);
    bs_class_names_free(names, n);
    bs_class_names_free(NULL, 3);
    path = fixture_text(state, "names.txt", "a\nb\n\nc\n");
    assert_error(bs_class_names_read(&names, &n, path), "names.txt:3: the class name is empty");
    assert_null(names);
    path = fixture_write(state, "names.txt", "a\nb\0c\n", 6);
    assert_error(bs_class_names_read(&names, &n, path), "names.txt:2: the class name holds a NUL byte");
    path = fixture_text(state, "names.txt", "caf\xc3\xa9\n\xed\xa0\x80\n");
    assert_error(bs_class_names_read(&names, &n, path), "names.txt:2: byte 0xed is not UTF-8");
    path = fixture_text(state, "names.txt", "a\nna\xefve\n");
    assert_error(bs_class_names_read(&names, &n, path), "names.txt:2: byte 0xef is not UTF-8, after 'na'");
    assert_non_null(strstr(bs_error_hint(), "iconv -f ISO-8859-1 -t UTF-8 "));
    assert_null(names);
    path = fixture_write(state, "names.txt",
                         "\xff\xfe"
                         "a\0",
                         4);
    assert_error(bs_class_names_read(&names, &n, path), "names.txt:1: the file is UTF-16, not UTF-8");
    assert_non_null(strstr(bs_error_hint(), "iconv -f UTF-16 -t UTF-8 "));
    path = fixture_text(state, "names.txt", " \n");
    assert_error(bs_class_names_read(&names, &n, path), "holds no class names");
    assert_error(bs_class_names_read(&names, &n, "/nonexistent"), "cannot open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_header_quotes_blank_lines),
        cmocka_unit_test(test_csv_root),
        cmocka_unit_test(test_csv_errors_name_the_line),
        cmocka_unit_test(test_csv_nul_byte),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_files_and_slices),
        cmocka_unit_test(test_exactly_one_form),
        cmocka_unit_test(test_load_errors_name_the_image),
        cmocka_unit_test(test_paths_that_are_not_text),
        cmocka_unit_test(test_class_names),
        cmocka_unit_test(test_class_names_with_commas),
    };
    return run_suite(tests, make_images, fixture_close);
}
