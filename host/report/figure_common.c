/* Shared by all figures. */
#include "base/buf.h"
#include "base/text.h"
#include "dtype.h"
#include "report/data.h"
#include "report/figure.h"

#include <stdint.h>
#include <stdlib.h>

bs_status bs_figure_paths(bs_common_path *out, const bs_db *db)
{
    bs_data d = {0};
    const char **names = NULL;
    bs_status st;
    BS_TRY(bs_data_load(
        &d, db,
        "SELECT DISTINCT label FROM layer WHERE kind <> 'network' AND id IN (SELECT layer FROM stratum)", 0,
        NULL));
    BS_TRY_GOTO(bs_calloc(&names, d.n + 1, sizeof *names, "figure"), out);
    for (size_t i = 0; i < d.n; i++)
        names[i] = bs_data_text(&d, i, 0);
    st = bs_common_path_find(out, names, d.n);
out:
    free(names);
    bs_data_clear(&d);
    return st;
}

void bs_figure_note(const bs_page *p, const bs_common_path *path)
{
    char note[256];
    bs_set_color(p, BS_GREY, 1);
    bs_draw_text(p, (bs_text){.x = p->width - 8, .y = p->height - 4, .size = 10, .across = 1},
                 bs_common_path_note(path, note, sizeof note));
}

bs_status bs_figure_confidence(double *percent, const bs_db *db)
{
    bs_data d = {0};
    BS_TRY(bs_data_load(&d, db, "SELECT 100 * confidence FROM bn_confidence", 0, NULL));
    *percent = d.n ? bs_data_value(&d, 0, 0) : 95.0;
    bs_data_clear(&d);
    return BS_OK;
}

/* Appends "exponent bits of bf16", or "bits 0-3, 31" where the values are of several types or the bits have
 * no name. */
static void put_bits(bs_str *out, uint32_t bits, bs_dtype type)
{
    static const char *const names[] = {[BS_BITS_ANY] = "any bit",
                                        [BS_BITS_SIGN] = "sign bit",
                                        [BS_BITS_EXPONENT] = "exponent bits",
                                        [BS_BITS_MANTISSA] = "mantissa bits"};
    for (int i = 0; type < BS_DTYPE_COUNT && i < BS_BIT_FIELD_COUNT; i++)
        if (bits == bs_dtype_field(type, (bs_bit_field)i)) {
            bs_str_puts(out, names[i]);
            if (type != BS_DTYPE_FP32)
                bs_str_printf(out, " of %s", bs_dtype_name(type));
            return;
        }
    bs_str_puts(out, bits & (bits - 1) ? "bits" : "bit");
    for (int first = 0, last; first < 32; first = last + 1) {
        for (last = first; last < 31 && bits >> first & 1 && bits >> (last + 1) & 1;)
            last++;
        if (!(bits >> first & 1))
            continue;
        bs_str_printf(out, "%s %d", bits & ((1u << first) - 1) ? "," : "", first);
        if (last > first)
            bs_str_printf(out, "-%d", last);
    }
}

bs_status bs_figure_put_fault(bs_str *out, const bs_db *db, long long entry)
{
    enum { KIND, BITWISE, BITS, BURST, COUNT, BER, PROBABILITY, VALUE, LOW, HIGH, TYPE, LEAST, MOST };
    static const char sql[] =
        "WITH done AS (SELECT sum(n) AS n FROM layer_summary WHERE entry = ?1 GROUP BY layer) SELECT e.kind, "
        "k.bitwise, e.bits, e.burst, e.count, e.ber, e.probability, e.value, e.low, e.high, (SELECT "
        "iif(min(l.type) = max(l.type), min(l.type), '') FROM (SELECT layer FROM stratum WHERE entry = ?1 "
        "UNION "
        "SELECT layer FROM network_target WHERE entry = ?1) s JOIN layer l ON l.id = s.layer WHERE l.kind <> "
        "'network'), (SELECT "
        "min(n) FROM done), (SELECT max(n) FROM done) FROM entry e JOIN fault_kind k ON k.kind = e.kind "
        "WHERE e.id = ?1";
    bs_data d = {0};
    BS_TRY(bs_data_load(&d, db, sql, 1, &entry));
    if (d.n == 0)
        return bs_data_clear(&d), BS_OK;
    bs_str_puts(out, bs_data_text(&d, 0, KIND));
    if (!bs_data_is_null(&d, 0, VALUE))
        bs_str_printf(out, " to %s", bs_data_text(&d, 0, VALUE));
    if (!bs_data_is_null(&d, 0, LOW))
        bs_str_printf(out, " from %s to %s", bs_data_text(&d, 0, LOW), bs_data_text(&d, 0, HIGH));
    if (bs_data_value(&d, 0, BITWISE) > 0) {
        bs_str_puts(out, ", ");
        put_bits(out, (uint32_t)bs_data_value(&d, 0, BITS), bs_dtype_find(bs_data_text(&d, 0, TYPE)));
        if (bs_data_value(&d, 0, BURST) > 1)
            bs_str_printf(out, ", bursts of %s", bs_data_text(&d, 0, BURST));
    }
    if (bs_data_value(&d, 0, BER) > 0)
        bs_str_printf(out, ", bit error rate %.4g", bs_data_value(&d, 0, BER));
    else if (bs_data_value(&d, 0, COUNT) < 1)
        bs_str_puts(out, ", every element once");
    else if (bs_data_value(&d, 0, COUNT) > 1)
        bs_str_printf(out, ", %s sites a trial", bs_data_text(&d, 0, COUNT));
    else
        bs_str_puts(out, ", one site a trial");
    if (bs_data_value(&d, 0, PROBABILITY) < 1)
        bs_str_printf(out, ", with probability %.4g", bs_data_value(&d, 0, PROBABILITY));
    bs_str_printf(out, ", %s", bs_data_text(&d, 0, LEAST));
    if (bs_data_value(&d, 0, LEAST) < bs_data_value(&d, 0, MOST))
        bs_str_printf(out, " to %s", bs_data_text(&d, 0, MOST));
    bs_str_puts(out, " trials a layer");
    bs_data_clear(&d);
    return bs_str_status(out);
}

bs_status bs_figure_empty(const char *what, const char *hint)
{
    bs_fail(BS_ERR, "nothing to draw: %s", what);
    return bs_hint("%s", hint);
}

bs_status bs_figure_check_layers(const bs_db *db)
{
    sqlite3_int64 together = 0;
    BS_TRY(bs_db_integer(
        &together, db, "SELECT min(l.kind = 'network') FROM layer_summary s JOIN layer l ON l.id = s.layer"));
    if (!together)
        return BS_OK;
    return bs_figure_empty(
        "no trials that hit one layer each",
        "figure ber is for entries that hit the whole network, and `bitsink bn DB sink_class` "
        "lists their sinks");
}

static bs_status put_name(void *out, sqlite3_stmt *q)
{
    bs_str_visible(out, (const char *)sqlite3_column_text(q, 0));
    return bs_str_status(out);
}

bs_status bs_figure_put_scope(bs_str *out, const bs_db *db, long long scope)
{
    if (scope < 0) {
        bs_str_puts(out, "all entries of the prior of layers");
        return bs_str_status(out);
    }
    return bs_db_each(db, "SELECT ifnull(name, 'entry ' || id) FROM entry WHERE id = ?1",
                      BS_BIND(BS_BIND_INT(scope)), put_name, out);
}
