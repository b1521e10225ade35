/* tune.c - slabs, lru and lru_crawler: memcached's commands that tune its mechanisms at run time.
 *
 * Ours have no such knobs.  Scripts that set them must not break: the arguments are checked as
 * memcached checks them, and the answer is OK.  What asks for something to be done is done: a page
 * is taken from a class, all keys are dumped, dead items are swept away (they are all the time).
 */
#include <stdlib.h>

#include "base/num.h"
#include "engine/view.h"
#include "exec/dump.h"
#include "exec/internal.h"
#include "exec/words.h"

#define WORDS_MAX    8
#define SLEEP_US_MAX 1000000
#define WINDOW_MIN_S 3
#define WINDOW_MAX_S 1800
#define LRU_PCT_MAX  80

#define OK         SPAN("OK\r\n")
#define ERROR      SPAN("ERROR\r\n")
#define BAD_FORMAT SPAN("CLIENT_ERROR bad command line format\r\n")

static bool
is(struct span word, const char *text)
{
    return span_equal(word, span_of(text, strlen(text)));
}

static bool
is_number(struct span s, double *out)
{
    char text[32], *end;
    if (s.bytes == 0 || s.bytes >= sizeof text)
        return false;
    memcpy(text, s.p, s.bytes);
    text[s.bytes] = '\0';
    *out = strtod(text, &end);
    return *end == '\0';
}

/* ---- slabs ---- */

static struct span
slabs_reassign(struct exec_thread *xt, const struct span *w, size_t count)
{
    int32_t from, to;
    if (count != 4)
        return ERROR;
    if (!num_parse_i32(w[2], &from) || !num_parse_i32(w[3], &to))
        return BAD_FORMAT;
    if (from == to)
        return SPAN("SAME src and dst class are identical\r\n");
    int32_t last = (int32_t)engine_class_count(xt->exec->engine);
    if (from < -1 || from > last || to < 0 || to > last || from == 0)
        return SPAN("BADCLASS invalid src or dst class id\r\n");
    if (!engine_give_up_page(xt->engine_thread, from == -1 ? 0 : (unsigned)from))
        return from == -1 ? SPAN("BADCLASS invalid src or dst class id\r\n")
                          : SPAN("NOSPARE source class has no spare pages\r\n");
    return OK;
}

static struct span
slabs_automove(const struct span *w, size_t count)
{
    uint32_t n;
    double f;
    if (count < 3)
        return ERROR;
    if (is(w[2], "ratio") || is(w[2], "freeratio"))
        return count >= 4 && is_number(w[3], &f) ? OK : ERROR;
    if (is(w[2], "window")) {
        if (count < 4 || !num_parse_u32(w[3], &n))
            return BAD_FORMAT;
        return n >= WINDOW_MIN_S && n <= WINDOW_MAX_S
                   ? OK
                   : SPAN("CLIENT_ERROR automove window too low or too high\r\n");
    }
    if (!num_parse_u32(w[2], &n))
        return BAD_FORMAT;
    return n <= 2 ? OK : ERROR;
}

static struct span
slabs(struct exec_thread *xt, const struct span *w, size_t count)
{
    if (count >= 2 && is(w[1], "reassign"))
        return slabs_reassign(xt, w, count);
    if (count >= 2 && is(w[1], "automove"))
        return slabs_automove(w, count);
    return ERROR;
}

/* ---- lru ---- */

static struct span
lru_tune(const struct span *w, size_t count)
{
    uint32_t hot, warm;
    double hot_factor, warm_factor;
    if (count < 6 || !num_parse_u32(w[2], &hot) || !num_parse_u32(w[3], &warm) ||
        !is_number(w[4], &hot_factor) || !is_number(w[5], &warm_factor))
        return ERROR;
    if ((uint64_t)hot + warm > LRU_PCT_MAX)
        return SPAN("ERROR hot and warm pcts must not exceed 80\r\n");
    if (!(hot_factor > 0) || !(warm_factor > 0))
        return SPAN("ERROR hot/warm age factors must be greater than 0\r\n");
    return OK;
}

static struct span
lru(const struct span *w, size_t count)
{
    int32_t ttl;
    if (count >= 2 && is(w[1], "tune"))
        return lru_tune(w, count);
    if (count >= 3 && is(w[1], "mode"))
        return is(w[2], "flat") || is(w[2], "segmented") ? OK : ERROR;
    if (count >= 3 && is(w[1], "temp_ttl"))
        return num_parse_i32(w[2], &ttl) ? OK : ERROR;
    return ERROR;
}

/* ---- lru_crawler ---- */

/* The sweep comes by all the time, and needs no order. */
static struct span
crawl(struct exec_thread *xt, struct span which)
{
    bool classes[DUMP_CLASSES];
    if (is(which, "hash"))
        return SPAN("ERROR an unknown error happened\r\n");
    return dump_choose(xt->exec->engine, which, classes) ? OK
                                                         : SPAN("BADCLASS invalid class id\r\n");
}

static struct span
lru_crawler(struct exec_thread *xt, const struct span *w, size_t count)
{
    uint32_t n;
    if (count == 2 && (is(w[1], "enable") || is(w[1], "disable")))
        return OK;
    if (count != 3)
        return ERROR;
    if (is(w[1], "sleep")) {
        if (!num_parse_u32(w[2], &n))
            return BAD_FORMAT;
        return n <= SLEEP_US_MAX ? OK : SPAN("CLIENT_ERROR sleep must be one second or less\r\n");
    }
    if (is(w[1], "tocrawl"))
        return num_parse_u32(w[2], &n) ? OK : BAD_FORMAT;
    return is(w[1], "crawl") ? crawl(xt, w[2]) : ERROR;
}

enum step
exec_tune(struct exec_thread *xt, struct session *s, const struct request *r, struct output *out)
{
    struct span words[WORDS_MAX];
    words[0] = request_key(r);
    size_t count = 1 + words_split(request_args(r), words + 1, WORDS_MAX - 1);
    struct span line = ERROR;
    if (is(words[0], "slabs")) {
        line = slabs(xt, words, count);
    } else if (is(words[0], "lru")) {
        line = lru(words, count);
    } else if (is(words[0], "lru_crawler")) {
        if (count == 3 && (is(words[1], "metadump") || is(words[1], "mgdump")))
            return exec_dump(xt, s, words[1], words[2], out);
        line = lru_crawler(xt, words, count);
    }
    reply(out, r, line);
    return STEP_DONE;
}
