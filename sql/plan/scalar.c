/* scalar.c: bound expressions to scalars over slots (plan_internal.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

void
layout__add(struct planner *pl, struct layout *layout, struct slot_ref slot)
{
    if (layout->count == layout->capacity) {
        layout->capacity = MAX(8U, layout->capacity * 2);
        struct slot_ref *grown = arena_array(pl->cx->arena, struct slot_ref, layout->capacity);
        if (layout->count > 0) {
            memcpy(grown, layout->slots, layout->count * sizeof(*grown));
        }
        layout->slots = grown;
    }
    layout->slots[layout->count++] = slot;
}

int
layout__find(const struct layout *layout, unsigned range_no, unsigned column_no)
{
    for (unsigned i = 0; i < layout->count; i++) {
        if (layout->slots[i].range_no == range_no && layout->slots[i].column_no == column_no) {
            return (int)i;
        }
    }
    return -1;
}

static int
find_expr_slot(const struct layout *layout, const struct expr *expr)
{
    for (unsigned i = 0; i < layout->count; i++) {
        if (layout->slots[i].range_no == RANGE_NO_EXPR &&
            expr_equal(layout->slots[i].expr, expr)) {
            return (int)i;
        }
    }
    return -1;
}

static struct px *
new_px(struct planner *pl, enum expr_kind kind, enum type_id type, int32_t typmod)
{
    struct px *px = arena_new(pl->cx->arena, struct px);
    const struct type_info *info = type_info(type);
    px->kind = kind;
    px->type = type;
    px->typmod = typmod;
    px->physical = info == NULL ? PHYSICAL_BYTES : info->physical;
    px->is_safe = true;
    return px;
}

struct px *
plan__slot(struct planner *pl, unsigned slot, enum type_id type, int32_t typmod)
{
    struct px *px = new_px(pl, EXPR_COLUMN, type, typmod);
    px->no = slot;
    px->slot_count = 1;
    px->slots = arena_array(pl->cx->arena, uint16_t, 1);
    px->slots[0] = (uint16_t)slot;
    return px;
}

void
outer_refs__add(struct planner *pl, struct outer_refs *refs, struct outer_ref ref)
{
    if (refs->count == refs->capacity) {
        refs->capacity = MAX(4U, refs->capacity * 2);
        struct outer_ref *grown = arena_array(pl->cx->arena, struct outer_ref, refs->capacity);
        if (refs->count > 0) {
            memcpy(grown, refs->refs, refs->count * sizeof(*grown));
        }
        refs->refs = grown;
    }
    refs->refs[refs->count++] = ref;
}

static struct px *
executor_param(struct planner *pl, struct outer_refs *refs, const struct expr *column,
               unsigned level)
{
    struct px *px = new_px(pl, EXPR_PARAM, column->type, column->typmod);
    px->of_executor = true;
    for (unsigned i = 0; i < refs->count; i++) {
        const struct outer_ref *ref = &refs->refs[i];
        if (ref->level == level && ref->range_no == column->column.range_no &&
            ref->column_no == column->column.column_no) {
            px->no = ref->param_no;
            return px;
        }
    }
    px->no = pl->plan->param_count++;
    outer_refs__add(pl, refs,
                    (struct outer_ref){
                        .level = level,
                        .range_no = column->column.range_no,
                        .column_no = column->column.column_no,
                        .type = column->type,
                        .typmod = column->typmod,
                        .param_no = px->no,
                    });
    return px;
}

static enum status
compile_column(struct planner *pl, const struct expr *expr, const struct layout *layout,
               struct px **px_out)
{
    if (expr->column.level > 0) {
        *px_out = executor_param(pl, &pl->outer, expr, expr->column.level);
        return STATUS_OK;
    }
    int slot = layout__find(layout, expr->column.range_no, expr->column.column_no);
    if (slot >= 0) {
        *px_out = plan__slot(pl, (unsigned)slot, expr->type, expr->typmod);
        return STATUS_OK;
    }
    if (pl->loop != NULL) {
        *px_out = executor_param(pl, pl->loop, expr, 0);
        return STATUS_OK;
    }
    return diag_fail(pl->cx->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                     "column %u of range %u is not at hand where it is needed",
                     expr->column.column_no, expr->column.range_no);
}

void
plan__inherit(struct planner *pl, const struct outer_refs *refs, struct outer_refs *beside)
{
    for (unsigned i = 0; i < refs->count; i++) {
        struct outer_ref ref = refs->refs[i];
        if (ref.level > 1) { /* the query around us sets it before it runs us */
            ref.level--;
            outer_refs__add(pl, &pl->outer, ref);
        } else if (beside != NULL) {
            ref.level = 0;
            outer_refs__add(pl, beside, ref);
        }
    }
}

