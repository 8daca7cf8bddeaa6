/* Site lists, against a graph made by hand. Every site that is accepted must lie inside its target. */
#include "fuzz.h"

#include "fault/table.h"

enum { ENTRY = 1, IMAGES = 6 };

static const bs_graph *graph(void)
{
    static bs_tensor tensors[] = {
        {.name = "image", .elements = 64, .producer = -1, .target = 0},
        {.name = "w", .constant = true, .elements = 36, .producer = -1, .target = 1},
        {.name = "out, all", .elements = 256, .producer = 0, .target = 2},
    };
    static bs_node nodes[] = {{.name = "conv1", .op = BS_OP_CONV, .out = 2}};
    static bs_target targets[] = {
        {0, -1, BS_TARGET_INPUT}, {1, 0, BS_TARGET_WEIGHT}, {2, 0, BS_TARGET_ACTIVATION}};
    static bs_graph g = {.tensors = tensors,
                         .n_tensors = 3,
                         .nodes = nodes,
                         .n_nodes = 1,
                         .targets = targets,
                         .n_targets = 3,
                         .output = 2,
                         .classes = 256};
    return &g;
}

static void check_table(const bs_site_table *t)
{
    const bs_graph *g = graph();
    for (size_t i = 0; i < t->n_groups; i++) {
        const bs_site_group *group = &t->group[i];
        size_t first;
        bool network = group->target == BS_NETWORK_TARGET;
        fuzz_check((network || group->target < 3) &&
                   (group->image < IMAGES || group->image == BS_EVERY_IMAGE));
        fuzz_check(group->n <= t->n_sites && group->first <= t->n_sites - group->n);
        uint32_t n = bs_site_table_find(t, group->target, group->image, &first);
        fuzz_check(i >= first && i < first + n);
        for (size_t k = 0; k < group->n; k++) {
            const bs_site *site = &t->site[group->first + k];
            const uint32_t *target = &t->target[group->first + k];
            fuzz_check(*target < 3 && (network ? t->in_network[*target] : *target == group->target));
            fuzz_check(site->element < g->tensors[*target].elements);
            fuzz_check(k == 0 || target[-1] < *target ||
                       (target[-1] == *target && site[-1].element < site->element));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file f = fuzz_file_open(data, size);
    bs_site_table *t;
    bs_status st = bs_site_table_read(&t, f.path, graph(), ENTRY, IMAGES);
    fuzz_check_status(st, t);
    if (t)
        check_table(t);
    bs_site_table_free(t);
    fuzz_file_close(&f);
    return 0;
}
