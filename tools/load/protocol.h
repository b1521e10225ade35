/* protocol.h - the protocols that a server of memcached's kind speaks, and words of the binary one.
 */
#ifndef KETCH_TOOLS_LOAD_PROTOCOL_H
#define KETCH_TOOLS_LOAD_PROTOCOL_H

enum protocol { PROTOCOL_TEXT, PROTOCOL_META, PROTOCOL_BINARY, PROTOCOLS };

/* What is said of them in the binary protocol. */
enum binary_opcode {
    BINARY_GET = 0x00,
    BINARY_SET = 0x01,
    BINARY_NOOP = 0x0a,
    BINARY_GETKQ = 0x0d,
};

#endif
