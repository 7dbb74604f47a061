/* ast.h: what a statement says, before anyone knows what its names mean.
 *
 * Promises: one shape whatever version of the grammar read the text; names are folded as
 *           PostgreSQL folds them. Positions are 1-based characters of the whole text.
 * Owns:     all nodes and strings lie in the arena given to parse.h, and are not changed later.
 * Thread:   read by any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include <stdint.h>

struct ast_expr;
struct ast_select;
struct ast_statement;

struct ast_expr_list {
    unsigned count;
    struct ast_expr **items;
};

struct ast_name {
    const char *name;
    int position;
};
struct ast_name_list {
    unsigned count;
    struct ast_name *items;
};

/* Table, index, sequence; in FROM also with an alias. */
struct ast_relation {
    const char *database, *schema; /* NULL: not given */
    const char *name;
    bool only;
    const char *alias;
    struct ast_name_list column_aliases;
    int position;
};
struct ast_relation_list {
    unsigned count;
    struct ast_relation *items;
};

struct ast_type_name {
    const char *schema; /* NULL: not given; "pg_catalog" for SQL spellings (INTEGER) */
    const char *name;   /* "int4" for INTEGER, "bpchar" for CHARACTER */
    unsigned modifier_count;
    int32_t modifiers[2]; /* varchar(20), numeric(10, 2) */
    bool is_array, is_setof;
    int position;
};

/* WITH (fillfactor = 100), COPY (FORMAT text), VACUUM (VERBOSE) ... */
struct ast_option {
    const char *name;
    const char *value; /* text of the value; NULL: none given, means true */
    int position;
};
struct ast_option_list {
    unsigned count;
    struct ast_option *items;
};

/* ---- expressions ---- */
enum ast_expr_kind {
    AST_NULL,
    AST_BOOLEAN,
    AST_INTEGER, /* fits int4 */
    AST_NUMBER,  /* other numerals: `text` */
    AST_STRING,
    AST_PARAM,
    AST_COLUMN, /* a, t.a, s.t.a, t.*, * */
    AST_FUNC,
    AST_OPERATOR, /* one operand: args[0] only */
    AST_AND,
    AST_OR,
    AST_NOT,
    AST_IS_NULL,
    AST_IS_NOT_NULL,
    AST_IS_TRUE,
    AST_IS_NOT_TRUE,
    AST_IS_FALSE,
    AST_IS_NOT_FALSE,
    AST_IS_UNKNOWN,
    AST_IS_NOT_UNKNOWN,
    AST_DISTINCT_FROM,
    AST_NOT_DISTINCT_FROM,
    AST_NULLIF,
    AST_COALESCE,
    AST_GREATEST,
    AST_LEAST,
    AST_CASE, /* args: when1, then1 ..., then else if has_else; `operand` of the short form */
    AST_CAST,
    AST_COLLATE,
    AST_IN_LIST,   /* args[0] [NOT] IN (args[1] ..) */
    AST_BETWEEN,   /* args: value, low, high */
    AST_ANY_ARRAY, /* args[0] op ANY (args[1]) */
    AST_ALL_ARRAY,
    AST_SUBQUERY, /* scalar */
    AST_EXISTS,
    AST_ANY_SUBQUERY, /* args[0] op ANY (SELECT ..); IN is "=" ANY */
    AST_ALL_SUBQUERY,
    AST_ARRAY_SUBQUERY,
    AST_ARRAY,
    AST_ROW,
    AST_SUBSCRIPT,  /* args[0][args[1]] */
    AST_VALUE_FUNC, /* CURRENT_TIMESTAMP ...: `name` is "current_timestamp" */
    AST_DEFAULT,    /* DEFAULT in VALUES and SET */
};

struct ast_sort {
    struct ast_expr *expr;
    bool descending;
    bool nulls_given, nulls_first; /* nulls_first holds PostgreSQL's default when not given */
    int position;
};
struct ast_sort_list {
    unsigned count;
    struct ast_sort *items;
};

struct ast_expr {
    enum ast_expr_kind kind;
    int position; /* 0: none */
    union {
        bool boolean;
        int32_t integer;
        const char *text; /* NUMBER, STRING */
        unsigned param_no;
        struct {                 /* COLUMN */
            unsigned name_count; /* without the star */
            const char *names[4];
            bool star;
        } column;
        struct { /* FUNC, OPERATOR, *_ARRAY, *_SUBQUERY, IN_LIST, BETWEEN, VALUE_FUNC, COLLATE
                  */
            const char *schema, *name;
            bool star, distinct, variadic, negated;
            bool symmetric;          /* BETWEEN SYMMETRIC */
            int32_t precision;       /* VALUE_FUNC: CURRENT_TIMESTAMP(3); -1: none */
            struct ast_expr *filter; /* FUNC: FILTER (WHERE ..) */
            struct ast_sort_list order_by;
            struct ast_select *subquery;
        } op;
        struct { /* CASE */
            struct ast_expr *operand;
            bool has_else;
        } case_of;
        struct ast_type_name type; /* CAST */
    };
    struct ast_expr_list args;
};

