/* ids.c: see ids.h. SPDX-License-Identifier: Apache-2.0 */
#include "proto/ids.h"

#include <inttypes.h>
#include <stdio.h>

void
gtid_format(struct gtid gtid, char *text)
{
    snprintf(text, GTID_TEXT_MAX, "%" PRIu64 "-%" PRIu64 "-%" PRIu64 "-%" PRIu64, gtid.origin,
             gtid.incarnation, gtid.term, gtid.number);
}

bool
gtid_parse(const char *text, struct gtid *gtid_out)
{
    int used = 0;
    int count =
        sscanf(text, "%" SCNu64 "-%" SCNu64 "-%" SCNu64 "-%" SCNu64 "%n", &gtid_out->origin,
               &gtid_out->incarnation, &gtid_out->term, &gtid_out->number, &used);
    return count == 4 && text[used] == '\0';
}
