/* Proves the values of Attention against its definition as loops, for heads side by side (three dimensions)
 * and apart (four), shared keys, masks, softcap and scale. */
#include "support/import_values.h"

enum { IMAGES = 2, TOKENS = 3, SIZE = 4, QUERIES = 4, MOST = 512 };

typedef struct attention_case {
    const char *attributes, *mask; /* statements that make the constant m */
    int keys;                      /* heads */
    bool packed;
    float scale; /* 0: that of the definition */
    float cap;   /* 0: none */
    bool causal;
    float (*bias)(int head, int query, int key);
} attention_case;

static float row_bias(int head, int query, int key)
{
    (void)head;
    float v[TOKENS * TOKENS];
    random_values("m", v, TOKENS * TOKENS);
    return v[query * TOKENS + key];
}

static float head_bias(int head, int query, int key)
{
    float v[QUERIES * TOKENS * TOKENS];
    random_values("m", v, QUERIES * TOKENS * TOKENS);
    return v[(head * TOKENS + query) * TOKENS + key];
}

static float truth_bias(int head, int query, int key)
{
    static const int sees[] = {1, 0, 1, 1, 1, 0, 0, 0, 1};
    (void)head;
    return sees[query * TOKENS + key] ? 0.0f : -INFINITY;
}

#define ROW   "r m 3 3; "
#define HEADS "r m 1 4 3 3; "
#define TRUTH "i b 1 0 1 1 1 0 0 0 1; i bs 3 3; Reshape b,bs -> c; Cast c -> m to=9; "

static const attention_case cases[] = {
    {"", "", 4, true, 0, 0, false, NULL},
    {"", "", 2, true, 0, 0, false, NULL},
    {"", "", 1, true, 0, 0, false, NULL},
    {"", "", 4, false, 0, 0, false, NULL},
    {"", "", 2, false, 0, 0, false, NULL},
    {"scale=0.3", "", 2, true, 0.3f, 0, false, NULL},
    {"softcap=0.5", "", 2, true, 0, 0.5f, false, NULL},
    {"is_causal=1", "", 2, true, 0, 0, true, NULL},
    {"is_causal=1 scale=2.5 softcap=1.5", ROW, 1, false, 2.5f, 1.5f, true, row_bias},
    {"", ROW, 2, true, 0, 0, false, row_bias},
    {"", HEADS, 2, true, 0, 0, false, head_bias},
    {"is_causal=1", HEADS, 2, false, 0, 0, true, head_bias},
    {"", TRUTH, 2, true, 0, 0, false, truth_bias},
    {"softcap=0.7", TRUTH, 4, false, 0, 0.7f, false, truth_bias},
};

/* Values of a head of the image, which has queries, keys and values behind each other. */
static float at(const attention_case *c, const float *image, int head, int token, int k)
{
    int heads = QUERIES + 2 * c->keys;
    return image[c->packed ? (token * heads + head) * SIZE + k : (head * TOKENS + token) * SIZE + k];
}

static void attend(const attention_case *c, const float *image, float *out)
{
    float scale = c->scale > 0 ? c->scale : 1 / sqrtf(SIZE);
    for (int h = 0; h < QUERIES; h++)
        for (int q = 0; q < TOKENS; q++) {
            int key = QUERIES + h / (QUERIES / c->keys), value = key + c->keys;
            float weight[TOKENS], sum = 0;
            for (int t = 0; t < TOKENS; t++) {
                float score = 0;
                for (int k = 0; k < SIZE; k++)
                    score += scale * at(c, image, h, q, k) * at(c, image, key, t, k);
                score = c->cap > 0 ? c->cap * tanhf(score / c->cap) : score;
                score += c->bias ? c->bias(h, q, t) : 0;
                weight[t] = c->causal && t > q ? 0 : expf(score);
                sum += weight[t];
            }
            for (int k = 0; k < SIZE; k++) {
                float y = 0;
                for (int t = 0; t < TOKENS; t++)
                    y += weight[t] / sum * at(c, image, value, t, k);
                out[c->packed ? (q * QUERIES + h) * SIZE + k : (h * TOKENS + q) * SIZE + k] = y;
            }
        }
}

