/* Proves that small files which ask for much end in a message about its size, without the memory. */
#include "support/data_fixture.h"
#include "support/model_build.h"

#include "data/pixels.h"
#include "job/job.h"

#include <sys/resource.h>
#include <zlib.h>

/* Peak memory of this process may grow by so much in a test, sanitizers included. */
enum { MEGABYTES = 64 };

static long peak_megabytes(void)
{
    struct rusage use;
    assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
    return use.ru_maxrss >> 10;
}

static void test_onnx_dimensions(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    long before = peak_megabytes();
    assert_error(import_text(&g, "in x N 4; out y; f w 2147483648 2147483648; Add x,w -> y"),
                 "the file holds 0");
    assert_error(import_text(&g, "in x N 4; out y; f w 2147483648 2147483648 2147483648; Add x,w -> y"),
                 "impossible dimensions");
    assert_error(import_text(&g, "in x N 4 2147483648 2147483648; out y; Relu x -> y"), "too large");
    assert_error(import_text(&g, "in x N 4 8 8; out y; i p 0 0 0 0 0 0 4611686018427387904 0; Pad x,p -> y"),
                 "Pad");
    assert_error(import_text(&g, "in x N 4; out y; i s 16384 16384; ConstantOfShape s -> c; Add x,c -> y"),
                 "too large");
    assert_in_range(peak_megabytes() - before, 0, MEGABYTES);
}

/* Each constant is allowed, all together are not. Nothing is written to them. */
static void test_onnx_constants_together(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    long before = peak_megabytes();
    assert_error(import_text(&g, "in x N 2; out y; i s 10000 10000;"
                                 "ConstantOfShape s -> a; Shape a -> b; Cast b -> c to=1; Add x,c -> d;"
                                 "ConstantOfShape s -> e; Shape e -> f; Cast f -> g to=1; Add d,g -> h;"
                                 "ConstantOfShape s -> i; Shape i -> j; Cast j -> k to=1; Add h,k -> y"),
                 "too large together");
    assert_in_range(peak_megabytes() - before, 0, MEGABYTES);
}

