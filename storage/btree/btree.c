/* btree.c: finding, inserting and removing entries. Latches: a writer holds at most the leaf it
 * checks and one page further right; readers hold one page at a time. Parents are latched after
 * their children were let go.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/btree/btree.h"
#include "base/errors.h"

static enum status
too_deep(struct diag *diag, const struct btree *tree)
{
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_INDEX_CORRUPTED,
                     "the index in space %u has no leaf where one must be", tree->space.v);
}

/* Next page on the way down, under the page's shared latch. */
static struct page_no
next_down(const uint8_t *page, struct btree_entry entry)
{
    struct btree_entry high;
    if (btree_page_high(page, &high) && btree_compare(entry, high) >= 0) {
        return btree_page_right(page);
    }
    return btree_page_item(page, btree_page_child_slot(page, entry)).child;
}

/* Pins, unlatched, a page of `level` at or left of the one that covers `entry`. The tree is not
 * empty. Outside the gate. */
enum status
btree__descend(const struct btree *tree, struct btree_entry entry, unsigned level,
               struct page **page_out, struct diag *diag)
{
    struct page_no no = {0};
    *page_out = NULL;
    for (unsigned steps = 0; steps < 1U << 20; steps++) {
        struct page *page = NULL;
        TRY(page_pin(tree->pages, tree->space, no, 0, &page, diag));
        page_latch_shared(page);
        const uint8_t *data = page_data(page);
        unsigned at = btree_page_level(data);
        if (at <= level) {
            page_unlatch(page);
            if (at == level) {
                *page_out = page;
                return STATUS_OK;
            }
            page_unpin(page);
            break;
        }
        no = next_down(data, entry);
        page_unlatch(page);
        page_unpin(page);
    }
    return too_deep(diag, tree);
}

/* Moves the exclusive latch right to the page that covers `entry`, inside the gate. `held` is
 * latched; *page_out is latched and pinned once more, and may be `held` itself. */
static enum status
move_right(const struct btree *tree, struct page *held, struct btree_entry entry,
           struct warm *warm, struct page **page_out, struct diag *diag)
{
    struct page *page = held;
    struct btree_entry high;
    page_ref(page);
    while (btree_page_high(page_data(page), &high) && btree_compare(entry, high) >= 0) {
        struct page *right = NULL;
        enum status status = warm_pin(warm, tree->pages, tree->space,
                                      btree_page_right(page_data(page)), &right, diag);
        if (status == STATUS_OK) {
            page_latch_exclusive(right);
        }
        if (page != held) {
            page_unlatch(page);
        }
        page_unpin(page);
        if (status != STATUS_OK) {
            return status;
        }
        page = right;
    }
    *page_out = page;
    return STATUS_OK;
}

static void
let_go(struct page *page, const struct page *held)
{
    if (page != held) {
        page_unlatch(page);
    }
    page_unpin(page);
}

/* ---- insertion ---- */
struct insertion {
    const struct btree *tree;
    struct btree_item item;
    unsigned level;
    const struct btree_hooks *hooks;
    struct warm *warm;
    bool split; /* what the last step left for the parent */
    struct btree_item separator;
    struct buf separator_key;
};

/* The root is full: its content moves down to a new page, so that a split can follow. */
static enum status
push_root_down(struct insertion *in, struct page *root, struct diag *diag)
{
    struct page_no no;
    struct page *below = NULL;
    TRY(warm_append(in->warm, in->tree->pages, in->tree->space, &no, &below, diag));
    page_dirty(root);
    uint8_t *data = page_data(root);
    memcpy(page_data(below) + PAGE_HEADER_BYTES, data + PAGE_HEADER_BYTES,
           in->tree->page_size - PAGE_HEADER_BYTES);
    btree_page_init(data, btree_page_level(page_data(below)) + 1);
    struct btree_item only = {.child = no};
    btree_page_insert(data, in->tree->page_size, 0, &only);
    page_unlatch(below);
    page_unpin(below);
    in->warm->need_room = false;
    return STATUS_AGAIN;
}

/* Splits `page`, which is latched; the item goes to its side if it fits there. STATUS_AGAIN
 * without it. */
