/* http.c: see http.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 65536

static int
connect_to(int port, int patience_s)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = patience_s};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) { /* a server that hangs takes connections all the same */
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int
http_post(int port, const char *path, const char *json, int patience_s, char **body_out)
{
    *body_out = NULL;
    int fd = connect_to(port, patience_s);
    if (fd < 0) {
        return 0;
    }
    dprintf(fd,
            "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
            path, strlen(json), json);
    char *answer = calloc(1, ANSWER_BYTES_MAX + 1);
    size_t size = 0;
    ssize_t got;
    while (answer != NULL && size < ANSWER_BYTES_MAX &&
           (got = read(fd, answer + size, ANSWER_BYTES_MAX - size)) > 0) {
        size += (size_t)got;
    }
    close(fd);
    int status = 0;
    char *body = answer == NULL ? NULL : strstr(answer, "\r\n\r\n");
    if (body != NULL && sscanf(answer, "HTTP/1.1 %d", &status) == 1) {
        *body_out = strdup(body + 4);
    }
    free(answer);
    return *body_out == NULL ? 0 : status;
}