enum status
plan__param_sets(struct planner *pl, const struct outer_refs *refs, const struct layout *layout,
                 unsigned *count_out, struct param_set **sets_out)
{
    *count_out = 0;
    *sets_out = arena_array(pl->cx->arena, struct param_set, MAX(refs->count, 1U));
    for (unsigned i = 0; i < refs->count; i++) {
        const struct outer_ref *ref = &refs->refs[i];
        if (ref->level > 1) {
            continue;
        }
        struct expr *column = arena_new(pl->cx->arena, struct expr);
        column->kind = EXPR_COLUMN;
        column->type = ref->type;
        column->typmod = ref->typmod;
        column->column.range_no = ref->range_no;
        column->column.column_no = ref->column_no;
        struct param_set *set = &(*sets_out)[(*count_out)++];
        set->param_no = ref->param_no;
        TRY(plan__scalar(pl, column, layout, &set->px));
    }
    return STATUS_OK;
}

static enum status
compile_subquery(struct planner *pl, const struct expr *expr, const struct layout *layout,
                 struct px *px)
{
    struct planner child;
    struct subplan *subplan = arena_new(pl->cx->arena, struct subplan);
    TRY(plan__child(pl, expr->op.subquery, &child, &subplan->root));
    subplan->no = pl->plan->subplan_count++;
    subplan->is_constant = child.outer.count == 0;
    plan__inherit(pl, &child.outer, NULL);
    TRY(plan__param_sets(pl, &child.outer, layout, &subplan->set_count, &subplan->sets));
    px->subplan = subplan;
    px->is_safe = false;
    return STATUS_OK;
}

/* Which slots it reads: union of its parts'. */
static void
collect_slots(struct planner *pl, struct px *px)
{
    unsigned most = 0;
    for (unsigned i = 0; i < px->arg_count; i++) {
        most += px->args[i]->slot_count;
    }
    for (unsigned i = 0; px->subplan != NULL && i < px->subplan->set_count; i++) {
        most += px->subplan->sets[i].px->slot_count;
    }
    px->slots = arena_array(pl->cx->arena, uint16_t, MAX(most, 1U));
    unsigned part_count = px->arg_count + (px->subplan != NULL ? px->subplan->set_count : 0);
    for (unsigned i = 0; i < part_count; i++) {
        const struct px *part =
            i < px->arg_count ? px->args[i] : px->subplan->sets[i - px->arg_count].px;
        px->is_safe = px->is_safe && part->is_safe;
        px->is_volatile = px->is_volatile || part->is_volatile;
        for (unsigned s = 0; s < part->slot_count; s++) {
            unsigned at = 0;
            while (at < px->slot_count && px->slots[at] != part->slots[s]) {
                at++;
            }
            if (at == px->slot_count) {
                px->slots[px->slot_count++] = part->slots[s];
            }
        }
    }
}

static bool
uses_func(enum expr_kind kind)
{
    return kind == EXPR_FUNC || kind == EXPR_DISTINCT || kind == EXPR_NULLIF ||
           kind == EXPR_IN_LIST || kind == EXPR_ANY_ARRAY || kind == EXPR_IN_SUBQUERY;
}

static void
take_operation(struct planner *pl, const struct expr *expr, struct px *px)
{
    px->negated = expr->op.negated;
    if (uses_func(expr->kind)) {
        px->func = expr->op.func;
        px->is_volatile = px->func != NULL && px->func->volatility == VOLATILITY_VOLATILE;
        px->is_safe = px->func != NULL && func_operator_name(px->func) != NULL;
        px->state_no = pl->plan->state_count++;
    }
    if (expr->kind == EXPR_CAST) {
        px->cast = expr->op.cast;
        px->cast_explicit = expr->op.cast_explicit;
        px->is_safe = px->cast.method == CAST_RELABEL && px->typmod < 0;
        px->state_no = pl->plan->state_count++;
    }
    if (expr->kind == EXPR_ANY_ARRAY || expr->kind == EXPR_ARRAY) {
        px->is_safe = false; /* reads and makes text forms */
    }
}