static enum status
split(struct insertion *in, struct page *page, unsigned slot, struct diag *diag)
{
    const struct btree *tree = in->tree;
    struct page_no no;
    struct page *right = NULL;
    TRY(warm_append(in->warm, tree->pages, tree->space, &no, &right, diag));
    page_dirty(page);
    uint8_t *left_data = page_data(page), *right_data = page_data(right);
    buf_clear(&in->separator_key);
    in->separator.entry.row = btree_page_split(left_data, right_data, no, tree->page_size, slot,
                                               &in->item, &in->separator_key);
    in->separator.entry.key = buf_slice(&in->separator_key);
    in->separator.child = no;
    in->split = true;
    bool to_right = btree_compare(in->item.entry, in->separator.entry) >= 0;
    uint8_t *data = to_right ? right_data : left_data;
    bool fits = btree_page_fits(data, tree->page_size, in->item.entry.key.size);
    if (fits) {
        btree_page_insert(data, tree->page_size, btree_page_lower_bound(data, in->item.entry),
                          &in->item);
    }
    page_unlatch(right);
    page_unpin(right);
    return fits ? STATUS_OK : STATUS_AGAIN;
}

static void
note_last_leaf(const struct btree *tree, struct page *page)
{
    uint32_t no = page_number(page).v;
    if (tree->last_leaf != NULL && btree_page_right(page_data(page)).v == PAGE_NO_NONE &&
        atomic_load_explicit(tree->last_leaf, memory_order_relaxed) != no) {
        atomic_store_explicit(tree->last_leaf, no, memory_order_relaxed);
    }
}

/* `page` covers the item and is latched. */
static enum status
put_on_page(struct insertion *in, struct page *page, struct diag *diag)
{
    uint8_t *data = page_data(page);
    unsigned slot = btree_page_lower_bound(data, in->item.entry);
    if (in->level > 0) {
        slot = MAX(slot, 1U); /* slot 0 stands for everything below */
    }
    if (slot < btree_page_count(data) &&
        btree_compare(btree_page_item(data, slot).entry, in->item.entry) == 0) {
        return STATUS_OK; /* there already */
    }
    if (btree_page_fits(data, in->tree->page_size, in->item.entry.key.size)) {
        if (in->level == 0 && slot == btree_page_count(data)) {
            note_last_leaf(in->tree, page);
        }
        page_dirty(page);
        btree_page_insert(data, in->tree->page_size, slot, &in->item);
        return STATUS_OK;
    }
    if (page_number(page).v == 0) {
        return push_root_down(in, page, diag);
    }
    return split(in, page, slot, diag);
}

/* Asks about every entry of the same key, from `first` (latched, covers (key, row 0)) to the
 * right. Nobody else can pass: all who insert this key latch `first`. */
static enum status
check_unique(struct insertion *in, struct page *first, struct diag *diag)
{
    struct btree_entry own = in->item.entry, from = {.key = own.key};
    struct page *page = first;
    enum status status = STATUS_OK;
    page_ref(page);
    for (unsigned slot = btree_page_lower_bound(page_data(page), from);; slot++) {
        const uint8_t *data = page_data(page);
        if (slot < btree_page_count(data)) {
            struct btree_entry entry = btree_page_item(data, slot).entry;
            if (!slice_equal(entry.key, own.key)) {
                break;
            }
            if (entry.row.v != own.row.v) {
                status = in->hooks->check(in->hooks->arg, entry.row, diag);
            }
            if (status != STATUS_OK) {
                break;
            }
            continue;
        }
        struct btree_entry high;
        if (!btree_page_high(data, &high) || slice_compare(high.key, own.key) > 0) {
            break;
        }
        struct page *right = NULL;
        status = warm_pin(in->warm, in->tree->pages, in->tree->space, btree_page_right(data),
                          &right, diag);
        if (status != STATUS_OK) {
            break;
        }
        page_latch_exclusive(right);
        let_go(page, first);
        page = right;
        slot = UINT32_MAX; /* from 0 */
    }
    let_go(page, first);
    return status;
}

