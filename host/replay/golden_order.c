#include "replay/golden.h"

/* Returns the bytes of a node's activations for one image, and of its parameters. */
static size_t node_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network,
                         const bs_node *node, size_t *parameters)
{
    size_t bytes = backend->row_bytes(network, node->out);
    *parameters = 0;
    for (int k = 0; k < node->n_in; k++) {
        const bs_tensor *t = node->in[k] < 0 ? NULL : &g->tensors[node->in[k]];
        if (t && t->constant)
            *parameters += (size_t)t->elements * sizeof(float);
        else if (t)
            bytes += backend->row_bytes(network, node->in[k]);
    }
    return bytes;
}

/* Returns how many images, at most `most`, a node should take at a time: what the cache holds, but more if
 * reading the parameters would cost more than the images. */
static int wanted(const bs_graph *g, const bs_backend *backend, const bs_network *network,
                  const bs_node *node, int most)
{
    size_t parameters, bytes = node_bytes(g, backend, network, node, &parameters);
    int n = 1;
    while (n < most && (2 * (size_t)n * bytes <= backend->cache_bytes || (size_t)n * bytes < parameters))
        n *= 2;
    return n;
}

void bs_golden_order(int *at_once, const bs_graph *g, const bs_backend *backend, const bs_network *network,
                     int most)
{
    int n = most;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        int here = most;
        if (backend->cache_bytes > 0 && g->nodes[i].macs > 0)
            here = wanted(g, backend, network, &g->nodes[i], most);
        n = here < n ? here : n;
        at_once[i] = n;
    }
    for (int r = 0; r < g->n_regions; r++)
        for (int i = g->regions[r].first + 1; i <= g->regions[r].last; i++)
            at_once[i] = at_once[g->regions[r].first];
}
