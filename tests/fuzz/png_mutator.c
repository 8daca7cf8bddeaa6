/* A mutation of a PNG that leaves its checksums right: without it nearly every change of a fuzzer ends at the
 * first checksum. Other bytes are mutated as usual. */
#include "fuzz.h"

#include <zlib.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* A chunk: length, four letters, bytes, checksum of letters and bytes; numbers are big-endian. */
static void repair_checksums(uint8_t *data, size_t size)
{
    size_t at = 8;
    while (size - at >= 12) {
        const uint8_t *p = data + at;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n > size - at - 12)
            return;
        uint32_t crc = (uint32_t)crc32(0, p + 4, (uInt)n + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + n;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max);
    /* Now and then a wrong checksum stays. */
    if (size >= 8 && memcmp(data, "\x89PNG", 4) == 0 && seed % 16)
        repair_checksums(data, size);
    return size;
}
