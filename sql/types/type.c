/* type.c: the table of types, and their names. See type.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/type.h"
#include <strings.h>

#define TYPE(id_, name_, sql_, physical_, kind_, length_, category_, preferred_, array_,       \
             element_)                                                                         \
    {.id = TYPE_##id_,                                                                         \
     .name = name_,                                                                            \
     .sql_name = sql_,                                                                         \
     .physical = PHYSICAL_##physical_,                                                         \
     .column_kind = (enum column_kind)(kind_),                                                 \
     .length = length_,                                                                        \
     .category = category_,                                                                    \
     .preferred = preferred_,                                                                  \
     .array_type = TYPE_##array_,                                                              \
     .element_type = TYPE_##element_},
static const struct type_info types[] = {
#include "sql/types/types.def"
};
#undef TYPE

/* Spellings that are neither a typname nor a sql_name of the table. */
static const struct {
    const char *spelling;
    enum type_id type;
} spellings[] = {
    {"int", TYPE_INT4},       {"decimal", TYPE_NUMERIC},      {"dec", TYPE_NUMERIC},
    {"float", TYPE_FLOAT8},   {"char varying", TYPE_VARCHAR}, {"serial", TYPE_INT4},
    {"bigserial", TYPE_INT8}, {"smallserial", TYPE_INT2},     {"serial4", TYPE_INT4},
    {"serial8", TYPE_INT8},   {"int[]", TYPE_INT4_ARRAY},     {"varchar[]", TYPE_VARCHAR_ARRAY},
};

/* Position in types[] plus 1, by oid: look-ups happen per value. */
#define TYPE(id_, name_, sql_, physical_, kind_, length_, category_, preferred_, array_,       \
             element_)                                                                         \
    POSITION_##id_,
enum position {
#include "sql/types/types.def"
};
#undef TYPE
#define TYPE(id_, name_, sql_, physical_, kind_, length_, category_, preferred_, array_,       \
             element_)                                                                         \
    [TYPE_##id_] = POSITION_##id_ + 1,
static const uint8_t positions[] = {
#include "sql/types/types.def"
};
#undef TYPE

const struct type_info *
type_info(enum type_id id)
{
    unsigned position = (unsigned)id < ARRAY_SIZE(positions) ? positions[id] : 0;
    return position != 0 ? &types[position - 1] : NULL;
}

static const struct type_info *
find_exact(const char *name, size_t size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        if (strlen(types[i].name) == size && strncasecmp(types[i].name, name, size) == 0) {
            return &types[i];
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        if (strlen(types[i].sql_name) == size &&
            strncasecmp(types[i].sql_name, name, size) == 0) {
            return &types[i];
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(spellings); i++) {
        if (strlen(spellings[i].spelling) == size &&
            strncasecmp(spellings[i].spelling, name, size) == 0) {
            return type_info(spellings[i].type);
        }
    }
    return NULL;
}

const struct type_info *
type_by_name(const char *name)
{
    if (strncmp(name, "pg_catalog.", 11) == 0) {
        name += 11;
    }
    size_t size = strlen(name);
    const struct type_info *type = find_exact(name, size);
    if (type == NULL && size > 2 && memcmp(name + size - 2, "[]", 2) == 0) {
        type = find_exact(name, size - 2);
        type = type != NULL ? type_info(type->array_type) : NULL;
    }
    return type;
}

unsigned
physical_size(enum physical physical)
{
    static const uint8_t sizes[] = {
        [PHYSICAL_BOOL] = 1,
        [PHYSICAL_I16] = 2,
        [PHYSICAL_I32] = 4,
        [PHYSICAL_U32] = 4,
        [PHYSICAL_I64] = 8,
        [PHYSICAL_F32] = 4,
        [PHYSICAL_F64] = 8,
        [PHYSICAL_INTERVAL] = sizeof(struct interval),
        [PHYSICAL_BYTES] = sizeof(struct slice),
    };
    ASSERT((unsigned)physical < ARRAY_SIZE(sizes));
    return sizes[physical];
}

const struct type_info *
type_table(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(types);
    return types;
}

static void
format_numeric(int32_t typmod, struct buf *out)
{
    int modifier = typmod - 4;
    int scale = ((modifier & 0x7ff) ^ 1024) - 1024; /* 11 bits, signed */
    buf_printf(out, "numeric(%d,%d)", (modifier >> 16) & 0xffff, scale);
}

static void
format_timestamp(const struct type_info *type, int32_t typmod, struct buf *out)
{
    buf_printf(out, "timestamp(%d)%s", typmod, type->sql_name + strlen("timestamp"));
}

void
type_format(enum type_id id, int32_t typmod, struct buf *out)
{
    const struct type_info *type = type_info(id);
    if (type == NULL) {
        buf_append_text(out, id == TYPE_INVALID ? "-" : "???");
        return;
    }
    if (type->category == 'A' && type->element_type != TYPE_INVALID && type->name[0] == '_') {
        type_format(type->element_type, typmod, out);
        buf_append_text(out, "[]");
        return;
    }
    if (typmod < 0) {
        buf_append_text(out, id == TYPE_BPCHAR ? "bpchar" : type->sql_name);
    } else if (id == TYPE_BPCHAR || id == TYPE_VARCHAR) {
        buf_printf(out, "%s(%d)", type->sql_name, typmod - 4);
    } else if (id == TYPE_NUMERIC) {
        format_numeric(typmod, out);
    } else if (id == TYPE_TIMESTAMP || id == TYPE_TIMESTAMPTZ) {
        format_timestamp(type, typmod, out);
    } else {
        buf_append_text(out, type->sql_name);
    }
}
