/* Proves what figures say of an entry's fault. */
#include "support/testing.h"

#include "report/figure.h"
#include "store/db.h"

static const char *const tables =
    "CREATE TABLE entry (id, kind, bits, burst, count, ber, probability, value, low, high);"
    "CREATE TABLE fault_kind AS SELECT 'flip' AS kind, 1 AS bitwise UNION ALL SELECT 'set', 0 UNION ALL "
    "SELECT 'random', 0;"
    "CREATE TABLE layer AS SELECT 1 AS id, 'fp32' AS type, 'weight' AS kind UNION ALL SELECT 2, 'fp32', "
    "'weight' UNION ALL SELECT 3, 'int8', 'weight';"
    "CREATE TABLE network_target (entry, layer);"
    "CREATE TABLE stratum AS SELECT 1 AS entry, 1 AS layer UNION ALL SELECT 1, 2;"
    "CREATE TABLE layer_summary AS SELECT 1 AS entry, 1 AS layer, 15 AS n UNION ALL SELECT 1, 1, 5 UNION ALL "
    "SELECT 1, 2, 20;"
    "INSERT INTO entry VALUES (1, 'flip', 0x7f800000, 1, 1, 0.0, 1.0, NULL, NULL, NULL);";

static void test_fault_in_words(void **state)
{
    static const struct {
        const char *change, *want;
    } cases[] = {
        {"", "flip, exponent bits, one site a trial, 20 trials a layer"},
        {"UPDATE entry SET bits = 0xffffffff, ber = 1e-5",
         "flip, any bit, bit error rate 1e-05, 20 trials a layer"},
        {"UPDATE entry SET bits = 0x007fffff, ber = 0, count = 3",
         "flip, mantissa bits, 3 sites a trial, 20 trials a layer"},
        {"UPDATE entry SET bits = 0x80000000, count = 0",
         "flip, sign bit, every element once, 20 trials a layer"},
        {"UPDATE entry SET bits = 0x80f00003, burst = 2",
         "flip, bits 0-1, 20-23, 31, bursts of 2, every element once, 20 trials a layer"},
        {"UPDATE entry SET bits = 0x80000000, burst = 1, count = 1; INSERT INTO stratum VALUES (1, 3); "
         "INSERT INTO layer_summary VALUES (1, 3, 7)",
         "flip, bit 31, one site a trial, 7 to 20 trials a layer"}, /* not all values are fp32 */
        {"UPDATE entry SET kind = 'set', value = 0.5, probability = 0.25",
         "set to 0.5, one site a trial, with probability 0.25, 7 to 20 trials a layer"},
        {"UPDATE entry SET kind = 'random', value = NULL, low = -1.5, high = 2.5, probability = 1",
         "random from -1.5 to 2.5, one site a trial, 7 to 20 trials a layer"},
        {"DELETE FROM entry", ""},
    };
    bs_db db = {0};
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db.handle), SQLITE_OK);
    assert_ok(bs_db_exec(&db, "fill", tables));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_str text = {0};
        assert_ok(bs_db_exec(&db, "change", cases[i].change));
        assert_ok(bs_figure_put_fault(&text, &db, 1));
        assert_string_equal(text.ptr ? text.ptr : "", cases[i].want);
        bs_str_clear(&text);
    }
    sqlite3_close(db.handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fault_in_words)};
    return run_suite(tests, NULL, NULL);
}
