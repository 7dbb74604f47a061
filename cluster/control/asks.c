/* asks.c: see asks.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/control/asks.h"

#include <stdlib.h>

struct ask {
    struct list link;
    uint64_t number, to_id;
    int64_t deadline_ns;
    peer_reply_fn done;
    void *arg;
};

void
asks_init(struct asks *asks)
{
    list_init(&asks->pending);
    asks->next_no = 1;
}

uint64_t
asks_add(struct asks *asks, uint64_t to_id, int64_t deadline_ns, peer_reply_fn done, void *arg)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    ASSERT(ask != NULL);
    *ask = (struct ask){.number = asks->next_no++,
                        .to_id = to_id,
                        .deadline_ns = deadline_ns,
                        .done = done,
                        .arg = arg};
    list_push_back(&asks->pending, &ask->link);
    return ask->number;
}

static void
end_ask(struct ask *ask, enum status status, struct slice reply)
{
    list_remove(&ask->link);
    ask->done(ask->arg, status, reply);
    free(ask);
}

void
asks_replied(struct asks *asks, uint64_t from_id, uint64_t number, struct slice reply)
{
    LIST_EACH(it, &asks->pending)
    {
        struct ask *ask = LIST_ITEM(it, struct ask, link);
        if (ask->number == number && ask->to_id == from_id) {
            end_ask(ask, STATUS_OK, reply);
            return;
        }
    }
}

void
asks_expire(struct asks *asks, int64_t now_ns)
{
    LIST_EACH(it, &asks->pending)
    {
        struct ask *ask = LIST_ITEM(it, struct ask, link);
        if (ask->deadline_ns <= now_ns) {
            end_ask(ask, STATUS_TIMEOUT, slice_make(NULL, 0));
        }
    }
}

void
asks_fail(struct asks *asks, enum status status)
{
    while (!list_empty(&asks->pending)) {
        end_ask(LIST_FIRST(&asks->pending, struct ask, link), status, slice_make(NULL, 0));
    }
}
