/* fault.c: see fault.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <stddef.h>

bool
fault_fires(struct faults *faults, enum fault fault)
{
    if (LIKELY(faults == NULL) || faults->chance[fault] <= 0) {
        return false;
    }
    bool fires = rng_double(&faults->rng) < faults->chance[fault];
    faults->fired_count[fault] += fires;
    return fires;
}
