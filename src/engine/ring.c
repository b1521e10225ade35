#include "engine/ring.h"

void
ring_store_init(struct ring_store *s, struct arena *a)
{
    memset(s, 0, sizeof *s);
    s->arena = a;
    s->blocks = (struct ring_block *)a->rings;
    mutex_init(&s->lock);
}

void
ring_store_fini(struct ring_store *s)
{
    mutex_fini(&s->lock);
}

static bool
extend(struct ring_store *s) REQUIRES(s->lock)
{
    uint64_t page_bytes = 1ull << s->arena->page_shift;
    if (s->capacity * sizeof(struct ring_block) + page_bytes > s->arena->rings_bytes_max ||
        !arena_take_index_page(s->arena))
        return false;
    s->capacity += page_bytes / sizeof(struct ring_block);
    return true;
}

/* 1 + number of a block; 0: no memory. */
static uint32_t
take_block(struct ring_store *s)
{
    uint32_t block = 0;
    mutex_lock(&s->lock);
    if (s->free_head != 0) {
        block = s->free_head;
        s->free_head = s->blocks[block - 1].next;
    } else if (s->fresh < s->capacity || extend(s)) {
        block = (uint32_t)++s->fresh;
    }
    s->used += block != 0;
    mutex_unlock(&s->lock);
    return block;
}

static void
give_block(struct ring_store *s, uint32_t block)
{
    mutex_lock(&s->lock);
    s->blocks[block - 1].next = s->free_head;
    s->free_head = block;
    s->used--;
    mutex_unlock(&s->lock);
}

uint64_t
ring_store_bytes(struct ring_store *s)
{
    mutex_lock(&s->lock);
    uint64_t bytes = s->capacity * sizeof(struct ring_block);
    mutex_unlock(&s->lock);
    return bytes;
}

/* The last block is full, or there is none. */
static bool
add_block(struct ring_store *s, struct ring *r)
{
    uint32_t block = take_block(s);
    if (block == 0)
        return false;
    s->blocks[block - 1].next = 0;
    if (r->tail_block != 0)
        s->blocks[r->tail_block - 1].next = block;
    else
        r->head_block = block;
    r->tail_block = block;
    return true;
}

bool
ring_push(struct ring_store *s, struct ring *r, item_ref handle, uint32_t chunks)
{
    if (r->tail % RING_BLOCK_HANDLES == 0 && !add_block(s, r))
        return false;
    s->blocks[r->tail_block - 1].handles[r->tail % RING_BLOCK_HANDLES] = handle;
    r->tail++;
    r->chunks += chunks;
    return true;
}

/* The block at the head has given its last handle. */
static void
drop_block(struct ring_store *s, struct ring *r)
{
    uint32_t block = r->head_block;
    r->head_block = s->blocks[block - 1].next;
    if (r->head_block == 0)
        r->tail_block = 0;
    give_block(s, block);
}

item_ref
ring_pop(struct ring_store *s, struct ring *r, uint64_t *number)
{
    uint64_t count = ring_count(r);
    if (count == 0)
        return 0;
    *number = r->head;
    item_ref handle = s->blocks[r->head_block - 1].handles[r->head % RING_BLOCK_HANDLES];
    r->head++;
    /* What this one took is not known any more: the mean is right in the end. */
    r->chunks -= r->chunks / count;
    if (r->head % RING_BLOCK_HANDLES == 0)
        drop_block(s, r);
    return handle;
}

item_ref
ring_peek(const struct ring_store *s, const struct ring *r, unsigned ahead)
{
    uint64_t at = r->head % RING_BLOCK_HANDLES + ahead;
    if (ahead >= ring_count(r) || at >= RING_BLOCK_HANDLES)
        return 0;
    return s->blocks[r->head_block - 1].handles[at];
}