/* ---- queries ---- */
enum ast_from_kind { AST_FROM_TABLE, AST_FROM_SUBQUERY, AST_FROM_FUNCTION, AST_FROM_JOIN };
enum ast_join_kind {
    AST_JOIN_INNER,
    AST_JOIN_LEFT,
    AST_JOIN_RIGHT,
    AST_JOIN_FULL,
    AST_JOIN_CROSS
};

struct ast_from {
    enum ast_from_kind kind;
    int position;
    const char *alias; /* NULL: none */
    struct ast_name_list column_aliases;
    bool lateral;
    union {
        struct ast_relation table;
        struct ast_select *subquery;
        struct {
            struct ast_expr *call;
            bool with_ordinality;
        } function;
        struct {
            enum ast_join_kind kind;
            bool natural;
            struct ast_from *left, *right;
            struct ast_name_list using_columns;
            struct ast_expr *on;
        } join;
    };
};
struct ast_from_list {
    unsigned count;
    struct ast_from **items;
};

struct ast_target { /* of SELECT and RETURNING; of SET: name = expr */
    struct ast_expr *expr;
    const char *name; /* AS; NULL: none */
    int position;
};
struct ast_target_list {
    unsigned count;
    struct ast_target *items;
};

struct ast_cte {
    const char *name;
    struct ast_name_list column_aliases;
    struct ast_select *query;
    int position;
};
struct ast_cte_list {
    unsigned count;
    struct ast_cte *items;
};

enum ast_set_operation { AST_SET_NONE, AST_SET_UNION, AST_SET_INTERSECT, AST_SET_EXCEPT };
enum ast_row_lock {
    AST_LOCK_NONE,
    AST_LOCK_KEY_SHARE,
    AST_LOCK_SHARE,
    AST_LOCK_NO_KEY_UPDATE,
    AST_LOCK_UPDATE
};
enum ast_lock_wait { AST_LOCK_WAIT, AST_LOCK_NOWAIT, AST_LOCK_SKIP_LOCKED };

/* SELECT, VALUES (row_count > 0), or a set operation of `left` and `right`. */
struct ast_select {
    int position;
    struct ast_cte_list with;
    unsigned row_count;
    struct ast_expr_list *rows;
    bool distinct;
    struct ast_target_list targets;
    struct ast_from_list from;
    struct ast_expr *where;
    struct ast_expr_list group_by;
    struct ast_expr *having;
    enum ast_set_operation set_operation;
    bool set_all;
    struct ast_select *left, *right;
    struct ast_sort_list order_by;
    struct ast_expr *limit, *offset;
    enum ast_row_lock row_lock;
    enum ast_lock_wait lock_wait;
    struct ast_name_list lock_of; /* FOR UPDATE OF t */
};

struct ast_insert {
    struct ast_cte_list with;
    struct ast_relation table;
    struct ast_name_list columns; /* empty: all */
    struct ast_select *source;    /* NULL: DEFAULT VALUES */
    struct ast_target_list returning;
};
struct ast_update {
    struct ast_cte_list with;
    struct ast_relation table;
    struct ast_target_list set;
    struct ast_from_list from;
    struct ast_expr *where;
    struct ast_target_list returning;
};
struct ast_delete {
    struct ast_cte_list with;
    struct ast_relation table;
    struct ast_from_list using_from;
    struct ast_expr *where;
    struct ast_target_list returning;
};

/* ---- definitions ---- */
struct ast_column_def {
    const char *name;
    struct ast_type_name type; /* serial stands as int4 ..; see serial_bytes */
    unsigned serial_bytes;     /* 2, 4, 8: smallserial, serial, bigserial; 0: not serial */
    bool not_null;
    bool null_given;               /* NULL written out */
    struct ast_expr *default_expr; /* NULL: none */
    const char *default_sql;       /* its text; parse_expression() reads it again */
    const char *collation;         /* NULL: none given */
    int position;
};