static void test_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const attention_case *c = &cases[k];
        char text[512];
        float in[MOST], want[MOST];
        int unit = c->packed ? SIZE : 1, heads = QUERIES + 2 * c->keys;
        int n = sprintf(text, "opset 23; out y; %si s %d %d %d; ", c->mask, QUERIES * unit, c->keys * unit,
                        c->keys * unit);
        n += c->packed ? sprintf(text + n, "in x N 3 %d; Split x,s -> q,k,v axis=2; ", heads * SIZE)
                       : sprintf(text + n, "in x N %d 3 4; Split x,s -> q,k,v axis=1; ", heads);
        n += sprintf(text + n, "Attention q,k,v%s -> y %s", *c->mask ? ",m" : "", c->attributes);
        if (c->packed)
            sprintf(text + n, " q_num_heads=4 kv_num_heads=%d", c->keys);
        int64_t elements = heads * SIZE * TOKENS;
        random_values("image", in, (size_t)(IMAGES * elements));
        for (int i = 0; i < IMAGES; i++)
            attend(c, in + i * elements, want + i * QUERIES * TOKENS * SIZE);
        check_values(text, IMAGES, in, want, QUERIES * TOKENS * SIZE);
    }
}

#define FLAT "opset 23; in x N 3 8; out y; "

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {FLAT "Attention x,x,x -> y q_num_heads=2 kv_num_heads=2 window=3", "attribute 'window'"},
        {FLAT "Attention x,x,x -> y", "0 heads of queries and 0 of keys"},
        {FLAT "Attention x,x,x -> y q_num_heads=-2 kv_num_heads=-2", "-2 heads of queries"},
        {FLAT "Attention x,x,x -> y q_num_heads=4 kv_num_heads=3", "4 heads of queries and 3 of keys"},
        {FLAT "Attention x,x,x -> y q_num_heads=3 kv_num_heads=3", "3 heads for 8 values"},
        {FLAT "Attention x,x,x -> y q_num_heads=9223372036854775807 kv_num_heads=1", "heads for 8 values"},
        {FLAT "Attention x,x,x -> y q_num_heads=2 kv_num_heads=9223372036854775807", "2 heads of queries"},
        {FLAT "Attention x,x,x -> y q_num_heads=2 kv_num_heads=2 scale=0.0", "a scale of 0"},
        {FLAT "Attention x,x,x -> y q_num_heads=2 kv_num_heads=2 scale=-1.0", "a scale of -1"},
        {FLAT "i b 1 1 1 0 0 0 1 1 1; i s 3 3; Reshape b,s -> c; Cast c -> m to=9; "
              "Attention x,x,x,m -> y q_num_heads=2 kv_num_heads=2",
         "its mask leaves query 1 without any key"},
        {FLAT "i b 0 0 1; Cast b -> m to=9; Attention x,x,x,m -> y q_num_heads=2 kv_num_heads=2 is_causal=1",
         "leaves query 0 without"},
        {FLAT "r m 5; Attention x,x,x,m -> y q_num_heads=2 kv_num_heads=2", ""},
        {FLAT "Attention x,x,x,x -> y q_num_heads=2 kv_num_heads=2", ""},
        {FLAT "r p 1 2 3 4; Attention x,x,x,-,p,p -> y q_num_heads=2 kv_num_heads=2", "a cache of keys"},
        {FLAT "Attention x,x,x -> a,b,c,y q_num_heads=2 kv_num_heads=2", "its output 3 is used"},
        {FLAT "Attention x,x -> y", "it has 2 inputs"},
        {FLAT "Attention x,-,x -> y", "input 1 is missing"},
        {FLAT "r k; Attention x,k,x -> y", "operands of 3, 0 and 3 dimensions"},
        {FLAT "r k 8; Attention k,k,x -> y", "operands of 1, 1 and 3 dimensions"},
        {FLAT "r k 1 3 6; Attention x,k,k -> y q_num_heads=2 kv_num_heads=2", ""},
        {"opset 23; in x N 3; out y; Attention x,x,x -> y", "operands of 2, 2 and 2"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        check_refused(bad[k][0], bad[k][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
    };
    return run_suite(tests, NULL, NULL);
}
