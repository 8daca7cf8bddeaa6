#include "store/identity.h"

#include "base/log.h"
#include "base/text.h"
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const size_t max_site_list = (size_t)1 << 32;

static const char *fault_kind_name(bs_fault_kind kind)
{
    static const char *const names[] = {
#define X(suffix, name, help) name,
        BS_FAULT_KINDS(X)
#undef X
    };
    return (unsigned)kind < BS_FAULT_KIND_COUNT ? names[kind] : "?";
}

void bs_identity_preprocess(bs_str *out, const bs_preprocess *p)
{
    bs_str_printf(out, "resize-short %d, crop-fraction %.9g, resize %dx%d, crop %dx%d, %s, scale %.9g, mean",
                  p->resize_short, (double)p->crop_fraction, p->resize_h, p->resize_w, p->crop_h, p->crop_w,
                  p->bgr ? "bgr" : "rgb", (double)p->scale);
    for (int i = 0; i < p->n_mean && i < 4; i++)
        bs_str_printf(out, " %.9g", (double)p->mean[i]);
    bs_str_puts(out, ", std");
    for (int i = 0; i < p->n_std && i < 4; i++)
        bs_str_printf(out, " %.9g", (double)p->std[i]);
    /* Named only where it is not the default, so that older files keep their text. */
    if (p->interpolation != BS_BILINEAR)
        bs_str_printf(out, ", %s", bs_interpolation_name(p->interpolation));
}

void bs_identity_targets(bs_str *out, const bs_plan *plan, int entry)
{
    const char *comma = "";
    for (int i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i].entry != entry)
            continue;
        int first = plan->strata[i].target, last = first;
        while (i + 1 < plan->n_strata && plan->strata[i + 1].entry == entry &&
               plan->strata[i + 1].target == last + 1) {
            last++;
            i++;
        }
        bs_str_printf(out, last > first ? "%s%d-%d" : "%s%d", comma, first, last);
        comma = ",";
    }
}

bs_status bs_identity_entry(bs_str *out, const bs_plan *plan, int entry)
{
    const bs_entry *e = &plan->job->entries[entry];
    const bs_fault_model *m = &e->fault;
    bs_str_printf(out, "%s", fault_kind_name(m->kind));
    if (bs_fault_is_bitwise(m->kind))
        bs_str_printf(out, " bits 0x%08" PRIx32 " burst %" PRIu32, m->bits, m->burst);
    if (m->kind == BS_FAULT_SET)
        bs_str_printf(out, " value 0x%08" PRIx32, bs_float_bits(m->value));
    if (m->kind == BS_FAULT_RANDOM)
        bs_str_printf(out, " range %.9g %.9g", (double)m->low, (double)m->high);
    if (m->ber > 0)
        bs_str_printf(out, " ber %.17g", m->ber);
    else
        bs_str_printf(out, " count %" PRIu32, m->count);
    if (e->sites) {
        char *bytes;
        size_t len;
        BS_TRY(bs_read_file(&bytes, &len, e->sites, max_site_list));
        XXH128_hash_t h = XXH3_128bits(bytes, len);
        free(bytes);
        bs_str_printf(out, " sites %016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
    }
    bs_str_puts(out, " targets ");
    bs_identity_targets(out, plan, entry);
    return bs_str_status(out);
}

bs_status bs_identity_strata(const bs_plan *plan, char out[17])
{
    bs_str text = {0};
    bs_status st = BS_OK;
    for (int e = 0; e < plan->job->n_entries; e++) {
        bs_str_printf(&text, "%d ", plan->job->entries[e].id);
        BS_TRY_GOTO(bs_identity_entry(&text, plan, e), out);
        bs_str_puts(&text, "\n");
    }
    BS_TRY_GOTO(bs_str_status(&text), out);
    snprintf(out, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(text.ptr, text.len));
out:
    bs_str_clear(&text);
    return st;
}

/* --- writing
 * ------------------------------------------------------------------------------------------------ */

/* Says which names of classes the file has otherwise. */
static bs_status tell_renamed(const bs_store *s, const char *const *names)
{
    sqlite3_stmt *q = NULL;
    bs_str example = {0};
    int renamed = 0;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, s->db, "SELECT name FROM class WHERE id = ?1 AND name <> ?2"));
    for (int c = 0; c < s->plan->graph->classes; c++) {
        bool row;
        sqlite3_bind_int(q, 1, c);
        sqlite3_bind_text(q, 2, names[c], -1, SQLITE_STATIC);
        BS_TRY_GOTO(bs_db_step(s->db, q, &row), out);
        if (row && renamed++ == 0)
            bs_str_printf(&example, "'%s' -> '%s'", bs_visible((const char *)sqlite3_column_text(q, 0)),
                          bs_visible(names[c]));
        sqlite3_reset(q);
    }
    BS_TRY_GOTO(bs_str_status(&example), out);
    if (renamed > 0)
        bs_info("note: class names changed: %d of %d, such as %s", renamed, s->plan->graph->classes,
                example.ptr);
    st = BS_OK;
