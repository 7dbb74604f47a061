/* shortest.c: the shortest decimal that reads back as the same binary fraction.
 *
 * Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020). We depart from
 * it as PostgreSQL's Ryu does: a decimal that lies exactly on the border of the rounding
 * interval is not taken even where round-half-even would read it back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/number_text.h"

#define POW10_MIN (-292)
static const struct {
    uint64_t high, low;
} pow10[] = {
#include "sql/types/pow10.inc"
};

struct decimal {
    uint64_t digits;
    int exponent;
};

static int
floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The upper bits of g * c; the last bit also says that something was cut off. */
static uint64_t
round_to_odd_64(uint64_t high, uint64_t low, uint64_t c)
{
    unsigned __int128 x = (unsigned __int128)low * c;
    unsigned __int128 y = (unsigned __int128)high * c + (uint64_t)(x >> 64);
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

static uint64_t
round_to_odd_32(uint64_t high, uint64_t low, uint64_t c)
{
    unsigned __int128 p = (unsigned __int128)(high + (low != 0)) * c;
    return (uint64_t)(p >> 64) | ((uint32_t)(p >> 32) > 1);
}

/* The number is c * 2^q; `closer`: the one below is at half the distance of the one above. */
static struct decimal
shortest(uint64_t c, int q, bool closer, bool single)
{
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    int h = q + floor_log2_pow10(-k) + 1;
    uint64_t high = pow10[-k - POW10_MIN].high, low = pow10[-k - POW10_MIN].low;
    uint64_t (*scale)(uint64_t, uint64_t, uint64_t) =
        single ? round_to_odd_32 : round_to_odd_64;
    uint64_t lower = scale(high, low, (4 * c - 2 + closer) << h) + 1;
    uint64_t middle = scale(high, low, (4 * c) << h);
    uint64_t upper = scale(high, low, (4 * c + 2) << h) - 1;
    uint64_t s = middle / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) {
            return (struct decimal){tens + above, k + 1};
        }
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) {
        return (struct decimal){s + above, k};
    }
    uint64_t half = 4 * s + 2;
    bool up = middle > half || (middle == half && (s & 1) != 0);
    return (struct decimal){s + up, k};
}

/* d.ddde+XX below 1e-4 and from 1e15 (1e6 of a float) on, else plain. */
static void
print(struct decimal decimal, bool minus, int plain_max, struct buf *out)
{
    char digits[24];
    int count = 0;
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    for (uint64_t rest = decimal.digits; rest != 0; rest /= 10) {
        digits[sizeof digits - 1 - (size_t)count++] = (char)('0' + rest % 10);
    }
    const char *first = digits + sizeof digits - count;
    int exponent = decimal.exponent + count - 1;
    if (minus) {
        buf_append(out, "-", 1);
    }
    if (exponent < -4 || exponent >= plain_max) {
        buf_append(out, first, 1);
        if (count > 1) {
            buf_append(out, ".", 1);
            buf_append(out, first + 1, (size_t)(count - 1));
        }
        buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+',
                   exponent < 0 ? -exponent : exponent);
    } else if (exponent < 0) {
        buf_append(out, "0.0000", (size_t)(1 - exponent));
        buf_append(out, first, (size_t)count);
    } else if (count <= exponent + 1) {
        buf_append(out, first, (size_t)count);
        size_t zeros = (size_t)exponent + 1 - (size_t)count;
        memset(buf_extend(out, zeros), '0', zeros);
    } else {
        buf_append(out, first, (size_t)exponent + 1);
        buf_append(out, ".", 1);
        buf_append(out, first + exponent + 1, (size_t)(count - exponent - 1));
    }
}

static bool
print_special(bool nan, bool infinite, bool zero, bool minus, struct buf *out)
{
    if (nan) {
        buf_append_text(out, "NaN");
    } else if (infinite) {
        buf_append_text(out, minus ? "-Infinity" : "Infinity");
    } else if (zero) {
        buf_append_text(out, minus ? "-0" : "0");
    }
    return nan || infinite || zero;
}

void
double_to_text(double value, struct buf *out)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    bool minus = bits >> 63 != 0;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (print_special(exponent == 0x7ff && fraction != 0, exponent == 0x7ff,
                      exponent == 0 && fraction == 0, minus, out)) {
        return;
    }
    uint64_t c = exponent != 0 ? fraction | UINT64_C(1) << 52 : fraction;
    int q = exponent != 0 ? exponent - 1075 : -1074;
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        print((struct decimal){c >> -q, 0}, minus, 15, out); /* a whole number below 2^53 */
        return;
    }
    print(shortest(c, q, fraction == 0 && exponent > 1, false), minus, 15, out);
}

void
float_to_text(float value, struct buf *out)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bool minus = bits >> 31 != 0;
    uint32_t fraction = bits & ((1U << 23) - 1);
    int exponent = (int)(bits >> 23 & 0xff);
    if (print_special(exponent == 0xff && fraction != 0, exponent == 0xff,
                      exponent == 0 && fraction == 0, minus, out)) {
        return;
    }
    uint64_t c = exponent != 0 ? fraction | 1U << 23 : fraction;
    int q = exponent != 0 ? exponent - 150 : -149;
    if (q <= 0 && q > -24 && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        print((struct decimal){c >> -q, 0}, minus, 6, out);
        return;
    }
    print(shortest(c, q, fraction == 0 && exponent > 1, true), minus, 6, out);
}
