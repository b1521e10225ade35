#include "base/mutex.h"

#include "base/check.h"

void
mutex_init(struct mutex *m)
{
    CHECK(pthread_mutex_init(&m->m, NULL) == 0);
}

void
mutex_fini(struct mutex *m)
{
    CHECK(pthread_mutex_destroy(&m->m) == 0);
}

void
mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
    CHECK(pthread_mutex_lock(&m->m) == 0);
}

void
mutex_unlock(struct mutex *m) NO_LOCK_ANALYSIS
{
    CHECK(pthread_mutex_unlock(&m->m) == 0);
}
