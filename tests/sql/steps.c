/* steps.c: steps FILE: plays a dialogue of several sessions and prints it. The server is that
 * of PGHOST, PGPORT ..
 *
 *   a: SQL    session a (one letter; it connects when it is first named) runs this to its end
 *   b> SQL    is sent, and will wait for another session
 *   c~ SQL    is asked again and again until it answers t: how a step knows that b has come to
 *             where it waits, by a sequence that b's statement moves; no pause decides anything
 *   b<        the answer to what was sent
 *   #, empty  printed as they are
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 26
#define ASK_US 5000
#define ASK_TIMES 6000

static void
print_notice(void *arg, const PGresult *notice)
{
    UNUSED(arg);
    printf("%s: %s\n", PQresultErrorField(notice, PG_DIAG_SEVERITY),
           PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY));
}

static PGconn *
session_of(PGconn **sessions, char name)
{
    PGconn **session = &sessions[name - 'a'];
    if (*session == NULL) {
        *session = PQconnectdb("");
        if (PQstatus(*session) != CONNECTION_OK) {
            fprintf(stderr, "steps: %s", PQerrorMessage(*session));
            exit(2);
        }
        PQsetNoticeReceiver(*session, print_notice, NULL);
    }
    return *session;
}

static void
print_error(const PGresult *result)
{
    static const struct {
        int field;
        const char *name;
    } more[] = {{PG_DIAG_MESSAGE_DETAIL, "DETAIL"}, {PG_DIAG_MESSAGE_HINT, "HINT"}};
    printf("ERROR %s: %s\n", PQresultErrorField(result, PG_DIAG_SQLSTATE),
           PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
        const char *text = PQresultErrorField(result, more[i].field);
        if (text != NULL) {
            printf("%s: %s\n", more[i].name, text);
        }
    }
}

static void
print_result(const PGresult *result)
{
    if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
        print_error(result);
        return;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < PQnfields(result); column++) {
            printf("%s%s", column == 0 ? "" : "|",
                   PQgetisnull(result, row, column) ? "NULL" : PQgetvalue(result, row, column));
        }
        putchar('\n');
    }
    printf("%s\n", PQcmdStatus((PGresult *)result));
}

static void
print_answer(PGconn *session)
{
    for (PGresult *result; (result = PQgetResult(session)) != NULL; PQclear(result)) {
        print_result(result);
    }
}

static bool
is_true(PGconn *session, const char *text)
{
    PGresult *result = PQexec(session, text);
    bool is = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        print_error(result);
    }
    PQclear(result);
    return is;
}

static void
ask_until_true(PGconn *session, const char *text)
{
    for (unsigned asked = 0; asked < ASK_TIMES; asked++) {
        if (is_true(session, text)) {
            return;
        }
        thread_sleep_us(ASK_US);
    }
    puts("never");
}

static bool
play(PGconn **sessions, const char *line)
{
    printf("%s\n", line);
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    if (line[0] < 'a' || line[0] > 'z' || (line[1] != '<' && line[2] != ' ')) {
        return false;
    }
    PGconn *session = session_of(sessions, line[0]);
    switch (line[1]) {
    case ':':
    case '>':
        if (PQsendQuery(session, line + 3) == 0) {
            return false;
        }
        if (line[1] == ':') {
            print_answer(session);
        }
        return true;
    case '<':
        print_answer(session);
        return true;
    case '~':
        ask_until_true(session, line + 3);
        return true;
    default:
        return false;
    }
}

int
main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: steps FILE\n");
        return 2;
    }
    PGconn *sessions[SESSIONS_MAX] = {NULL};
    char *line = NULL;
    size_t capacity = 0;
    bool good = true;
    while (good && getline(&line, &capacity, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        good = play(sessions, line);
    }
    free(line);
    fclose(file);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        PQfinish(sessions[i]);
    }
    if (!good) {
        fprintf(stderr, "steps: a step that is none, or one of a session that still waits\n");
    }
    return good ? 0 : 2;
}
