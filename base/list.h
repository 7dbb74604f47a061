/* list.h: a ring of links that lie inside the things they join; no memory of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void
list_init(struct list *head)
{
    head->next = head->prev = head;
}
static inline bool
list_empty(const struct list *head)
{
    return head->next == head;
}
static inline void
list_push_back(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}
static inline void
list_push_front(struct list *head, struct list *item)
{
    list_push_back(head->next, item);
}
/* Takes item out; it is a ring of its own then, so that a second remove does no harm. */
static inline void
list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}
/* Moves all of `from` behind what is in `to`. */
static inline void
list_move_all(struct list *to, struct list *from)
{
    if (!list_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}
#define LIST_ITEM(link, type, member) CONTAINER_OF(link, type, member)
#define LIST_FIRST(head, type, member)                                                         \
    (list_empty(head) ? NULL : LIST_ITEM((head)->next, type, member))
/* The item in hand may be removed while the loop runs. */
#define LIST_EACH(it, head)                                                                    \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                  \
         it = it##_next, it##_next = it->next)
