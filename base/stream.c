/* stream.c: calls through a stream's table. SPDX-License-Identifier: Apache-2.0 */
#include "base/net.h"

enum status
stream_read(struct stream *stream, void *data, size_t size, size_t *size_out, struct diag *diag)
{
    *size_out = 0;
    return stream->ops->read(stream, data, size, size_out, diag);
}

enum status
stream_write(struct stream *stream, const void *data, size_t size, size_t *size_out,
             struct diag *diag)
{
    *size_out = 0;
    return stream->ops->write(stream, data, size, size_out, diag);
}

void
stream_attach(struct stream *stream, struct loop *loop, stream_ready_fn on_ready, void *arg)
{
    stream->ops->attach(stream, loop, on_ready, arg);
}

void
stream_watch(struct stream *stream, unsigned ready_wanted)
{
    stream->ops->watch(stream, ready_wanted);
}

void
stream_close(struct stream *stream)
{
    if (stream != NULL) {
        stream->ops->close(stream);
    }
}

const char *
stream_peer_name(struct stream *stream)
{
    return stream->ops->peer_name(stream);
}
