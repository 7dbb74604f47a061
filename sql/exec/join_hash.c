/* join_hash.c: hash join: the right side is kept in memory by the hash of its keys, the left
 * side is looked up in it a batch at a time. Inner, left and full.
 *
 * Picture:  BUILD (all of right) -> PROBE (pairs, then the unmatched of each left batch)
 *           -> REST (full: right rows that nothing matched) -> end
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

#include <stdlib.h>

enum hash_state { HASH_BUILD, HASH_PROBE, HASH_REST, HASH_ENDED };

struct hash_join_node {
    struct node node;
    enum hash_state state;
    struct rows rows; /* right's columns, then the keys */
    struct row_hash hash;
    bool *right_matched; /* FULL: by row number */
    uint32_t rest_next;
    struct batch *left; /* NULL: ask for the next */
    unsigned left_row;
    uint32_t chain; /* where the search for left_row goes on */
    bool row_begun;
    struct vector *keys; /* of the left batch */
    uint64_t hashes[BATCH_ROWS_MAX];
    bool left_matched[BATCH_ROWS_MAX];
    uint16_t pair_left[BATCH_ROWS_MAX];
    uint32_t pair_right[BATCH_ROWS_MAX];
    struct scratch key_scratch;
};

static bool
widens(const struct plan_node *plan, unsigned key)
{
    return type__is_integer(plan->join.left_keys[key]->type);
}

static enum status
hash_join_open(struct node *node)
{
    struct hash_join_node *join = (struct hash_join_node *)node;
    const struct plan_node *plan = node->plan;
    struct arena *arena = &node->ex->arena;
    unsigned right_count = plan->right->column_count, key_count = plan->join.key_count;
    enum type_id *types = arena_array(arena, enum type_id, right_count + key_count + 1);
    memcpy(types, plan->right->types, right_count * sizeof(*types));
    for (unsigned i = 0; i < key_count; i++) {
        types[right_count + i] = widens(plan, i) ? TYPE_INT8 : plan->join.right_keys[i]->type;
    }
    rows__init(&join->rows, node->ex, types, right_count + key_count);
    join->keys = arena_array(arena, struct vector, MAX(key_count, 1U));
    return STATUS_OK;
}

static void
hash_join_close(struct node *node)
{
    struct hash_join_node *join = (struct hash_join_node *)node;
    rows__deinit(&join->rows);
    row_hash__deinit(&join->hash);
    free(join->right_matched);
    scratch__deinit(&join->key_scratch);
}

static void
hash_join_restart(struct node *node)
{
    struct hash_join_node *join = (struct hash_join_node *)node;
    exec__restart(node->left);
    exec__restart(node->right);
    rows__reset(&join->rows);
    row_hash__reset(&join->hash);
    free(join->right_matched);
    join->right_matched = NULL;
    join->state = HASH_BUILD;
    join->left = NULL;
    join->rest_next = 0;
}

static enum status
eval_keys(struct hash_join_node *join, struct px *const *keys, const struct batch *in,
          struct arena *arena, struct vector *out)
{
    const struct plan_node *plan = join->node.plan;
    for (unsigned i = 0; i < plan->join.key_count; i++) {
        TRY(px__eval(join->node.ex, keys[i], in, arena, &out[i]));
        if (widens(plan, i)) {
            vector__widen(&out[i], in->row_count, arena);
        }
    }
    vector__hash_all(out, plan->join.key_count, in->row_count, join->hashes);
    return STATUS_OK;
}

static enum status
build(struct hash_join_node *join)
{
    struct node *node = &join->node;
    unsigned right_count = node->plan->right->column_count;
    for (;;) {
        struct batch *batch;
        TRY(exec__next(node->right, &batch));
        if (batch == NULL) {
            break;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&join->key_scratch);
        struct arena *arena = &join->key_scratch.arena;
        struct vector *all =
            arena_array(arena, struct vector, right_count + node->plan->join.key_count + 1);
        if (right_count > 0) {
            memcpy(all, batch->columns, right_count * sizeof(*all));
        }
        TRY(eval_keys(join, node->plan->join.right_keys, batch, arena, all + right_count));
        join->rows.hash = &join->hash;
        TRY(rows__append(&join->rows, all, batch->row_count));
        for (unsigned i = 0; i < batch->row_count; i++) {
            row_hash__add(&join->hash, join->hashes[i]);
        }
    }
    if (node->plan->join.kind == JOIN_FULL) {
        join->right_matched = calloc(MAX(join->rows.count, 1U), 1);
        ASSERT(join->right_matched != NULL);
    }
    join->state = HASH_PROBE;
    return STATUS_OK;
}

static bool
key_is_null(const struct hash_join_node *join, unsigned row)
{
    for (unsigned i = 0; i < join->node.plan->join.key_count; i++) {
        if (vector_is_null(&join->keys[i], row)) {
            return true;
        }
    }
    return false;
}

/* Pairs with equal keys, as many as fit into a batch. */
static unsigned
collect_pairs(struct hash_join_node *join)
{
    const struct plan_node *plan = join->node.plan;
    unsigned right_count = plan->right->column_count, key_count = plan->join.key_count;
    unsigned count = 0;
    while (join->left_row < join->left->row_count) {
        unsigned row = join->left_row;
        uint64_t hash = join->hashes[row];
        if (!join->row_begun) {
            join->row_begun = true;
            join->chain =
                key_is_null(join, row) ? ROW_NONE : row_hash__first(&join->hash, hash);
        }
        for (; join->chain != ROW_NONE; join->chain = join->hash.next[join->chain]) {
            if (join->hash.hashes[join->chain] != hash ||
                !rows__equal(&join->rows, join->chain, right_count, join->keys, key_count,
                             row)) {
                continue;
            }
            if (count == BATCH_ROWS_MAX) {
                return count;
            }
            join->pair_left[count] = (uint16_t)row;
            join->pair_right[count++] = join->chain;
        }
        join->left_row++;
        join->row_begun = false;
    }
    return count;
}

