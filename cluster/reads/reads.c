/* reads.c: see reads.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/reads/reads.h"

#include <stdlib.h>
#include <string.h>

void
reads_init(struct reads *reads)
{
    *reads = (struct reads){0};
}

void
reads_deinit(struct reads *reads)
{
    free(reads->waiting.waiters);
    free(reads->asked.waiters);
}

void
reads_add(struct reads *reads, read_index_fn done, void *arg)
{
    struct read_list *list = &reads->waiting;
    if (list->count == list->capacity) {
        list->capacity = MAX((size_t)16, list->capacity * 2);
        list->waiters = realloc(list->waiters, list->capacity * sizeof(*list->waiters));
        ASSERT(list->waiters != NULL);
    }
    list->waiters[list->count++] = (struct read_waiter){.done = done, .arg = arg};
}

bool
reads_waiting(const struct reads *reads)
{
    return reads->waiting.count > 0 || reads->asked.count > 0;
}

static void
answer(struct read_list *list, enum status status, uint64_t index)
{
    size_t count = list->count;
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        list->waiters[i].done(list->waiters[i].arg, status, index);
    }
}

static bool
has_majority(const struct reads *reads, const struct members *members)
{
    unsigned votes = 0;
    for (unsigned i = 0; i < reads->answered_count; i++) {
        const struct member *member = members_find(members, reads->answered[i]);
        votes += member != NULL && member->voter ? 1 : 0;
    }
    return votes * 2 > members_voter_count(members);
}

bool
reads_begin(struct reads *reads, uint64_t term, uint64_t commit_index,
            const struct members *members, uint64_t self_id)
{
    if (reads->asked.count > 0 || reads->waiting.count == 0) {
        return false;
    }
    struct read_list empty = reads->asked;
    reads->asked = reads->waiting;
    reads->waiting = empty;
    reads->quick_count = reads->answered_count == 0 ? 0 : reads->answered_count - 1;
    memcpy(reads->quick, reads->answered + 1, reads->quick_count * sizeof(reads->quick[0]));
    reads->round++;
    reads->term = term;
    reads->index = commit_index;
    reads->answered[0] = self_id;
    reads->answered_count = 1;
    if (has_majority(reads, members)) {
        answer(&reads->asked, STATUS_OK, reads->index);
        return false;
    }
    return true;
}

bool
reads_answered(struct reads *reads, uint64_t from_id, uint64_t term, uint64_t round,
               const struct members *members)
{
    /* A later ping of the same term proves as much: rounds do not overlap. */
    if (reads->asked.count == 0 || round != reads->round || term != reads->term) {
        return false;
    }
    for (unsigned i = 0; i < reads->answered_count; i++) {
        if (reads->answered[i] == from_id) {
            return false;
        }
    }
    if (reads->answered_count < CLUSTER_MEMBERS_MAX) {
        reads->answered[reads->answered_count++] = from_id;
    }
    if (!has_majority(reads, members)) {
        return false;
    }
    answer(&reads->asked, STATUS_OK, reads->index);
    return true;
}

void
reads_fail(struct reads *reads, enum status status)
{
    answer(&reads->asked, status, 0);
    answer(&reads->waiting, status, 0);
}
