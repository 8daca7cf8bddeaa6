#include "data/pixels.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

/* A progressive file of a few kilobytes can hold thousands of empty scans over a huge image. Those that
 * encoders write have about 10 scans, and fewer than 100 when a search chose them. */
#define MAX_SCANS        500
#define MAX_SCANS_BLOCKS ((size_t)1 << 28) /* scans times the image's blocks: some 10 s */

/* Smoothing looks at as many coefficients of a block; versions of libjpeg look at fewer. */
enum { SMOOTHED = 10 };

struct jpeg_job {
    struct jpeg_decompress_struct reader;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const uint8_t *bytes;
    size_t len;
    bs_pixels *out;
    size_t blocks;    /* of 8 x 8 samples */
    uint8_t *row;     /* CMYK only */
    bs_status st;     /* of our own checks; libjpeg's errors jump */
    const char *hint; /* to an error, NULL: the file is damaged */
    char message[JMSG_LENGTH_MAX];
};

static const char rare[] = "this kind of JPEG is rare, and not read: convert the image to PNG";

static void on_error(j_common_ptr reader)
{
    struct jpeg_job *job = reader->client_data;
    int code = reader->err->msg_code;
    if (code == JERR_SOF_UNSUPPORTED || code == JERR_BAD_PRECISION || code == JERR_ARITH_NOTIMPL ||
        code == JERR_CONVERSION_NOTIMPL)
        job->hint = rare;
    reader->err->format_message(reader, job->message);
    longjmp(job->jump, 1);
}

/* Treats damage as an error: libjpeg would continue, and fill up with grey. Stray bytes between segments,
 * which some cameras write, change no pixel. */
static void on_message(j_common_ptr reader, int level)
{
    if (level >= 0)
        return;
    switch (reader->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        on_error(reader);
        break;
    default:
        break;
    }
}

static void on_progress(j_common_ptr reader)
{
    struct jpeg_job *job = reader->client_data;
    size_t scans = job->reader.input_scan_number > 0 ? (size_t)job->reader.input_scan_number : 0;
    if (scans <= MAX_SCANS && scans * job->blocks <= MAX_SCANS_BLOCKS)
        return;
    snprintf(job->message, sizeof job->message, "more than %zu scans", scans - 1);
    job->hint = "if you trust the file, make it baseline, which keeps its pixels: jpegtran FILE >new.jpg";
    longjmp(job->jump, 1);
}

/* Converts four channels, taken as inverted, as Adobe writes them (Pillow does so for every file). */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        unsigned k = cmyk[4 * x + 3];
        for (size_t c = 0; c < 3; c++) {
            unsigned ink = 255u - cmyk[4 * x + c];
            unsigned t = ink * k + 128; /* ink * k / 255, rounded */
            rgb[3 * x + c] = (uint8_t)(k - (((t >> 8) + t) >> 8));
        }
    }
}

/* Fails if the file is too short for its size in pixels. A Huffman code has at least one bit, and every block
 * of 8 x 8 samples at least one code. Without this check a kilobyte could ask for gigabytes; in a progressive
 * file even of memory that is written. */
static bs_status check_length(struct jpeg_job *job)
{
    for (int c = 0; c < job->reader.num_components; c++) {
        const jpeg_component_info *info = &job->reader.comp_info[c];
        job->blocks += (size_t)info->width_in_blocks * info->height_in_blocks;
    }
    if (job->blocks / 8 <= job->len)
        return BS_OK;
    return bs_fail(BS_ERR, "%u x %u pixels cannot be in a file of %zu bytes", job->reader.image_width,
                   job->reader.image_height, job->len);
}

/* Fails unless all scans of a progressive file were there: from what is known of the coefficients, libjpeg
 * guesses a smooth image, and its versions guess differently. All scans are read by now. */
static bs_status check_scans(struct jpeg_job *job)
{
    const j_decompress_ptr reader = (j_decompress_ptr)&job->reader;
    bool complete = true;
    for (int c = 0; reader->coef_bits && c < reader->num_components; c++)
        for (int k = 0; k < SMOOTHED; k++)
            complete &= reader->coef_bits[c][k] == 0;
    if (complete)
        return BS_OK;
    job->hint = "fetch the file again, leave it out of the list, or take the coarse image that is there: "
                "jpegtran FILE >new.jpg";
    return bs_fail(BS_ERR, "JPEG: the image is incomplete: scans of its progressive coding are missing");
}

static bs_status allocate(struct jpeg_job *job)
{
    j_decompress_ptr reader = &job->reader;
    int channels = 3;
    BS_TRY(check_length(job));
    switch (reader->num_components) {
    case 1:
        reader->out_color_space = JCS_GRAYSCALE;
        channels = 1;
        break;
    case 3:
        reader->out_color_space = JCS_RGB;
        break;
    case 4:
        reader->out_color_space = JCS_CMYK;
        break;
    default:
        job->hint = rare;
        return bs_fail(BS_ERR, "JPEG: %d components, expected 1, 3 or 4", reader->num_components);
    }
    BS_TRY(bs_pixels_alloc(job->out, (int)reader->image_width, (int)reader->image_height, channels));
    if (reader->num_components == 4) {
        job->row = malloc(4 * (size_t)reader->image_width);
        if (!job->row)
            return bs_oom("row");
    }
    return BS_OK;
}

static void read_pixels(struct jpeg_job *job)
{
    j_decompress_ptr reader = &job->reader;
    jpeg_create_decompress(reader);
    reader->progress = &job->progress;
    jpeg_mem_src(reader, job->bytes, (unsigned long)job->len);
    jpeg_read_header(reader, TRUE);
    job->st = allocate(job);
    if (job->st != BS_OK)
        return;
    /* The defaults differ between builds of the library; the pixels must not. */
    reader->dct_method = JDCT_ISLOW;
    reader->do_fancy_upsampling = TRUE;
    reader->do_block_smoothing = FALSE;
    jpeg_start_decompress(reader);
    job->st = check_scans(job);
    if (job->st != BS_OK)
        return;
    bs_pixels *out = job->out;
    size_t row_bytes = (size_t)out->width * (size_t)out->channels;
    while (reader->output_scanline < reader->output_height) {
        uint8_t *row = out->data + reader->output_scanline * row_bytes;
        JSAMPROW target = job->row ? job->row : row;
        jpeg_read_scanlines(reader, &target, 1);
        if (job->row)
            cmyk_to_rgb(row, job->row, (size_t)out->width);
    }
    jpeg_finish_decompress(reader);
}

/* Only this frame calls setjmp(), and it has no locals that a jump could spoil. */
static void read_guarded(struct jpeg_job *job)
{
    if (setjmp(job->jump) == 0)
        read_pixels(job);
    else
        job->st = bs_fail(BS_ERR, "JPEG: %s", job->message);
}

bs_status bs_jpeg_decode(bs_pixels *out, const uint8_t *bytes, size_t len)
{
    struct jpeg_job job = {.bytes = bytes, .len = len, .out = out};
    job.reader.err = jpeg_std_error(&job.errors);
    job.reader.client_data = &job;
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.progress.progress_monitor = on_progress;
    read_guarded(&job);
    jpeg_destroy_decompress(&job.reader);
    free(job.row);
    if (job.st != BS_OK)
        bs_pixels_clear(out);
    if (job.st == BS_ERR && job.hint)
        bs_hint("%s", job.hint);
    return job.st;
}