enum ast_constraint_kind { AST_CONSTRAINT_PRIMARY, AST_CONSTRAINT_UNIQUE };
/* Of a column (its name is the only one in `columns`) or of the table. */
struct ast_constraint {
    enum ast_constraint_kind kind;
    const char *name;             /* NULL: not given */
    struct ast_name_list columns; /* empty with `using_index` */
    const char *using_index;      /* ADD CONSTRAINT .. USING INDEX i; else NULL */
    struct ast_option_list options;
    const char *tablespace;
    int position;
};

enum ast_on_commit {
    AST_ON_COMMIT_NONE,
    AST_ON_COMMIT_PRESERVE_ROWS,
    AST_ON_COMMIT_DELETE_ROWS,
    AST_ON_COMMIT_DROP
};

struct ast_create_table {
    struct ast_relation table;
    char persistence; /* 'p', 't' TEMPORARY, 'u' UNLOGGED */
    bool if_not_exists;
    unsigned column_count;
    struct ast_column_def *columns;
    unsigned constraint_count; /* those of columns, too, in the order of the text */
    struct ast_constraint *constraints;
    struct ast_option_list options;
    enum ast_on_commit on_commit;
    const char *tablespace;
};

struct ast_index_column {
    const char *name;      /* NULL: an expression */
    struct ast_expr *expr; /* NULL: a column */
    const char *collation, *operator_class;
    bool descending;
    bool nulls_given, nulls_first; /* nulls_first holds PostgreSQL's default when not given */
};
struct ast_create_index {
    const char *name; /* NULL: to be made up */
    struct ast_relation table;
    bool unique, if_not_exists, concurrently, nulls_not_distinct;
    const char *method; /* "btree" */
    unsigned column_count;
    struct ast_index_column *columns;
    struct ast_name_list include;
    struct ast_expr *where;
    struct ast_option_list options;
    const char *tablespace;
};

enum ast_object_kind {
    AST_OBJECT_TABLE,
    AST_OBJECT_INDEX,
    AST_OBJECT_SEQUENCE,
    AST_OBJECT_VIEW
};
struct ast_drop {
    enum ast_object_kind object;
    struct ast_relation_list names;
    bool if_exists, cascade, concurrently;
};

enum ast_alter_kind { AST_ALTER_ADD_CONSTRAINT, AST_ALTER_ADD_COLUMN };
struct ast_alter_command {
    enum ast_alter_kind kind;
    bool if_not_exists;               /* ADD COLUMN IF NOT EXISTS */
    struct ast_constraint constraint; /* ADD_CONSTRAINT */
    struct ast_column_def column;     /* ADD_COLUMN */
    unsigned constraint_count;        /* ADD_COLUMN: the column's own constraints */
    struct ast_constraint *constraints;
};
struct ast_alter_table {
    struct ast_relation table;
    bool if_exists;
    unsigned command_count;
    struct ast_alter_command *commands;
};

struct ast_create_sequence {
    struct ast_relation sequence;
    bool if_not_exists;
    char persistence;
    bool has_type, has_start, has_increment, has_min, has_max, has_cache;
    bool no_min, no_max; /* NO MINVALUE, NO MAXVALUE: the default */
    bool cycle;
    struct ast_type_name type;
    int64_t start, increment, min, max, cache;
    const char *owned_by_table, *owned_by_column; /* NULL: none */
};

struct ast_truncate {
    struct ast_relation_list tables;
    bool restart_identity, cascade;
};

/* ---- sessions and upkeep ---- */
enum ast_transaction_kind {
    AST_TXN_BEGIN,
    AST_TXN_START, /* the same under another tag */
    AST_TXN_COMMIT,
    AST_TXN_ROLLBACK,
    AST_TXN_SAVEPOINT,
    AST_TXN_RELEASE,
    AST_TXN_ROLLBACK_TO
};
enum ast_isolation {
    AST_ISOLATION_DEFAULT,
    AST_ISOLATION_READ_UNCOMMITTED,
    AST_ISOLATION_READ_COMMITTED,
    AST_ISOLATION_REPEATABLE_READ,
    AST_ISOLATION_SERIALIZABLE
};
enum ast_choice { AST_CHOICE_DEFAULT, AST_CHOICE_YES, AST_CHOICE_NO };
struct ast_transaction_modes {
    enum ast_isolation isolation;
    enum ast_choice read_only, deferrable;
};
struct ast_transaction {
    enum ast_transaction_kind kind;
    struct ast_transaction_modes modes; /* BEGIN, START */
    const char *savepoint;
    bool chain; /* AND CHAIN */
};
static inline bool
ast_opens_block(const struct ast_transaction *transaction)
{
    return transaction->kind == AST_TXN_BEGIN || transaction->kind == AST_TXN_START;
}