/* `count` pairs as a batch; pair_right may hold ROW_NONE. */
static void
make_batch(struct hash_join_node *join, unsigned count)
{
    struct node *node = &join->node;
    unsigned left_count = node->plan->left->column_count;
    struct arena *arena = &node->scratch.arena;
    for (unsigned i = 0; i < left_count; i++) {
        vector__gather(&node->out.columns[i], &join->left->columns[i], join->pair_left, count,
                       arena);
    }
    for (unsigned i = left_count; i < node->plan->column_count; i++) {
        rows__gather(&join->rows, i - left_count, join->pair_right, count,
                     &node->out.columns[i], arena);
    }
    node->out.row_count = count;
}

static enum status
filter_pairs(struct hash_join_node *join, unsigned *count)
{
    struct node *node = &join->node;
    if (node->plan->join.on == NULL || *count == 0) {
        return STATUS_OK;
    }
    uint16_t *rows = arena_alloc(&node->scratch.arena, *count * sizeof(*rows));
    unsigned kept;
    TRY(px__select(node->ex, node->plan->join.on, &node->out, &node->scratch.arena, rows,
                   &kept));
    for (unsigned i = 0; i < kept; i++) {
        join->pair_left[i] = join->pair_left[rows[i]];
        join->pair_right[i] = join->pair_right[rows[i]];
    }
    if (kept < *count) {
        make_batch(join, kept);
    }
    *count = kept;
    return STATUS_OK;
}

static void
note_matches(struct hash_join_node *join, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        join->left_matched[join->pair_left[i]] = true;
        if (join->right_matched != NULL) {
            join->right_matched[join->pair_right[i]] = true;
        }
    }
}

static unsigned
collect_unmatched(struct hash_join_node *join)
{
    unsigned count = 0;
    for (unsigned i = 0; i < join->left->row_count; i++) {
        if (!join->left_matched[i]) {
            join->pair_left[count] = (uint16_t)i;
            join->pair_right[count++] = ROW_NONE;
        }
    }
    return count;
}

static enum status
next_left(struct hash_join_node *join)
{
    struct node *node = &join->node;
    TRY(exec__next(node->left, &join->left));
    if (join->left == NULL) {
        join->state = node->plan->join.kind == JOIN_FULL ? HASH_REST : HASH_ENDED;
        return STATUS_OK;
    }
    join->left_row = 0;
    join->row_begun = false;
    memset(join->left_matched, 0, sizeof(join->left_matched));
    scratch__reset(&join->key_scratch);
    return eval_keys(join, node->plan->join.left_keys, join->left, &join->key_scratch.arena,
                     join->keys);
}

/* Some pairs, or none yet. */
static enum status
probe(struct hash_join_node *join)
{
    struct node *node = &join->node;
    node->out.row_count = 0;
    if (join->left == NULL) {
        return next_left(join);
    }
    if (join->left_row < join->left->row_count) {
        unsigned count = collect_pairs(join);
        make_batch(join, count);
        TRY(filter_pairs(join, &count));
        note_matches(join, count);
        node->out.row_count = count;
        return STATUS_OK;
    }
    if (node->plan->join.kind != JOIN_INNER) {
        make_batch(join, collect_unmatched(join));
    }
    /* the batch just made gathered its columns: bytes are borrowed from the left batch, which
     * stays until the next call asks for another */
    join->left = NULL;
    return STATUS_OK;
}

static void
give_rest(struct hash_join_node *join)
{
    struct node *node = &join->node;
    unsigned left_count = node->plan->left->column_count, count = 0;
    while (join->rest_next < join->rows.count && count < BATCH_ROWS_MAX) {
        if (!join->right_matched[join->rest_next]) {
            join->pair_right[count++] = join->rest_next;
        }
        join->rest_next++;
    }
    struct arena *arena = &node->scratch.arena;
    for (unsigned i = 0; i < left_count; i++) {
        vector_set_constant(&node->out.columns[i], node->plan->types[i],
                            &(struct value){.is_null = true}, arena);
    }
    for (unsigned i = left_count; i < node->plan->column_count; i++) {
        rows__gather(&join->rows, i - left_count, join->pair_right, count,
                     &node->out.columns[i], arena);
    }
    node->out.row_count = count;
    if (join->rest_next == join->rows.count) {
        join->state = HASH_ENDED;
    }
}

static enum status
hash_join_next(struct node *node, struct batch **batch_out)
{
    struct hash_join_node *join = (struct hash_join_node *)node;
    if (join->state == HASH_BUILD) {
        TRY(build(join));
        if (join->rows.count == 0 && node->plan->join.kind == JOIN_INNER) {
            join->state = HASH_ENDED; /* nothing will match: left is not read */
        }
    }
    node->out.row_count = 0;
    while (node->out.row_count == 0 && join->state != HASH_ENDED) {
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        if (join->state == HASH_PROBE) {
            TRY(probe(join));
        } else {
            give_rest(join);
        }
    }
    *batch_out = node->out.row_count > 0 ? &node->out : NULL;
    return STATUS_OK;
}

const struct node_ops exec__hash_join_ops = {.size = sizeof(struct hash_join_node),
                                             .open = hash_join_open,
                                             .restart = hash_join_restart,
                                             .next = hash_join_next,
                                             .close = hash_join_close};
