/* fault.h: points where tests make things go wrong. A point is a name of faults.def; the caller
 * asks fault_fires() there and behaves as the comment in faults.def says. Costs a NULL check
 * where no test armed anything.
 * Thread: any; arming happens before threads start or where the simulator lets one thread run.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include "base/rng.h"
#include <stdbool.h>

enum fault {
#define FAULT(name, what) FAULT_##name,
#include "base/faults.def"
#undef FAULT
    FAULT_COUNT
};

struct faults {
    double chance[FAULT_COUNT]; /* 0: never */
    unsigned long fired_count[FAULT_COUNT];
    struct rng rng;
};

bool fault_fires(struct faults *faults, enum fault fault);
