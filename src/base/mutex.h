/* mutex.h - pthread_mutex_t with clang's lock annotations.
 *
 * Not recursive.  In which order locks may be taken together, their owners' headers say.
 *
 * Threads: any, between init and fini.
 * Failure: none; failing to lock is a bug of ours, and a CHECK().
 */
#ifndef KETCH_BASE_MUTEX_H
#define KETCH_BASE_MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include "base/attr.h"

struct LOCKABLE("mutex") mutex {
    pthread_mutex_t m;
};

void mutex_init(struct mutex *m);
void mutex_fini(struct mutex *m);
void mutex_lock(struct mutex *m) ACQUIRES(m);
void mutex_unlock(struct mutex *m) RELEASES(m);

#endif