static void put_size(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void test_png_header(void **state)
{
    (void)state;
    uint8_t grey[4] = {1, 2, 3, 4};
    struct fixture_bytes file = fixture_png(grey, 2, 2, 2, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE);
    bs_pixels px;
    long before = peak_megabytes();
    /* IHDR: width and height are bytes 16..23, the checksum of 12..28 follows */
    put_size(file.ptr + 16, 60000);
    put_size(file.ptr + 20, 60000);
    put_size(file.ptr + 29, (uint32_t)crc32(0, file.ptr + 12, 17));
    assert_error(bs_pixels_decode(&px, file.ptr, file.len), "60000 x 60000 pixels cannot be in a file of");
    /* The chunk after IHDR */
    put_size(file.ptr + 33, 0x7fffffff);
    assert_error(bs_pixels_decode(&px, file.ptr, file.len), "a chunk of 2147483647 bytes does not fit");
    assert_error(bs_png_decode(&px, file.ptr, 4), "PNG");
    assert_in_range(peak_megabytes() - before, 0, MEGABYTES);
    free(file.ptr);
}

/* SOF0 or SOF2: marker, length, precision, height, width. */
static void set_jpeg_size(struct fixture_bytes file, uint8_t marker, unsigned side)
{
    size_t at = 2;
    while (file.ptr[at + 1] != marker)
        at += 2 + ((size_t)file.ptr[at + 2] << 8 | file.ptr[at + 3]);
    for (size_t k = at + 5; k < at + 9; k += 2) {
        file.ptr[k] = (uint8_t)(side >> 8);
        file.ptr[k + 1] = (uint8_t)side;
    }
}

static void test_jpeg_header(void **state)
{
    (void)state;
    static const uint8_t markers[2] = {0xC0, 0xC2};
    uint8_t rgb[8 * 8 * 3];
    fixture_fill(rgb, 8, 8, 3);
    long before = peak_megabytes();
    for (int progressive = 0; progressive < 2; progressive++) {
        struct fixture_bytes file = fixture_jpeg(rgb, 8, 8, 3, JCS_RGB, progressive);
        bs_pixels px;
        set_jpeg_size(file, markers[progressive], 65500);
        assert_error(bs_pixels_decode(&px, file.ptr, file.len), "65500 x 65500 pixels cannot be in a file");
        set_jpeg_size(file, markers[progressive], 16384); /* few enough for an image, not for this file */
        assert_error(bs_pixels_decode(&px, file.ptr, file.len), "16384 x 16384 pixels cannot be in a file");
        free(file.ptr);
    }
    assert_in_range(peak_megabytes() - before, 0, MEGABYTES);
}

/* The other side of the limit: blank images are the shortest there are. */
static void test_blank_jpeg(void **state)
{
    (void)state;
    enum { SIDE = 1024 };
    uint8_t *grey = calloc(SIDE, SIDE);
    assert_non_null(grey);
    for (int progressive = 0; progressive < 2; progressive++) {
        struct fixture_bytes file = fixture_jpeg(grey, SIDE, SIDE, 1, JCS_GRAYSCALE, progressive);
        bs_pixels px;
        assert_ok(bs_pixels_decode(&px, file.ptr, file.len));
        assert_int_equal(px.width, SIDE);
        bs_pixels_clear(&px);
        free(file.ptr);
    }
    free(grey);
}

static void test_idx_header(void **state)
{
    uint8_t idx[16 + 100] = {0, 0, 8, 3};
    bs_dataset_spec spec = {0};
    bs_dataset *d;
    long before = peak_megabytes();
    put_size(idx + 4, 1u << 31);
    put_size(idx + 8, 1);
    put_size(idx + 12, 1);
    spec.idx_images = fixture_write(state, "idx", idx, sizeof idx);
    assert_error(bs_dataset_open(&d, &spec, 10), "ends after 100 of 2147483648 bytes");
    put_size(idx + 8, 28);
    spec.idx_images = fixture_write(state, "idx", idx, sizeof idx);
    assert_error(bs_dataset_open(&d, &spec, 10), "claims more than");
    /* Eight kilobytes of gzip that really hold this many images of one pixel. */
    put_size(idx + 4, (1u << 23) + 1);
    put_size(idx + 8, 1);
    spec.idx_images = fixture_path(state, "idx.gz");
    gzFile f = gzopen(spec.idx_images, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, idx, 16), 16);
    assert_int_equal(gzseek(f, 16 + (1 << 23) + 1, SEEK_SET), 16 + (1 << 23) + 1);
    assert_int_equal(gzclose(f), Z_OK);
    assert_error(bs_dataset_open(&d, &spec, 10), "8388609 images, at most 8388608");
    assert_in_range(peak_megabytes() - before, 0, MEGABYTES);
}

static void test_yaml(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
                               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                               "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    char deep[10000];
    bs_job *job;
    assert_error(bs_job_parse(&job, "j", bomb, strlen(bomb)), "j:1: anchors (&) and aliases (*)");
    memset(deep, '[', sizeof deep);
    assert_error(bs_job_parse(&job, "j", deep, sizeof deep), "nested deeper than 32 levels");
    for (size_t i = 1; i < sizeof deep; i += 2)
        deep[i - 1] = '-', deep[i] = ' ';
    assert_error(bs_job_parse(&job, "j", deep, sizeof deep), "nested deeper than 32 levels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_dimensions),
        cmocka_unit_test(test_onnx_constants_together),
        cmocka_unit_test(test_png_header),
        cmocka_unit_test(test_jpeg_header),
        cmocka_unit_test(test_blank_jpeg),
        cmocka_unit_test(test_idx_header),
        cmocka_unit_test(test_yaml),
    };
    return run_suite(tests, fixture_open, fixture_close);
}
