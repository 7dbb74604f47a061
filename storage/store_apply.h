/* store_apply.h: memory that apply keeps between entries. For storage/store_*.c only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/store_internal.h"

void store__apply_init(struct store *store);
void store__apply_deinit(struct store *store);
