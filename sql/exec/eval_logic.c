/* eval_logic.c: AND, OR, NOT, tests, CASE, COALESCE and their kin.
 *
 * What may fail is evaluated only on the rows that need it: the right side of AND on rows that
 * are not false yet, a branch of CASE on rows that take it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

enum { LOGIC_FALSE = 0, LOGIC_TRUE = 1, LOGIC_NULL = 2 };

static unsigned
logic_at(const struct vector *vector, unsigned row)
{
    return vector_is_null(vector, row) ? LOGIC_NULL : VECTOR_AT(vector, uint8_t, row) != 0;
}

static void
logic_result(const uint8_t *logic, unsigned count, struct arena *arena, struct vector *out)
{
    vector_init(out, TYPE_BOOL, count, arena);
    uint8_t *data = out->data;
    for (unsigned i = 0; i < count; i++) {
        data[i] = logic[i] == LOGIC_TRUE;
        if (logic[i] == LOGIC_NULL) {
            vector_nulls(out, count, arena)[i] = true;
        }
    }
}

/* AND: false decides, true is neutral; OR: the other way round. */
static enum status
eval_and_or(struct execution *ex, const struct px *px, const struct batch *in,
            struct arena *arena, struct vector *out)
{
    unsigned deciding = px->kind == EXPR_AND ? LOGIC_FALSE : LOGIC_TRUE;
    unsigned count = in->row_count;
    uint8_t *logic = arena_alloc(arena, count);
    uint16_t *open = arena_alloc(arena, count * sizeof(*open));
    memset(logic, px->kind == EXPR_AND ? LOGIC_TRUE : LOGIC_FALSE, count);
    for (unsigned a = 0; a < px->arg_count; a++) {
        unsigned open_count = 0;
        for (unsigned i = 0; i < count; i++) {
            open[open_count] = (uint16_t)i;
            open_count += logic[i] != deciding;
        }
        if (open_count == 0) {
            break;
        }
        struct vector part;
        bool all = px->args[a]->is_safe || open_count == count;
        if (all) {
            TRY(px__eval(ex, px->args[a], in, arena, &part));
        } else {
            TRY(px__eval_rows(ex, px->args[a], in, open, open_count, arena, &part));
        }
        for (unsigned i = 0; i < open_count; i++) {
            unsigned value = logic_at(&part, all ? open[i] : i);
            if (value == deciding || value == LOGIC_NULL) {
                logic[open[i]] = (uint8_t)value;
            }
        }
    }
    logic_result(logic, count, arena, out);
    return STATUS_OK;
}

static enum status
eval_test(struct execution *ex, const struct px *px, const struct batch *in,
          struct arena *arena, struct vector *out)
{
    struct vector arg;
    TRY(px__eval(ex, px->args[0], in, arena, &arg));
    unsigned count = arg.is_constant ? 1 : in->row_count;
    uint8_t *logic = arena_alloc(arena, count);
    for (unsigned i = 0; i < count; i++) {
        bool is_null = vector_is_null(&arg, i);
        switch (px->kind) {
        case EXPR_IS_NULL:
            logic[i] = is_null;
            break;
        case EXPR_IS_NOT_NULL:
            logic[i] = !is_null;
            break;
        case EXPR_IS_TRUE:
            logic[i] = logic_at(&arg, i) == LOGIC_TRUE;
            break;
        case EXPR_IS_NOT_TRUE:
            logic[i] = logic_at(&arg, i) != LOGIC_TRUE;
            break;
        case EXPR_IS_FALSE:
            logic[i] = logic_at(&arg, i) == LOGIC_FALSE;
            break;
        case EXPR_IS_NOT_FALSE:
            logic[i] = logic_at(&arg, i) != LOGIC_FALSE;
            break;
        default: /* NOT */
            logic[i] = is_null ? LOGIC_NULL : logic_at(&arg, i) == LOGIC_FALSE;
            break;
        }
    }
    logic_result(logic, count, arena, out);
    out->is_constant = arg.is_constant;
    return STATUS_OK;
}

/* Rows still without a result, and the result so far. */
struct choice {
    struct execution *ex;
    const struct batch *in;
    struct arena *arena;
    struct vector *out;
    uint16_t *open, *taken;
    unsigned open_count;
};

static struct choice
start_choice(struct execution *ex, const struct px *px, const struct batch *in,
             struct arena *arena, struct vector *out)
{
    unsigned count = in->row_count;
    vector_init(out, px->type, count, arena);
    struct choice choice = {.ex = ex, .in = in, .arena = arena, .out = out};
    choice.open = arena_alloc(arena, count * sizeof(uint16_t));
    choice.taken = arena_alloc(arena, count * sizeof(uint16_t));
    choice.open_count = count;
    for (unsigned i = 0; i < count; i++) {
        choice.open[i] = (uint16_t)i;
    }
    return choice;
}

/* `take[i]` tells whether open row i takes the value; the others stay open. */
static unsigned
split_open(struct choice *choice, const bool *take)
{
    unsigned taken = 0, open = 0;
    for (unsigned i = 0; i < choice->open_count; i++) {
        if (take[i]) {
            choice->taken[taken++] = choice->open[i];
        } else {
            choice->open[open++] = choice->open[i];
        }
    }
    choice->open_count = open;
    return taken;
}

static enum status
give_value(struct choice *choice, const struct px *px, const uint16_t *rows, unsigned count)
{
    if (count == 0) {
        return STATUS_OK;
    }
    struct vector value;
    TRY(px__eval_rows(choice->ex, px, choice->in, rows, count, choice->arena, &value));
    vector__scatter(choice->out, &value, rows, count, choice->in->row_count, choice->arena);
    return STATUS_OK;
}

