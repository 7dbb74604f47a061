/* warm.c: pages kept pinned so that a step inside the gate finds them (btree.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/btree/btree.h"

enum status
warm_pin(struct warm *warm, struct pages *pages, struct space_id space, struct page_no no,
         struct page **page_out, struct diag *diag)
{
    enum status status = page_pin(pages, space, no, PIN_IN_GATE, page_out, diag);
    if (status == STATUS_AGAIN) {
        warm->need_page = true;
        warm->space = space;
        warm->no = no;
    }
    return status;
}

enum status
warm_append(struct warm *warm, struct pages *pages, struct space_id space,
            struct page_no *no_out, struct page **page_out, struct diag *diag)
{
    enum status status = page_append(pages, space, no_out, page_out, diag);
    if (status == STATUS_AGAIN) {
        warm->need_room = true;
    }
    return status;
}

enum status
warm_fetch(struct warm *warm, struct pages *pages, struct diag *diag)
{
    ASSERT(!gate_held(pages));
    if (warm->need_room) {
        warm->need_room = false;
        TRY(pages_make_room(pages, diag));
    }
    if (warm->need_page) {
        warm->need_page = false;
        struct page *page = NULL;
        TRY(page_pin(pages, warm->space, warm->no, 0, &page, diag));
        unsigned at = warm->next++ % WARM_PAGES_MAX; /* the oldest makes way */
        if (at < warm->count) {
            page_unpin(warm->pinned[at]);
        } else {
            warm->count = at + 1;
        }
        warm->pinned[at] = page;
    }
    return STATUS_OK;
}

void
warm_release(struct warm *warm)
{
    for (unsigned i = 0; i < warm->count; i++) {
        page_unpin(warm->pinned[i]);
    }
    warm->count = warm->next = 0;
}
