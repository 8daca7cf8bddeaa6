/* Run by the comparisons with Pillow and the training frameworks:
 *
 *   pixels resize                        stdin: records of six int32 (width, height, channels, new width, new
 *                                        height, bs_interpolation) and the pixels; stdout: the new pixels
 *   pixels decode FILE                   stdout: three int32 (width, height, channels) and the pixels
 *   pixels job JOB CHANNELS HEIGHT WIDTH stdout: float32 tensors of the job's images */
#include "base/buf.h"
#include "data/pixels.h"
#include "job/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bs_status put(const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, stdout) == n ? BS_OK : bs_fail(BS_ERR, "cannot write");
}

static bs_status resize_one(const int32_t head[6])
{
    bs_pixels px;
    BS_TRY(bs_pixels_alloc(&px, head[0], head[1], head[2]));
    size_t channels = (size_t)head[2], n = (size_t)head[0] * (size_t)head[1] * channels;
    bs_status st = fread(px.data, 1, n, stdin) == n ? BS_OK : bs_fail(BS_ERR, "a record is cut off");
    if (st == BS_OK)
        st = bs_pixels_resize(&px, head[3], head[4], (bs_interpolation)head[5]);
    if (st == BS_OK)
        st = put(px.data, (size_t)head[3] * (size_t)head[4] * channels);
    bs_pixels_clear(&px);
    return st;
}

static bs_status resize_all(void)
{
    int32_t head[6];
    while (fread(head, sizeof head, 1, stdin) == 1)
        BS_TRY(resize_one(head));
    return BS_OK;
}

static bs_status decode(const char *path)
{
    char *bytes;
    size_t len;
    bs_pixels px;
    BS_TRY(bs_read_file(&bytes, &len, path, (size_t)1 << 30));
    bs_status st = bs_pixels_decode(&px, (const uint8_t *)bytes, len);
    int32_t head[3] = {px.width, px.height, px.channels};
    free(bytes);
    if (st == BS_OK)
        st = put(head, sizeof head);
    if (st == BS_OK)
        st = put(px.data, (size_t)px.width * (size_t)px.height * (size_t)px.channels);
    bs_pixels_clear(&px);
    return st;
}

static bs_status prepare_all(const char *job_path, int channels, int height, int width)
{
    bs_job *job;
    bs_dataset *images = NULL;
    float *chw = NULL;
    bs_status st;
    size_t n = (size_t)channels * (size_t)height * (size_t)width;
    BS_TRY(bs_job_read(&job, job_path));
    BS_TRY_GOTO(bs_dataset_open(&images, &job->images, 0), out);
    BS_TRY_GOTO(bs_calloc(&chw, n, sizeof *chw, "tensor"), out);
    for (size_t i = 0; i < bs_dataset_count(images) && st == BS_OK; i++) {
        st = bs_dataset_load(images, i, &job->preprocess, channels, height, width, chw, NULL);
        if (st == BS_OK)
            st = put(chw, n * sizeof *chw);
    }
out:
    free(chw);
    bs_dataset_close(images);
    bs_job_free(job);
    return st;
}

int main(int argc, char **argv)
{
    bs_status st = bs_fail(BS_USAGE, "usage: pixels resize | decode FILE | job JOB CHANNELS HEIGHT WIDTH");
    if (argc == 2 && strcmp(argv[1], "resize") == 0)
        st = resize_all();
    else if (argc == 3 && strcmp(argv[1], "decode") == 0)
        st = decode(argv[2]);
    else if (argc == 6 && strcmp(argv[1], "job") == 0)
        st = prepare_all(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    if (st != BS_OK)
        fprintf(stderr, "error: %s\n", bs_error_message());
    return -st;
}
