/* net.c: calls through a network's table. SPDX-License-Identifier: Apache-2.0 */
#include "base/net.h"

enum status
net_listen(struct net *net, struct loop *loop, const char *host, uint16_t port,
           net_accept_fn on_accept, void *arg, struct listener **listener_out,
           struct diag *diag)
{
    *listener_out = NULL;
    return net->ops->listen(net, loop, host, port, on_accept, arg, listener_out, diag);
}

uint16_t
listener_port(struct listener *listener)
{
    return listener->net->ops->listener_port(listener);
}

void
listener_close(struct listener *listener)
{
    if (listener != NULL) {
        listener->net->ops->listener_close(listener);
    }
}

enum status
net_connect(struct net *net, struct loop *loop, const char *host, uint16_t port,
            net_connect_fn on_connect, void *arg, struct diag *diag)
{
    return net->ops->connect(net, loop, host, port, on_connect, arg, diag);
}
