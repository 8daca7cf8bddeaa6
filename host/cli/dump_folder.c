#include "cli/dump_folder.h"

#include "base/log.h"
#include "base/text.h"
#include "data/npy.h"
#include "fault/select.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_NAME = 200 };

bs_status bs_choose_tensors(bool **chosen, const bs_args *args, const bs_graph *g)
{
    const char *name;
    bool *hit = NULL;
    bs_status st = BS_OK;
    *chosen = NULL;
    if (!bs_option_value(args, "tensor"))
        return BS_OK;
    BS_TRY_GOTO(bs_calloc(&hit, (size_t)g->n_targets, sizeof *hit, "tensors"), out);
    for (int at = 0; (name = bs_option_next(args, "tensor", &at));) {
        st = bs_select_named(hit, name, g);
        if (st != BS_OK) {
            bs_context("--tensor");
            goto out;
        }
    }
    BS_TRY_GOTO(bs_calloc(chosen, (size_t)g->n_tensors, sizeof **chosen, "tensors"), out);
    for (int t = 0; t < g->n_targets; t++)
        (*chosen)[g->targets[t].tensor] = hit[t];
out:
    free(hit);
    return st;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void bs_str_tensor_file(bs_str *s, const bs_graph *g, int tensor)
{
    const char *name = g->tensors[tensor].name;
    size_t from = s->len;
    for (const char *p = name; *p; p++)
        if (is_plain(*p) || (*p == '.' && p != name))
            bs_str_append(s, p, 1);
        else
            bs_str_printf(s, "%%%02X", (unsigned char)*p);
    if (s->oom || (s->len > from && s->len - from <= LONGEST_NAME))
        return;
    if (s->len > from)
        s->len = from + LONGEST_NAME;
    bs_str_printf(s, "~%d", tensor);
}

/* --- the folder --- */

static bs_status dump_failed(const bs_dump *d, const char *what, int reason)
{
    bs_fail(BS_ERR, "cannot write %s into folder '%s': %s", what, d->path, strerror(reason));
    if (reason == ENOSPC || reason == EFBIG || reason == EDQUOT)
        return bs_hint("nothing was written: name a folder with more room, or choose tensors by --tensor");
    return bs_hint("nothing was written: name a folder elsewhere");
}

/* Remembers what was made. */
static bs_status note_made(bs_dump *d, const char *path)
{
    bs_str_append(&d->made, path, strlen(path) + 1);
    return bs_str_status(&d->made);
}

static bs_status make_folder(bs_dump *d, const char *path)
{
    if (mkdir(path, 0777) == 0)
        return note_made(d, path);
    bs_fail(BS_ERR, "cannot make folder '%s': %s", d->path, strerror(errno));
    return bs_hint("--dump makes one folder: that in which it will be must be there, and writable");
}

/* DIR may be an empty folder. */
static bs_status check_free(const char *path)
{
    struct stat info;
    DIR *dir = NULL;
    bool empty = true;
    if (lstat(path, &info) != 0 && errno == ENOENT)
        return BS_OK;
    dir = opendir(path);
    if (!dir) {
        bs_fail(BS_ERR, "cannot make folder '%s': %s", path, strerror(errno == ENOTDIR ? EEXIST : errno));
        return bs_hint("--dump makes a new folder: give another name");
    }
    for (const struct dirent *e; (e = readdir(dir));)
        empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(dir);
    if (empty)
        return BS_OK;
    bs_fail(BS_ERR, "folder '%s' is there already, and is not empty", path);
    return bs_hint("--dump makes a new folder: give another name, or remove this one");
}

bs_status bs_dump_open(bs_dump *d, const char *path, const char *columns)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0)
        return bs_fail(BS_USAGE, "--dump takes a folder, not ''");
    BS_TRY(check_free(path));
    d->path = path;
    bs_str_append(&d->part, path, len);
    bs_str_printf(&d->part, ".part-%ld", (long)getpid());
    bs_str_printf(&d->index, "file,tensor,node,op,kind,shape,type%s\n", columns);
    BS_TRY(bs_str_status(&d->part));
    return make_folder(d, d->part.ptr);
}

