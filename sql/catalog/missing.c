/* missing.c: PostgreSQL 15's system relations that are not built: asking for one is 0A000, not
 * 42P01.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const missing[] = {
    "pg_aggregate",
    "pg_amop",
    "pg_amproc",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_backend_memory_contexts",
    "pg_config",
    "pg_cursors",
    "pg_file_settings",
    "pg_group",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_init_privs",
    "pg_largeobject",
    "pg_locks",
    "pg_matviews",
    "pg_opclass",
    "pg_opfamily",
    "pg_parameter_acl",
    "pg_policies",
    "pg_prepared_statements",
    "pg_prepared_xacts",
    "pg_publication_tables",
    "pg_replication_origin",
    "pg_replication_origin_status",
    "pg_replication_slots",
    "pg_rules",
    "pg_seclabel",
    "pg_seclabels",
    "pg_shadow",
    "pg_shdepend",
    "pg_shmem_allocations",
    "pg_shseclabel",
    "pg_stat_activity",
    "pg_stat_all_indexes",
    "pg_stat_all_tables",
    "pg_stat_archiver",
    "pg_stat_bgwriter",
    "pg_stat_database",
    "pg_stat_database_conflicts",
    "pg_stat_gssapi",
    "pg_stat_progress_analyze",
    "pg_stat_progress_basebackup",
    "pg_stat_progress_cluster",
    "pg_stat_progress_copy",
    "pg_stat_progress_create_index",
    "pg_stat_progress_vacuum",
    "pg_stat_recovery_prefetch",
    "pg_stat_replication",
    "pg_stat_replication_slots",
    "pg_stat_slru",
    "pg_stat_ssl",
    "pg_stat_subscription",
    "pg_stat_subscription_stats",
    "pg_stat_sys_indexes",
    "pg_stat_sys_tables",
    "pg_stat_user_functions",
    "pg_stat_user_indexes",
    "pg_stat_user_tables",
    "pg_stat_wal",
    "pg_stat_wal_receiver",
    "pg_stat_xact_all_tables",
    "pg_stat_xact_sys_tables",
    "pg_stat_xact_user_functions",
    "pg_stat_xact_user_tables",
    "pg_statio_all_indexes",
    "pg_statio_all_sequences",
    "pg_statio_all_tables",
    "pg_statio_sys_indexes",
    "pg_statio_sys_sequences",
    "pg_statio_sys_tables",
    "pg_statio_user_indexes",
    "pg_statio_user_sequences",
    "pg_statio_user_tables",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_subscription_rel",
    "pg_timezone_abbrevs",
    "pg_timezone_names",
    "pg_transform",
};

static int
compare(const void *name, const void *item)
{
    return strcmp(name, *(const char *const *)item);
}

bool
catalog__is_not_built(const char *name)
{
    return bsearch(name, missing, ARRAY_SIZE(missing), sizeof(missing[0]), compare) != NULL;
}
