/* descriptions.c: see descriptions.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/descriptions.h"

const struct object_description *
object_descriptions(unsigned *count_out)
{
    static const struct object_description all[] = {
#define DESCRIPTION(object, class_id, shared, text) {object, class_id, shared, text},
#include "sql/func/descriptions.def"
#undef DESCRIPTION
    };
    *count_out = ARRAY_SIZE(all);
    return all;
}
