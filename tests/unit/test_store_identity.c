/* Proves that a result file belongs to one campaign, one program and one writer at a time. */
#include "support/store_fixture.h"

#include "store/status.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void refuse(fixture *f, const char *why, const char *hint)
{
    bs_store *s = (bs_store *)f;
    assert_error(bs_store_open(&s, f->db, &f->plan, f->images, NULL), why);
    assert_null(s);
    if (!strstr(bs_error_hint(), hint))
        fail_msg("hint '%s' lacks '%s'", bs_error_hint(), hint);
}

static void other_campaigns_are_refused(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 50, 10);
    const fixture good = f;
#define REFUSE(change, why, hint)                                                                            \
    do {                                                                                                     \
        f.graph = good.graph;                                                                                \
        f.job = good.job;                                                                                    \
        f.plan = good.plan;                                                                                  \
        memcpy(f.entry, good.entry, sizeof f.entry);                                                         \
        memcpy(f.stratum, good.stratum, sizeof f.stratum);                                                   \
        f.job.entries = f.entry;                                                                             \
        f.plan.job = &f.job;                                                                                 \
        f.plan.graph = &f.graph;                                                                             \
        f.plan.strata = f.stratum;                                                                           \
        change;                                                                                              \
        refuse(&f, why, hint);                                                                               \
    } while (0)
    REFUSE(f.graph.sha256[0] = 'c', "model SHA-256", "another result file");
    REFUSE(f.job.seed++, "seed", "another result file");
    REFUSE(f.job.preprocess.bgr = true, "preprocessing", "another result file");
    REFUSE(f.job.preprocess.interpolation = BS_BICUBIC, "preprocessing", "another result file");
    REFUSE(f.job.label_offset = 0, "label offset", "another result file");
    REFUSE(f.graph.classes++, "number of classes", "another result file");
    REFUSE(f.stratum[0].fault.bits = f.stratum[1].fault.bits = 1, "fault entry 2", "another result file");
    REFUSE(f.entry[1].fault.count = 2, "fault entry 3", "another result file");
    REFUSE(f.entry[2].fault.ber = 2e-3, "fault entry 7", "another result file");
    REFUSE(f.entry[0].fault.kind = BS_FAULT_ZERO, "fault entry 2", "another result file");
    REFUSE(f.job.n_entries = 2; f.plan.n_strata = 3, "fault entry 7 that the job lacks", "put it back");
    REFUSE(f.stratum[1].target = 1, "fault entry 2", "another result file");
    REFUSE(f.stratum[2].repetitions--, "trials an image", "at least 12");
    REFUSE(f.plan.n_images--, "more images", "raise the limit");
    REFUSE(f.plan.n_images++, "the plan has 25 images", "");
    REFUSE(f.job.storage.weights = BS_DTYPE_INT8, "its storage is 'as in the model'", "another result file");
    float scale = 0.5f;
    bs_scales *scales = &good.graph.tensors[good.graph.targets[0].tensor].scales, none = *scales;
    REFUSE(*scales = ((bs_scales){&scale, 1, 1}), "the scales of its layers", "made of other images");
    *scales = none;
    fixture_close(&f);
}

static void images_must_agree(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 50, 10);
    fx_number(f.db, "UPDATE image SET label = 6 WHERE id = 4");
    refuse(&f, "label of its image 4", "another result file");
    fx_number(f.db, "UPDATE image SET path = 'elsewhere.png' WHERE id = 3");
    refuse(&f, "its image 3 is 'elsewhere.png'", "at the end");
    fx_number(f.db, "DELETE FROM image WHERE id = 2");
    refuse(&f, "image 2 is missing", "");
    fixture_close(&f);
}

/* Paths and messages are stored as text, whatever their bytes. */
static void text_is_utf8(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    f.job.model = (char *)"m\xff.onnx";
    f.job.path = (char *)"/nowhere/j\xff.yaml";
    fx_run(&f, f.db, 0, 50, 10);
    assert_int_equal(fx_number(f.db,
                               "SELECT count(*) FROM campaign WHERE model = 'm\\xff.onnx' AND job_path = "
                               "x'2f6e6f77686572652f6aff2e79616d6c'"),
                     1);
    fixture_close(&f);
}