/* One try inside the gate; `start` is pinned, at or left of the place. */
static enum status
insert_step(struct insertion *in, struct page *start, struct diag *diag)
{
    struct page *first = NULL, *page = NULL;
    bool unique = in->level == 0 && in->hooks->check != NULL;
    struct btree_entry from = in->item.entry;
    if (unique) {
        from.row.v = 0;
    }
    page_latch_exclusive(start);
    if (btree_page_level(page_data(start)) != in->level) {
        page_unlatch(start); /* the root grew meanwhile */
        return STATUS_AGAIN;
    }
    enum status status = move_right(in->tree, start, from, in->warm, &first, diag);
    if (status != STATUS_OK) {
        page_unlatch(start);
        return status;
    }
    if (first != start) {
        page_unlatch(start);
    }
    if (unique) {
        status = check_unique(in, first, diag);
    }
    if (status == STATUS_OK) {
        status = move_right(in->tree, first, in->item.entry, in->warm, &page, diag);
    }
    if (status == STATUS_OK) {
        status = put_on_page(in, page, diag);
        let_go(page, first);
    }
    page_unlatch(first);
    page_unpin(first);
    return status;
}

/* Inside the gate: an empty space gets its root, a zeroed page. Two at once may make two pages:
 * the second is never referred to. */
static enum status
make_root(struct insertion *in, struct diag *diag)
{
    if (space_page_count(in->tree->pages, in->tree->space) > 0) {
        return STATUS_OK;
    }
    struct page_no no;
    struct page *page = NULL;
    TRY(warm_append(in->warm, in->tree->pages, in->tree->space, &no, &page, diag));
    page_unlatch(page);
    page_unpin(page);
    return STATUS_OK;
}

static enum status
enter_admitted(struct insertion *in, struct diag *diag)
{
    gate_enter(in->tree->pages);
    enum status status = STATUS_OK;
    if (in->hooks->admit != NULL) {
        status = in->hooks->admit(in->hooks->arg, diag);
    }
    if (status != STATUS_OK) {
        gate_leave(in->tree->pages);
    }
    return status;
}

/* The last leaf, pinned, if `from` belongs on it or to its right: its lower bound never
 * changes, and it has none above. Otherwise it is forgotten, so that keys in no order pay for
 * it once.
 */
static struct page *
try_last_leaf(const struct insertion *in, struct btree_entry from)
{
    const struct btree *tree = in->tree;
    uint32_t no = in->level > 0 || tree->last_leaf == NULL
                      ? 0
                      : atomic_load_explicit(tree->last_leaf, memory_order_relaxed);
    struct page *page = NULL;
    if (no == 0 || page_pin(tree->pages, tree->space, (struct page_no){no}, PIN_IN_GATE, &page,
                            NULL) != STATUS_OK) {
        return NULL;
    }
    page_latch_shared(page);
    const uint8_t *data = page_data(page);
    bool fits = btree_page_level(data) == 0 && btree_page_right(data).v == PAGE_NO_NONE &&
                btree_page_count(data) > 0 &&
                btree_compare(btree_page_item(data, 0).entry, from) <= 0;
    page_unlatch(page);
    if (!fits) {
        atomic_store_explicit(tree->last_leaf, 0, memory_order_relaxed);
        page_unpin(page);
        return NULL;
    }
    return page;
}

/* Where to start looking for the place, pinned. STATUS_AGAIN: the tree is empty. */
static enum status
find_start(const struct insertion *in, struct page **start_out, struct diag *diag)
{
    const struct btree *tree = in->tree;
    struct btree_entry from = in->item.entry;
    if (in->level == 0 && in->hooks->check != NULL) {
        from.row.v = 0;
    }
    *start_out = try_last_leaf(in, from);
    if (*start_out != NULL) {
        return STATUS_OK;
    }
    if (space_page_count(tree->pages, tree->space) == 0) {
        return STATUS_AGAIN;
    }
    return btree__descend(tree, from, in->level, start_out, diag);
}

