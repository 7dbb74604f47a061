/* sched.c: see sched.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/sched.h"

_Thread_local struct sched *sched_mine;
