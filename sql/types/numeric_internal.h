/* numeric_internal.h: what the numeric_*.c files share. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/numeric.h"

/* Drops zeros at both ends; zero is plain. */
void numeric__strip(struct numeric *n);
