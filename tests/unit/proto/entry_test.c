/* entry_test.c: log entries as bytes. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "base/errors.h"
#include "base/rng.h"
#include "proto/entry.h"
#include "proto/entry.pb-c.h"

#include <stdlib.h>

static struct slice
text(const char *t)
{
    return slice_make(t, strlen(t));
}

/* What was encoded is decoded. Method: each kind, with empty and other payloads. */
static void
entry_decode__encoded_entry__is_the_same(void **state)
{
    UNUSED(state);
    static const struct entry_case {
        enum entry_kind kind;
        const char *payload;
    } cases[] = {{ENTRY_TXNS, "abc"},       {ENTRY_TXN_PART, ""},     {ENTRY_TXN_ABORT, "x"},
                 {ENTRY_SEQUENCE, "yy"},    {ENTRY_MEMBERSHIP, "zz"}, {ENTRY_TERM_START, ""},
                 {ENTRY_UPGRADE, "upgrade"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf bytes = BUF_EMPTY;
        entry_encode(&bytes, cases[i].kind, text(cases[i].payload));
        struct entry_view view;
        assert_int_equal(entry_decode(buf_slice(&bytes), &view, NULL), STATUS_OK);
        assert_int_equal(view.kind, cases[i].kind);
        assert_int_equal(view.version, ENTRY_VERSION);
        assert_true(slice_equal(view.payload, text(cases[i].payload)));
        buf_deinit(&bytes);
    }
}

/* Any changed byte or cut of an entry is noticed: STATUS_CORRUPT, or UNSUPPORTED where the
 * change makes another valid header; never OK with another payload. */
static void
entry_decode__damaged_bytes__are_refused(void **state)
{
    UNUSED(state);
    struct buf bytes = BUF_EMPTY;
    entry_encode(&bytes, ENTRY_TXNS, text("some payload to protect"));
    struct entry_view view;
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(entry_decode(slice_make(bytes.data, size), &view, NULL),
                         STATUS_CORRUPT);
    }
    size_t payload_at = bytes.size - strlen("some payload to protect");
    for (size_t at = payload_at; at < bytes.size; at++) {
        bytes.data[at] ^= 0x40;
        assert_int_equal(entry_decode(buf_slice(&bytes), &view, NULL), STATUS_CORRUPT);
        bytes.data[at] ^= 0x40;
    }
    buf_deinit(&bytes);
}

static void
put_header(struct buf *out, uint32_t min_reader, uint32_t kind)
{
    Rustydb__Proto__EntryHeader header = RUSTYDB__PROTO__ENTRY_HEADER__INIT;
    header.version = min_reader;
    header.min_reader = min_reader;
    header.kind = kind;
    uint8_t packed[64];
    size_t size = rustydb__proto__entry_header__pack(&header, packed);
    buf_u8(out, (uint8_t)size);
    buf_append(out, packed, size);
}

/* An entry of a newer version says which version it needs; an unknown kind is not skipped. */
static void
entry_decode__from_the_future__says_what_is_needed(void **state)
{
    UNUSED(state);
    struct entry_view view;
    struct buf bytes = BUF_EMPTY;
    struct diag diag;
    diag_clear(&diag);
    put_header(&bytes, 7, ENTRY_TXNS);
    assert_int_equal(entry_decode(buf_slice(&bytes), &view, &diag), STATUS_UNSUPPORTED);
    assert_string_equal(diag.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED);
    assert_non_null(strstr(diag.message, "version 7"));
    buf_clear(&bytes);
    put_header(&bytes, 1, 99);
    assert_int_equal(entry_decode(buf_slice(&bytes), &view, NULL), STATUS_UNSUPPORTED);
    buf_deinit(&bytes);
}

static const struct effect effects[] = {
    {.kind = EFFECT_INSERT, .object = {70000}, .row = {1ull << 40}, .bytes = {(void *)"tu", 2}},
    {.kind = EFFECT_UPDATE, .object = {1}, .row = {1}, .bytes = {(void *)"", 0}},
    {.kind = EFFECT_DELETE, .object = {UINT32_MAX}, .row = {127}},
    {.kind = EFFECT_NEW_GENERATION,
     .object = {5},
     .reason = GENERATION_ALTER,
     .bytes = {(void *)"def", 3}},
    {.kind = EFFECT_DROP, .object = {6}},
    {.kind = EFFECT_BUILD_INDEX, .object = {7}, .table = {5}, .bytes = {(void *)"idx", 3}},
    {.kind = EFFECT_SAVEPOINT, .number = 300},
    {.kind = EFFECT_SEQUENCE_SET,
     .object = {8},
     .number = (uint64_t)-5,
     .bytes = {(void *)"s", 1}},
};

