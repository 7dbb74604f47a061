/* loop_uv.h: the libuv loop inside a system loop, for base/net_uv.c only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/loop.h"

struct uv_loop_s;

/* The loop must come from loop_new_system(). */
struct uv_loop_s *loop_uv_native(struct loop *loop);
/* Something that loop_delete() has to end first; `end` removes it from the list. */
struct loop_uv_pending {
    struct list link;
    void (*end)(struct loop_uv_pending *pending);
};
void loop_uv_add_pending(struct loop *loop, struct loop_uv_pending *pending);
