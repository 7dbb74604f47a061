/* descriptions.h: what initdb says of built-in objects (descriptions.def).
 * Thread: a constant table.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include <stdbool.h>
#include <stdint.h>

struct object_description {
    uint32_t object, class_id;
    bool shared;
    const char *text;
};
const struct object_description *object_descriptions(unsigned *count_out);
