/* futex.h: sleeping on a word of memory until somebody who changed it says so.
 *
 * Promises: futex_wait() returns at once when the word is not `expected` any more; a wake
 * between that look and the sleep is not lost. It may return without a reason: look again.
 * Thread:   any, of one process.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

void futex_wait(_Atomic(uint32_t) *word, uint32_t expected);
void futex_wake_all(_Atomic(uint32_t) *word);
