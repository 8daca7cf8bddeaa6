/* Images and files that the tests of host/data make for themselves.
 *
 *     group setup fixture_open, teardown fixture_close: *state is the path of a fresh folder in /tmp. */
#ifndef BS_TESTS_DATA_FIXTURE_H
#define BS_TESTS_DATA_FIXTURE_H

#include "support/testing.h"

#include <ftw.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <png.h>

static inline int fixture_open(void **state)
{
    char *folder = strdup("/tmp/bitsink-data-XXXXXX");
    *state = folder;
    return folder && mkdtemp(folder) ? 0 : -1;
}

static inline int fixture_remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static inline int fixture_close(void **state)
{
    int rc = nftw(*state, fixture_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return rc;
}

/* "folder/name", in one of eight static buffers. */
static inline const char *fixture_path(void **state, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

static inline const char *fixture_write(void **state, const char *name, const void *bytes, size_t n)
{
    const char *path = fixture_path(state, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline const char *fixture_text(void **state, const char *name, const char *text)
{
    return fixture_write(state, name, text, strlen(text));
}

static inline const char *fixture_folder(void **state, const char *name)
{
    const char *path = fixture_path(state, name);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

/* A pattern in which every pixel and channel differs from its neighbours. */
static inline uint8_t fixture_pixel(int x, int y, int c)
{
    return (uint8_t)(x * 37 + y * 59 + c * 83 + x * y * 11);
}

static inline void fixture_fill(uint8_t *to, int width, int height, int channels)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *to++ = fixture_pixel(x, y, c);
}

struct fixture_bytes {
    uint8_t *ptr;
    size_t len;
};

static inline void fixture_png_write(png_structp png, png_bytep from, size_t n)
{
    struct fixture_bytes *to = png_get_io_ptr(png);
    to->ptr = realloc(to->ptr, to->len + n);
    assert_non_null(to->ptr);
    memcpy(to->ptr + to->len, from, n);
    to->len += n;
}

static inline void fixture_png_flush(png_structp png)
{
    (void)png;
}

/* `rows`: height rows of row_bytes in PNG's own layout (16 bits big-endian, small samples packed). The
 * result's ptr is to be freed. */
static inline struct fixture_bytes fixture_png(const uint8_t *rows, size_t row_bytes, int width, int height,
                                               int depth, int color_type, int interlace)
{
    struct fixture_bytes out = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep pointers[64];
    assert_true(height <= 64);
    if (setjmp(png_jmpbuf(png)))
        fail_msg("libpng cannot write");
    for (int y = 0; y < height; y++)
        pointers[y] = (png_bytep)(uintptr_t)(rows + (size_t)y * row_bytes);
    png_set_write_fn(png, &out, fixture_png_write, fixture_png_flush);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, color_type, interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (color_type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[16];
        for (int i = 0; i < 16; i++)
            palette[i] = (png_color){(png_byte)(i * 16), (png_byte)(255 - i), (png_byte)(i * i)};
        png_set_PLTE(png, info, palette, 16);
    }
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return out;
}

/* Pixels in the layout of `space`; quality 100, no chroma subsampling. The result's ptr is to be freed. */
static inline struct fixture_bytes fixture_jpeg(const uint8_t *pixels, int width, int height, int channels,
                                                J_COLOR_SPACE space, int progressive)
{
    struct jpeg_compress_struct writer;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    writer.err = jpeg_std_error(&errors);
    jpeg_create_compress(&writer);
    jpeg_mem_dest(&writer, &bytes, &len);
    writer.image_width = (JDIMENSION)width;
    writer.image_height = (JDIMENSION)height;
    writer.input_components = channels;
    writer.in_color_space = space;
    jpeg_set_defaults(&writer);
    jpeg_set_quality(&writer, 100, TRUE);
    writer.comp_info[0].h_samp_factor = writer.comp_info[0].v_samp_factor = 1;
    if (progressive)
        jpeg_simple_progression(&writer);
    jpeg_start_compress(&writer, TRUE);
    while (writer.next_scanline < writer.image_height) {
        const uint8_t *row = pixels + (size_t)writer.next_scanline * (size_t)(width * channels);
        JSAMPROW pointer = (JSAMPROW)(uintptr_t)row;
        jpeg_write_scanlines(&writer, &pointer, 1);
    }
    jpeg_finish_compress(&writer);
    jpeg_destroy_compress(&writer);
    return (struct fixture_bytes){bytes, len};
}

/* Writes the first `most` bytes of a grey PNG of 28 x 28 pixels, another one for each seed. */
static inline void fixture_write_grey(void **state, const char *name, int seed, size_t most)
{
    uint8_t px[28 * 28];
    for (int k = 0; k < 28 * 28; k++)
        px[k] = (uint8_t)(k * (seed + 3));
    struct fixture_bytes file = fixture_png(px, 28, 28, 28, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE);
    fixture_write(state, name, file.ptr, file.len < most ? file.len : most);
    free(file.ptr);
}

#endif
