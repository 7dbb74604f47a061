/* macros.h: the few words of C that every file uses. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_no, first_no) __attribute__((format(printf, format_no, first_no)))
#define NORETURN __attribute__((noreturn))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define UNUSED(x) ((void)(x))

/* ASSERT is on in every build: a broken one is a bug, and the node stops. DASSERT is for
 * whole-structure checks: debug builds and simulation only. */
#define ASSERT(cond) (LIKELY(cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
#ifdef RUSTYDB_DEBUG
#define DASSERT(cond) ASSERT(cond)
#else
#define DASSERT(cond) ((void)sizeof(cond))
#endif

/* Prints place and condition with a backtrace, then aborts. */
NORETURN void assert_failed(const char *condition, const char *file, int line);
