/* crash.h: a crash test: a workload, a crash at every sync of it, and what must be there after.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>
#include <stdint.h>

/* Each returns false after it printed what was wrong. `canary` is armed all the time;
 * FAULT_COUNT: none. */
bool crash_pages(uint64_t seed, enum fault canary);
/* `full`: at every sync, with each kind of loss; else a sample that the seed moves along. */
bool crash_node(uint64_t seed, bool full, enum fault canary);
