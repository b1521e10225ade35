/* Servers that do their worst, played to the whole library over real sockets.
 *
 * Every scenario asks for "mine" (or stores it, or counts, ...) and is answered as its table says;
 * then "other" is asked for, which is always answered well.  Each is played with its bytes at once
 * and one by one, with the two requests one after the other and both under way, with and without
 * sending again. What must hold in every case:
 *
 *     - "mine" ends as the table says, once, and no later than its deadline
 *     - whoever gets a value gets the one of his key
 *     - "other" succeeds, if reads are sent again
 */
#include <ketch/poll.h>
#include <ketch/sockets.h>
#include <ketch/wait.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "script.h"
#include "suite.h"

enum {
    PATIENCE_MS = 20000, /* that nothing reaches but a hang */
    LONG_MS = 10000,     /* a deadline that nobody is meant to reach */
    SHORT_MS = 20,       /* one that somebody is */
    DRAIN_MS = 20,
    GROWTH_BYTES_MAX = 16 << 20,
    PARTS = 8, /* processes that share the scenarios */
};

#define VERB_MGET KETCH_VERB_COUNT
#define META      (1u << KETCH_PROTOCOL_META)
#define TEXT      (1u << KETCH_PROTOCOL_TEXT)
#define BOTH      (META | TEXT)

enum {
    CLOSES = 1, /* the server closes behind its answer */
    STRAY = 2,  /* an answer too many that cannot be told from one to the next request, END say */
};

#define SAYS(literal) literal, sizeof(literal) - 1

/* In what is said, @O is the opaque of the request, @P and @Q the next two, @W a wrong one. */
struct scenario {
    const char *name;
    unsigned protocols;
    int verb;
    const char *says;
    size_t bytes;
    enum ketch_status want;
    unsigned how;
};

/* A line longer than any reply; 64 times this. */
#define A16  "aaaaaaaaaaaaaaaa"
#define A256 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16
#define A4K  A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256 A256

#define GET    KETCH_VERB_GET
#define SET    KETCH_VERB_SET
#define INCR   KETCH_VERB_INCR
#define DELETE KETCH_VERB_DELETE