out:
    sqlite3_finalize(q);
    bs_str_clear(&example);
    return st;
}

static bs_status write_classes(bs_store *s, const char *const *names)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    if (names)
        BS_TRY(tell_renamed(s, names));
    BS_TRY(bs_db_prepare(&q, s->db,
                         "INSERT INTO class (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET "
                         "name = coalesce(excluded.name, name)"));
    for (int c = 0; c < s->plan->graph->classes && st == BS_OK; c++) {
        sqlite3_bind_int(q, 1, c);
        sqlite3_bind_text(q, 2, names ? names[c] : NULL, -1, SQLITE_STATIC);
        st = bs_db_run(s->db, "write", q);
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status write_layers(bs_store *s)
{
    const bs_graph *g = s->plan->graph;
    char shape[128];
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_prepare(&q, s->db,
                         "INSERT INTO layer (id, name, node, op, kind, shape, elements, bits, macs) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7 * 32, ?8)"));
    for (int i = 0; i < g->n_targets && st == BS_OK; i++) {
        const bs_target *t = &g->targets[i];
        const bs_tensor *tensor = &g->tensors[t->tensor];
        const bs_node *node = t->node >= 0 ? &g->nodes[t->node] : NULL;
        sqlite3_bind_int(q, 1, i);
        sqlite3_bind_text(q, 2, tensor->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 3, node ? node->name : NULL, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 4, node ? bs_op_name(node->op) : NULL, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 5, bs_target_kind_name(t->kind), -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 6, bs_shape_text(&tensor->shape, shape, sizeof shape), -1, SQLITE_STATIC);
        sqlite3_bind_int64(q, 7, tensor->elements);
        sqlite3_bind_int64(q, 8, node ? node->macs : 0);
        st = bs_db_run(s->db, "write", q);
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status write_entry(bs_store *s, sqlite3_stmt *q, int index)
{
    const bs_entry *e = &s->plan->job->entries[index];
    const bs_fault_model *m = &e->fault;
    bs_str definition = {0}, targets = {0};
    bs_status st;
    int64_t trials = 0;
    for (int i = 0; i < s->plan->n_strata; i++)
        if (s->plan->strata[i].entry == index && s->plan->strata[i].repetitions > trials)
            trials = s->plan->strata[i].repetitions;
    BS_TRY_GOTO(bs_identity_entry(&definition, s->plan, index), out);
    bs_identity_targets(&targets, s->plan, index);
    BS_TRY_GOTO(bs_str_status(&targets), out);
    sqlite3_bind_int(q, 1, e->id);
    sqlite3_bind_text(q, 2, e->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, fault_kind_name(m->kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, m->bits);
    sqlite3_bind_int64(q, 5, m->burst);
    sqlite3_bind_int64(q, 6, m->count);
    sqlite3_bind_double(q, 7, m->ber);
    m->kind == BS_FAULT_SET ? sqlite3_bind_double(q, 8, m->value) : sqlite3_bind_null(q, 8);
    m->kind == BS_FAULT_RANDOM ? sqlite3_bind_double(q, 9, m->low) : sqlite3_bind_null(q, 9);
    m->kind == BS_FAULT_RANDOM ? sqlite3_bind_double(q, 10, m->high) : sqlite3_bind_null(q, 10);
    BS_TRY_GOTO(bs_bind_utf8(q, 11, e->sites), out);
    sqlite3_bind_text(q, 12, targets.ptr ? targets.ptr : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 13, trials);
    sqlite3_bind_text(q, 14, definition.ptr, -1, SQLITE_STATIC);
    st = bs_db_run(s->db, "write", q);
out:
    bs_str_clear(&definition);
    bs_str_clear(&targets);
    return st;
}

/* Says how many strata have another storage than in the file: every sum over bits changes with it. */
static bs_status tell_storage(const bs_store *s)
{
    sqlite3_stmt *q = NULL;
    bool row;
    int changed = 0;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, s->db, "SELECT storage FROM stratum WHERE entry = ?1 AND layer = ?2"));
    for (int i = 0; i < s->plan->n_strata; i++) {
        const bs_stratum *t = &s->plan->strata[i];
        sqlite3_bind_int(q, 1, s->plan->job->entries[t->entry].id);
        sqlite3_bind_int(q, 2, t->target);
        BS_TRY_GOTO(bs_db_step(s->db, q, &row), out);
        changed += row && (sqlite3_column_int(q, 0) != 0) == t->borrowed;
        sqlite3_reset(q);
    }
    if (changed > 0)
        bs_warn("the storage of %d strata changed: FIT, exposure and rates weighted by bits change with it",
                changed);
out:
    sqlite3_finalize(q);
    return st;
}

static bs_status write_entries(bs_store *s)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_prepare(
        &q, s->db,
        "INSERT OR REPLACE INTO entry (id, name, kind, bits, burst, count, ber, value, low, high, sites, "
        "targets, trials, definition) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14)"));
    for (int e = 0; e < s->plan->job->n_entries && st == BS_OK; e++)
        st = write_entry(s, q, e);
    sqlite3_finalize(q);
    BS_TRY(st);
    BS_TRY(tell_storage(s));
    BS_TRY(bs_db_prepare(
        &q, s->db,
        "INSERT OR REPLACE INTO stratum (entry, layer, parameter, repetitions, population, storage) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    for (int i = 0; i < s->plan->n_strata && st == BS_OK; i++) {
        const bs_stratum *t = &s->plan->strata[i];
        sqlite3_bind_int(q, 1, s->plan->job->entries[t->entry].id);
        sqlite3_bind_int(q, 2, t->target);
        sqlite3_bind_int(q, 3, t->is_parameter);
        sqlite3_bind_int64(q, 4, t->repetitions);
        sqlite3_bind_int64(q, 5, (sqlite3_int64)t->population);
        sqlite3_bind_int(q, 6, !t->borrowed);
        st = bs_db_run(s->db, "write", q);
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status write_images(bs_store *s, const bs_dataset *images, uint32_t first)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(
        bs_db_prepare(&q, s->db, "INSERT INTO image (id, path, label, class) VALUES (?1, ?2, ?3, ?3 + ?4)"));
    for (uint32_t i = first; i < s->n_images && st == BS_OK; i++) {
        const bs_image *image = bs_dataset_image(images, i);
        sqlite3_bind_int64(q, 1, i);
        sqlite3_bind_text(q, 2, image->path, -1, SQLITE_STATIC);
        image->label < 0 ? sqlite3_bind_null(q, 3) : sqlite3_bind_int(q, 3, image->label);
        sqlite3_bind_int(q, 4, s->plan->job->label_offset);
        st = bs_db_run(s->db, "write", q);
    }
    sqlite3_finalize(q);
    return st;
}

bs_status bs_identity_write(bs_store *s, const bs_dataset *images, const char *const *class_names)
{
    BS_TRY(write_classes(s, class_names));
    BS_TRY(write_layers(s));
    BS_TRY(write_entries(s));
    return write_images(s, images, 0);
}

/* --- extending, what resume.c has checked
 * ----------------------------------------------------------------- */

/* Images that are new are not among those that have a weight. */
static bs_status tell_weights(const bs_store *s, uint32_t stored)
{
    sqlite3_int64 weights = 0;
    if (stored == s->n_images)
        return BS_OK;
    BS_TRY(bs_db_integer(&weights, s->db, "SELECT count(*) FROM bn_prior_image"));
    if (weights > 0)
        bs_warn("the %" PRIu32
                " new images have no weight in bn_prior_image, so no rate counts them: load `weights` "
                "again",
                s->n_images - stored);
    return BS_OK;
}

bs_status bs_identity_extend(bs_store *s, const bs_dataset *images, const char *const *class_names,
                             uint32_t stored)
{
    if (class_names)
        BS_TRY(write_classes(s, class_names));
    BS_TRY(write_entries(s));
    BS_TRY(write_images(s, images, stored));
    return tell_weights(s, stored);
}
