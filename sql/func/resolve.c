/* resolve.c: which operator, function or aggregate a name and argument types mean.
 *
 * PostgreSQL's rules (its manual, "Operator Type Resolution", "Function Type Resolution",
 * "UNION, CASE, and Related Constructs"): exact types first; then candidates that the arguments
 * coerce to implicitly, narrowed by most exact matches, by preferred types, by the category
 * that unknown literals suggest, and last by taking unknowns to be of the one type that is
 * known.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include <stdio.h>

#define CANDIDATES_MAX 128

struct candidate {
    enum func_kind kind;
    enum type_id args[FUNC_ARGS_MAX];
    enum type_id result;
    const struct func *func;
    const struct aggregate *aggregate;
    const struct set_func *set_func;
};

struct candidates {
    unsigned count;
    struct candidate list[CANDIDATES_MAX];
};

static bool
is_polymorphic(enum type_id type)
{
    return type == TYPE_ANY || type == TYPE_ANYELEMENT || type == TYPE_ANYARRAY;
}

static bool
is_array(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info != NULL && info->category == 'A';
}

bool
func__can_coerce(enum type_id from, enum type_id to)
{
    if (from == to || from == TYPE_UNKNOWN || to == TYPE_ANY) {
        return true;
    }
    if (to == TYPE_ANYELEMENT) {
        return !is_array(from);
    }
    if (to == TYPE_ANYARRAY) {
        return is_array(from);
    }
    return cast_find(from, to, CAST_IMPLICIT).method != CAST_NONE;
}

/* The type whose operators it uses where it has none: varchar is text here. */
static bool
is_preferred(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info != NULL && info->preferred;
}

static char
category_of(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info != NULL && !is_polymorphic(type) ? info->category : 'P';
}

static void
add_candidate(struct candidates *all, const struct candidate *candidate)
{
    ASSERT(all->count < CANDIDATES_MAX);
    all->list[all->count++] = *candidate;
}

/* Keeps those whose arguments the given types coerce to. */
static void
keep_coercible(struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < all->count; i++) {
        bool fits = true;
        for (unsigned a = 0; a < arg_count && fits; a++) {
            fits = func__can_coerce(args[a], all->list[i].args[a]);
        }
        if (fits) {
            all->list[kept++] = all->list[i];
        }
    }
    all->count = kept;
}

typedef unsigned (*score_fn)(const struct candidate *candidate, const enum type_id *args,
                             unsigned arg_count);

static void
keep_best(struct candidates *all, const enum type_id *args, unsigned arg_count, score_fn score)
{
    unsigned best = 0, kept = 0;
    for (unsigned i = 0; i < all->count; i++) {
        best = MAX(best, score(&all->list[i], args, arg_count));
    }
    for (unsigned i = 0; i < all->count; i++) {
        if (score(&all->list[i], args, arg_count) == best) {
            all->list[kept++] = all->list[i];
        }
    }
    all->count = kept;
}

static unsigned
score_exact(const struct candidate *candidate, const enum type_id *args, unsigned arg_count)
{
    unsigned score = 0;
    for (unsigned a = 0; a < arg_count; a++) {
        score += args[a] != TYPE_UNKNOWN && args[a] == candidate->args[a];
    }
    return score;
}

static unsigned
score_preferred(const struct candidate *candidate, const enum type_id *args, unsigned arg_count)
{
    unsigned score = 0;
    for (unsigned a = 0; a < arg_count; a++) {
        enum type_id type = candidate->args[a];
        score += args[a] != TYPE_UNKNOWN &&
                 (args[a] == type ||
                  (is_preferred(type) && category_of(type) == category_of(args[a])));
    }
    return score;
}

/* The category that the candidates suggest for unknown argument `a`: text if any takes text,
 * else the one they all agree on; 0 if they do not. */
static char
unknown_category(const struct candidates *all, unsigned a)
{
    char category = 0;
    bool conflict = false;
    for (unsigned i = 0; i < all->count; i++) {
        char here = category_of(all->list[i].args[a]);
        if (here == 'S') {
            return 'S';
        }
        conflict |= category != 0 && category != here;
        category = here;
    }
    return conflict ? 0 : category;
}

