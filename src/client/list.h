/* list.h - a queue whose elements can also leave from its middle: links inside what is queued.
 *
 * Threads, Ownership: as what is queued.  Nothing fails.
 */
#ifndef KETCH_CLIENT_LIST_H
#define KETCH_CLIENT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *prev; /* in a ring with the list's own; NULL: in no list */
};

struct list {
    struct link ends; /* next is the first, prev the last */
};

static inline void
list_init(struct list *list)
{
    list->ends.next = list->ends.prev = &list->ends;
}

static inline bool
list_is_empty(const struct list *list)
{
    return list->ends.next == &list->ends;
}

/* The first; NULL: empty. */
static inline struct link *
list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->ends.next;
}

/* The one behind; NULL: it is the last. */
static inline struct link *
list_next(const struct list *list, const struct link *link)
{
    return link->next == &list->ends ? NULL : link->next;
}

static inline void
list_append(struct list *list, struct link *link)
{
    link->next = &list->ends;
    link->prev = list->ends.prev;
    link->prev->next = link;
    list->ends.prev = link;
}

static inline void
link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = link->prev = NULL;
}

/* Everything of 'from' goes behind 'to'; 'from' is empty then. */
static inline void
list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->ends.next->prev = to->ends.prev;
    to->ends.prev->next = from->ends.next;
    from->ends.prev->next = &to->ends;
    to->ends.prev = from->ends.prev;
    list_init(from);
}

#endif
