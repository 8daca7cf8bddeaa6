#include "store/identity.h"

#include "base/log.h"
#include "base/text.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- Writing a fresh file --- */

/* Logs a note about class names that differ from the file's. */
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

static bs_status write_layer(const bs_store *s, sqlite3_stmt *q, int place)
{
    const bs_graph *g = s->plan->graph;
    char shape[128];
    int id = bs_graph_listed(g, place);
    const bs_target *t = &g->targets[id];
    const bs_tensor *tensor = &g->tensors[t->tensor];
    const bs_node *node = t->node >= 0 ? &g->nodes[t->node] : NULL;
    sqlite3_bind_int(q, 1, id);
    sqlite3_bind_text(q, 2, tensor->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, node ? node->name : NULL, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 4, node ? bs_op_name(node->op) : NULL, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, bs_target_kind_name(t->kind), -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 6, bs_shape_text(&tensor->shape, shape, sizeof shape), -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 7, bs_dtype_name(tensor->type), -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 8, tensor->elements);
    sqlite3_bind_int64(q, 9, bs_tensor_bits(tensor));
    sqlite3_bind_int64(q, 10, node ? node->macs : 0);
    sqlite3_bind_int(q, 11, place);
    sqlite3_bind_text(q, 12, bs_graph_label(g, id), -1, SQLITE_STATIC);
    tensor->scales.n > 0 ? sqlite3_bind_int64(q, 13, tensor->scales.run) : sqlite3_bind_null(q, 13);
    return bs_db_run(s->db, "write", q);
}

static bs_status write_layers(bs_store *s)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(
        bs_db_prepare(&q, s->db,
                      "INSERT INTO layer (id, name, node, op, kind, shape, type, elements, bits, macs, "
                      "ordinal, label, scale_run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                      "?13)"));
    for (int place = 0; place < s->plan->graph->n_targets && st == BS_OK; place++)
        st = write_layer(s, q, place);
    sqlite3_finalize(q);
    return st;
}

static bs_status write_scales(const bs_store *s)
{
    const bs_graph *g = s->plan->graph;
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_prepare(&q, s->db, "INSERT INTO layer_scale (layer, channel, scale) VALUES (?1, ?2, ?3)"));
    for (int id = 0; id < g->n_targets; id++) {
        bs_scales scales = g->tensors[g->targets[id].tensor].scales;
        for (uint32_t c = 0; c < scales.n && st == BS_OK; c++) {
            sqlite3_bind_int(q, 1, id);
            sqlite3_bind_int64(q, 2, c);
            sqlite3_bind_double(q, 3, (double)scales.scale[c]);
            st = bs_db_run(s->db, "write", q);
        }
    }
    sqlite3_finalize(q);
    return st;
}

/* Adds the layer that stands for the whole network, if a stratum is on it. */
static bs_status write_network(bs_store *s)
{
    bool hit = false;
    for (int i = 0; i < s->plan->n_strata; i++)
        hit |= s->plan->strata[i].target == BS_NETWORK_TARGET;
    if (!hit)
        return BS_OK;
    return bs_db_change(
        s->db, "write",
        "INSERT OR IGNORE INTO layer (id, name, kind, shape, type, elements, bits, macs, ordinal, label) "
        "VALUES (?1, 'network', 'network', '', '', 0, 0, 0, ?2, 'network')",
        BS_BIND(BS_BIND_INT(BS_NETWORK_TARGET), BS_BIND_INT(s->plan->graph->n_targets)));
}

