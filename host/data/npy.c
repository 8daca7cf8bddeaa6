/* The format: the magic bytes, a version, the length of a header that makes data begin at a multiple of 64,
 * the header as a literal of Python, then the values. */
#include "data/npy.h"

#include "base/buf.h"
#include "bits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX = 10, ALIGN = 64, CHUNK = 4096 };

static void put_header(bs_str *out, const int64_t *dim, int rank)
{
    bs_str text = {0};
    bs_str_puts(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < rank; i++)
        bs_str_printf(&text, "%s%" PRId64, i ? ", " : "", dim[i]);
    bs_str_puts(&text, rank == 1 ? ",), }" : "), }");
    while ((PREFIX + text.len + 1) % ALIGN != 0 && !text.oom)
        bs_str_puts(&text, " ");
    bs_str_puts(&text, "\n");
    const char prefix[PREFIX] = {(char)0x93,           'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(text.len & 0xff),
                                 (char)(text.len >> 8)};
    bs_str_append(out, prefix, sizeof prefix);
    bs_str_append(out, text.ptr ? text.ptr : "", text.len);
    out->oom |= text.oom;
    bs_str_clear(&text);
}

static bool put_values(FILE *f, const float *data, int64_t n)
{
    unsigned char bytes[CHUNK * sizeof *data];
    for (int64_t done = 0; done < n;) {
        size_t part = n - done < CHUNK ? (size_t)(n - done) : CHUNK;
        for (size_t i = 0; i < part * 4; i++)
            bytes[i] = (unsigned char)(bs_float_bits(data[done + (int64_t)(i / 4)]) >> (i % 4 * 8));
        if (fwrite(bytes, sizeof *data, part, f) != part)
            return false;
        done += (int64_t)part;
    }
    return true;
}

bs_status bs_npy_write(const char *path, const int64_t *dim, int rank, const float *data)
{
    bs_str header = {0};
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dim[i];
    put_header(&header, dim, rank);
    bs_status st = bs_str_status(&header);
    FILE *f = st == BS_OK ? fopen(path, "wbx") : NULL;
    bool written = f && fwrite(header.ptr, header.len, 1, f) == 1 && put_values(f, data, n);
    int reason = errno;
    if (f && fclose(f) != 0 && written) {
        written = false;
        reason = errno;
    }
    bs_str_clear(&header);
    if (st == BS_OK && !written)
        st = bs_fail(BS_ERR, "cannot write '%s': %s", path, strerror(reason));
    errno = reason;
    return st;
}
