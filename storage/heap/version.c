/* version.c: what xmin and xmax of a version mean to whom (table_internal.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/table_internal.h"

bool
version_undone(struct store *store, const struct version *version)
{
    struct csn csn;
    if ((version->flags & VERSION_DEAD) != 0) {
        return true;
    }
    return (version->flags & VERSION_XMIN_IS_CSN) == 0 &&
           xid_state(store, (struct xid){version->xmin}, &csn) == XID_ABORTED;
}

static bool
sees(const struct txn *txn, uint64_t value, bool is_csn, uint32_t command)
{
    if (is_csn) {
        return value <= txn_snapshot_csn(txn).v;
    }
    return txn_sees(txn, (struct xid){value}, command);
}

bool
version_visible(const struct txn *txn, const struct version *version)
{
    if ((version->flags & VERSION_DEAD) != 0 ||
        !sees(txn, version->xmin, (version->flags & VERSION_XMIN_IS_CSN) != 0, version->cmin)) {
        return false;
    }
    return version->xmax == 0 ||
           !sees(txn, version->xmax, (version->flags & VERSION_XMAX_IS_CSN) != 0,
                 version->cmax);
}

enum xid_state
version_writer_state(struct store *store, uint64_t value, bool is_csn, struct csn *csn_out)
{
    if (is_csn) {
        csn_out->v = value;
        return XID_COMMITTED;
    }
    return xid_state_for_writer(store, (struct xid){value}, csn_out);
}

bool
version_expired(struct store *store, const struct version *version, struct csn horizon)
{
    if (version->xmax == 0) {
        return false;
    }
    struct csn csn;
    enum xid_state state = version_writer_state(
        store, version->xmax, (version->flags & VERSION_XMAX_IS_CSN) != 0, &csn);
    return state == XID_COMMITTED && csn.v <= horizon.v;
}

bool
version_live(struct store *store, const struct version *version, version_own_fn own,
             const void *arg)
{
    struct csn csn;
    bool min_csn = (version->flags & VERSION_XMIN_IS_CSN) != 0;
    bool max_csn = (version->flags & VERSION_XMAX_IS_CSN) != 0;
    if ((version->flags & VERSION_DEAD) != 0) {
        return false;
    }
    if ((min_csn || !own(arg, (struct xid){version->xmin})) &&
        version_writer_state(store, version->xmin, min_csn, &csn) != XID_COMMITTED) {
        return false;
    }
    if (version->xmax == 0) {
        return true;
    }
    return (max_csn || !own(arg, (struct xid){version->xmax})) &&
           version_writer_state(store, version->xmax, max_csn, &csn) != XID_COMMITTED;
}
