#include "data/pixels.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Deflate cannot compress better than this; a header that promises more pixels is false. */
#define MAX_DEFLATE_RATIO 1032

enum { PNG_SIGNATURE = 8, PNG_CHUNK_FRAME = 12 };

struct png_job {
    const uint8_t *bytes;
    size_t len, at;
    png_structp png;
    png_infop info;
    bs_pixels *out;
    png_bytep *rows;
    bs_status st; /* of our own checks; libpng's errors jump */
    char message[200];
};

static void on_error(png_structp png, png_const_charp message)
{
    struct png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
    struct png_job *job = png_get_io_ptr(png);
    if (n > job->len - job->at)
        png_error(png, "the file is truncated");
    memcpy(to, job->bytes + job->at, n);
    job->at += n;
}

/* Checks all chunks. A chunk is a length, four letters, that many bytes, and a checksum of letters and bytes.
 * libpng allocates a chunk before it reads it, so a few bytes could ask for 2 GB; and its versions differ in
 * the checksums that they check, and in whether they notice a missing end. */
static bs_status check_chunks(const struct png_job *job)
{
    for (size_t at = PNG_SIGNATURE; at + PNG_CHUNK_FRAME <= job->len;) {
        const uint8_t *chunk = job->bytes + at;
        png_uint_32 n = png_get_uint_32(chunk);
        if (n > job->len - at - PNG_CHUNK_FRAME)
            return bs_fail(BS_ERR, "PNG: a chunk of %zu bytes does not fit into the file", (size_t)n);
        if (crc32(0, chunk + 4, n + 4) != png_get_uint_32(chunk + 8 + n))
            return bs_fail(BS_ERR, "PNG: the chunk at byte %zu does not match its checksum", at);
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            return BS_OK;
        at += PNG_CHUNK_FRAME + n;
    }
    return bs_fail(BS_ERR, "PNG: the file is truncated");
}

static bs_status allocate(struct png_job *job)
{
    png_uint_32 width = png_get_image_width(job->png, job->info);
    png_uint_32 height = png_get_image_height(job->png, job->info);
    size_t packed = (size_t)width * height / 8;
    if (packed / MAX_DEFLATE_RATIO > job->len)
        return bs_fail(BS_ERR, "%u x %u pixels cannot be in a file of %zu bytes", width, height, job->len);
    int channels = png_get_channels(job->png, job->info);
    if ((channels != 1 && channels != 3) || png_get_rowbytes(job->png, job->info) != width * (size_t)channels)
        return bs_fail(BS_ERR, "unsupported kind of PNG");
    BS_TRY(bs_pixels_alloc(job->out, (int)width, (int)height, channels));
    job->rows = malloc(height * sizeof *job->rows);
    if (!job->rows)
        return bs_oom("rows");
    for (size_t y = 0; y < height; y++)
        job->rows[y] = job->out->data + y * width * (size_t)channels;
    return BS_OK;
}

static void read_pixels(struct png_job *job)
{
    job->st = check_chunks(job);
    if (job->st != BS_OK)
        return;
    png_set_read_fn(job->png, job, on_read);
    png_set_user_limits(job->png, BS_MAX_SIDE, BS_MAX_SIDE);
    /* Compressed texts and profiles that grow beyond the file are skipped; they change no pixel. */
    png_set_chunk_malloc_max(job->png, job->len);
    png_read_info(job->png, job->info);
    png_set_strip_16(job->png);
    png_set_palette_to_rgb(job->png);
    png_set_expand_gray_1_2_4_to_8(job->png);
    png_set_strip_alpha(job->png);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    job->st = allocate(job);
    if (job->st != BS_OK)
        return;
    png_read_image(job->png, job->rows);
    png_read_end(job->png, NULL);
}

/* Only this frame calls setjmp(), and it has no locals that a jump could spoil. */
static void read_guarded(struct png_job *job)
{
    if (setjmp(png_jmpbuf(job->png)) == 0)
        read_pixels(job);
    else
        job->st = bs_fail(BS_ERR, "PNG: %s", job->message);
}

bs_status bs_png_decode(bs_pixels *out, const uint8_t *bytes, size_t len)
{
    struct png_job job = {.bytes = bytes, .len = len, .out = out};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (job.png)
        job.info = png_create_info_struct(job.png);
    if (job.info)
        read_guarded(&job);
    else
        job.st = bs_oom("PNG reader");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    if (job.st != BS_OK)
        bs_pixels_clear(out);
    return job.st;
}