static const struct scenario scenarios[] = {
    /* ---- get, meta ---- */
    {"a good value", META, GET, SAYS("VA 6 f0 O@O\r\nv-mine\r\n"), KETCH_OK, 0},
    {"a good value, spaced out", META, GET, SAYS("VA  6  f0   O@O \r\nv-mine\r\n"), KETCH_OK, 0},
    {"a miss", META, GET, SAYS("EN O@O\r\n"), KETCH_MISS, 0},
    {"an opaque of nobody", META, GET, SAYS("VA 6 f0 O@W\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"the opaque of the next", META, GET, SAYS("VA 6 f0 O@P\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"no opaque", META, GET, SAYS("VA 6 f0\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"an opaque of letters", META, GET, SAYS("VA 6 f0 Oabc\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"an empty opaque", META, GET, SAYS("VA 6 f0 O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"an opaque of 100 bits", META, GET, SAYS("VA 6 O999999999999999999999999999999\r\nv-mine\r\n"),
     KETCH_PROTOCOL, 0},
    {"a miss with a wrong opaque", META, GET, SAYS("EN O@W\r\n"), KETCH_PROTOCOL, 0},
    {"two answers", META, GET, SAYS("VA 6 f0 O@O\r\nv-mine\r\nVA 6 f0 O@O\r\nv-mine\r\n"), KETCH_OK,
     0},
    {"a value and then a miss", META, GET, SAYS("VA 6 f0 O@O\r\nv-mine\r\nEN O@O\r\n"), KETCH_OK,
     0},
    {"a value of 2^63 bytes", META, GET, SAYS("VA 9223372036854775808 f0 O@O\r\nv-mine\r\n"),
     KETCH_TOO_LARGE, 0},
    {"a value of 2^64 bytes", META, GET, SAYS("VA 18446744073709551616 f0 O@O\r\nv-mine\r\n"),
     KETCH_PROTOCOL, 0},
    {"a value of 2^64 - 1 bytes", META, GET, SAYS("VA 18446744073709551615 f0 O@O\r\nv-mine\r\n"),
     KETCH_TOO_LARGE, 0},
    {"a value of -1 byte", META, GET, SAYS("VA -1 f0 O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"a value of 0x6 bytes", META, GET, SAYS("VA 0x6 f0 O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"a value of no size", META, GET, SAYS("VA\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"a size that is too small", META, GET, SAYS("VA 3 f0 O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"a size that is too large", META, GET, SAYS("VA 600 f0 O@O\r\nv-mine\r\n"), KETCH_TIMEOUT, 0},
    {"a size that is too large, and the end", META, GET, SAYS("VA 600 f0 O@O\r\nv-mine\r\n"),
     KETCH_LOST, CLOSES},
    {"a value without CR LF", META, GET, SAYS("VA 6 f0 O@O\r\nv-mineXXEN\r\n"), KETCH_PROTOCOL, 0},
    {"a line without CR", META, GET, SAYS("EN O@O\n"), KETCH_PROTOCOL, 0},
    {"an empty line", META, GET, SAYS("\r\n"), KETCH_PROTOCOL, 0},
    {"HD where a value was asked for", META, GET, SAYS("HD O@O\r\n"), KETCH_PROTOCOL, 0},
    {"NF to a get", META, GET, SAYS("NF O@O\r\n"), KETCH_PROTOCOL, 0},
    {"NS to a get", META, GET, SAYS("NS O@O\r\n"), KETCH_PROTOCOL, 0},
    {"EX to a get", META, GET, SAYS("EX O@O\r\n"), KETCH_PROTOCOL, 0},
    {"MN to a get", META, GET, SAYS("MN\r\n"), KETCH_PROTOCOL, 0},
    {"ME to a get", META, GET, SAYS("ME mine exp=-1\r\n"), KETCH_PROTOCOL, 0},
    {"text in place of meta", META, GET, SAYS("VALUE mine 0 6\r\nv-mine\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},
    {"END in place of EN", META, GET, SAYS("END\r\n"), KETCH_PROTOCOL, 0},
    {"flags of letters", META, GET, SAYS("VA 6 fxyz O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"flags beyond 64 bits", META, GET, SAYS("VA 6 f99999999999999999999 O@O\r\nv-mine\r\n"),
     KETCH_PROTOCOL, 0},
    {"a cas unique of letters", META, GET, SAYS("VA 6 cxyz O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"a TTL of 2^63", META, GET, SAYS("VA 6 t9223372036854775808 O@O\r\nv-mine\r\n"),
     KETCH_PROTOCOL, 0},
    {"flags that nobody knows", META, GET, SAYS("VA 6 y9 ?! f0 O@O\r\nv-mine\r\n"), KETCH_OK, 0},
    {"lower case", META, GET, SAYS("va 6 f0 O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"an answer of the binary protocol", BOTH, GET,
     SAYS("\x81\0\0\0\0\0\0\1\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0Not found"), KETCH_TIMEOUT, 0},
    {"noise with a newline", BOTH, GET, SAYS("\xff\xfe\0\1\2\3\r\n\r\n\n\n"), KETCH_PROTOCOL, 0},
    {"noise without one", BOTH, GET, SAYS("\xff\xfe\0\1\2\3\4\5\6\7"), KETCH_TIMEOUT, 0},
    {"the beginning of a TLS handshake", BOTH, GET, SAYS("\x16\3\1\0\x05\1\0\0\1\0"), KETCH_TIMEOUT,
     0},
    {"a page of HTML", BOTH, GET, SAYS("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
     KETCH_PROTOCOL, 0},
    {"a line without end", BOTH, GET, SAYS("VA " A4K A4K A4K A4K), KETCH_PROTOCOL, 0},
    {"nothing", BOTH, GET, SAYS(""), KETCH_TIMEOUT, 0},
    {"the end at once", BOTH, GET, SAYS(""), KETCH_LOST, CLOSES},
    {"the end in a word", BOTH, GET, SAYS("V"), KETCH_LOST, CLOSES},
    {"half of a value, then nothing", META, GET, SAYS("VA 6 f0 O@O\r\nv-m"), KETCH_TIMEOUT, 0},
    {"half of a value, then the end", META, GET, SAYS("VA 6 f0 O@O\r\nv-m"), KETCH_LOST, CLOSES},
    {"all of a value but its LF", META, GET, SAYS("VA 6 f0 O@O\r\nv-mine\r"), KETCH_TIMEOUT, 0},
    {"SERVER_ERROR", BOTH, GET, SAYS("SERVER_ERROR out of memory\r\n"), KETCH_SERVER_ERROR, 0},
    {"SERVER_ERROR alone", BOTH, GET, SAYS("SERVER_ERROR\r\n"), KETCH_SERVER_ERROR, 0},
    {"CLIENT_ERROR", BOTH, GET, SAYS("CLIENT_ERROR bad command line format\r\n"),
     KETCH_CLIENT_ERROR, 0},
    {"ERROR", BOTH, GET, SAYS("ERROR\r\n"), KETCH_CLIENT_ERROR, 0},
    {"a login is wanted", BOTH, GET, SAYS("CLIENT_ERROR unauthenticated\r\n"), KETCH_AUTH, 0},
    {"too many connections", BOTH, GET, SAYS("ERROR Too many open connections\r\n"), KETCH_LOST,
     CLOSES},
    {"an error that never ends", BOTH, GET, SAYS("SERVER_ERROR " A4K A4K A4K), KETCH_PROTOCOL, 0},

    /* ---- get, text ---- */
    {"a good value", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-mine\r\nEND\r\n"), KETCH_OK, 0},
    {"a miss", TEXT, GET, SAYS("END\r\n"), KETCH_MISS, 0},
    {"another key", TEXT, GET, SAYS("VALUE other 0 7\r\nv-other\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"the beginning of the key", TEXT, GET, SAYS("VALUE min 0 6\r\nv-mine\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},
    {"more than the key", TEXT, GET, SAYS("VALUE mine2 0 6\r\nv-mine\r\nEND\r\n"), KETCH_PROTOCOL,
     0},
    {"no key", TEXT, GET, SAYS("VALUE 0 6\r\nv-mine\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"VALUE alone", TEXT, GET, SAYS("VALUE\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"the value twice", TEXT, GET,
     SAYS("VALUE mine 0 6\r\nv-mine\r\nVALUE mine 0 6\r\nv-mine\r\nEND\r\n"), KETCH_OK, 0},
    {"the value of another, too", TEXT, GET,
     SAYS("VALUE mine 0 6\r\nv-mine\r\nVALUE evil 0 6\r\nv-evil\r\nEND\r\n"), KETCH_OK, 0},
    {"a value and no END", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-mine\r\n"), KETCH_OK, 0},
    {"END twice", TEXT, GET, SAYS("END\r\nEND\r\n"), KETCH_MISS, STRAY},
    {"END, and then the value", TEXT, GET, SAYS("END\r\nVALUE mine 0 6\r\nv-mine\r\n"), KETCH_MISS,
     0},
    {"a value of -1 byte", TEXT, GET, SAYS("VALUE mine 0 -1\r\nv-mine\r\nEND\r\n"), KETCH_PROTOCOL,
     0},
    {"a value of 2^63 bytes", TEXT, GET, SAYS("VALUE mine 0 9223372036854775808\r\nv"),
     KETCH_TOO_LARGE, 0},
    {"a value of 2^64 bytes", TEXT, GET, SAYS("VALUE mine 0 18446744073709551616\r\nv"),
     KETCH_PROTOCOL, 0},
    {"flags of letters", TEXT, GET, SAYS("VALUE mine x 6\r\nv-mine\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"a cas unique of letters", TEXT, GET, SAYS("VALUE mine 0 6 x\r\nv-mine\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},
    {"a value without CR LF", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-mineXXEND\r\n"), KETCH_PROTOCOL,
     0},
    {"half of a value, then nothing", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-m"), KETCH_TIMEOUT, 0},
    {"half of a value, then the end", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-m"), KETCH_LOST, CLOSES},
    {"meta in place of text", TEXT, GET, SAYS("VA 6 f0 O0\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"EN in place of END", TEXT, GET, SAYS("EN\r\n"), KETCH_PROTOCOL, 0},
    {"STORED to a get", TEXT, GET, SAYS("STORED\r\n"), KETCH_PROTOCOL, 0},
    {"a number to a get", TEXT, GET, SAYS("42\r\n"), KETCH_PROTOCOL, 0},
    {"CONFIG to a get", TEXT, GET, SAYS("CONFIG mine 0 6\r\nv-mine\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"an error behind a value", TEXT, GET,
     SAYS("VALUE mine 0 6\r\nv-mine\r\nSERVER_ERROR out of memory\r\n"), KETCH_OK, 0},

    /* ---- stores ---- */
    {"stored", META, SET, SAYS("HD O@O\r\n"), KETCH_OK, 0},
    {"stored", TEXT, SET, SAYS("STORED\r\n"), KETCH_OK, 0},
    {"not stored", META, SET, SAYS("NS O@O\r\n"), KETCH_NOT_STORED, 0},
    {"exists", TEXT, SET, SAYS("EXISTS\r\n"), KETCH_EXISTS, 0},
    {"stored, with a wrong opaque", META, SET, SAYS("HD O@W\r\n"), KETCH_PROTOCOL, 0},
    {"stored, with no opaque", META, SET, SAYS("HD\r\n"), KETCH_PROTOCOL, 0},
    {"a value to a set", META, SET, SAYS("VA 6 f0 O@O\r\nv-mine\r\n"), KETCH_PROTOCOL, 0},
    {"STORED to a meta set", META, SET, SAYS("STORED\r\n"), KETCH_PROTOCOL, 0},
    {"DELETED to a set", TEXT, SET, SAYS("DELETED\r\n"), KETCH_PROTOCOL, 0},
    {"OK to a set", TEXT, SET, SAYS("OK\r\n"), KETCH_PROTOCOL, 0},
    {"END to a set", TEXT, SET, SAYS("END\r\n"), KETCH_PROTOCOL, 0},
    {"HD to a text set", TEXT, SET, SAYS("HD\r\n"), KETCH_PROTOCOL, 0},
    {"STORED without an end", TEXT, SET, SAYS("STORED"), KETCH_TIMEOUT, 0},
    {"too large", BOTH, SET, SAYS("SERVER_ERROR object too large for cache\r\n"), KETCH_TOO_LARGE,
     0},
    {"no memory", BOTH, SET, SAYS("SERVER_ERROR out of memory storing object\r\n"),
     KETCH_SERVER_ERROR, 0},
    {"a bad data chunk, and ERROR for the data", BOTH, SET,
     SAYS("CLIENT_ERROR bad data chunk\r\nERROR\r\n"), KETCH_CLIENT_ERROR, 0},
    {"no answer to a set", BOTH, SET, SAYS(""), KETCH_TIMEOUT, 0},
    {"the end of a set", BOTH, SET, SAYS(""), KETCH_LOST, CLOSES},

    /* ---- numbers ---- */
    {"a number", META, INCR, SAYS("VA 1 O@O\r\n5\r\n"), KETCH_OK, 0},
    {"a number", TEXT, INCR, SAYS("5\r\n"), KETCH_OK, 0},
    {"a number and spaces", TEXT, INCR, SAYS("5  \r\n"), KETCH_OK, 0},
    {"a letter", META, INCR, SAYS("VA 1 O@O\r\nx\r\n"), KETCH_PROTOCOL, 0},
    {"no digits", META, INCR, SAYS("VA 0 O@O\r\n\r\n"), KETCH_PROTOCOL, 0},
    {"a number beyond 64 bits", META, INCR, SAYS("VA 20 O@O\r\n99999999999999999999\r\n"),
     KETCH_PROTOCOL, 0},
    {"HD where a number was asked for", META, INCR, SAYS("HD O@O\r\n"), KETCH_PROTOCOL, 0},
    {"a letter", TEXT, INCR, SAYS("x\r\n"), KETCH_PROTOCOL, 0},
    {"a number below 0", TEXT, INCR, SAYS("-5\r\n"), KETCH_PROTOCOL, 0},
    {"a number beyond 64 bits", TEXT, INCR, SAYS("18446744073709551616\r\n"), KETCH_PROTOCOL, 0},
    {"two numbers", TEXT, INCR, SAYS("5 6\r\n"), KETCH_PROTOCOL, 0},
    {"STORED to an incr", TEXT, INCR, SAYS("STORED\r\n"), KETCH_PROTOCOL, 0},
    {"no number", TEXT, INCR,
     SAYS("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"), KETCH_CLIENT_ERROR,
     0},

    /* ---- delete ---- */
    {"deleted", META, DELETE, SAYS("HD O@O\r\n"), KETCH_OK, 0},
    {"not found", META, DELETE, SAYS("NF O@O\r\n"), KETCH_MISS, 0},
    {"EN to a delete", META, DELETE, SAYS("EN O@O\r\n"), KETCH_PROTOCOL, 0},
    {"NS to a delete", META, DELETE, SAYS("NS O@O\r\n"), KETCH_PROTOCOL, 0},
    {"deleted", TEXT, DELETE, SAYS("DELETED\r\n"), KETCH_OK, 0},
    {"not found", TEXT, DELETE, SAYS("NOT_FOUND\r\n"), KETCH_MISS, 0},
    {"a value to a delete", TEXT, DELETE, SAYS("VALUE mine 0 6\r\nv-mine\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},

    /* ---- of a server ---- */
    {"a version", BOTH, KETCH_VERB_VERSION, SAYS("VERSION 1.6.18\r\n"), KETCH_OK, 0},
    {"no version", BOTH, KETCH_VERB_VERSION, SAYS("OK\r\n"), KETCH_PROTOCOL, 0},
    {"flushed", BOTH, KETCH_VERB_FLUSH, SAYS("OK\r\n"), KETCH_OK, 0},
    {"not flushed", BOTH, KETCH_VERB_FLUSH, SAYS("HD\r\n"), KETCH_PROTOCOL, 0},
    {"stats", BOTH, KETCH_VERB_STATS, SAYS("STAT a 1\r\nSTAT b 2\r\nEND\r\n"), KETCH_OK, 0},
    {"stats without names", BOTH, KETCH_VERB_STATS, SAYS("STAT\r\nSTAT \r\nEND\r\n"), KETCH_OK, 0},
    {"stats without an end", BOTH, KETCH_VERB_STATS, SAYS("STAT a 1\r\nSTAT b 2\r\n"),
     KETCH_TIMEOUT, 0},
    {"a value among stats", BOTH, KETCH_VERB_STATS,
     SAYS("STAT a 1\r\nVALUE mine 0 1\r\nx\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"no stats", BOTH, KETCH_VERB_STATS, SAYS("CLIENT_ERROR bad command line format\r\n"),
     KETCH_CLIENT_ERROR, 0},
    {"a cluster", BOTH, KETCH_VERB_CONFIG, SAYS("CONFIG cluster 0 12\r\n1\na|a|11211\n\r\nEND\r\n"),
     KETCH_OK, 0},
    {"no cluster", BOTH, KETCH_VERB_CONFIG, SAYS("ERROR\r\n"), KETCH_CLIENT_ERROR, 0},
    {"a value for a cluster", BOTH, KETCH_VERB_CONFIG, SAYS("VALUE cluster 0 1\r\nx\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},
    {"half of a cluster", BOTH, KETCH_VERB_CONFIG, SAYS("CONFIG cluster 0 120\r\n1\na|a|11"),
     KETCH_TIMEOUT, 0},

    /* ---- multi-get of mine, m2 and m3 ---- */
    {"all", META, VERB_MGET,
     SAYS("VA 6 f0 O@O\r\nv-mine\r\nVA 4 f0 O@P\r\nv-m2\r\nVA 4 f0 O@Q\r\nv-m3\r\nMN\r\n"),
     KETCH_OK, 0},
    {"some, in another order", META, VERB_MGET,
     SAYS("VA 4 f0 O@Q\r\nv-m3\r\nVA 6 f0 O@O\r\nv-mine\r\nMN\r\n"), KETCH_OK, 0},
    {"one of them twice", META, VERB_MGET,
     SAYS("VA 4 f0 O@P\r\nv-m2\r\nVA 4 f0 O@P\r\nv-m2\r\nMN\r\n"), KETCH_PROTOCOL, 0},
    {"one that was not asked for", META, VERB_MGET,
     SAYS("VA 4 f0 O@P\r\nv-m2\r\nVA 4 f0 O@W\r\nevil\r\nMN\r\n"), KETCH_PROTOCOL, 0},
    {"one without an opaque", META, VERB_MGET, SAYS("VA 4 f0\r\nv-m2\r\nMN\r\n"), KETCH_PROTOCOL,
     0},
    {"no MN", META, VERB_MGET, SAYS("VA 4 f0 O@P\r\nv-m2\r\n"), KETCH_TIMEOUT, 0},
    {"MN first", META, VERB_MGET, SAYS("MN\r\nVA 4 f0 O@P\r\nv-m2\r\n"), KETCH_OK, 0},
    {"an error for one", META, VERB_MGET,
     SAYS("VA 4 f0 O@P\r\nv-m2\r\nSERVER_ERROR out of memory\r\nVA 4 f0 O@Q\r\nv-m3\r\nMN\r\n"),
     KETCH_SERVER_ERROR, 0},
    {"a miss that is not quiet", META, VERB_MGET, SAYS("EN O@O\r\nMN\r\n"), KETCH_PROTOCOL, 0},
    {"the end in the middle", META, VERB_MGET, SAYS("VA 4 f0 O@P\r\nv-"), KETCH_LOST, CLOSES},
    {"all", TEXT, VERB_MGET,
     SAYS("VALUE mine 0 6\r\nv-mine\r\nVALUE m2 0 4\r\nv-m2\r\nVALUE m3 0 4\r\nv-m3\r\nEND\r\n"),
     KETCH_OK, 0},
    {"some, in another order", TEXT, VERB_MGET,
     SAYS("VALUE m3 0 4\r\nv-m3\r\nVALUE mine 0 6\r\nv-mine\r\nEND\r\n"), KETCH_OK, 0},
    {"one of them twice", TEXT, VERB_MGET,
     SAYS("VALUE m2 0 4\r\nv-m2\r\nVALUE m2 0 4\r\nv-m2\r\nEND\r\n"), KETCH_PROTOCOL, 0},
    {"one that was not asked for", TEXT, VERB_MGET, SAYS("VALUE evil 0 4\r\nevil\r\nEND\r\n"),
     KETCH_PROTOCOL, 0},
    {"no END", TEXT, VERB_MGET, SAYS("VALUE m2 0 4\r\nv-m2\r\n"), KETCH_TIMEOUT, 0},
    {"an error in the middle", TEXT, VERB_MGET,
     SAYS("VALUE m2 0 4\r\nv-m2\r\nSERVER_ERROR out of memory writing get response\r\n"),
     KETCH_SERVER_ERROR, 0},
    {"the end in the middle", TEXT, VERB_MGET, SAYS("VALUE m2 0 4\r\nv-"), KETCH_LOST, CLOSES},
    {"a value of 2^63 bytes", TEXT, VERB_MGET, SAYS("VALUE m2 0 9223372036854775808\r\nv"),
     KETCH_TOO_LARGE, 0},
};

#define SCENARIOS ((int)(sizeof scenarios / sizeof *scenarios))

/* ---- the client and its server ---- */

struct outcome {
    int calls;
    enum ketch_status status;
    char value[64];
    size_t value_bytes;
    uint64_t number;
};

struct world {
    struct script script;
    struct ketch_client *client;
    const struct scenario *scenario;
    bool text;
    int delay_ms;    /* of the answer to "mine" */
    uint64_t opaque; /* of the first key of the multi-get that is being heard */
    struct outcome mine, other;
    int keys_answered; /* of the multi-get */
    int wrong;         /* values of another key */
};

static bool
is_key(const char *word, const char *key)
{
    return word != NULL && strcmp(word, key) == 0;
}

/* ---- what the server says ---- */

static void
say_scripted(struct world *w, struct script_conn *conn, uint64_t opaque)
{
    static char out[1 << 17];
    const struct scenario *s = w->scenario;
    size_t n = 0;
    for (size_t i = 0; i < s->bytes; i++) {
        bool mark = s->says[i] == '@' && i + 1 < s->bytes;
        uint64_t number = opaque;
        if (!mark) {
            out[n++] = s->says[i];
            continue;
        }
        switch (s->says[++i]) {
        case 'P':
            number += 1;
            break;
        case 'Q':
            number += 2;
            break;
        case 'W':
            number += 4711;
            break;
        default:
            break;
        }
        n += (size_t)snprintf(out + n, sizeof out - n, "%llu", (unsigned long long)number);
    }
    script_say(conn, out, n, w->delay_ms);
    if (s->how & CLOSES)
        script_hang_up(conn);
}

static void
say_other(struct script_conn *conn, const struct script_request *r)
{
    char out[128];
    int n = strcmp(r->word[0], "mg") == 0
                ? snprintf(out, sizeof out, "VA 7 f0 O%llu\r\nv-other\r\n",
                           (unsigned long long)script_flag(r, 'O', 0))
                : snprintf(out, sizeof out, "VALUE other 0 7\r\nv-other\r\nEND\r\n");
    script_say(conn, out, (size_t)n, 0);
}

static void
answer(void *arg, struct script_conn *conn, const struct script_request *r)
{
    struct world *w = arg;
    bool mget = w->scenario->verb == VERB_MGET;
    if (is_key(r->word[1], "other")) {
        say_other(conn, r);
    } else if (strcmp(r->word[0], "mn") == 0) {
        say_scripted(w, conn, w->opaque);
    } else if (mget && strcmp(r->word[0], "mg") == 0) {
        uint64_t opaque = script_flag(r, 'O', 0);
        if (is_key(r->word[1], "mine"))
            w->opaque = opaque;
        else if (is_key(r->word[1], "m2"))
            w->opaque = opaque - 1;
        else
            w->opaque = opaque - 2;
    } else {
        say_scripted(w, conn, script_flag(r, 'O', 0));
    }
}

/* ---- what the client gets ---- */

static void
keep(struct outcome *o, const struct ketch_result *r)
{
    o->calls++;
    o->status = r->status;
    o->number = r->number;
    o->value_bytes = r->value.bytes < sizeof o->value ? r->value.bytes : sizeof o->value;
    if (o->value_bytes > 0)
        memcpy(o->value, r->value.p, o->value_bytes);
}

static void
on_mine(void *arg, const struct ketch_result *r)
{
    struct world *w = arg;
    keep(&w->mine, r);
}

static void
on_other(void *arg, const struct ketch_result *r)
{
    struct world *w = arg;
    keep(&w->other, r);
}

static void
on_key(void *arg, const struct ketch_result *r)
{
    static const char *const values[] = {"v-mine", "v-m2", "v-m3"};
    struct world *w = arg;
    if (w->scenario->verb != VERB_MGET) /* a line of stats */
        return;
    w->keys_answered++;
    if (r->index > 2 ||
        (r->status == KETCH_OK && (r->value.bytes != strlen(values[r->index]) ||
                                   memcmp(r->value.p, values[r->index], r->value.bytes))))
        w->wrong++;
}

static void
submit_mine(struct world *w, uint32_t timeout_ms)
{
    struct ketch_request r = {.verb = (enum ketch_verb)w->scenario->verb,
                              .key = ketch_string("mine"),
                              .done = on_mine,
                              .each = on_key,
                              .arg = w,
                              .delta = 1};
    struct ketch_bytes keys[] = {ketch_string("mine"), ketch_string("m2"), ketch_string("m3")};
    r.options.timeout_ms = timeout_ms;
    if (r.verb == KETCH_VERB_SET)
        r.value = ketch_string("v-mine");
    if (r.verb == KETCH_VERB_STATS)
        r.key = ketch_bytes_of(NULL, 0);
    enum ketch_status status = w->scenario->verb == VERB_MGET
                                   ? ketch_mget(w->client, keys, 3, &r.options, on_key, on_mine, w)
                                   : ketch_submit(w->client, &r);
    ck_assert_int_eq(status, KETCH_OK);
}

static void
submit_other(struct world *w)
{
    struct ketch_options options = {.timeout_ms = LONG_MS};
    ck_assert_int_eq(ketch_get(w->client, ketch_string("other"), &options, on_other, w), KETCH_OK);
}

static void
conf_of(const struct world *w, struct ketch_client_conf *conf, struct ketch_server *server)
{
    *server = (struct ketch_server){.host = "127.0.0.1", .port = w->script.port};
    ketch_client_conf_init(conf);
    conf->servers = server;
    conf->server_count = 1;
    conf->protocol = w->text ? KETCH_PROTOCOL_TEXT : KETCH_PROTOCOL_META;
    conf->timeout_ms = LONG_MS;
    conf->connect_timeout_ms = LONG_MS;
    conf->drain_timeout_ms = DRAIN_MS;
    conf->policy.limit = 1000; /* it is to be tried again and again */
    conf->seed = 1;
}

static void
make_client(struct world *w, const struct ketch_client_conf *conf)
{
    char why[256] = "";
    ck_assert_msg(ketch_client_create(conf, &w->client, why, sizeof why) == KETCH_OK, "%s", why);
    ck_assert_int_eq(ketch_poll_attach(w->client), KETCH_OK);
}

/* Turns of both until *calls is not 0; false: that takes too long. */
static bool
play(struct world *w, const int *calls, int limit_ms)
{
    int64_t end_us = script_now_us() + limit_ms * 1000LL;
    while (calls == NULL || *calls == 0) {
        bool busy = script_turn(&w->script);
        ck_assert_int_eq(ketch_poll_once(w->client, busy ? 0 : 1), KETCH_OK);
        if (script_now_us() > end_us)
            return false;
    }
    return true;
}

/* ---- one scenario ---- */

struct manner {
    bool text, drip, both, resend;
};

static bool
is_right_value(const struct outcome *o, const char *want)
{
    return o->value_bytes == strlen(want) && memcmp(o->value, want, o->value_bytes) == 0;
}

static void
judge_mine(const struct world *w, const char *what)
{
    const struct scenario *s = w->scenario;
    ck_assert_msg(w->mine.calls == 1, "%s: completed %d times", what, w->mine.calls);
    /* Of two under way the second may be what the answer is taken for, if it is one without a name.
     */
    ck_assert_msg(w->mine.status == s->want, "%s: %d (%s), not %d (%s)", what, w->mine.status,
                  ketch_status_text(w->mine.status), s->want, ketch_status_text(s->want));
    ck_assert_msg(w->wrong == 0, "%s: the value of another key", what);
    if (s->verb == KETCH_VERB_GET && s->want == KETCH_OK)
        ck_assert_msg(is_right_value(&w->mine, "v-mine"), "%s: a wrong value", what);
    if (s->verb == KETCH_VERB_INCR && s->want == KETCH_OK)
        ck_assert_msg(w->mine.number == 5, "%s: a wrong number", what);
    if (s->verb == VERB_MGET)
        ck_assert_msg(w->keys_answered == 3, "%s: %d keys answered", what, w->keys_answered);
}

static void
judge_other(const struct world *w, const struct manner *m, const char *what)
{
    ck_assert_msg(w->other.calls == 1, "%s: other completed %d times", what, w->other.calls);
    if (w->other.status == KETCH_OK)
        ck_assert_msg(is_right_value(&w->other, "v-other"), "%s: other has a wrong value", what);
    bool stray = w->scenario->how & STRAY;
    /* Without sending again, what was under way on a connection that must be closed is lost; and
     * behind an answer that closes the connection each time it is lost the second time. */
    if (m->resend && !stray && !m->both)
        ck_assert_msg(w->other.status == KETCH_OK, "%s: other: %s", what,
                      ketch_status_text(w->other.status));
}

static void
run(const struct scenario *s, const struct manner *m)
{
    struct world w = {.scenario = s, .text = m->text};
    struct ketch_client_conf conf;
    struct ketch_server server;
    struct ketch_counters counters;
    char what[256];
    snprintf(what, sizeof what, "%s (%s%s%s%s)", s->name, m->text ? "text" : "meta",
             m->drip ? ", byte by byte" : "", m->both ? ", two under way" : "",
             m->resend ? ", sent again" : "");
    script_init(&w.script, answer, &w);
    w.script.drip = m->drip ? 1 : 0;
    conf_of(&w, &conf, &server);
    conf.no_resend = !m->resend;
    make_client(&w, &conf);
    submit_mine(&w, s->want == KETCH_TIMEOUT ? SHORT_MS : LONG_MS);
    if (m->both)
        submit_other(&w);
    ck_assert_msg(play(&w, &w.mine.calls, PATIENCE_MS), "%s: hangs", what);
    if (!m->both)
        submit_other(&w);
    ck_assert_msg(play(&w, &w.other.calls, PATIENCE_MS), "%s: other hangs", what);
    judge_mine(&w, what);
    judge_other(&w, m, what);
    ketch_client_counters(w.client, &counters);
    ck_assert_uint_eq(counters.requests, counters.completed);
    ketch_client_destroy(w.client);
    ck_assert_int_eq(w.mine.calls, 1);
    script_fini(&w.script);
}

static void
run_all_manners(const struct scenario *s)
{
    bool long_line = s->bytes > 4096;
    for (unsigned bits = 0; bits < 16; bits++) {
        struct manner m = {bits & 1, bits & 2, bits & 4, bits & 8};
        if ((s->protocols & (m.text ? TEXT : META)) == 0 || (m.drip && long_line))
            continue;
        /* A server that answers nothing to the first and well to the second answers the first. */
        if (m.both && s->want == KETCH_TIMEOUT)
            continue;
        run(s, &m);
    }
}

/* Several in one process: under a sanitizer the end of each takes long. */
START_TEST(test_scenario)
{
    for (int i = _i; i < SCENARIOS; i += PARTS)
        run_all_manners(&scenarios[i]);
}
END_TEST

/* ---- the same to a program that waits for each: the server is a process of its own ---- */

static pid_t
fork_server(struct world *w)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        if (!script_turn(&w->script))
            usleep(200);
}

static void
run_blocking(const struct scenario *s, bool text)
{
    struct world w = {.scenario = s, .text = text};
    struct ketch_client_conf conf;
    struct ketch_server server;
    struct ketch_reply reply = KETCH_REPLY_INIT;
    struct ketch_options options = {.timeout_ms = s->want == KETCH_TIMEOUT ? SHORT_MS : LONG_MS};
    script_init(&w.script, answer, &w);
    pid_t pid = fork_server(&w);
    conf_of(&w, &conf, &server);
    make_client(&w, &conf);
    int64_t began_us = script_now_us();
    enum ketch_status status = ketch_get_wait(w.client, ketch_string("mine"), &options, &reply);
    ck_assert_int_lt((script_now_us() - began_us) / 1000, PATIENCE_MS);
    ck_assert_msg(status == s->want, "%s: %d, not %d", s->name, status, s->want);
    ck_assert(status != KETCH_OK || strcmp(reply.result.value.p, "v-mine") == 0);
    options.timeout_ms = LONG_MS;
    status = ketch_get_wait(w.client, ketch_string("other"), &options, &reply);
    ck_assert_msg(status == KETCH_OK || (s->how & STRAY), "%s: other: %d", s->name, status);
    ck_assert(status != KETCH_OK || strcmp(reply.result.value.p, "v-other") == 0);
    ketch_reply_free(&reply);
    ketch_client_destroy(w.client);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    script_fini(&w.script);
}

START_TEST(test_blocking)
{
    for (int i = _i; i < SCENARIOS; i += PARTS) {
        const struct scenario *s = &scenarios[i];
        if (s->verb == KETCH_VERB_GET && (s->protocols & META))
            run_blocking(s, false);
        if (s->verb == KETCH_VERB_GET && (s->protocols & TEXT))
            run_blocking(s, true);
    }
}
END_TEST

/* ---- answers that come too late ---- */

static const struct scenario late[] = {
    {"a value", META, GET, SAYS("VA 6 f0 O@O\r\nv-mine\r\n"), KETCH_TIMEOUT, 0},
    {"a value", TEXT, GET, SAYS("VALUE mine 0 6\r\nv-mine\r\nEND\r\n"), KETCH_TIMEOUT, 0},
    {"a miss", META, GET, SAYS("EN O@O\r\n"), KETCH_TIMEOUT, 0},
    {"a miss", TEXT, GET, SAYS("END\r\n"), KETCH_TIMEOUT, 0},
    {"stored", META, SET, SAYS("HD O@O\r\n"), KETCH_TIMEOUT, 0},
    {"stored", TEXT, SET, SAYS("STORED\r\n"), KETCH_TIMEOUT, 0},
    {"a number", META, INCR, SAYS("VA 1 O@O\r\n5\r\n"), KETCH_TIMEOUT, 0},
    {"a number", TEXT, INCR, SAYS("5\r\n"), KETCH_TIMEOUT, 0},
    {"an error", BOTH, GET, SAYS("SERVER_ERROR out of memory\r\n"), KETCH_TIMEOUT, 0},
    {"stats", BOTH, KETCH_VERB_STATS, SAYS("STAT a 1\r\nEND\r\n"), KETCH_TIMEOUT, 0},
    {"many", META, VERB_MGET, SAYS("VA 6 f0 O@O\r\nv-mine\r\nVA 4 f0 O@Q\r\nv-m3\r\nMN\r\n"),
     KETCH_TIMEOUT, 0},
    {"many", TEXT, VERB_MGET, SAYS("VALUE mine 0 6\r\nv-mine\r\nVALUE m3 0 4\r\nv-m3\r\nEND\r\n"),
     KETCH_TIMEOUT, 0},
};

#define LATE ((int)(sizeof late / sizeof *late))

/* What follows a request that ended without its answer gets its own, on the same connection. */
static void
run_late(const struct scenario *s, bool text, bool drip, bool cancelled)
{
    struct world w = {.scenario = s, .text = text, .delay_ms = 3 * SHORT_MS};
    struct ketch_client_conf conf;
    struct ketch_server server;
    struct ketch_counters counters;
    script_init(&w.script, answer, &w);
    w.script.drip = drip ? 1 : 0;
    conf_of(&w, &conf, &server);
    conf.drain_timeout_ms = LONG_MS;
    make_client(&w, &conf);
    submit_mine(&w, cancelled ? LONG_MS : SHORT_MS);
    if (cancelled) {
        play(&w, NULL, SHORT_MS);
        ck_assert_uint_eq(ketch_cancel(w.client, &w), 1);
    }
    ck_assert_msg(play(&w, &w.mine.calls, PATIENCE_MS), "%s: hangs", s->name);
    ck_assert_int_eq(w.mine.status, cancelled ? KETCH_CANCELLED : KETCH_TIMEOUT);
    for (int i = 0; i < 5; i++)
        submit_other(&w);
    while (w.other.calls < 5) {
        int calls = w.other.calls;
        w.other.calls = 0;
        ck_assert_msg(play(&w, &w.other.calls, PATIENCE_MS), "%s: other hangs", s->name);
        ck_assert_msg(w.other.status == KETCH_OK && is_right_value(&w.other, "v-other"),
                      "%s: other: %s", s->name, ketch_status_text(w.other.status));
        w.other.calls += calls;
    }
    ck_assert_int_eq(w.mine.calls, 1);
    ck_assert_int_eq(w.wrong, 0);
    ketch_client_counters(w.client, &counters);
    ck_assert_uint_eq(counters.connects, 1);
    ck_assert_uint_eq(counters.late, 1);
    ketch_client_destroy(w.client);
    script_fini(&w.script);
}

START_TEST(test_late)
{
    const struct scenario *s = &late[_i];
    for (unsigned bits = 0; bits < 8; bits++)
        if (s->protocols & (bits & 1 ? TEXT : META))
            run_late(s, bits & 1, bits & 2, bits & 4);
}
END_TEST

/* ---- what is said before any request ---- */

struct greeting {
    const char *name;
    const char *says; /* to the login, or to the question for the protocol if there is none */
    size_t bytes;
    bool login;
    enum ketch_status want;
    unsigned how;
};

static const struct greeting greetings[] = {
    {"meta", SAYS("MN\r\n"), false, KETCH_OK, 0},
    {"text", SAYS("ERROR\r\n"), false, KETCH_OK, 0},
    {"text, politely", SAYS("CLIENT_ERROR unknown command\r\n"), false, KETCH_OK, 0},
    {"the end, as of some proxies", SAYS(""), false, KETCH_OK, CLOSES},
    {"nothing", SAYS(""), false, KETCH_DOWN, 0},
    {"a login is wanted", SAYS("CLIENT_ERROR unauthenticated\r\n"), false, KETCH_AUTH, 0},
    {"no memory", SAYS("SERVER_ERROR out of memory\r\n"), false, KETCH_DOWN, 0},
    {"too many", SAYS("ERROR Too many open connections\r\n"), false, KETCH_DOWN, CLOSES},
    {"HD", SAYS("HD\r\n"), false, KETCH_DOWN, 0},
    {"a version", SAYS("VERSION 1\r\n"), false, KETCH_DOWN, 0},
    {"a value", SAYS("VA 5 f0\r\nhello\r\n"), false, KETCH_DOWN, 0},
    {"noise", SAYS("\0\xff\x80\r\n\n"), false, KETCH_DOWN, 0},
    {"noise without end", SAYS(A4K A4K A4K), false, KETCH_DOWN, 0},
    {"half an answer", SAYS("M"), false, KETCH_DOWN, 0},
    {"more than was asked for", SAYS("MN\r\nMN\r\n"), false, KETCH_OK, 0},
    {"welcome", SAYS("STORED\r\n"), true, KETCH_OK, 0},
    {"not welcome", SAYS("CLIENT_ERROR authentication failure\r\n"), true, KETCH_AUTH, 0},
    {"no such thing as a login", SAYS("ERROR\r\n"), true, KETCH_AUTH, 0},
    {"no memory for a login", SAYS("SERVER_ERROR out of memory storing object\r\n"), true,
     KETCH_DOWN, 0},
    {"HD to a login", SAYS("HD\r\n"), true, KETCH_DOWN, 0},
    {"welcome twice", SAYS("STORED\r\nSTORED\r\n"), true, KETCH_DOWN, 0},
    {"the end of a login", SAYS(""), true, KETCH_DOWN, CLOSES},
    {"no answer to a login", SAYS(""), true, KETCH_DOWN, 0},
    {"noise to a login", SAYS("\0\xff\x80\r\n\n"), true, KETCH_DOWN, 0},
};

#define GREETINGS ((int)(sizeof greetings / sizeof *greetings))

struct door {
    struct world world;
    const struct greeting *greeting;
};

static void
greet(void *arg, struct script_conn *conn, const struct script_request *r)
{
    struct door *d = arg;
    const struct greeting *g = d->greeting;
    bool login = strcmp(r->word[0], "set") == 0;
    if (is_key(r->word[1], "other")) {
        say_other(conn, r);
    } else if (login == g->login) {
        script_say(conn, g->says, g->bytes, 0);
        if (g->how & CLOSES)
            script_hang_up(conn);
    } else {
        script_say(conn, "MN\r\n", 4, 0);
    }
}

START_TEST(test_greeting)
{
    struct door d = {.greeting = &greetings[_i]};
    struct world *w = &d.world;
    struct ketch_client_conf conf;
    struct ketch_server server;
    script_init(&w->script, greet, &d);
    conf_of(w, &conf, &server);
    conf.protocol = KETCH_PROTOCOL_AUTO;
    conf.policy.limit = 2;
    conf.policy.retry_ms = conf.policy.retry_max_ms = LONG_MS;
    if (d.greeting->want != KETCH_OK && d.greeting->want != KETCH_AUTH)
        conf.connect_timeout_ms = 3 * SHORT_MS;
    if (d.greeting->login) {
        conf.user = "user";
        conf.password = "password";
    }
    make_client(w, &conf);
    submit_other(w);
    ck_assert_msg(play(w, &w->other.calls, PATIENCE_MS), "%s: hangs", d.greeting->name);
    ck_assert_msg(w->other.status == d.greeting->want, "%s: %s", d.greeting->name,
                  ketch_status_text(w->other.status));
    ck_assert(w->other.status != KETCH_OK || is_right_value(&w->other, "v-other"));
    ck_assert_uint_le(w->script.accepted, 2);
    ketch_client_destroy(w->client);
    script_fini(&w->script);
}
END_TEST

/* ---- the members of the pool, from a server that does not know them ---- */

static const struct {
    const char *p;
    size_t bytes;
} clusters[] = {
    {SAYS("ERROR\r\n")},
    {SAYS("END\r\n")},
    {SAYS("CONFIG cluster 0 0\r\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 2\r\n9\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 13\r\nx\na|a|11211\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 14\r\n-1\na|a|11211\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 9\r\n9\na|11211\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 11\r\n9\n||11211\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 9\r\n9\na|a|0\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 13\r\n9\na|a|65536\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 13\r\n9\na|a|-1121\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 17\r\n9\na|a|1 b|b|x||\n\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 13\r\n9\n/a|a|11211\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 12\r\n9\na|\0|11211\n\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 11\r\n99999999999\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 99999999999\r\n9\n")},
    {SAYS("CONFIG cluster 0 600\r\n9\na|a|1")}, /* and nothing else */
    {SAYS("CONFIG cluster 0 4096\r\n" A4K "\r\nEND\r\n")},
    {SAYS("VALUE cluster 0 1\r\n9\r\nEND\r\n")},
    {SAYS("CONFIG cluster 0 27\r\n2\n|127.0.0.1|1 |127.0.0.2|1\r\nEND\r\n")}, /* at last */
};

#define CLUSTERS (sizeof clusters / sizeof *clusters)

struct node {
    struct world world;
    size_t said;
};

static void
name_members(void *arg, struct script_conn *conn, const struct script_request *r)
{
    struct node *n = arg;
    size_t which = n->said < CLUSTERS ? n->said : CLUSTERS - 1; /* it may come too late */
    if (strcmp(r->word[0], "config") != 0)
        return;
    script_say(conn, clusters[which].p, clusters[which].bytes, 0);
    n->said++;
}

START_TEST(test_cluster)
{
    struct node n = {.said = 0};
    struct world *w = &n.world;
    struct ketch_client_conf conf;
    struct ketch_server server;
    w->text = _i;
    script_init(&w->script, name_members, &n);
    conf_of(w, &conf, &server);
    conf.discovery_ms = 3;
    conf.timeout_ms = 2 * SHORT_MS;
    make_client(w, &conf);
    int64_t end_us = script_now_us() + PATIENCE_MS * 1000LL;
    while (ketch_client_server_count(w->client) == 1) {
        ck_assert_msg(script_now_us() < end_us, "hangs at %zu", n.said);
        play(w, NULL, 1);
    }
    ck_assert_uint_ge(n.said, CLUSTERS);
    ck_assert_uint_eq(ketch_client_server_count(w->client), 2);
    ck_assert_str_eq(ketch_client_server_name(w->client, 1), "127.0.0.2:1");
    ketch_client_destroy(w->client);
    script_fini(&w->script);
}
END_TEST

/* ---- memory ---- */

static size_t
resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t
allocated_bytes(void)
{
    struct mallinfo2 m = mallinfo2(); /* zeros under a sanitizer */
    return m.uordblks + m.hblkhd;
}

/* What is announced and does not come takes no memory. */
START_TEST(test_announced)
{
    static const struct scenario s[] = {
        {"128 MiB", META, GET, SAYS("VA 134217728 f0 O@O\r\nv-mine"), KETCH_TIMEOUT, 0},
        {"128 MiB", TEXT, GET, SAYS("VALUE mine 0 134217728\r\nv-mine"), KETCH_TIMEOUT, 0},
    };
    struct world w = {.scenario = &s[_i], .text = _i};
    struct ketch_client_conf conf;
    struct ketch_server server;
    script_init(&w.script, answer, &w);
    conf_of(&w, &conf, &server);
    conf.drain_timeout_ms = LONG_MS;
    make_client(&w, &conf);
    size_t resident = resident_bytes(), allocated = allocated_bytes();
    submit_mine(&w, SHORT_MS);
    ck_assert(play(&w, &w.mine.calls, PATIENCE_MS));
    ck_assert_int_eq(w.mine.status, KETCH_TIMEOUT);
    ck_assert_uint_lt(resident_bytes(), resident + GROWTH_BYTES_MAX);
    ck_assert_uint_lt(allocated_bytes(), allocated + GROWTH_BYTES_MAX);
    ketch_client_destroy(w.client);
    script_fini(&w.script);
}
END_TEST

/* Answers without end: the deadline ends the request, and a while later the connection. */
START_TEST(test_endless)
{
    static const struct scenario s[] = {
        {"stats", META, KETCH_VERB_STATS, SAYS("STAT a 1\r\n"), KETCH_TIMEOUT, 0},
        {"errors", META, VERB_MGET, SAYS("SERVER_ERROR no\r\n"), KETCH_TIMEOUT, 0},
    };
    static char flood[65536];
    struct world w = {.scenario = &s[_i]};
    struct ketch_client_conf conf;
    struct ketch_server server;
    struct ketch_counters counters;
    for (size_t n = 0; n + s[_i].bytes < sizeof flood; n += s[_i].bytes)
        memcpy(flood + n, s[_i].says, s[_i].bytes);
    size_t whole = sizeof flood - sizeof flood % s[_i].bytes;
    if (whole == sizeof flood)
        whole -= s[_i].bytes;
    script_init(&w.script, answer, &w);
    conf_of(&w, &conf, &server);
    make_client(&w, &conf);
    size_t resident = resident_bytes(), allocated = allocated_bytes();
    submit_mine(&w, 2 * SHORT_MS);
    int64_t end_us = script_now_us() + PATIENCE_MS * 1000LL;
    do {
        ck_assert_msg(script_now_us() < end_us, "%s: hangs", s[_i].name);
        play(&w, NULL, 0);
        if (w.script.conns != NULL && script_is_quiet(w.script.conns))
            script_say(w.script.conns, flood, whole, 0);
        ketch_client_counters(w.client, &counters);
    } while (counters.disconnects == 0);
    ck_assert_int_eq(w.mine.calls, 1);
    ck_assert_int_eq(w.mine.status, KETCH_TIMEOUT);
    ck_assert_uint_gt(counters.bytes_received, whole / 4); /* how much depends on the machine */
    ck_assert_uint_lt(resident_bytes(), resident + GROWTH_BYTES_MAX);
    ck_assert_uint_lt(allocated_bytes(), allocated + GROWTH_BYTES_MAX);
    ketch_client_destroy(w.client);
    script_fini(&w.script);
}
END_TEST

/* That this process has no descriptor left is no server's fault: none is put out, and all is well
 * when there is one again. */
START_TEST(test_no_descriptor)
{
    struct world w = {.scenario = &scenarios[0]};
    struct ketch_client_conf conf;
    struct ketch_server server;
    struct ketch_counters counters;
    struct rlimit before, now;
    script_init(&w.script, answer, &w);
    conf_of(&w, &conf, &server);
    conf.policy.limit = 1;
    make_client(&w, &conf);
    int next = dup(STDIN_FILENO);
    ck_assert(next >= 0 && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    now = before;
    now.rlim_cur = (rlim_t)next;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
    submit_mine(&w, LONG_MS);
    ck_assert(w.mine.calls == 1 && w.mine.status == KETCH_NO_MEMORY);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    w.mine.calls = 0;
    submit_mine(&w, LONG_MS);
    ck_assert(play(&w, &w.mine.calls, PATIENCE_MS));
    ck_assert_int_eq(w.mine.status, KETCH_OK);
    ketch_client_counters(w.client, &counters);
    ck_assert_uint_eq(counters.ejections, 0);
    ketch_client_destroy(w.client);
    script_fini(&w.script);
}
END_TEST

/* A child that lets go of its parent's client says nothing to the servers, and leaves the parent's
 * connections alone. */
START_TEST(test_fork)
{
    struct world w = {.scenario = &scenarios[0]};
    struct ketch_client_conf conf;
    struct ketch_server server;
    int status;
    script_init(&w.script, answer, &w);
    conf_of(&w, &conf, &server);
    make_client(&w, &conf);
    submit_mine(&w, LONG_MS);
    ck_assert(play(&w, &w.mine.calls, PATIENCE_MS));
    pid_t child = fork();
    if (child == 0) {
        ketch_client_destroy(w.client);
        _exit(0);
    }
    ck_assert(waitpid(child, &status, 0) == child && status == 0);
    w.mine.calls = 0;
    submit_mine(&w, LONG_MS);
    ck_assert(play(&w, &w.mine.calls, PATIENCE_MS));
    ck_assert_int_eq(w.mine.status, KETCH_OK);
    ck_assert_uint_eq(w.script.accepted, 1);
    ketch_client_destroy(w.client);
    script_fini(&w.script);
}
END_TEST

/* ---- a name with two addresses ---- */

/* A loop for one socket. */
struct narrow_loop {
    struct ketch_sockets *sockets;
    struct ketch_socket *socket;
    struct pollfd fd;
    int64_t timer_us;
    uint16_t ports[2]; /* of the addresses */
};

static bool
narrow_watch(void *ctx, struct ketch_socket *socket, int fd, unsigned events, void **slot)
{
    struct narrow_loop *n = ctx;
    (void)slot;
    n->socket = events != 0 ? socket : NULL;
    n->fd = (struct pollfd){.fd = events != 0 ? fd : -1,
                            .events = (short)((events & KETCH_READABLE ? POLLIN : 0) |
                                              (events & KETCH_WRITABLE ? POLLOUT : 0))};
    return true;
}

static void
narrow_timer(void *ctx, int64_t at_us)
{
    ((struct narrow_loop *)ctx)->timer_us = at_us;
}

static void
narrow_nothing(void *ctx)
{
    (void)ctx;
}

static enum ketch_status
narrow_resolve(void *ctx, const char *host, uint16_t port, struct ketch_address *addresses,
               size_t *count)
{
    struct narrow_loop *n = ctx;
    (void)host, (void)port;
    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons(n->ports[i]),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        memcpy(&addresses[i].storage, &in, sizeof in);
        addresses[i].bytes = sizeof in;
    }
    *count = 2;
    return KETCH_OK;
}

static void
narrow_turn(struct narrow_loop *n)
{
    ketch_sockets_flush(n->sockets);
    if (poll(&n->fd, 1, 1) == 1)
        ketch_socket_event(n->socket, (n->fd.revents & ~POLLOUT ? KETCH_READABLE : 0u) |
                                          (n->fd.revents & POLLOUT ? KETCH_WRITABLE : 0u));
    if (n->timer_us <= ketch_monotonic_us())
        ketch_sockets_timer(n->sockets);
}

/* Listens, but has no room for another connection: what is sent to it is dropped. */
static uint16_t
be_silent(int fds[5])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof in;
    for (int i = 0; i < 5; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert(bind(fds[0], (struct sockaddr *)&in, sizeof in) == 0 && listen(fds[0], 0) == 0);
    ck_assert(getsockname(fds[0], (struct sockaddr *)&in, &bytes) == 0);
    for (int i = 1; i < 5; i++)
        (void)connect(fds[i], (struct sockaddr *)&in, sizeof in);
    return ntohs(in.sin_port);
}

START_TEST(test_silent_address)
{
    static const struct ketch_loop loop = {.watch = narrow_watch,
                                           .timer = narrow_timer,
                                           .pending = narrow_nothing,
                                           .detach = narrow_nothing,
                                           .resolve = narrow_resolve};
    struct narrow_loop n = {.fd = {.fd = -1}, .timer_us = INT64_MAX};
    struct world w = {.scenario = &scenarios[0]};
    struct ketch_client_conf conf;
    struct ketch_server server;
    int fds[5];
    script_init(&w.script, answer, &w);
    conf_of(&w, &conf, &server);
    server.host = "two.test";
    conf.connect_timeout_ms = 100;
    n.ports[0] = be_silent(fds);
    n.ports[1] = w.script.port;
    ck_assert_int_eq(ketch_client_create(&conf, &w.client, NULL, 0), KETCH_OK);
    ck_assert_int_eq(ketch_sockets_attach(w.client, &loop, &n, &n.sockets), KETCH_OK);
    submit_mine(&w, 2000);
    int64_t end_us = script_now_us() + PATIENCE_MS * 1000LL;
    while (w.mine.calls == 0 && script_now_us() < end_us) {
        script_turn(&w.script);
        narrow_turn(&n);
    }
    ck_assert_int_eq(w.mine.status, KETCH_OK); /* by the other address */
    ketch_client_destroy(w.client);
    script_fini(&w.script);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}
END_TEST

static void
add_case(Suite *s, const char *name, const TTest *test, int count)
{
    TCase *tc = tcase_create(name);
    tcase_add_loop_test(tc, test, 0, count);
    suite_add_tcase(s, tc);
}

static void
add_tests(Suite *s)
{
    add_case(s, "scenarios", test_scenario, PARTS);
    add_case(s, "blocking", test_blocking, PARTS);
    add_case(s, "late", test_late, LATE);
    add_case(s, "greetings", test_greeting, GREETINGS);
    add_case(s, "clusters", test_cluster, 2);
    add_case(s, "announced", test_announced, 2);
    add_case(s, "endless", test_endless, 2);
    add_case(s, "no descriptor", test_no_descriptor, 1);
    add_case(s, "fork", test_fork, 1);
    add_case(s, "a silent address", test_silent_address, 1);
}

SUITE_MAIN("client/hostile")