static void extent_may_grow(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    f.plan.n_images = 10;
    f.job.n_entries = 2;
    f.plan.n_strata = 3;
    f.plan.trials = 10 * 3 * FX_REPETITIONS;
    fx_run(&f, f.db, 0, 50, 10);
    f.plan.n_images = FX_IMAGES;
    f.job.n_entries = 3;
    f.plan.n_strata = FX_STRATA;
    f.plan.trials = FX_ROWS;
    const char *const names[FX_CLASSES] = {"cat", "dog"};
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, names));
    bs_store_close(s);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM image"), FX_IMAGES);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM stratum"), FX_STRATA);
    assert_int_equal(fx_number(f.db, "SELECT planned_trials FROM campaign"), FX_ROWS);
    assert_int_equal(fx_number(f.db, "SELECT count(name) FROM class"), 2);
    fx_run(&f, f.db, 50, FX_ROWS, 1000);
    fixture_close(&f);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    fixture f;
    bs_file_status st;
    char digest[33];
    fixture_open(&f);
    FILE *file = fopen(f.db, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database at all\n", file);
    fclose(file);
    refuse(&f, "not a SQLite database", "another result file");
    assert_error(bs_store_status(f.db, &st), "not a SQLite database");
    unlink(f.db);
    sqlite3 *h;
    assert_int_equal(sqlite3_open(f.db, &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    refuse(&f, "another program", "another result file");
    assert_error(bs_store_digest(f.db, digest, NULL), "another program");
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM sqlite_master"), 1);
    unlink(f.db);
    assert_int_equal(mkdir(f.db, 0777), 0);
    refuse(&f, "directory", "name a file");
    rmdir(f.db);
    fx_run(&f, f.db, 0, 50, 10);
    fx_number(f.db, "PRAGMA user_version = 99");
    refuse(&f, "version 99 is newer than 11", "newer");
    fx_number(f.db, "PRAGMA user_version = 2");
    refuse(&f, "version 2 is older than 11", "bitsink upgrade");
    unlink(f.db);
    file = fopen(f.db, "w"); /* an empty file is as good as none, but for reading */
    fclose(file);
    assert_error(bs_store_status(f.db, &st), "empty");
    fx_run(&f, f.db, 0, 50, 10);
    snprintf(f.db, sizeof f.db, "%s/no/such/folder.db", f.dir);
    refuse(&f, "No such file", "folder");
    fixture_close(&f);
}

static void damaged_files_do_not_crash(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    bs_file_status st;
    char digest[33], sound[33], command[256];
    uint64_t rows;
    int noticed = 0;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_ok(bs_store_digest(f.db, sound, NULL));
    snprintf(command, sizeof command, "cp %s %s.good", f.db, f.db);
    assert_int_equal(system(command), 0);
    struct stat info;
    assert_int_equal(stat(f.db, &info), 0);
    for (int k = 0; k < 30; k++) {
        snprintf(command, sizeof command, "cp %s.good %s", f.db, f.db);
        assert_int_equal(system(command), 0);
        FILE *file = fopen(f.db, "r+");
        fseek(file, (long)fx_random(&f, (uint32_t)info.st_size - 512), SEEK_SET);
        for (int i = 0; i < 512; i++)
            fputc((int)fx_random(&f, 256), file);
        fclose(file);
        if (bs_store_open(&s, f.db, &f.plan, f.images, NULL) == BS_OK)
            bs_store_close(s);
        else
            noticed++;
        if (bs_store_status(f.db, &st) == BS_OK)
            bs_file_status_clear(&st);
        if (bs_store_digest(f.db, digest, &rows) != BS_OK || strcmp(digest, sound) != 0)
            noticed++;
    }
    assert_true(noticed > 0);
    assert_int_equal(truncate(f.db, info.st_size / 2), 0);
    assert_true(bs_store_digest(f.db, digest, &rows) != BS_OK || strcmp(digest, sound) != 0);
    fixture_close(&f);
}

static void one_writer(void **state)
{
    (void)state;
    fixture f;
    bs_store *first;
    fixture_open(&f);
    assert_ok(bs_store_open(&first, f.db, &f.plan, f.images, NULL));
    refuse(&f, "is writing it", "wait for it");
    assert_non_null(strstr(bs_error_message(), "process"));
    pid_t child = fork();
    if (child == 0) {
        bs_store *s;
        _exit(bs_store_open(&s, f.db, &f.plan, f.images, NULL) == BS_OK ? 0 : 7);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    bs_store_close(first);
    fx_run(&f, f.db, 0, 50, 10);
    fixture_close(&f);
}

static void read_only_files(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 50, 10);
    assert_int_equal(chmod(f.db, 0444), 0);
    assert_int_equal(chmod(f.dir, 0777), 0);
    pid_t child = fork();
    if (child == 0) {
        bs_store *s;
        if (geteuid() == 0 && setuid(65534) != 0) /* root may write everything */
            _exit(77);
        bs_status st = bs_store_open(&s, f.db, &f.plan, f.images, NULL);
        _exit(st != BS_OK && strstr(bs_error_message(), "read-only") && strstr(bs_error_hint(), "writable")
                  ? 7
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip("cannot drop the superuser's rights");
    assert_int_equal(WEXITSTATUS(status), 7);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_campaigns_are_refused),
        cmocka_unit_test(images_must_agree),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(extent_may_grow),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(damaged_files_do_not_crash),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(read_only_files),
    };
    return run_suite(tests, NULL, NULL);
}