static bool
any_preferred(const struct candidates *all, unsigned a, char category)
{
    for (unsigned i = 0; i < all->count; i++) {
        enum type_id type = all->list[i].args[a];
        if (category_of(type) == category && is_preferred(type)) {
            return true;
        }
    }
    return false;
}

static void
keep_unknown_category(struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    char categories[FUNC_ARGS_MAX] = {0};
    bool preferred[FUNC_ARGS_MAX] = {false};
    for (unsigned a = 0; a < arg_count; a++) {
        if (args[a] != TYPE_UNKNOWN) {
            continue;
        }
        categories[a] = unknown_category(all, a);
        if (categories[a] == 0) {
            return;
        }
        preferred[a] = any_preferred(all, a, categories[a]);
    }
    struct candidates kept = {0};
    for (unsigned i = 0; i < all->count; i++) {
        bool fits = true;
        for (unsigned a = 0; a < arg_count && fits; a++) {
            enum type_id type = all->list[i].args[a];
            fits = args[a] != TYPE_UNKNOWN || (category_of(type) == categories[a] &&
                                               (!preferred[a] || is_preferred(type)));
        }
        if (fits) {
            add_candidate(&kept, &all->list[i]);
        }
    }
    if (kept.count > 0) {
        *all = kept;
    }
}

/* All known arguments are of one type: the unknown ones are of it, too. */
static void
keep_same_type(struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    enum type_id known = TYPE_UNKNOWN;
    bool has_unknown = false;
    for (unsigned a = 0; a < arg_count; a++) {
        if (args[a] == TYPE_UNKNOWN) {
            has_unknown = true;
        } else if (known != TYPE_UNKNOWN && known != args[a]) {
            return;
        } else {
            known = args[a];
        }
    }
    if (!has_unknown || known == TYPE_UNKNOWN) {
        return;
    }
    enum type_id assumed[FUNC_ARGS_MAX];
    for (unsigned a = 0; a < arg_count; a++) {
        assumed[a] = known;
    }
    struct candidates kept = *all;
    keep_coercible(&kept, assumed, arg_count);
    if (kept.count == 1) {
        *all = kept;
    }
}

/* The candidates left after all rules: one is the answer. */
static void
narrow(struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    keep_coercible(all, args, arg_count);
    if (all->count > 1) {
        keep_best(all, args, arg_count, score_exact);
    }
    if (all->count > 1) {
        keep_best(all, args, arg_count, score_preferred);
    }
    if (all->count > 1) {
        keep_unknown_category(all, args, arg_count);
    }
    if (all->count > 1) {
        keep_same_type(all, args, arg_count);
    }
}

/* The one that fits by conversions; NULL: none, or `all` keeps several. */
static const struct candidate *
find_best(struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    narrow(all, args, arg_count);
    return all->count == 1 ? &all->list[0] : NULL;
}

static const struct candidate *
find_exact(const struct candidates *all, const enum type_id *args, unsigned arg_count)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (memcmp(all->list[i].args, args, arg_count * sizeof args[0]) == 0) {
            return &all->list[i];
        }
    }
    return NULL;
}

/* The element type that the known polymorphic arguments agree on; TYPE_INVALID: none is known.
 */
static enum type_id
known_element(const struct candidate *chosen, const enum type_id *args, unsigned arg_count)
{
    for (unsigned a = 0; a < arg_count; a++) {
        const struct type_info *info = type_info(args[a]);
        if (args[a] == TYPE_UNKNOWN || info == NULL) {
            continue;
        }
        if (chosen->args[a] == TYPE_ANYARRAY) {
            return info->element_type;
        }
        if (chosen->args[a] == TYPE_ANYELEMENT) {
            return args[a];
        }
    }
    return TYPE_INVALID;
}

/* What a polymorphic argument becomes: the type given; a literal takes that of the others, or
 * is text. */