static bs_status write_entry(bs_store *s, sqlite3_stmt *q, int index)
{
    const bs_entry *e = &s->plan->job->entries[index];
    const bs_fault_model *m = &e->fault;
    bs_str definition = {0}, targets = {0};
    bs_status st;
    int64_t trials = 0;
    double parameter[3];
    for (int i = 0; i < s->plan->n_strata; i++)
        if (s->plan->strata[i].entry == index && s->plan->strata[i].repetitions > trials)
            trials = s->plan->strata[i].repetitions;
    BS_TRY_GOTO(bs_identity_entry(&definition, s->plan, index), out);
    bs_identity_targets(&targets, s->plan, index);
    BS_TRY_GOTO(bs_str_status(&targets), out);
    sqlite3_bind_int(q, 1, e->id);
    sqlite3_bind_text(q, 2, e->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, bs_fault_kind_name(m->kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, bs_identity_bits(s->plan, index, BS_DTYPE_COUNT));
    sqlite3_bind_int64(q, 5, m->burst);
    sqlite3_bind_int64(q, 6, m->count == BS_COUNT_ALL ? 0 : m->count);
    sqlite3_bind_double(q, 7, m->ber);
    bs_identity_parameter(parameter, m);
    for (int i = 0; i < 3; i++)
        sqlite3_bind_double(q, 8 + i, parameter[i]); /* SQLite stores a NaN as NULL */
    BS_TRY_GOTO(bs_bind_utf8(q, 11, e->sites), out);
    sqlite3_bind_text(q, 12, targets.ptr ? targets.ptr : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 13, trials);
    sqlite3_bind_text(q, 14, definition.ptr, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 15, bs_fault_scope_name(e->scope), -1, SQLITE_STATIC);
    sqlite3_bind_double(q, 16, e->probability);
    sqlite3_bind_int(q, 17, m->shared_bit);
    e->store_sites == UINT32_MAX ? sqlite3_bind_null(q, 18) : sqlite3_bind_int64(q, 18, e->store_sites);
    st = bs_db_run(s->db, "write", q);
out:
    bs_str_clear(&definition);
    bs_str_clear(&targets);
    return st;
}

/* Warns about strata whose storage differs from the file's: every sum over bits changes with it. */
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

static bs_status write_stratum(const bs_store *s, sqlite3_stmt *q, const bs_stratum *t)
{
    uint32_t bits = 0;
    for (int k = 0; k < bs_stratum_targets(t); k++)
        bits |= bs_stratum_at(t, k)->fault.bits;
    sqlite3_bind_int(q, 1, s->plan->job->entries[t->entry].id);
    sqlite3_bind_int(q, 2, t->target);
    sqlite3_bind_int(q, 3, t->is_parameter);
    sqlite3_bind_int64(q, 4, t->repetitions);
    sqlite3_bind_int64(q, 5, (sqlite3_int64)t->population);
    sqlite3_bind_int64(q, 6, bits);
    sqlite3_bind_int(q, 7, !t->borrowed);
    return bs_db_run(s->db, "write", q);
}

static bs_status write_strata(const bs_store *s)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_prepare(
        &q, s->db,
        "INSERT OR REPLACE INTO stratum (entry, layer, parameter, repetitions, population, bits, storage) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    for (int i = 0; i < s->plan->n_strata && st == BS_OK; i++)
        st = write_stratum(s, q, &s->plan->strata[i]);
    sqlite3_finalize(q);
    return st;
}

/* Writes the targets of strata of the whole network. */
static bs_status write_network_targets(const bs_store *s)
{
    sqlite3_stmt *q = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_prepare(&q, s->db,
                         "INSERT OR REPLACE INTO network_target (entry, layer, parameter, probability, "
                         "population, bits) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    for (int i = 0; i < s->plan->n_strata; i++)
        for (int k = 0; k < s->plan->strata[i].n_parts && st == BS_OK; k++) {
            const bs_stratum *t = &s->plan->strata[i].part[k];
            sqlite3_bind_int(q, 1, s->plan->job->entries[s->plan->strata[i].entry].id);
            sqlite3_bind_int(q, 2, t->target);
            sqlite3_bind_int(q, 3, t->is_parameter);
            sqlite3_bind_double(q, 4, t->probability);
            sqlite3_bind_int64(q, 5, (sqlite3_int64)t->population);
            sqlite3_bind_int64(q, 6, t->fault.bits);
            st = bs_db_run(s->db, "write", q);
        }
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
        "targets, trials, definition, scope, probability, shared_bit, store_sites) VALUES (?1, ?2, ?3, ?4, "
        "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"));
    for (int e = 0; e < s->plan->job->n_entries && st == BS_OK; e++)
        st = write_entry(s, q, e);
    sqlite3_finalize(q);
    BS_TRY(st);
    BS_TRY(tell_storage(s));
    BS_TRY(write_network(s));
    BS_TRY(write_strata(s));
    return write_network_targets(s);
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
    BS_TRY(write_scales(s));
    BS_TRY(write_entries(s));
    return write_images(s, images, 0);
}

/* --- Extending a file that resume.c has checked --- */

/* Warns if images have weights: the new ones have none. */
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
