/* locks.h: row locks and table locks, with queues and deadlock detection.
 *
 * Promises: PostgreSQL's four row lock modes and eight table lock modes with its conflict
 * tables; waiters are served in order; a cycle of waits is found and one of its members gets
 *           40P01. Locks go when their transaction ends (after its CSN is visible, rule 6) or
 *           its savepoint is rolled back.
 * Does not: know who wrote a row: a writer's xmax on the newest version is its row lock
 *           (txn_wait_xid). This table holds the other locks and the queue for both.
 * Thread:   sessions; never inside the gate and under no latch.
 * Fails:    STATUS_CONFLICT 40P01 or 55P03; STATUS_CANCELLED 57014; STATUS_LIMIT 53200.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/txn/txn.h"

enum row_lock_mode { /* PostgreSQL's, weakest first; numbers are stored */
                     ROW_LOCK_KEY_SHARE = 1,
                     ROW_LOCK_SHARE = 2,
                     ROW_LOCK_NO_KEY_UPDATE = 3,
                     ROW_LOCK_UPDATE = 4,
};

enum lock_wait { LOCK_WAIT, LOCK_NOWAIT, LOCK_SKIP_LOCKED };

enum table_lock_mode {
    TABLE_LOCK_ACCESS_SHARE = 1,
    TABLE_LOCK_ROW_SHARE,
    TABLE_LOCK_ROW_EXCLUSIVE,
    TABLE_LOCK_SHARE_UPDATE_EXCLUSIVE,
    TABLE_LOCK_SHARE,
    TABLE_LOCK_SHARE_ROW_EXCLUSIVE,
    TABLE_LOCK_EXCLUSIVE,
    TABLE_LOCK_ACCESS_EXCLUSIVE,
};

MUST_CHECK enum status table_lock(struct txn *txn, struct object_id table,
                                  enum table_lock_mode mode, enum lock_wait wait,
                                  struct diag *diag);
bool table_lock_held(struct txn *txn, struct object_id table, enum table_lock_mode mode);
MUST_CHECK enum status row_lock(struct txn *txn, struct object_id table, struct row_id row,
                                enum row_lock_mode mode, enum lock_wait wait,
                                struct diag *diag);
/* Does this transaction hold the row in `mode` or a stronger one? READ COMMITTED goes on with a
 * row that changed above its snapshot only when it does. Cheap; inside the gate. */
bool row_lock_held(struct txn *txn, struct object_id table, struct row_id row,
                   enum row_lock_mode mode);
/* Is there another transaction's row lock that conflicts with `mode`? Cheap; inside the gate.
 */
bool row_lock_conflicts(struct txn *txn, struct object_id table, struct row_id row,
                        enum row_lock_mode mode);