static void
settle(const struct candidate *chosen, const enum type_id *args, unsigned arg_count,
       struct func_match *out)
{
    *out = (struct func_match){.kind = chosen->kind,
                               .func = chosen->func,
                               .set_func = chosen->set_func,
                               .aggregate = chosen->aggregate,
                               .result = chosen->result};
    enum type_id element = known_element(chosen, args, arg_count);
    element = element != TYPE_INVALID ? element : TYPE_TEXT;
    const struct type_info *info = type_info(element);
    for (unsigned a = 0; a < arg_count; a++) {
        enum type_id wanted = chosen->args[a];
        bool is_literal = args[a] == TYPE_UNKNOWN;
        out->arg_types[a] = !is_polymorphic(wanted)     ? wanted
                            : !is_literal               ? args[a]
                            : wanted == TYPE_ANYARRAY   ? info->array_type
                            : wanted == TYPE_ANYELEMENT ? element
                                                        : TYPE_TEXT;
    }
    if (out->result == TYPE_ANYELEMENT) {
        out->result = element;
    } else if (out->result == TYPE_ANYARRAY) {
        out->result = info->array_type;
    }
}

static void
list_types(const enum type_id *args, unsigned arg_count, struct buf *out)
{
    for (unsigned a = 0; a < arg_count; a++) {
        const struct type_info *info = type_info(args[a]);
        buf_append_text(out, a > 0 ? ", " : "");
        buf_append_text(out, info != NULL ? info->sql_name : "unknown");
    }
}

static enum status
report_operator(const char *name, const enum type_id *args, unsigned arg_count, bool ambiguous,
                struct diag *diag)
{
    const struct type_info *left = type_info(args[0]);
    const struct type_info *right = type_info(args[arg_count - 1]);
    const char *left_name = left != NULL ? left->sql_name : "unknown";
    const char *right_name = right != NULL ? right->sql_name : "unknown";
    char shown[160];
    if (arg_count == 1) {
        (void)snprintf(shown, sizeof shown, "%.30s %s", name, right_name);
    } else {
        (void)snprintf(shown, sizeof shown, "%s %.30s %s", left_name, name, right_name);
    }
    if (ambiguous) {
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_FUNCTION,
                        "operator is not unique: %s", shown);
        diag_hint(diag, "Could not choose a best candidate operator. You might need to add "
                        "explicit type casts.");
        return STATUS_INVALID;
    }
    (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_UNDEFINED_FUNCTION,
                    "operator does not exist: %s", shown);
    diag_hint(diag, arg_count == 1
                        ? "No operator matches the given name and argument type. You might "
                          "need to add an explicit type cast."
                        : "No operator matches the given name and argument types. You "
                          "might need to add explicit type casts.");
    return STATUS_INVALID;
}

static void
collect_operators(const char *name, unsigned arg_count, struct candidates *all)
{
    unsigned count = 0;
    const struct operator_entry *operators = operator_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct func *func = &operators[i].func;
        if (func->arg_count == arg_count && strcmp(operators[i].name, name) == 0) {
            struct candidate candidate = {
                .kind = FUNC_KIND_OPERATOR, .result = func->result, .func = func};
            memcpy(candidate.args, func->args, arg_count * sizeof func->args[0]);
            add_candidate(all, &candidate);
        }
    }
}

enum status
operator_resolve(const char *name, const enum type_id *args, unsigned arg_count,
                 struct func_match *out, struct diag *diag)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    struct candidates all = {0};
    collect_operators(strcmp(name, "!=") == 0 ? "<>" : name, arg_count, &all);
    const struct candidate *chosen = find_exact(&all, args, arg_count);
    if (chosen == NULL && arg_count == 2 &&
        (args[0] == TYPE_UNKNOWN) != (args[1] == TYPE_UNKNOWN)) {
        enum type_id known = args[0] == TYPE_UNKNOWN ? args[1] : args[0];
        enum type_id assumed[2] = {known, known};
        chosen = find_exact(&all, assumed, 2);
    }
    if (chosen == NULL) {
        chosen = find_best(&all, args, arg_count);
    }
    *out = (struct func_match){0};
    if (chosen == NULL) {
        return report_operator(name, args, arg_count, all.count > 1, diag);
    }
    settle(chosen, args, arg_count, out);
    return STATUS_OK;
}

/* ---- functions ---- */

