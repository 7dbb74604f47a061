/* message_test.c: frames between members. SPDX-License-Identifier: Apache-2.0 */
#include "base/codec.h"
#include "base/crc.h"
#include "base/rng.h"
#include "cluster/transport/message.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static struct peer_message
decode_one(struct buf *frame, struct arena *arena)
{
    struct peer_message message;
    struct diag diag = {0};
    size_t size = 0;
    assert_int_equal(peer_frame_size(buf_slice(frame), &size, &diag), STATUS_OK);
    assert_int_equal(size, frame->size);
    assert_int_equal(peer_message_decode(buf_slice(frame), arena, &message, &diag), STATUS_OK);
    return message;
}

/* What is encoded comes back. Method: one message of each shape, with more entries than fit the
 * encoder's own array. */
static void
peer_message__encoded__decodes_to_the_same(void **state)
{
    UNUSED(state);
    struct arena arena;
    struct buf frame = BUF_EMPTY;
    struct peer_entry entries[100];
    uint8_t bytes[100];
    memset(bytes, 7, sizeof(bytes));
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        entries[i] =
            (struct peer_entry){.term = 5 + i / 10, .type = 1, .bytes = slice_make(bytes, i)};
    }
    arena_init(&arena);
    struct peer_message append = {.kind = PEER_APPEND,
                                  .term = 20,
                                  .prev_index = 7,
                                  .prev_term = 5,
                                  .commit_index = 6,
                                  .entries = entries,
                                  .entry_count = ARRAY_SIZE(entries)};
    peer_message_encode(&frame, &append);
    struct peer_message back = decode_one(&frame, &arena);
    assert_int_equal(back.kind, PEER_APPEND);
    assert_int_equal(back.prev_index, 7);
    assert_int_equal(back.entry_count, 100);
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        assert_int_equal(back.entries[i].term, entries[i].term);
        assert_true(slice_equal(back.entries[i].bytes, entries[i].bytes));
    }
    buf_clear(&frame);
    struct peer_message hello = {.kind = PEER_HELLO,
                                 .hello = {.protocol = 1,
                                           .min_reader = 1,
                                           .cluster_name = "c",
                                           .node_name = "n",
                                           .version = "0.6.0",
                                           .node_id = UINT64_MAX,
                                           .sql_port = 5432}};
    peer_message_encode(&frame, &hello);
    back = decode_one(&frame, &arena);
    assert_string_equal(back.hello.cluster_name, "c");
    assert_true(back.hello.node_id == UINT64_MAX);
    assert_int_equal(back.hello.sql_port, 5432);
    buf_clear(&frame);
    struct peer_message request = {
        .kind = PEER_REQUEST, .number = 9, .payload = slice_from_text("question")};
    peer_message_encode(&frame, &request);
    back = decode_one(&frame, &arena);
    assert_true(slice_equal(back.payload, slice_from_text("question")));
    buf_deinit(&frame);
    arena_deinit(&arena);
}

/* Broken frames are refused and read nothing out of bounds (run under ASan).
 * Method: flip, cut and overwrite bytes of good frames, with and without a repaired checksum.
 */
static void
peer_message__any_bytes__are_survived(void **state)
{
    UNUSED(state);
    struct rng rng;
    struct arena arena;
    struct buf good = BUF_EMPTY;
    struct peer_entry entries[3] = {{5, 1, slice_from_text("abc")},
                                    {5, 2, slice_from_text("")},
                                    {6, 3, slice_from_text("defgh")}};
    struct peer_message append = {.kind = PEER_APPEND,
                                  .term = 6,
                                  .prev_index = 300,
                                  .prev_term = 5,
                                  .entries = entries,
                                  .entry_count = 3};
    unsigned refused_count = 0;
    rng_seed(&rng, 42);
    arena_init(&arena);
    peer_message_encode(&good, &append);
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[256];
        size_t size = good.size, frame_size = 0;
        memcpy(bytes, good.data, size);
        for (uint64_t n = 1 + rng_below(&rng, 3); n > 0; n--) {
            bytes[rng_below(&rng, size)] = (uint8_t)rng_next(&rng);
        }
        if (rng_below(&rng, 2) == 0) {
            put_u32(bytes + 8,
                    crc32c(0, bytes + PEER_FRAME_HEADER_BYTES, size - PEER_FRAME_HEADER_BYTES));
        }
        if (rng_below(&rng, 4) == 0) {
            size = (size_t)rng_below(&rng, size + 1);
        }
        struct peer_message message;
        struct slice frame = slice_make(bytes, size);
        arena_reset(&arena);
        enum status status = peer_frame_size(frame, &frame_size, NULL);
        if (status == STATUS_OK) {
            assert_true(frame_size <= size);
            status = peer_message_decode(frame, &arena, &message, NULL);
        }
        refused_count += status == STATUS_CORRUPT ? 1 : 0;
        assert_true(status == STATUS_OK || status == STATUS_CORRUPT);
    }
    assert_true(refused_count > 50000);
    buf_deinit(&good);
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_message__encoded__decodes_to_the_same),
        cmocka_unit_test(peer_message__any_bytes__are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
