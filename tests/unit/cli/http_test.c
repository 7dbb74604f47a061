/* http_test.c: cli/http.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/macros.h"
#include "cli/http.h"
#include "tests/lib/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that hangs takes the connection, for the kernel does, and never answers.
 * Method: a listener whose connections nobody accepts. */
static void
http_post__server_hangs__gives_up(void **state)
{
    UNUSED(state);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    char *body = NULL;
    alarm(20); /* ends a test that waits for ever */
    assert_int_equal(http_post(ntohs(at.sin_port), "/", "{}", 1, &body), 0);
    alarm(0);
    assert_null(body);
    close(fd);
    assert_int_equal(http_post(ntohs(at.sin_port), "/", "{}", 1, &body), 0); /* refused */
    assert_null(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(http_post__server_hangs__gives_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