static enum status
insert_once(struct insertion *in, struct diag *diag)
{
    struct pages *pages = in->tree->pages;
    struct page *start = NULL;
    enum status status = find_start(in, &start, diag);
    if (status == STATUS_AGAIN) {
        TRY(enter_admitted(in, diag));
        status = make_root(in, diag);
        gate_leave(pages);
        return status == STATUS_OK ? STATUS_AGAIN : status;
    }
    TRY(status);
    status = enter_admitted(in, diag);
    if (status == STATUS_OK) {
        status = insert_step(in, start, diag);
        gate_leave(pages);
    }
    page_unpin(start);
    return status;
}

static enum status
insert_at_level(struct insertion *in, struct diag *diag)
{
    for (;;) {
        enum status status = insert_once(in, diag);
        if (in->split || status != STATUS_AGAIN) {
            return status;
        }
        TRY(warm_fetch(in->warm, in->tree->pages, diag));
    }
}

/* Tells the parents of a split, one level after the other. */
static enum status
insert_upwards(struct insertion *in, struct diag *diag)
{
    enum status status = insert_at_level(in, diag);
    const struct btree_hooks parent_hooks = {
        .arg = in->hooks->arg, .warm = in->warm, .admit = in->hooks->admit};
    while (in->split) {
        struct insertion up = {.tree = in->tree,
                               .item = in->separator,
                               .level = in->level + 1,
                               .hooks = &parent_hooks,
                               .warm = in->warm};
        struct buf key = in->separator_key;
        in->separator_key = BUF_EMPTY;
        in->split = false;
        enum status up_status = insert_upwards(&up, diag); /* at most BTREE_LEVELS_MAX deep */
        buf_deinit(&key);
        if (up_status != STATUS_OK) {
            return up_status;
        }
        if (status == STATUS_AGAIN) { /* split, but not yet on the page */
            status = insert_at_level(in, diag);
        }
    }
    buf_deinit(&in->separator_key);
    return status;
}

enum status
btree_insert(const struct btree *tree, struct btree_entry entry,
             const struct btree_hooks *hooks, struct diag *diag)
{
    ASSERT(!gate_held(tree->pages));
    if (entry.key.size > btree_key_max(tree->page_size)) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "index row size %zu exceeds btree maximum %zu", entry.key.size,
                         btree_key_max(tree->page_size));
    }
    struct insertion in = {
        .tree = tree, .item = {.entry = entry}, .hooks = hooks, .warm = hooks->warm};
    return insert_upwards(&in, diag);
}

/* ---- removal ---- */
static enum status
remove_latched(const struct btree *tree, struct page *start, struct btree_entry entry,
               struct warm *warm, btree_keep_fn keep, void *arg, bool *removed_out,
               struct diag *diag)
{
    struct page *page = NULL;
    enum status status = move_right(tree, start, entry, warm, &page, diag);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *data = page_data(page);
    unsigned slot = btree_page_lower_bound(data, entry);
    bool there = slot < btree_page_count(data) &&
                 btree_compare(btree_page_item(data, slot).entry, entry) == 0;
    bool stays = true;
    if (there) {
        status = keep(arg, &stays, diag);
    }
    if (there && status == STATUS_OK && !stays) {
        page_dirty(page);
        btree_page_delete(data, slot);
        *removed_out = true;
    }
    let_go(page, start);
    return status;
}

enum status
btree_remove(const struct btree *tree, struct btree_entry entry, struct warm *warm,
             btree_keep_fn keep, void *arg, bool *removed_out, struct diag *diag)
{
    ASSERT(!gate_held(tree->pages));
    *removed_out = false;
    for (;;) {
        if (space_page_count(tree->pages, tree->space) == 0) {
            return STATUS_OK;
        }
        struct page *start = NULL;
        TRY(btree__descend(tree, entry, 0, &start, diag));
        gate_enter(tree->pages);
        page_latch_exclusive(start);
        enum status status = STATUS_AGAIN;
        if (btree_page_level(page_data(start)) == 0) {
            status = remove_latched(tree, start, entry, warm, keep, arg, removed_out, diag);
        }
        page_unlatch(start);
        gate_leave(tree->pages);
        page_unpin(start);
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(warm_fetch(warm, tree->pages, diag));
    }
}
