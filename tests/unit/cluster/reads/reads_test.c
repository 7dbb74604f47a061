/* reads_test.c: rounds of linearizable reads. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/reads/reads.h"
#include "tests/lib/unit.h"

#define SELF 1
#define TERM 7

struct fixture {
    struct members members;
    struct reads reads;
    unsigned answers;
    enum status status;
    uint64_t index;
};

static int
open_fixture(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    for (uint64_t id = SELF; id <= 3; id++) {
        fixture.members.list[fixture.members.count++] =
            (struct member){.id = id, .voter = true};
    }
    reads_init(&fixture.reads);
    *state = &fixture;
    return 0;
}

static int
close_fixture(void **state)
{
    reads_deinit(&((struct fixture *)*state)->reads);
    return 0;
}

static void
done(void *arg, enum status status, uint64_t index)
{
    struct fixture *f = arg;
    f->answers++;
    f->status = status;
    f->index = index;
}

static bool
begin(struct fixture *f, uint64_t commit_index)
{
    return reads_begin(&f->reads, TERM, commit_index, &f->members, SELF);
}

static bool
answered(struct fixture *f, uint64_t id)
{
    return reads_answered(&f->reads, id, TERM, f->reads.round, &f->members);
}

/* Goal: a read has the commit index of before its ping, once a majority has answered. Method:
 * one that asks while a round is under way is not served by it. */
static void
round__majority_answers__serves_who_asked_before(void **state)
{
    struct fixture *f = *state;
    reads_add(&f->reads, done, f);
    assert_true(begin(f, 10));
    reads_add(&f->reads, done, f);
    assert_false(begin(f, 11)); /* the first round is still under way */
    assert_int_equal(f->answers, 0);
    assert_true(answered(f, 3));
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->index, 10);
    assert_false(answered(f, 2)); /* late */
    assert_int_equal(f->answers, 1);
    assert_true(begin(f, 12));
    assert_true(answered(f, 3));
    assert_int_equal(f->answers, 2);
    assert_int_equal(f->index, 12);
}

/* Goal: only who was quick is asked again; when that one falls silent, another takes its place
 * with the first round that it answers instead. */
static void
round__after_another__asks_the_quick_ones(void **state)
{
    struct fixture *f = *state;
    const uint64_t quick[] = {2, 2, 3};
    reads_add(&f->reads, done, f);
    assert_true(begin(f, 10));
    assert_int_equal(f->reads.quick_count, 0); /* none known: everyone */
    assert_true(answered(f, 2));
    for (unsigned i = 1; i < ARRAY_SIZE(quick); i++) {
        reads_add(&f->reads, done, f);
        assert_true(begin(f, 10));
        assert_int_equal(f->reads.quick_count, 1);
        assert_int_equal(f->reads.quick[0], quick[i - 1]);
        assert_true(answered(f, quick[i]));
    }
    reads_add(&f->reads, done, f);
    assert_true(begin(f, 10));
    assert_int_equal(f->reads.quick[0], 3);
    reads_fail(&f->reads, STATUS_NOT_LEADER);
    assert_int_equal(f->status, STATUS_NOT_LEADER);
}

/* Goal: answers of another round, another term or twice from one member prove nothing. */
static void
answer__of_another_round__does_not_count(void **state)
{
    struct fixture *f = *state;
    reads_add(&f->reads, done, f);
    assert_true(begin(f, 10));
    assert_false(reads_answered(&f->reads, 2, TERM, f->reads.round - 1, &f->members));
    assert_false(reads_answered(&f->reads, 2, TERM + 1, f->reads.round, &f->members));
    assert_false(reads_answered(&f->reads, SELF, TERM, f->reads.round, &f->members));
    assert_false(reads_answered(&f->reads, 99, TERM, f->reads.round, &f->members));
    assert_int_equal(f->answers, 0);
}

/* Goal: a sole voter asks nobody. */
static void
round__sole_voter__ends_at_once(void **state)
{
    struct fixture *f = *state;
    f->members.count = 1;
    reads_add(&f->reads, done, f);
    assert_false(begin(f, 10));
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->index, 10);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(round__majority_answers__serves_who_asked_before),
        CASE(round__after_another__asks_the_quick_ones),
        CASE(answer__of_another_round__does_not_count),
        CASE(round__sole_voter__ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
