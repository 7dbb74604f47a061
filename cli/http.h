/* http.h: one POST to a node's REST port. SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sends `json` to http://127.0.0.1:PORT/PATH; the body of the answer in *body_out (free() it),
 * the HTTP status as result; 0 when the node does not answer within `patience_s`. */
int http_post(int port, const char *path, const char *json, int patience_s, char **body_out);
