/* views.h: rows of the built-in views, all at once. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/catalog/catalog_change.h"

#define VIEW(name)                                                                             \
    enum status name(const struct table_def *table, struct sql_context *cx,                    \
                     struct value **values_out, unsigned *row_count_out)
VIEW(view_nothing); /* of relations that PostgreSQL has and nothing here fills */
VIEW(view_types);
VIEW(view_descriptions);
VIEW(view_shared_descriptions);
VIEW(view_functions);
VIEW(view_operators);
VIEW(view_casts);
VIEW(view_tablespaces);
VIEW(view_access_methods);
VIEW(view_languages);
VIEW(view_collations);
VIEW(view_roles);
VIEW(view_users);
VIEW(view_tables);
VIEW(view_indexes);
VIEW(view_settings);
VIEW(view_sequence); /* of one sequence: its state */
VIEW(view_sequences);
VIEW(view_information_tables);
VIEW(view_information_columns);
VIEW(view_information_schemata);
#undef VIEW
/* What a view's function ends with: the rows belong to the caller. */
enum status view_rows_give(const struct view_rows *rows, struct value **values_out,
                           unsigned *row_count_out);
