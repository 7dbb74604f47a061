/* clock.h: time, real or simulated.
 *
 * Thread:   any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct clock {
    int64_t (*monotonic_ns)(struct clock *clock);
    int64_t (*wall_us)(struct clock *clock); /* microseconds since 1970-01-01 UTC */
};

static inline int64_t
clock_monotonic_ns(struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

static inline int64_t
clock_wall_us(struct clock *clock)
{
    return clock->wall_us(clock);
}

/* The machine's clock; a constant, never freed. */
struct clock *clock_system(void);
