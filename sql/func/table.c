/* table.c: the tables of functions, operators and casts, and plain look-ups in them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

#define OPERATOR(oid_, sign_, proc_, proc_name_, left_, right_, result_, strict_, run_)        \
    {.oid = oid_,                                                                              \
     .name = sign_,                                                                            \
     .func = {.oid = proc_,                                                                    \
              .name = proc_name_,                                                              \
              .result = TYPE_##result_,                                                        \
              .arg_count = TYPE_##left_ == TYPE_INVALID ? 1 : 2,                               \
              .args = {TYPE_##left_ == TYPE_INVALID ? TYPE_##right_ : TYPE_##left_,            \
                       TYPE_##left_ == TYPE_INVALID ? TYPE_INVALID : TYPE_##right_},           \
              .strict = strict_,                                                               \
              .run = run_}},
static const struct operator_entry operators[] = {
#include "sql/func/operators.def"
};
#undef OPERATOR

#define FUNCTION(oid_, name_, result_, run_, volatility_, strict_, effects_, arg_count_, ...)  \
    {.oid = oid_,                                                                              \
     .name = name_,                                                                            \
     .result = TYPE_##result_,                                                                 \
     .arg_count = arg_count_,                                                                  \
     .args = {__VA_ARGS__},                                                                    \
     .strict = strict_,                                                                        \
     .volatility = VOLATILITY_##volatility_,                                                   \
     .has_effects = effects_,                                                                  \
     .run = run_},
static const struct func functions[] = {
#include "sql/func/functions.def"
};
#undef FUNCTION

/* Casts that look into the catalog are stable, for the planner must not fold them. */
#define CAST_VOLATILITY(from_, to_)                                                            \
    (TYPE_##to_ == TYPE_REGCLASS || TYPE_##from_ == TYPE_REGCLASS ||                           \
             TYPE_##to_ == TYPE_REGNAMESPACE || TYPE_##from_ == TYPE_REGNAMESPACE ||           \
             TYPE_##to_ == TYPE_REGROLE || TYPE_##from_ == TYPE_REGROLE                        \
         ? VOLATILITY_STABLE                                                                   \
         : VOLATILITY_IMMUTABLE)
#define CAST(from_, to_, context_, method_, oid_, name_, run_)                                 \
    {.from = TYPE_##from_,                                                                     \
     .to = TYPE_##to_,                                                                         \
     .context = CAST_##context_,                                                               \
     .method = CAST_##method_,                                                                 \
     .func = {.oid = oid_,                                                                     \
              .name = name_,                                                                   \
              .result = TYPE_##to_,                                                            \
              .arg_count = 1,                                                                  \
              .args = {TYPE_##from_},                                                          \
              .strict = true,                                                                  \
              .volatility = CAST_VOLATILITY(from_, to_),                                       \
              .run = run_}},
#define CAST_NO_FUNC(from_, to_, context_, method_)                                            \
    {.from = TYPE_##from_,                                                                     \
     .to = TYPE_##to_,                                                                         \
     .context = CAST_##context_,                                                               \
     .method = CAST_##method_},
static const struct cast_entry casts[] = {
#include "sql/func/casts.def"
};
#undef CAST
#undef CAST_NO_FUNC

const struct operator_entry *
operator_table(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(operators);
    return operators;
}

const struct cast_entry *
cast_table(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(casts);
    return casts;
}

const struct func *
func_table(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(functions);
    return functions;
}

const char *
func_operator_sign(const struct func *func)
{
    uintptr_t begin = (uintptr_t)&operators[0],
              end = (uintptr_t)(operators + ARRAY_SIZE(operators));
    uintptr_t at = (uintptr_t)func;
    return at < begin || at >= end ? NULL : operators[(at - begin) / sizeof operators[0]].name;
}

const char *
func_operator_name(const struct func *func)
{
    const char *name = func_operator_sign(func);
    if (name == NULL) {
        return NULL;
    }
    static const char *const comparisons[] = {"=", "<", "<=", ">", ">="};
    for (unsigned i = 0; i < ARRAY_SIZE(comparisons); i++) {
        if (strcmp(name, comparisons[i]) == 0) {
            return name;
        }
    }
    return NULL;
}

/* Types that use another's operators because their bytes are the same. */
static enum type_id
comparable_as(enum type_id type)
{
    switch (type) {
    case TYPE_VARCHAR:
    case TYPE_UNKNOWN:
        return TYPE_TEXT;
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGPROC:
    case TYPE_REGROLE:
    case TYPE_REGNAMESPACE:
        return TYPE_OID;
    case TYPE_INT2VECTOR:
        return TYPE_OIDVECTOR;
    default:
        return type_info(type) != NULL && type_info(type)->category == 'A' &&
                       type != TYPE_OIDVECTOR
                   ? TYPE_ANYARRAY
                   : type;
    }
}

const struct func *
operator_func(const char *name, enum type_id left, enum type_id right)
{
    enum type_id a = comparable_as(left), b = comparable_as(right);
    for (unsigned i = 0; i < ARRAY_SIZE(operators); i++) {
        const struct func *func = &operators[i].func;
        if (func->arg_count == 2 && func->args[0] == a && func->args[1] == b &&
            strcmp(operators[i].name, name) == 0) {
            return func;
        }
    }
    return NULL;
}

static bool
is_text(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info != NULL && info->category == 'S';
}

static bool
is_pseudo(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info == NULL || info->category == 'P';
}

/* Arrays are cast element by element, which in text form is a cast through text. */
static struct cast
array_cast(const struct type_info *from, const struct type_info *to, enum cast_context context)
{
    struct cast element = cast_find(from->element_type, to->element_type, context);
    if (element.method == CAST_NONE) {
        return element;
    }
    return (struct cast){.method = element.method == CAST_RELABEL ? CAST_RELABEL : CAST_TEXT};
}

struct cast
cast_find(enum type_id from, enum type_id to, enum cast_context context)
{
    if (from == to) {
        return (struct cast){.method = CAST_RELABEL};
    }
    for (unsigned i = 0; i < ARRAY_SIZE(casts); i++) {
        if (casts[i].from == from && casts[i].to == to) {
            if (casts[i].context > context) {
                return (struct cast){.method = CAST_NONE};
            }
            const struct func *func = casts[i].method == CAST_FUNC ? &casts[i].func : NULL;
            return (struct cast){.method = casts[i].method, .func = func};
        }
    }
    const struct type_info *source = type_info(from), *target = type_info(to);
    if (source == NULL || target == NULL || is_pseudo(from) || is_pseudo(to)) {
        return (struct cast){.method = CAST_NONE};
    }
    if (from == TYPE_UNKNOWN) {
        return (struct cast){.method = is_text(to) && to != TYPE_NAME && to != TYPE_BPCHAR
                                           ? CAST_RELABEL
                                           : CAST_TEXT};
    }
    if (source->name[0] == '_' && target->name[0] == '_') {
        return array_cast(source, target, context);
    }
    if ((is_text(to) && context >= CAST_ASSIGNMENT) ||
        (is_text(from) && context >= CAST_EXPLICIT)) {
        return (struct cast){.method = CAST_TEXT};
    }
    return (struct cast){.method = CAST_NONE};
}