struct ast_copy {
    struct ast_relation table; /* name NULL: COPY (query) */
    struct ast_statement *query;
    struct ast_name_list columns; /* empty: all */
    bool from;
    const char *file; /* NULL: STDIN or STDOUT */
    bool program;
    struct ast_option_list options; /* old spellings, too: "format", "delimiter", "freeze" */
    struct ast_expr *where;
};

enum ast_set_kind {
    AST_SET_VALUE,
    AST_SET_DEFAULT, /* SET x TO DEFAULT */
    AST_SET_CURRENT, /* SET x FROM CURRENT */
    AST_SET_RESET,
    AST_SET_RESET_ALL,
    AST_SET_TRANSACTION,            /* SET TRANSACTION modes */
    AST_SET_SESSION_CHARACTERISTICS /* .. AS TRANSACTION modes */
};
struct ast_set_value {
    const char *text;
    bool is_number;
};
struct ast_set {
    enum ast_set_kind kind;
    const char *name; /* lower case as written; "timezone" for TIME ZONE */
    bool local;
    unsigned value_count;
    struct ast_set_value *values;
    struct ast_transaction_modes modes;
};
struct ast_show {
    const char *name; /* "all" for SHOW ALL */
};

struct ast_vacuum_table {
    struct ast_relation table;
    struct ast_name_list columns;
};
struct ast_vacuum {                 /* VACUUM and ANALYZE */
    struct ast_option_list options; /* "full", "analyze", "verbose", "freeze" ... */
    unsigned table_count;           /* 0: all */
    struct ast_vacuum_table *tables;
};

struct ast_explain {
    struct ast_statement *statement;
    struct ast_option_list options;
};
struct ast_prepare {
    const char *name;
    unsigned type_count;
    struct ast_type_name *types;
    struct ast_statement *statement;
};
struct ast_execute {
    const char *name;
    struct ast_expr_list args;
};
struct ast_deallocate {
    const char *name; /* NULL: ALL */
};
enum ast_discard_target {
    AST_DISCARD_ALL,
    AST_DISCARD_PLANS,
    AST_DISCARD_SEQUENCES,
    AST_DISCARD_TEMP
};
struct ast_discard {
    enum ast_discard_target target;
};
struct ast_lock {
    struct ast_relation_list tables;
    int mode; /* PostgreSQL's 1 (ACCESS SHARE) .. 8 (ACCESS EXCLUSIVE), as enum table_lock_mode
               */
    bool nowait;
};

enum ast_statement_kind {
    AST_SELECT, /* VALUES and TABLE t, too */
    AST_INSERT,
    AST_UPDATE,
    AST_DELETE,
    AST_CREATE_TABLE,
    AST_CREATE_INDEX,
    AST_CREATE_SEQUENCE,
    AST_ALTER_TABLE,
    AST_DROP,
    AST_TRUNCATE,
    AST_TRANSACTION,
    AST_COPY,
    AST_SET,
    AST_SHOW,
    AST_VACUUM,
    AST_ANALYZE,
    AST_CHECKPOINT,
    AST_EXPLAIN,
    AST_PREPARE,
    AST_EXECUTE,
    AST_DEALLOCATE,
    AST_DISCARD,
    AST_LOCK,
    /* PostgreSQL knows it and this tree does not: running it is the error `unsupported`. A kind
     * of its own, because the statements before it in the text still run, and because a failed
     * transaction answers 25P02 first. */
    AST_UNSUPPORTED,
};

struct ast_statement {
    enum ast_statement_kind kind;
    unsigned text_offset, text_size; /* in bytes, without the semicolon */
    bool returns_rows;               /* has a row description; EXECUTE: not known here, false */
    union {
        struct ast_select select;
        struct ast_insert insert;
        struct ast_update update;
        struct ast_delete delete_from;
        struct ast_create_table create_table;
        struct ast_create_index create_index;
        struct ast_create_sequence create_sequence;
        struct ast_alter_table alter_table;
        struct ast_drop drop;
        struct ast_truncate truncate;
        struct ast_transaction transaction;
        struct ast_copy copy;
        struct ast_set set;
        struct ast_show show;
        struct ast_vacuum vacuum; /* ANALYZE, too */
        struct ast_explain explain;
        struct ast_prepare prepare;
        struct ast_execute execute;
        struct ast_deallocate deallocate;
        struct ast_discard discard;
        struct ast_lock lock;
        const struct diag *unsupported; /* copy it: *diag = *statement->unsupported */
    };
};