static enum status
eval_case(struct execution *ex, const struct px *px, const struct batch *in,
          struct arena *arena, struct vector *out)
{
    struct choice choice = start_choice(ex, px, in, arena, out);
    bool *take = arena_alloc(arena, in->row_count);
    for (unsigned a = 0; a + 1 < px->arg_count && choice.open_count > 0; a += 2) {
        struct vector when;
        TRY(px__eval_rows(ex, px->args[a], in, choice.open, choice.open_count, arena, &when));
        for (unsigned i = 0; i < choice.open_count; i++) {
            take[i] = logic_at(&when, i) == LOGIC_TRUE;
        }
        unsigned taken = split_open(&choice, take);
        TRY(give_value(&choice, px->args[a + 1], choice.taken, taken));
    }
    return give_value(&choice, px->args[px->arg_count - 1], choice.open, choice.open_count);
}

static enum status
eval_coalesce(struct execution *ex, const struct px *px, const struct batch *in,
              struct arena *arena, struct vector *out)
{
    struct choice choice = start_choice(ex, px, in, arena, out);
    bool *take = arena_alloc(arena, in->row_count);
    for (unsigned a = 0; a < px->arg_count && choice.open_count > 0; a++) {
        struct vector value;
        TRY(px__eval_rows(ex, px->args[a], in, choice.open, choice.open_count, arena, &value));
        /* written for all open rows; those that are NULL are written again, or stay so */
        vector__scatter(out, &value, choice.open, choice.open_count, in->row_count, arena);
        for (unsigned i = 0; i < choice.open_count; i++) {
            take[i] = !vector_is_null(&value, i);
        }
        (void)split_open(&choice, take);
    }
    return STATUS_OK;
}

static enum status
eval_nullif(struct execution *ex, const struct px *px, const struct batch *in,
            struct arena *arena, struct vector *out)
{
    struct vector args[2], equal;
    TRY(px__eval(ex, px->args[0], in, arena, &args[0]));
    TRY(px__eval(ex, px->args[1], in, arena, &args[1]));
    TRY(px__call(ex, px, px->func, TYPE_BOOL, args, 2, in->row_count, arena, &equal));
    vector_init(out, px->type, in->row_count, arena);
    for (unsigned i = 0; i < in->row_count; i++) {
        struct value value;
        vector_get(&args[0], i, &value);
        value.is_null = value.is_null || logic_at(&equal, i) == LOGIC_TRUE;
        vector__set_any(out, i, &value, in->row_count, arena);
    }
    return STATUS_OK;
}

static enum status
eval_distinct(struct execution *ex, const struct px *px, const struct batch *in,
              struct arena *arena, struct vector *out)
{
    struct vector args[2], equal;
    TRY(px__eval(ex, px->args[0], in, arena, &args[0]));
    TRY(px__eval(ex, px->args[1], in, arena, &args[1]));
    TRY(px__call(ex, px, px->func, TYPE_BOOL, args, 2, in->row_count, arena, &equal));
    vector_init(out, TYPE_BOOL, in->row_count, arena);
    uint8_t *data = out->data;
    for (unsigned i = 0; i < in->row_count; i++) {
        bool a = vector_is_null(&args[0], i), b = vector_is_null(&args[1], i);
        bool distinct = a || b ? a != b : logic_at(&equal, i) != LOGIC_TRUE;
        data[i] = distinct != px->negated;
    }
    return STATUS_OK;
}

static enum status
eval_extreme(struct execution *ex, const struct px *px, const struct batch *in,
             struct arena *arena, struct vector *out)
{
    vector_init(out, px->type, in->row_count, arena);
    for (unsigned i = 0; i < in->row_count; i++) {
        vector__set_any(out, i, &(struct value){.is_null = true}, in->row_count, arena);
    }
    for (unsigned a = 0; a < px->arg_count; a++) {
        struct vector arg;
        TRY(px__eval(ex, px->args[a], in, arena, &arg));
        for (unsigned i = 0; i < in->row_count; i++) {
            struct value value, best;
            vector_get(&arg, i, &value);
            vector_get(out, i, &best);
            if (value.is_null) {
                continue;
            }
            int order = best.is_null ? 0 : value_compare(px->type, &value, &best);
            if (best.is_null || (px->kind == EXPR_GREATEST ? order > 0 : order < 0)) {
                vector_set(out, i, &value);
            }
        }
    }
    return STATUS_OK;
}

enum status
px__eval_logic(struct execution *ex, const struct px *px, const struct batch *in,
               struct arena *arena, struct vector *out)
{
    switch (px->kind) {
    case EXPR_AND:
    case EXPR_OR:
        return eval_and_or(ex, px, in, arena, out);
    case EXPR_NOT:
    case EXPR_IS_NULL:
    case EXPR_IS_NOT_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_NOT_TRUE:
    case EXPR_IS_FALSE:
    case EXPR_IS_NOT_FALSE:
        return eval_test(ex, px, in, arena, out);
    case EXPR_CASE:
        return eval_case(ex, px, in, arena, out);
    case EXPR_COALESCE:
        return eval_coalesce(ex, px, in, arena, out);
    case EXPR_NULLIF:
        return eval_nullif(ex, px, in, arena, out);
    case EXPR_DISTINCT:
        return eval_distinct(ex, px, in, arena, out);
    case EXPR_GREATEST:
    case EXPR_LEAST:
        return eval_extreme(ex, px, in, arena, out);
    default:
        ASSERT(false);
        return STATUS_INVALID;
    }
}
