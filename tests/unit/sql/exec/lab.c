/* lab.c: the engine of the session tests, for the executor's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/lab.c"