static void
collect_funcs(const char *name, unsigned arg_count, struct candidates *all)
{
    unsigned count = 0;
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (funcs[i].arg_count == arg_count && strcmp(funcs[i].name, name) == 0) {
            struct candidate candidate = {
                .kind = FUNC_KIND_PLAIN, .result = funcs[i].result, .func = &funcs[i]};
            memcpy(candidate.args, funcs[i].args, sizeof candidate.args);
            add_candidate(all, &candidate);
        }
    }
    const struct aggregate *aggregates = aggregate_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (aggregates[i].arg_count == arg_count && strcmp(aggregates[i].name, name) == 0) {
            struct candidate candidate = {.kind = FUNC_KIND_AGGREGATE,
                                          .result = aggregates[i].result,
                                          .aggregate = &aggregates[i]};
            memcpy(candidate.args, aggregates[i].args, sizeof aggregates[i].args);
            add_candidate(all, &candidate);
        }
    }
    const struct set_func *sets = func__set_funcs(&count);
    for (unsigned i = 0; i < count; i++) {
        if (sets[i].func.arg_count == arg_count && strcmp(sets[i].func.name, name) == 0) {
            struct candidate candidate = {
                .kind = FUNC_KIND_SET, .result = sets[i].func.result, .set_func = &sets[i]};
            memcpy(candidate.args, sets[i].func.args, sizeof candidate.args);
            add_candidate(all, &candidate);
        }
    }
}

static enum status
report_func(const char *name, const enum type_id *args, unsigned arg_count, bool ambiguous,
            struct diag *diag)
{
    struct buf types = BUF_EMPTY;
    list_types(args, arg_count, &types);
    int size = (int)MIN(types.size, 300U);
    const char *text = types.data != NULL ? (const char *)types.data : "";
    if (ambiguous) {
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_FUNCTION,
                        "function %.100s(%.*s) is not unique", name, size, text);
        diag_hint(diag, "Could not choose a best candidate function. You might need to add "
                        "explicit type casts.");
    } else {
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_UNDEFINED_FUNCTION,
                        "function %.100s(%.*s) does not exist", name, size, text);
        diag_hint(diag, "No function matches the given name and argument types. You might need "
                        "to add explicit type casts.");
    }
    buf_deinit(&types);
    return STATUS_INVALID;
}

enum status
func_resolve(const char *name, const enum type_id *args, unsigned arg_count,
             struct func_match *out, struct diag *diag)
{
    *out = (struct func_match){0};
    if (arg_count > FUNC_ARGS_MAX) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "calls with more than %d arguments are not supported", FUNC_ARGS_MAX);
    }
    struct candidates all = {0};
    collect_funcs(name, arg_count, &all);
    const struct candidate *chosen = find_exact(&all, args, arg_count);
    if (chosen == NULL) {
        chosen = find_best(&all, args, arg_count);
    }
    if (chosen == NULL) {
        return report_func(name, args, arg_count, all.count > 1, diag);
    }
    settle(chosen, args, arg_count, out);
    return STATUS_OK;
}

/* ---- the common type ---- */

static enum status
cannot_match(const char *what, enum type_id a, enum type_id b, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                     "%s %s and %s cannot be matched", what, type_info(a)->sql_name,
                     type_info(b)->sql_name);
}

enum status
type_common(const enum type_id *types, unsigned count, const char *what, enum type_id *type_out,
            struct diag *diag)
{
    ASSERT(count > 0);
    enum type_id best = types[0];
    for (unsigned i = 1; i < count; i++) {
        enum type_id type = types[i];
        if (type == TYPE_UNKNOWN || type == best) {
            continue;
        }
        if (best == TYPE_UNKNOWN) {
            best = type;
        } else if (category_of(type) != category_of(best)) {
            *type_out = TYPE_INVALID;
            return cannot_match(what, best, type, diag);
        } else if (!is_preferred(best) && func__can_coerce(best, type) &&
                   !func__can_coerce(type, best)) {
            best = type;
        }
    }
    *type_out = best == TYPE_UNKNOWN ? TYPE_TEXT : best;
    for (unsigned i = 0; i < count; i++) {
        if (types[i] != TYPE_UNKNOWN && !func__can_coerce(types[i], *type_out)) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE,
                             "%s could not convert type %s to %s", what,
                             type_info(types[i])->sql_name, type_info(*type_out)->sql_name);
        }
    }
    return STATUS_OK;
}
