/* pool.h - pools of servers and keys for measuring: always the same.
 *
 * Threads:   one.
 * Ownership: what is created is the caller's to destroy.
 * Failure:   no memory, and a ring that cannot be built, end the program with a message.
 */
#ifndef KETCH_TOOLS_RINGBENCH_POOL_H
#define KETCH_TOOLS_RINGBENCH_POOL_H

#include <stddef.h>
#include <stdint.h>
#include <ketch/ring.h>

/* Memory, zeroed. */
void *pool_memory(size_t count, size_t bytes);

/* The servers of pool number 'number': 10.NUMBER.x.y:11311, of weight 1. */
struct ketch_server *pool_create(uint32_t number, size_t count);
void pool_destroy(struct ketch_server *servers, size_t count);

/* A ring of the servers, by the preset's rules. */
struct ketch_ring *pool_ring(const char *spec, const struct ketch_server *servers, size_t count);

/* 'count' keys of 21 bytes, "user:00000042:profile". */
struct ketch_bytes *keys_create(size_t count);
void keys_destroy(struct ketch_bytes *keys);

#endif