bs_status bs_dump_make_folder(bs_dump *d, const char *name)
{
    bs_str path = {0};
    bs_str_printf(&path, "%s/%s", d->part.ptr, name);
    bs_status st = bs_str_status(&path);
    if (st == BS_OK)
        st = make_folder(d, path.ptr);
    bs_str_clear(&path);
    return st;
}

bs_status bs_dump_write(bs_dump *d, const char *folder, const bs_graph *g, int tensor, const float *data)
{
    const bs_tensor *t = &g->tensors[tensor];
    bs_str path = {0};
    bs_str_printf(&path, "%s/%s/", d->part.ptr, folder);
    bs_str_tensor_file(&path, g, tensor);
    bs_str_puts(&path, ".npy");
    bs_status st;
    BS_TRY_GOTO(bs_str_status(&path), out);
    BS_TRY_GOTO(note_made(d, path.ptr), out);
    st = bs_npy_write(path.ptr, t->shape.dim, t->shape.rank, data);
    if (st == BS_ERR)
        dump_failed(d, path.ptr + d->part.len + 1, errno);
    d->files += st == BS_OK;
out:
    bs_str_clear(&path);
    return st;
}

bs_status bs_dump_list(bs_dump *d, const char *folder, const bs_graph *g, int tensor, const char *rest)
{
    const bs_tensor *t = &g->tensors[tensor];
    const bs_target *target = t->target < 0 ? NULL : &g->targets[t->target];
    const bs_node *node = target && target->node >= 0 ? &g->nodes[target->node] : NULL;
    char shape[128];
    if (folder)
        bs_str_printf(&d->index, "%s/", folder);
    bs_str_tensor_file(&d->index, g, tensor);
    bs_str_puts(&d->index, ".npy,");
    bs_str_csv(&d->index, t->name);
    bs_str_puts(&d->index, ",");
    bs_str_csv(&d->index, node ? node->name : "");
    bs_str_printf(&d->index, ",%s,%s,%s,%s%s\n", node ? bs_op_name(node->op) : "",
                  target ? bs_target_kind_name(target->kind) : "",
                  bs_shape_text(&t->shape, shape, sizeof shape), bs_dtype_name(t->type), rest);
    return bs_str_status(&d->index);
}

/* --- its end --- */

static bs_status write_index(bs_dump *d)
{
    bs_str path = {0};
    bs_str_printf(&path, "%s/index.csv", d->part.ptr);
    bs_status st;
    FILE *f = NULL;
    BS_TRY_GOTO(bs_str_status(&path), out);
    BS_TRY_GOTO(note_made(d, path.ptr), out);
    f = fopen(path.ptr, "wx");
    bool written = f && fwrite(d->index.ptr, d->index.len, 1, f) == 1;
    int reason = errno;
    if (f && fclose(f) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (!written)
        st = dump_failed(d, "index.csv", reason);
out:
    bs_str_clear(&path);
    return st;
}

/* The last made first, so that folders are empty. */
static void remove_made(const bs_dump *d)
{
    for (size_t end = d->made.len; end > 0;) {
        size_t from = end - 1;
        while (from > 0 && d->made.ptr[from - 1])
            from--;
        remove(d->made.ptr + from);
        end = from;
    }
}

bs_status bs_dump_close(bs_dump *d, bs_status st)
{
    bs_error error;
    if (!d->path)
        return st;
    if (st == BS_OK)
        st = write_index(d);
    if (st == BS_OK && rename(d->part.ptr, d->path) != 0) {
        st = bs_fail(BS_ERR, "cannot rename '%s' to '%s': %s", d->part.ptr, d->path, strerror(errno));
        bs_hint("--dump makes a new folder: give another name");
    }
    if (st == BS_OK) {
        bs_info("%zu file(s) and index.csv are in '%s'", d->files, d->path);
    } else {
        bs_error_save(&error);
        remove_made(d);
        bs_error_restore(&error);
    }
    bs_str_clear(&d->part);
    bs_str_clear(&d->index);
    bs_str_clear(&d->made);
    *d = (bs_dump){0};
    return st;
}
