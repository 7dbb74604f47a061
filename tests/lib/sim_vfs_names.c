/* sim_vfs_names.c: paths and names of the simulated disk. See sim_vfs_internal.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_vfs_internal.h"

#include <stdlib.h>
#include <string.h>

struct name *
disk__find_name(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].path, path) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

char *
disk__copy_text(const char *text)
{
    char *copy = strdup(text);
    ASSERT(copy != NULL);
    return copy;
}

void
disk__set_name(struct names *names, const char *path, struct inode *inode)
{
    struct name *old = disk__find_name(names, path);
    if (old != NULL) {
        old->inode = inode;
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = MAX(names->capacity * 2, 16);
        names->items = realloc(names->items, names->capacity * sizeof(*names->items));
        ASSERT(names->items != NULL);
    }
    names->items[names->count++] = (struct name){.path = disk__copy_text(path), .inode = inode};
}

void
disk__unset_name(struct names *names, const char *path)
{
    struct name *old = disk__find_name(names, path);
    if (old != NULL) {
        free(old->path);
        *old = names->items[--names->count];
    }
}

void
disk__clear_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].path);
    }
    free(names->items);
    memset(names, 0, sizeof(*names));
}

/* The directory of a path: "" for "x", "/" for "/x". The caller frees. */
static char *
parent_of(const char *path)
{
    char *parent = disk__copy_text(path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        *parent = 0;
    } else {
        slash[slash == parent ? 1 : 0] = 0;
    }
    return parent;
}

bool
disk__is_root(const char *path)
{
    return strcmp(path, "") == 0 || strcmp(path, ".") == 0 || strcmp(path, "/") == 0;
}

bool
disk__dir_exists(struct names *names, const char *path)
{
    struct name *name = disk__find_name(names, path);
    return disk__is_root(path) || (name != NULL && name->inode->is_dir);
}

bool
disk__parent_exists(struct names *names, const char *path)
{
    char *parent = parent_of(path);
    bool exists = disk__dir_exists(names, parent);
    free(parent);
    return exists;
}

bool
disk__lies_in(const char *path, const char *dir)
{
    char *parent = parent_of(path);
    bool same = strcmp(parent, dir) == 0 || (disk__is_root(parent) && disk__is_root(dir));
    free(parent);
    return same;
}

/* A copy without slashes at its end and double ones inside. The caller frees. */
char *
disk__clean_path(const char *path)
{
    char *clean = disk__copy_text(path);
    char *to = clean;
    for (const char *from = path; *from != 0; from++) {
        if (*from != '/' || to == clean || to[-1] != '/') {
            *to++ = *from;
        }
    }
    if (to > clean + 1 && to[-1] == '/') {
        to--;
    }
    *to = 0;
    return clean;
}

void
disk__note_name_change(struct sim_vfs *sim, const char *from, const char *to,
                       struct inode *inode)
{
    struct name_change *change = calloc(1, sizeof(*change));
    ASSERT(change != NULL);
    change->from = from == NULL ? NULL : disk__copy_text(from);
    change->to = to == NULL ? NULL : disk__copy_text(to);
    change->inode = inode;
    change->no = ++sim->change_no;
    list_push_back(&sim->name_changes, &change->link);
}

void
disk__free_name_change(struct name_change *change)
{
    list_remove(&change->link);
    free(change->from);
    free(change->to);
    free(change);
}

void
disk__make_name_durable(struct sim_vfs *sim, const struct name_change *change)
{
    if (change->from != NULL) {
        struct name *old = disk__find_name(&sim->durable, change->from);
        if (old == NULL || old->inode != change->inode) {
            return; /* that name never became durable */
        }
        disk__unset_name(&sim->durable, change->from);
    }
    if (change->to != NULL) {
        disk__set_name(&sim->durable, change->to, change->inode);
    }
}

/* Names whose directory is not durable are lost with it. */
void
disk__drop_orphans(struct sim_vfs *sim)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sim->durable.count && !again; i++) {
            if (!disk__parent_exists(&sim->durable, sim->durable.items[i].path)) {
                disk__unset_name(&sim->durable, sim->durable.items[i].path);
                again = true;
            }
        }
    }
}
