/* newer.c: when another transaction changed a row first, READ COMMITTED asks its conditions
 * again of the newest version.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

void
row__newer(const struct batch *in, unsigned row, const struct row_slots *slots,
           struct slice newest, struct arena *arena, struct batch *out)
{
    const struct table_def *table = slots->table;
    uint16_t number = (uint16_t)row;
    batch__gather(out, in, &number, 1, NULL, 0, arena);
    struct column_value *values =
        arena_array(arena, struct column_value, MAX(table->column_count, 1U));
    struct slice copy = arena_copy(arena, newest); /* the caller's buffer is used again */
    tuple_decode(copy, table->storage.kinds, table->column_count, values);
    for (unsigned i = 0; i < slots->column_count; i++) {
        unsigned column_no = slots->columns[i].column_no;
        enum type_id type = table->columns[column_no].type;
        struct value value = {.is_null = true};
        if (!values[column_no].is_null && values[column_no].bytes.data != NULL) {
            value_from_column(type, &values[column_no], &value);
        }
        vector_set_constant(&out->columns[slots->columns[i].slot], type, &value, arena);
    }
    vector_set_constant(&out->columns[slots->tuple_slot], TYPE_BYTEA,
                        &(struct value){.bytes = copy}, arena);
}
