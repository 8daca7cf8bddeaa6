/* Initializers that the file stores in other files ("external data"): location, offset and length. */
#include "import/import.h"

#include "base/buf.h"
#include "base/file_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct outside {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} outside;

static bs_status read_number(uint64_t *out, const char *text, const char *tensor)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *out > INT64_MAX) {
        bs_fail(BS_ERR, "tensor '%s': '%.60s' is not a place in a file", tensor, text);
        return bs_hint("the model is damaged; export it again");
    }
    return BS_OK;
}

static bs_status read_entry(outside *out, const Onnx__TensorProto *t, const char *tensor)
{
    *out = (outside){0};
    for (size_t k = 0; k < t->n_external_data; k++) {
        const char *key = t->external_data[k]->key, *value = t->external_data[k]->value;
        if (!key || !value)
            continue;
        if (strcmp(key, "location") == 0)
            out->location = value;
        if (strcmp(key, "offset") == 0)
            BS_TRY(read_number(&out->offset, value, tensor));
        if (strcmp(key, "length") == 0)
            BS_TRY(read_number(&out->length, value, tensor));
        out->has_length |= strcmp(key, "length") == 0;
    }
    if (out->location && *out->location)
        return BS_OK;
    bs_fail(BS_ERR, "tensor '%s' is stored in another file, whose name is missing", tensor);
    return bs_hint("the model is damaged; export it again");
}

/* Sets *out to the folder of the file at `path`, as the system sees it; NULL: there is none. */
static bs_status folder_of(char **out, const char *path)
{
    char *folder = NULL;
    BS_TRY(bs_path_beside(&folder, path, "."));
    *out = realpath(folder, NULL);
    free(folder);
    return BS_OK;
}

static bool lies_in(const char *file, const char *folder)
{
    size_t len = folder ? strlen(folder) : 0;
    return folder && strncmp(file, folder, len) == 0 && file[len > 1 ? len : 0] == '/';
}

/* Finds the file at `location`. A model must not make its reader open files elsewhere: links are followed,
 * then the file has to lie in the model's folder or below. The path of the model may be a link itself, as in
 * the caches of model hubs, where the data is one, too: then the folder that the link leads to counts as
 * well. */
static bs_status resolve(char **out, const bs_import *im, const char *location, const char *tensor)
{
    char *joined = NULL, *folder[2] = {NULL}, *model = realpath(im->path, NULL), *file = NULL;
    bs_status st;
    BS_TRY_GOTO(folder_of(&folder[0], im->path), out);
    if (model)
        BS_TRY_GOTO(folder_of(&folder[1], model), out);
    BS_TRY_GOTO(bs_path_beside(&joined, im->path, location), out);
    file = realpath(joined, NULL);
    if (!file && model && location[0] != '/') {
        free(joined);
        joined = NULL;
        BS_TRY_GOTO(bs_path_beside(&joined, model, location), out);
        file = realpath(joined, NULL);
    }
    if (!file) {
        st = bs_fail(BS_ERR, "tensor '%s': cannot open '%.200s': %s", tensor, joined, strerror(errno));
        bs_hint("the model keeps its weights in that file; copy it beside the model");
    } else if (location[0] == '/' || !(lies_in(file, folder[0]) || lies_in(file, folder[1]))) {
        st = bs_fail(BS_ERR, "tensor '%s' is stored in '%.200s', outside the model's folder", tensor,
                     location);
        bs_hint("copy the model and its weights into one folder, without links, or save it as one file: "
                "onnx.save(onnx.load(path), new_path)");
    } else {
        *out = file;
        file = NULL;
    }
out:
    free(joined);
    free(folder[0]);
    free(folder[1]);
    free(model);
    free(file);
    return st;
}

static bs_status read_all(int fd, uint8_t *to, size_t n, off_t at)
{
    while (n > 0) {
        ssize_t got = pread(fd, to, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return bs_fail(BS_ERR, "cannot read: %s", got < 0 ? strerror(errno) : "the file ends");
        to += got;
        at += got;
        n -= (size_t)got;
    }
    return BS_OK;
}

/* Fails unless the file holds the tensor. Sizes are checked before anything is allocated. */
static bs_status check_size(int fd, const outside *e, size_t bytes, const char *tensor, const char *path)
{
    struct stat info;
    uint8_t head[512];
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        if ((!e->has_length || e->length == bytes) && e->offset <= (uint64_t)info.st_size &&
            bytes <= (uint64_t)info.st_size - e->offset)
            return BS_OK;
        ssize_t got = pread(fd, head, sizeof head, 0);
        if (got >= 0 && bs_file_kind_check(head, (size_t)got, BS_FILE_WEIGHTS, path) != BS_OK)
            return bs_context("tensor '%s': cannot use '%.200s'", tensor, e->location);
    }
    bs_fail(BS_ERR, "tensor '%s': '%.200s' does not hold its %zu bytes at %" PRIu64, tensor, e->location,
            bytes, e->offset);
    return bs_hint("the file of the weights belongs to another model, or is damaged; export the model again");
}

bs_status bs_external_read(bs_import *im, const char *tensor, const Onnx__TensorProto *t, size_t bytes,
                           uint8_t **out)
{
    outside e;
    char *path = NULL;
    uint8_t *data = NULL;
    int fd = -1;
    bs_status st;
    *out = NULL;
    BS_TRY(read_entry(&e, t, tensor));
    BS_TRY(resolve(&path, im, e.location, tensor));
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    BS_TRY_GOTO(check_size(fd, &e, bytes, tensor, path), out);
    BS_TRY_GOTO(bs_alloc_aligned(&data, bytes, tensor), out);
    BS_TRY_GOTO(read_all(fd, data, bytes, (off_t)e.offset), out);
    if (!im->has_external)
        sha256_init(&im->external);
    im->has_external = true;
    sha256_update(&im->external, bytes, data);
    *out = data;
    data = NULL;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    free(data);
    return st;
}

void bs_external_hash(bs_import *im, char sha256[65])
{
    struct sha256_ctx both;
    uint8_t weights[SHA256_DIGEST_SIZE];
    if (!im->has_external)
        return;
    sha256_digest(&im->external, sizeof weights, weights);
    sha256_init(&both);
    sha256_update(&both, strlen(sha256), (const uint8_t *)sha256);
    sha256_update(&both, sizeof weights, weights);
    bs_sha256_end(&both, sha256);
}