static enum status
compile_operation(struct planner *pl, const struct expr *expr, const struct layout *layout,
                  struct px **px_out)
{
    if (expr->kind == EXPR_AGGREGATE) {
        return diag_fail(pl->cx->diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                         "aggregate functions are not allowed here");
    }
    struct px *px = new_px(pl, expr->kind, expr->type, expr->typmod);
    px->position = expr->position;
    take_operation(pl, expr, px);
    px->arg_count = expr->arg_count;
    px->args = arena_array(pl->cx->arena, struct px *, MAX(expr->arg_count, 1U));
    for (unsigned i = 0; i < expr->arg_count; i++) {
        TRY(plan__scalar(pl, expr->args[i], layout, &px->args[i]));
    }
    if (expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_EXISTS ||
        expr->kind == EXPR_IN_SUBQUERY || expr->kind == EXPR_ARRAY_SUBQUERY) {
        TRY(compile_subquery(pl, expr, layout, px));
    }
    collect_slots(pl, px);
    plan__fold(pl->cx, px);
    *px_out = px;
    return STATUS_OK;
}

enum status
plan__scalar(struct planner *pl, const struct expr *expr, const struct layout *layout,
             struct px **px_out)
{
    *px_out = NULL;
    int slot = find_expr_slot(layout, expr);
    if (slot >= 0) {
        *px_out = plan__slot(pl, (unsigned)slot, expr->type, expr->typmod);
        return STATUS_OK;
    }
    switch (expr->kind) {
    case EXPR_CONST:
        *px_out = new_px(pl, EXPR_CONST, expr->type, expr->typmod);
        (*px_out)->constant = expr->constant;
        return STATUS_OK;
    case EXPR_PARAM:
        *px_out = new_px(pl, EXPR_PARAM, expr->type, expr->typmod);
        (*px_out)->no = expr->param_no - 1;
        return STATUS_OK;
    case EXPR_COLUMN:
        return compile_column(pl, expr, layout, px_out);
    default:
        return compile_operation(pl, expr, layout, px_out);
    }
}

struct px *
plan__and(struct planner *pl, struct px *a, struct px *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    struct px *px = new_px(pl, EXPR_AND, TYPE_BOOL, -1);
    px->arg_count = 2;
    px->args = arena_array(pl->cx->arena, struct px *, 2);
    px->args[0] = a;
    px->args[1] = b;
    collect_slots(pl, px);
    return px;
}

enum status
plan__conjunction(struct planner *pl, const struct expr *const *exprs, unsigned count,
                  const struct layout *layout, struct px **px_out)
{
    *px_out = NULL;
    if (count == 0) {
        return STATUS_OK;
    }
    if (count == 1) {
        return plan__scalar(pl, exprs[0], layout, px_out);
    }
    struct px *px = new_px(pl, EXPR_AND, TYPE_BOOL, -1);
    px->args = arena_array(pl->cx->arena, struct px *, count);
    for (unsigned i = 0; i < count; i++) {
        TRY(plan__scalar(pl, exprs[i], layout, &px->args[i]));
    }
    px->arg_count = count;
    /* conditions that cannot fail first: the others see fewer rows */
    unsigned safe = 0;
    for (unsigned i = 0; i < count; i++) {
        if (px->args[i]->is_safe) {
            struct px *arg = px->args[i];
            memmove(&px->args[safe + 1], &px->args[safe], (i - safe) * sizeof(*px->args));
            px->args[safe++] = arg;
        }
    }
    collect_slots(pl, px);
    *px_out = px;
    return STATUS_OK;
}

enum status
plan_scalar(struct sql_context *cx, const struct expr *expr, struct px_scope *scope_out)
{
    struct planner pl = {.cx = cx, .plan = arena_new(cx->arena, struct plan)};
    struct layout none = {0};
    scope_out->plan = pl.plan;
    return plan__scalar(&pl, expr, &none, &scope_out->px);
}
