/* Proves that files of dumped tensors have safe names that tell the tensor's, and that a dump is whole or not
 * there. */
#include "support/testing.h"

#include "cli/dump_folder.h"

#include <dirent.h>

static char folder[] = "/tmp/bitsink-dump-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/values", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Undoes %XX. */
static void decode(char *out, const char *text)
{
    for (unsigned c; *text; text += *text == '%' ? 3 : 1)
        *out++ = *text == '%' && sscanf(text + 1, "%2x", &c) == 1 ? (char)c : *text;
    *out = '\0';
}

static void test_names(void **state)
{
    (void)state;
    static char longest[2][400];
    memset(longest[0], 'a', 300);
    memset(longest[1], 'a', 301);
    char *names[] = {"conv1",
                     "/layer1/conv1/Conv_output_0",
                     "a b",
                     ".hidden",
                     "..",
                     "x.y",
                     "onnx::Conv_5",
                     "%41",
                     "\xc3\xa4",
                     "a\\b\n",
                     "A",
                     "",
                     longest[0],
                     longest[1]};
    enum { N = sizeof names / sizeof *names };
    bs_tensor tensors[N] = {{0}};
    bs_graph g = {.tensors = tensors, .n_tensors = N};
    bs_str file[N] = {{0}};
    for (int i = 0; i < N; i++) {
        char back[1024];
        tensors[i].name = names[i];
        bs_str_tensor_file(&file[i], &g, i);
        const char *text = file[i].ptr;
        assert_true(*text && *text != '.' && strlen(text) < 220);
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%~"),
                         strlen(text));
        decode(back, text);
        if (strchr(text, '~'))
            assert_true(!*names[i] || strlen(names[i]) > 200);
        else
            assert_string_equal(back, names[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(file[k].ptr, text);
    }
    assert_string_equal(file[0].ptr, "conv1");
    assert_string_equal(file[1].ptr, "%2Flayer1%2Fconv1%2FConv_output_0");
    for (int i = 0; i < N; i++)
        bs_str_clear(&file[i]);
}

static int entries(const char *name)
{
    DIR *d = opendir(name);
    int n = 0;
    if (!d)
        return -1;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void test_whole_or_nothing(void **state)
{
    (void)state;
    float data[6] = {1, 2, 3, 4, 5, 6};
    bs_tensor x = {.name = "=a,b/c", .shape = {2, {2, 3}}, .elements = 6, .target = -1};
    bs_graph g = {.tensors = &x, .n_tensors = 1};
    bs_dump d = {0};
    char *text, file[128];
    size_t len;
    assert_ok(bs_dump_open(&d, path, ",changed"));
    assert_ok(bs_dump_make_folder(&d, "golden"));
    assert_ok(bs_dump_write(&d, "golden", &g, 0, data));
    assert_int_equal(entries(path), -1);
    assert_error(bs_dump_close(&d, bs_fail(BS_ERR, "something")), "something");
    assert_int_equal(entries(folder), 0);

    assert_ok(bs_dump_open(&d, path, ",changed"));
    assert_ok(bs_dump_make_folder(&d, "golden"));
    assert_ok(bs_dump_write(&d, "golden", &g, 0, data));
    assert_ok(bs_dump_list(&d, "golden", &g, 0, ",3"));
    assert_ok(bs_dump_close(&d, BS_OK));
    assert_int_equal(entries(folder), 1);
    assert_int_equal(entries(path), 2);
    snprintf(file, sizeof file, "%s/index.csv", path);
    assert_ok(bs_read_file(&text, &len, file, 1 << 20));
    assert_string_equal(text, "file,tensor,node,op,kind,shape,type,changed\n"
                              "golden/%3Da%2Cb%2Fc.npy,\"'=a,b/c\",,,,2x3,fp32,3\n");
    free(text);
    assert_error(bs_dump_open(&d, path, ""), "is not empty");
    assert_ok(bs_dump_close(&d, BS_OK)); /* it was not opened */
    unlink(file);
    snprintf(file, sizeof file, "%s/golden/%%3Da%%2Cb%%2Fc.npy", path);
    assert_int_equal(unlink(file), 0);
    snprintf(file, sizeof file, "%s/golden", path);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_whole_or_nothing),
    };
    return run_suite(tests, make_folder, remove_folder);
}
