/* What each device of a run does: table run_device. */
#include "store/store_internal.h"

#include <stdio.h>

static bs_status insert(bs_store *s, const bs_run_info *info, int k)
{
    int workers = info->threads / info->n_devices + (k < info->threads % info->n_devices);
    s->device[k] = (bs_device_count){.ordinal = info->ordinal[k]};
    s->n_devices = k + 1;
    return bs_db_change(s->db, "write",
                        "INSERT OR REPLACE INTO run_device (run, ordinal, workers) VALUES (?1, ?2, ?3)",
                        BS_BIND(BS_BIND_INT(s->run), BS_BIND_INT(info->ordinal[k]), BS_BIND_INT(workers)));
}

bs_status bs_run_devices_begin(bs_store *s, const bs_run_info *info)
{
    for (int k = 0; k < info->n_devices; k++)
        BS_TRY(insert(s, info, k));
    return BS_OK;
}

void bs_run_devices_count(bs_store *s, const bs_result_batch *b, uint64_t goldens)
{
    bs_device_count *d = &s->device[b->device];
    d->trials += b->n_rows;
    d->goldens += goldens;
    if (b->lost[0])
        snprintf(d->lost, sizeof d->lost, "%s", b->lost);
}

bs_status bs_run_devices_update(const bs_store *s)
{
    static const char sql[] =
        "UPDATE run_device SET trials = ?3, goldens = ?4, reason = ?5, lost = iif(?5 IS NULL, NULL, "
        "ifnull(lost, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))) WHERE run = ?1 AND ordinal = ?2";
    for (int k = 0; k < s->n_devices; k++) {
        const bs_device_count *d = &s->device[k];
        const char *lost = d->lost[0] ? d->lost : NULL;
        BS_TRY(bs_db_change(s->db, "write", sql,
                            BS_BIND(BS_BIND_INT(s->run), BS_BIND_INT(d->ordinal),
                                    BS_BIND_INT((sqlite3_int64)d->trials),
                                    BS_BIND_INT((sqlite3_int64)d->goldens), BS_BIND_TEXT(lost))));
    }
    return BS_OK;
}
