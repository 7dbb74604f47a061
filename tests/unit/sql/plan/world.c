/* world.c: the world of the executor's tests, for the planner's. SPDX-License-Identifier:
 * Apache-2.0
 */
#include "tests/unit/sql/exec/sql_world.c"