/* Effects come back as they went in, one after the other, then the end. */
static void
effect_decode__encoded_effects__are_the_same(void **state)
{
    UNUSED(state);
    struct buf bytes = BUF_EMPTY;
    for (size_t i = 0; i < ARRAY_SIZE(effects); i++) {
        effect_encode(&bytes, &effects[i]);
    }
    struct reader in = reader_make(buf_slice(&bytes));
    struct effect got;
    for (size_t i = 0; i < ARRAY_SIZE(effects); i++) {
        assert_int_equal(effect_decode(&in, &got, NULL), STATUS_OK);
        assert_int_equal(got.kind, effects[i].kind);
        assert_int_equal(got.object.v, effects[i].object.v);
        assert_int_equal(got.table.v, effects[i].table.v);
        assert_int_equal(got.row.v, effects[i].row.v);
        assert_int_equal(got.reason, effects[i].reason);
        assert_int_equal(got.number, effects[i].number);
        assert_true(slice_equal(got.bytes, effects[i].bytes));
    }
    assert_int_equal(effect_decode(&in, &got, NULL), STATUS_NOT_FOUND);
    buf_deinit(&bytes);
}

/* Records, parts and marks round-trip. */
static void
txn_record_decode__encoded_records__are_the_same(void **state)
{
    UNUSED(state);
    struct txn_record a = {.gtid = {1, 2, 3, 4},
                           .commit_time_us = 1ull << 50,
                           .rolled_back = text("rb"),
                           .parts = text("parts"),
                           .effects = text("effects")};
    struct txn_record b = {.gtid = {UINT64_MAX, 0, 1, UINT64_MAX}}, got;
    struct buf bytes = BUF_EMPTY;
    txn_record_encode(&bytes, &a);
    txn_record_encode(&bytes, &b);
    struct reader in = reader_make(buf_slice(&bytes));
    assert_int_equal(txn_record_decode(&in, &got, NULL), STATUS_OK);
    assert_true(gtid_equal(got.gtid, a.gtid));
    assert_int_equal(got.commit_time_us, a.commit_time_us);
    assert_true(slice_equal(got.rolled_back, a.rolled_back));
    assert_true(slice_equal(got.parts, a.parts));
    assert_true(slice_equal(got.effects, a.effects));
    assert_int_equal(txn_record_decode(&in, &got, NULL), STATUS_OK);
    assert_true(gtid_equal(got.gtid, b.gtid));
    assert_int_equal(got.effects.size, 0);
    assert_int_equal(txn_record_decode(&in, &got, NULL), STATUS_NOT_FOUND);

    struct gtid gtid;
    struct slice part;
    buf_clear(&bytes);
    txn_part_encode(&bytes, a.gtid, text("part"));
    assert_int_equal(txn_part_decode(buf_slice(&bytes), &gtid, &part, NULL), STATUS_OK);
    assert_true(gtid_equal(gtid, a.gtid));
    assert_true(slice_equal(part, text("part")));

    struct sequence_mark mark = {.object = {9}, .value = INT64_MIN, .called = true}, back;
    buf_clear(&bytes);
    sequence_mark_encode(&bytes, &mark);
    in = reader_make(buf_slice(&bytes));
    assert_int_equal(sequence_mark_decode(&in, &back, NULL), STATUS_OK);
    assert_int_equal(back.object.v, 9);
    assert_true(back.value == INT64_MIN && back.called);
    assert_int_equal(sequence_mark_decode(&in, &back, NULL), STATUS_NOT_FOUND);
    buf_deinit(&bytes);
}

/* Decoders read any bytes without harm. Method: random bytes and random damage of good ones in
 * an exact-size allocation, so that a sanitizer sees a read past the end. */
static void
decoders__random_bytes__do_no_harm(void **state)
{
    UNUSED(state);
    struct rng rng;
    rng_seed(&rng, 42);
    struct buf good = BUF_EMPTY, record = BUF_EMPTY;
    for (size_t i = 0; i < ARRAY_SIZE(effects); i++) {
        effect_encode(&good, &effects[i]);
    }
    txn_record_encode(&record,
                      &(struct txn_record){.gtid = {1, 2, 3, 4}, .effects = buf_slice(&good)});
    for (int round = 0; round < 20000; round++) {
        size_t size = rng_below(&rng, record.size + 1);
        uint8_t *bytes = malloc(size + 1);
        memcpy(bytes, record.data, size);
        for (uint64_t i = rng_below(&rng, 6); i > 0 && size > 0; i--) {
            bytes[rng_below(&rng, size)] = (uint8_t)rng_next(&rng);
        }
        struct slice slice = slice_make(bytes, size);
        struct reader in = reader_make(slice);
        struct txn_record got;
        while (txn_record_decode(&in, &got, NULL) == STATUS_OK) {
            struct reader body = reader_make(got.effects);
            struct effect effect;
            while (effect_decode(&body, &effect, NULL) == STATUS_OK) {
            }
        }
        struct entry_view view;
        enum status status = entry_decode(slice, &view, NULL);
        assert_true(status != STATUS_OK);
        free(bytes);
    }
    buf_deinit(&good);
    buf_deinit(&record);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_decode__encoded_entry__is_the_same),
        cmocka_unit_test(entry_decode__damaged_bytes__are_refused),
        cmocka_unit_test(entry_decode__from_the_future__says_what_is_needed),
        cmocka_unit_test(effect_decode__encoded_effects__are_the_same),
        cmocka_unit_test(txn_record_decode__encoded_records__are_the_same),
        cmocka_unit_test(decoders__random_bytes__do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
