/* replay.c: runs a fuzz target without libFuzzer: every line of the files given, and lines made
 * of them by a fixed rule, so that each run is the same.
 *
 * Usage: TARGET MUTATIONS FILE ...     status 0: nothing crashed
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 2048u
#define MUTANT_BYTES (4 * LINE_MAX_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lines {
    struct buf text;
    size_t *starts; /* count + 1 of them */
    size_t count, capacity;
};

static uint64_t
next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
add_line(struct lines *lines, const char *text, size_t size)
{
    if (lines->count + 1 >= lines->capacity) {
        lines->capacity = lines->capacity * 2 + 64;
        lines->starts = realloc(lines->starts, lines->capacity * sizeof(*lines->starts));
        if (lines->starts == NULL) {
            abort();
        }
    }
    lines->starts[lines->count++] = lines->text.size;
    buf_append(&lines->text, text, size);
    lines->starts[lines->count] = lines->text.size;
}

static bool
read_lines(struct lines *lines, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_MAX_BYTES];
    if (file == NULL) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        add_line(lines, line, strcspn(line, "\n"));
    }
    return fclose(file) == 0;
}

static struct slice
line_at(const struct lines *lines, size_t no)
{
    size_t start = lines->starts[no];
    return slice_make(lines->text.data + start, lines->starts[no + 1] - start);
}

/* A part of the line goes, comes twice, changes a byte, or another line's part comes in. */
static void
mutate(const struct lines *lines, struct slice line, uint64_t *state, struct buf *out)
{
    size_t from = line.size == 0 ? 0 : next_number(state) % line.size;
    size_t size = line.size == 0 ? 0 : next_number(state) % (line.size - from) + 1;
    struct slice other = line_at(lines, next_number(state) % lines->count);
    size_t other_from = other.size == 0 ? 0 : next_number(state) % other.size;
    buf_clear(out);
    buf_append(out, line.data, from);
    switch (next_number(state) % 4) {
    case 0:
        break;
    case 1:
        buf_append(out, line.data + from, size);
        buf_append(out, line.data + from, size);
        break;
    case 2:
        buf_u8(out, (uint8_t)next_number(state));
        break;
    default:
        buf_append(out, other.data + other_from, other.size - other_from);
    }
    buf_append(out, line.data + from + size, line.size - from - size);
    out->size = MIN(out->size, (size_t)MUTANT_BYTES);
}

int
main(int argc, char **argv)
{
    struct lines lines = {.text = BUF_EMPTY};
    struct buf mutant = BUF_EMPTY;
    unsigned mutations = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    uint64_t state = 88172645463325252u;
    for (int i = 2; i < argc; i++) {
        if (!read_lines(&lines, argv[i])) {
            return 2;
        }
    }
    for (size_t no = 0; no < lines.count; no++) {
        struct slice line = line_at(&lines, no);
        LLVMFuzzerTestOneInput(line.data, line.size);
        for (unsigned k = 0; k < mutations; k++) {
            mutate(&lines, line, &state, &mutant);
            LLVMFuzzerTestOneInput(mutant.data, mutant.size);
        }
    }
    printf("%zu lines, %u mutations of each\n", lines.count, mutations);
    buf_deinit(&mutant);
    buf_deinit(&lines.text);
    free(lines.starts);
    return lines.count == 0 ? 2 : 0;
}
