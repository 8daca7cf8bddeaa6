/* Proves that on each card that kernels are built for cuDNN has engines without tensor cores that serve
 * whole layers and patches. The cards are the described H200 with another compute capability. */
#include "support/cuda_dnn_fixture.h"

/* Another compute capability in a description, which is replaced. */
static void set_capability(char **json, int capability)
{
    static const char key[] = "\"deviceVer\":";
    char *at = strstr(*json, key);
    assert_non_null(at);
    size_t head = (size_t)(at - *json), room = strlen(*json) + 16;
    char *changed = malloc(room);
    assert_non_null(changed);
    at += strlen(key);
    at += strspn(at, " 0123456789");
    snprintf(changed, room, "%.*s%s%d%s", (int)head, *json, key, capability, at);
    free(*json);
    *json = changed;
}

static int serving(bs_cudnn *d, const bs_cudnn_shape *s, const bs_cudnn_config *configs, int n)
{
    int good = 0;
    for (int i = 0; i < n; i++) {
        bs_cudnn_shape parts[] = {patches(*s, 1, 3), patches(*s, 32, 5), patches(*s, 256, 14)};
        bool all = true;
        for (int k = 0; k < 3; k++) {
            bs_cudnn_plan *plan = NULL;
            assert_ok(bs_cudnn_plan_create(&plan, d, &parts[k], &configs[i], WORKSPACE));
            all = all && plan;
            bs_cudnn_plan_free(plan);
        }
        good += all;
    }
    return good;
}

static void test_cards(void **state)
{
    (void)state;
    static const int cards[] = {750, 800, 860, 890, 900, 1000, 1200};
    bs_cuda_api api = load_dnn();
    for (size_t c = 0; c < sizeof cards / sizeof *cards; c++) {
        bs_cudnn *d = NULL;
        char *json = NULL;
        read_device(&json);
        set_capability(&json, cards[c]);
        assert_ok(bs_cudnn_create(&d, &api, json));
        bs_cudnn_shape list[] = {square(3, 64, 224, 7, 2, 3), square(64, 64, 224, 3, 1, 1),
                                 square(512, 512, 14, 3, 1, 1), square(256, 64, 56, 1, 1, 0),
                                 square(96, 96, 56, 3, 1, 1)};
        list[4].group = 96;
        print_message("sm_%d:", cards[c] / 10);
        for (int i = 0; i < 5; i++) {
            bs_cudnn_config configs[16];
            int n = 0;
            assert_ok(bs_cudnn_configs(d, &list[i], WORKSPACE, configs, 16, &n));
            int good = serving(d, &list[i], configs, n);
            print_message(" %d of %d, first %d;", good, n, n ? (int)configs[0].engine : -1);
            assert_true(good > 0);
        }
        print_message("\n");
        bs_cudnn_free(d);
        free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cards)};
    return run_suite(tests, NULL, NULL);
}
